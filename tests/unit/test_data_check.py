"""The data check: what is clean stays clean, and every kind of defect is found where it was planted."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from builders.recordings import (
    BinanceWriter,
    agg_trades_csv,
    binance_capture,
    klines_csv,
    kraken_capture,
    okx_capture,
    trades_csv,
)

from bot4.bootstrap import check_recordings
from bot4.dto.data_check import DEFECT_KINDS

SYMBOLS = {"spot": "BTCUSDT", "usdm": "BTCUSDT", "coinm": "BTCUSD_PERP"}


def put(path: Path, content: bytes | list[bytes]) -> Path:
    raw = content if isinstance(content, bytes) else b"\n".join(content) + b"\n"
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


def check(*paths: Path, **options):
    return check_recordings(paths, **options)


def found(report) -> list[tuple[str, int]]:
    return [(defect.kind, defect.line) for defect in report.defects]


def lines(market: str = "spot", rounds: int = 20) -> list[bytes]:
    return BinanceWriter(market, SYMBOLS[market]).session(rounds).lines


def indexes(parts: list[bytes], needle: bytes) -> list[int]:
    return [i for i, line in enumerate(parts) if needle in line]


@pytest.mark.parametrize("market", ["spot", "usdm", "coinm"])
def test_a_clean_capture_is_clean_and_its_book_is_the_writers(tmp_path, market):
    writer = BinanceWriter(market, SYMBOLS[market]).session(40)
    report = check(put(tmp_path / "a.gz", writer.content()))
    assert (report.exit_code, report.defects_total, report.is_clean) == (0, 0, True)
    (file,), (entry,) = report.files, report.instruments
    assert (file.market, file.messages, file.lines) == (market, 121, 121)
    assert entry.messages == {"depth": 40, "snapshot": 1, "trade": 40, "bookTicker": 40}
    assert (entry.book, entry.sequence_gaps, entry.crossed_books) == ("live", 0, 0)
    for told, side, best_first in ((entry.bids, writer.bids, True), (entry.asks, writer.asks, False)):
        expected = [writer.level(ticks, side[ticks]) for ticks in sorted(side, reverse=best_first)[:10]]
        assert [[float(price), float(qty)] for price, qty in told] == [[float(p), float(q)] for p, q in expected]


@pytest.mark.parametrize("market", ["spot", "usdm", "coinm"])
def test_a_missing_diff_is_one_sequence_gap_at_the_next_one(tmp_path, market):
    parts = lines(market)
    lost = indexes(parts, b"depthUpdate")[8]
    following = indexes(parts, b"depthUpdate")[9]
    report = check(put(tmp_path / "a", parts[:lost] + parts[lost + 1 :]))
    assert found(report) == [("sequence_gap", following)]  # one line up, as one is missing
    assert (report.exit_code, report.instruments[0].sequence_gaps) == (1, 1)
    assert report.instruments[0].book == "not live"


def test_gaps_are_found_without_any_snapshot(tmp_path):
    parts = BinanceWriter().session(20, snapshot=False).lines
    depths = indexes(parts, b"depthUpdate")
    kept = [line for i, line in enumerate(parts) if i not in (depths[5], depths[11])]
    report = check(put(tmp_path / "a", kept))
    assert [kind for kind, _ in found(report)] == ["sequence_gap", "sequence_gap"]
    clean = check(put(tmp_path / "b", parts))
    assert clean.exit_code == 0
    assert "no snapshot: a book cannot be built" in clean.instruments[0].notes[0]


def test_a_repeated_diff_is_out_of_order_and_no_gap(tmp_path):
    parts = lines()
    twice = indexes(parts, b"depthUpdate")[8]
    report = check(put(tmp_path / "a", parts[: twice + 1] + parts[twice:]))
    assert found(report) == [("out_of_order", twice + 2)]
    assert report.instruments[0].book == "live"


def test_a_missing_and_a_repeated_trade_are_told_apart(tmp_path):
    parts = lines()
    trades = indexes(parts, b'"e":"trade"')
    report = check(put(tmp_path / "a", parts[: trades[5]] + parts[trades[5] + 1 :]))
    assert found(report) == [("trade_id_gap", trades[6])]
    report = check(put(tmp_path / "b", parts[: trades[5] + 1] + parts[trades[5] :]))
    assert found(report) == [("duplicate", trades[5] + 2)]


def test_a_crossing_diff_is_found_and_the_book_is_lost(tmp_path):
    writer = BinanceWriter().session(10)
    writer.asks[min(writer.asks) - 3] = 4
    crossing = {"U": writer.update_id + 1, "u": writer.update_id + 1, "b": [], "a": [writer.level(min(writer.asks), 4)]}
    writer.update_id += 1
    writer.write(writer.common("depthUpdate") | crossing, "depth@100ms")
    report = check(put(tmp_path / "a", writer.content()))
    assert found(report) == [("crossed", len(writer.lines))]
    assert (report.instruments[0].crossed_books, report.instruments[0].book) == (1, "not live")


def test_a_crossed_quote_is_found(tmp_path):
    parts = lines()
    at = indexes(parts, b"bookTicker")[4]
    stamp, frame = parts[at].split(b" ", 1)
    quote = json.loads(frame)
    quote["data"]["a"] = quote["data"]["b"]
    report = check(put(tmp_path / "a", [*parts[:at], stamp + b" " + json.dumps(quote).encode(), *parts[at + 1 :]]))
    assert found(report) == [("crossed", at + 1)]


def test_a_price_off_the_grid_is_told_and_the_book_is_built_all_the_same(tmp_path):
    parts = lines()
    at = indexes(parts, b"lastUpdateId")[0]
    parts[at] = parts[at].replace(b'["60000.00"', b'["59000.005","1.000"],["60000.00"', 1)
    report = check(put(tmp_path / "a", parts))
    assert found(report) == [("off_grid", at + 1)]
    assert "59000.005 is not a multiple of 0.01" in report.defects[0].detail
    assert (report.exit_code, report.instruments[0].off_grid, report.instruments[0].book) == (1, 1, "live")


def test_a_quantity_finer_than_the_order_step_is_counted_and_no_defect(tmp_path):
    parts = lines()
    at = indexes(parts, b"lastUpdateId")[0]
    stamp, frame = parts[at].split(b" ", 1)
    snapshot = json.loads(frame)
    snapshot["bids"][3][1] = "25.426189"
    parts[at] = stamp + b" " + json.dumps(snapshot).encode()
    report = check(put(tmp_path / "a", parts))
    assert (report.exit_code, report.instruments[0].off_step_quantities) == (0, 1)
    assert "finer than the order step 0.00001" in report.instruments[0].notes[0]


def test_stamps_that_run_backwards_are_told_by_side(tmp_path):
    parts = lines()
    at = indexes(parts, b'"e":"trade"')[6]
    stamp, frame = parts[at].split(b" ", 1)
    report = check(put(tmp_path / "a", [*parts[:at], b"%d " % (int(stamp) - 10**12) + frame, *parts[at + 1 :]]))
    assert ("recv_backwards", at + 1) in found(report)
    message = json.loads(frame)
    message["data"]["T"] -= 5_000
    message["data"]["E"] -= 5_000
    report = check(put(tmp_path / "b", [*parts[:at], stamp + b" " + json.dumps(message).encode(), *parts[at + 1 :]]))
    assert found(report) == [("venue_backwards", at + 1)]
    assert report.instruments[0].stamps_backwards == 1


def test_clocks_more_than_a_minute_apart_are_told(tmp_path):
    late = [b"%d " % (int(line.split(b" ", 1)[0]) + 61 * 10**9) + line.split(b" ", 1)[1] for line in lines(rounds=3)]
    report = check(put(tmp_path / "a", late))
    assert {kind for kind, _ in found(report)} == {"clock"}
    near = [b"%d " % (int(line.split(b" ", 1)[0]) - 59 * 10**9) + line.split(b" ", 1)[1] for line in lines(rounds=3)]
    assert check(put(tmp_path / "b", near)).exit_code == 0


@pytest.mark.parametrize("cut", [1, 30, 80])
def test_a_last_line_cut_short_is_told_with_its_place(tmp_path, cut):
    content = binance_capture()
    report = check(put(tmp_path / "a", content[:-cut]))
    last = len(content.splitlines())
    if cut == 1:  # only the line end is missing
        assert report.exit_code == 0
    else:
        assert found(report) == [("bad_line", last)]


def test_a_corrupt_frame_is_refused_with_its_reason_and_makes_no_gap(tmp_path):
    parts = lines()
    at = indexes(parts, b'"e":"trade"')[6]
    parts[at] = parts[at].replace(b'"p":"', b'"p":"-', 1)
    report = check(put(tmp_path / "a", parts))
    assert found(report) == [("refused", at + 1)]
    assert report.files[0].refused == {"negative": 1}


def test_a_refused_diff_loses_the_book_but_makes_no_gap(tmp_path):
    parts = lines()
    at = indexes(parts, b'"b":[[')[6]
    parts[at] = parts[at].replace(b'"b":[["', b'"b":[["-', 1)
    report = check(put(tmp_path / "a", parts))
    assert found(report) == [("refused", at + 1)]
    assert report.instruments[0].book == "not live"


def test_a_snapshot_from_another_time_does_not_join(tmp_path):
    writer = BinanceWriter()
    for _ in range(3):
        writer.depth()
    writer.update_id += 500
    writer.snapshot()
    writer.update_id -= 400
    writer.previous_id = writer.update_id
    stale = BinanceWriter()
    for _ in range(10):
        stale.depth()
    old = json.dumps({"lastUpdateId": 1, "bids": [["59999.90", "1.000"]], "asks": [["60000.10", "1.000"]]}).encode()
    stamp = stale.lines[-1].split(b" ", 1)[0]
    report = check(put(tmp_path / "a", [*stale.lines, stamp + b" " + old]))
    assert found(report) == [("unjoined_snapshot", 11)]


def test_files_that_continue_each_other_keep_one_book(tmp_path):
    writer = BinanceWriter().session(20)
    cut = indexes(writer.lines, b"depthUpdate")[12]
    first, second = put(tmp_path / "1.gz", writer.lines[:cut]), put(tmp_path / "2.gz", writer.lines[cut:])
    report = check(first, second)
    assert (report.exit_code, report.instruments[0].book) == (0, "live")
    apart = check(second, first)
    assert apart.exit_code == 0  # each file is clean; that they do not follow each other is said
    assert any("does not continue" in note for note in apart.instruments[0].notes)


def test_two_markets_of_one_symbol_are_two_instruments(tmp_path):
    spot, usdm = put(tmp_path / "s", binance_capture("spot")), put(tmp_path / "u", binance_capture("usdm"))
    report = check(spot, usdm)
    assert [(entry.market, entry.symbol) for entry in report.instruments] == [("spot", "BTCUSDT"), ("usdm", "BTCUSDT")]
    assert report.exit_code == 0


def test_a_symbol_seen_late_is_looked_up_when_it_comes(tmp_path):
    eth = BinanceWriter(symbol="ETHUSDT", seed=9)
    eth.now_ms += 10_000_000
    parts = lines() + eth.session(5).lines
    report = check(put(tmp_path / "a", parts))
    assert [entry.symbol for entry in report.instruments] == ["BTCUSDT", "ETHUSDT"]
    # The snapshot of a file of several symbols says for which it is only by its address.
    assert {defect.kind for defect in report.defects} <= {"refused"}


def test_an_unknown_symbol_is_an_error_of_the_file_with_exit_78(tmp_path):
    strange = BinanceWriter(symbol="NOPEUSDT").session(3)
    report = check(put(tmp_path / "a", strange.content()))
    assert (report.exit_code, report.files[0].exit_code) == (78, 78)
    assert "no rules for NOPEUSDT of binance spot" in report.files[0].error
    rules = tmp_path / "r.toml"
    rules.write_text(
        '[[instrument]]\nvenue = "binance"\nmarket = "spot"\nsymbol = "NOPEUSDT"\nbase = "NOPE"\nquote = "USDT"\n'
        'price_step = "0.01"\nqty_step = "0.001"\n'
    )
    assert check(tmp_path / "a", instrument_files=[rules]).exit_code == 0


def test_a_file_that_cannot_be_read_does_not_stop_the_others(tmp_path):
    (tmp_path / "empty").touch()
    report = check(tmp_path / "nowhere", put(tmp_path / "a", binance_capture()), tmp_path / "empty", tmp_path)
    assert [file.exit_code for file in report.files] == [66, 0, 65, 66]
    assert (report.exit_code, report.files[1].messages) == (66, 61)


def test_a_truncated_gzip_is_checked_as_far_as_it_goes(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(binance_capture(rounds=400), mtime=0)[:-500])
    report = check(path)
    assert [kind for kind, _ in found(report)] == ["damage"]
    assert report.files[0].messages > 500
    assert "truncated" in report.defects[0].detail


def test_defects_beyond_the_list_are_counted(tmp_path):
    parts = [line for i, line in enumerate(lines(rounds=40)) if b'"e":"trade"' not in line or i % 2]
    report = check(put(tmp_path / "a", parts), listed_max=3)
    assert len(report.defects) == 3
    assert report.defects_total > 3
    assert report.files[0].defects["trade_id_gap"] == report.defects_total


# ---- REST snapshots beside their stream


def cryptofeed(parts: list[bytes]) -> list[bytes]:
    rows = []
    for line in parts:
        stamp, frame = line.split(b" ", 1)
        seconds = int(stamp) / 1e9
        start = (
            b"https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=1000 -> " if b"lastUpdateId" in frame else b""
        )
        rows.append(start + f"{seconds:.6f}: ".encode() + frame)
    return rows


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_snapshot_file_and_its_stream_go_together_in_either_order(tmp_path, order):
    rows = cryptofeed(lines())
    rest = put(tmp_path / "http.gz", [*(row for row in rows if row.startswith(b"http")), b""])
    stream = put(
        tmp_path / "ws.gz", [b"wss://stream.binance.com:9443/stream <- 1.5: {}", *(r for r in rows if r[:1] != b"h")]
    )
    files = [rest, stream]
    report = check(*(files[i] for i in order))
    assert (report.exit_code, report.instruments[0].book, report.instruments[0].snapshots) == (0, "live", 1)


# ---- venues with in-band snapshots


@pytest.mark.parametrize("version", [1, 2])
def test_every_kraken_checksum_is_reproduced(tmp_path, version):
    report = check(put(tmp_path / "k.gz", kraken_capture(version, rounds=60)))
    (entry,) = report.instruments
    assert (report.exit_code, entry.checksums_verified, entry.checksums_failed) == (0, 60 if version == 1 else 61, 0)
    assert entry.book == "live"


def test_every_okx_checksum_is_reproduced(tmp_path):
    report = check(put(tmp_path / "o.gz", okx_capture(rounds=60)))
    assert (report.exit_code, report.instruments[0].checksums_verified) == (0, 61)


@pytest.mark.parametrize(
    "content", [kraken_capture(1), kraken_capture(2), okx_capture()], ids=["kraken v1", "kraken v2", "okx"]
)
def test_control_a_changed_quantity_breaks_the_checksum_there(tmp_path, content):
    parts = content.splitlines()
    at = 10
    for old in (b"17.00000001", b"3.25000000", b"9.00000000", b'"2.5"', b'"11"', b'"4"'):
        if old in parts[at]:
            parts[at] = parts[at].replace(old, old.replace(b"1", b"7").replace(b"2", b"7").replace(b"4", b"7"), 1)
    if parts == content.splitlines():  # a removal: remove another quantity instead
        parts[at] = parts[at].replace(b"0.00000000", b"5.00000000").replace(b'"0", "0"', b'"5", "0"')
    report = check(put(tmp_path / "x", parts))
    assert report.exit_code == 1
    assert found(report)[0] == ("checksum", at + 1)
    assert report.instruments[0].book == "not verified"


def test_an_update_before_any_snapshot_is_told(tmp_path):
    parts = kraken_capture().splitlines()
    report = check(put(tmp_path / "k", [*parts[:2], *parts[3:6]]))
    assert [kind for kind, _ in found(report)] == ["no_snapshot_before"] * 3


def test_okx_without_checksums_is_checked_by_its_ids(tmp_path):
    content = okx_capture(checksums=False, ids=True)
    clean = check(put(tmp_path / "o", content))
    assert (clean.exit_code, clean.instruments[0].checksums_verified) == (0, 0)
    assert "the messages carry no checksum" in clean.instruments[0].notes
    parts = content.splitlines()
    report = check(put(tmp_path / "p", parts[:8] + parts[9:]))
    assert found(report) == [("sequence_gap", 9)]


def test_a_malformed_book_message_is_refused(tmp_path):
    parts = kraken_capture().splitlines()
    parts[6] = (
        parts[6].replace(b'"17.00000001"', b'"1x"').replace(b'"3.25000000"', b'"1x"').replace(b'"9.00000000"', b'"1x"')
    )
    parts[6] = parts[6].replace(b'"0.00000000"', b'"1x"')
    report = check(put(tmp_path / "k", parts))
    assert found(report)[0] == ("refused", 7)


# ---- CSV dumps


DUMPS = [
    ("BTCUSDT-trades-2024-01-01.csv", trades_csv, {}),
    ("BTCUSDT-trades-2025-01-01.csv", trades_csv, {"unit": 1000}),
    ("BTCUSDT-aggTrades-2024-01-01.csv", agg_trades_csv, {}),
    ("BTCUSDT-aggTrades-2024-01-01.csv", agg_trades_csv, {"spot": False, "header": True}),
    ("BTCUSDT-1m-2024-01.csv", klines_csv, {}),
    ("BTCUSDT-1m-2024-01.csv", klines_csv, {"header": True}),
    ("BTCUSDT-1m-2025-01.csv", klines_csv, {"unit": 1000}),
]


@pytest.mark.parametrize(("name", "make", "options"), DUMPS)
def test_a_clean_dump_is_clean(tmp_path, name, make, options):
    report = check(put(tmp_path / name, make(30, **options)))
    assert (report.exit_code, report.files[0].messages) == (0, 30)


@pytest.mark.parametrize(("name", "make", "options"), DUMPS)
def test_a_missing_row_and_a_repeated_row_are_found(tmp_path, name, make, options):
    parts = make(30, **options).splitlines()
    missing = check(put(tmp_path / name, parts[:12] + parts[13:]))
    assert found(missing) == [("missing_bar" if "1m" in name else "trade_id_gap", 13)]
    doubled = check(put(tmp_path / name, parts[:13] + parts[12:]))
    assert ("duplicate", 14) in found(doubled)


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (b"61837.05", b"61837.055", "off_grid"),
        (b"61837.05", b"-61837.05", "refused"),
        (b"61837.05", b"6e4", "refused"),
        (b"False", b"maybe", "refused"),
        (b"1723161255005", b"soon", "refused"),
        (b"1005,", b"", "refused"),
    ],
)
def test_a_bad_row_is_told_with_its_line_and_makes_no_gap(tmp_path, old, new, kind):
    content = b"\n".join(
        line.replace(old, new, 1) if i == 5 else line
        for i, line in enumerate(trades_csv().replace(b"True\n", b"True\n").splitlines())
    )
    if old == b"False":
        content = content.replace(
            b"1005,61837.05,0.05100,12.5,1723161255005,True", b"1005,61837.05,0.05100,12.5,1723161255005,maybe"
        )
    report = check(put(tmp_path / "BTCUSDT-trades-2024-01-01.csv", content + b"\n"))
    assert found(report) == [(kind, 6)]


def test_a_bar_whose_high_is_below_its_close_is_refused(tmp_path):
    parts = klines_csv().splitlines()
    parts[4] = parts[4].replace(b"101.5", b"100.1")
    assert found(check(put(tmp_path / "BTCUSDT-1m-2024-01.csv", parts))) == [("refused", 5)]


def test_a_bar_of_another_length_is_told(tmp_path):
    parts = klines_csv().splitlines()
    fields = parts[4].split(b",")
    fields[6] = b"%d" % (int(fields[6]) - 30_000)
    parts[4] = b",".join(fields)
    assert ("inconsistent_rows", 5) in found(check(put(tmp_path / "BTCUSDT-1m-2024-01.csv", parts)))


def test_times_that_run_backwards_in_a_dump_are_told(tmp_path):
    parts = trades_csv().splitlines()
    parts[7] = parts[7].replace(b"1723161255007", b"1723161254007")
    assert found(check(put(tmp_path / "BTCUSDT-trades-2024-01-01.csv", parts))) == [("venue_backwards", 8)]


def test_dumps_of_two_days_continue_each_other(tmp_path):
    parts = trades_csv(40).splitlines()
    first = put(tmp_path / "BTCUSDT-trades-2024-01-01.csv", parts[:20])
    second = put(tmp_path / "BTCUSDT-trades-2024-01-02.csv", parts[20:])
    assert not check(first, second).instruments[0].notes
    swapped = check(second, first)
    assert swapped.exit_code == 0
    assert "does not continue" in swapped.instruments[0].notes[0]


def test_a_dump_without_a_symbol_in_its_name_needs_rules(tmp_path):
    path = put(tmp_path / "renamed.csv", trades_csv())
    report = check(path)
    assert (report.exit_code, "does not tell its symbol" in report.files[0].error) == (78, True)
    rules = tmp_path / "r.toml"
    rules.write_text(
        '[[instrument]]\nvenue = "binance"\nmarket = "spot"\nsymbol = "BTCUSDT"\nbase = "BTC"\nquote = "USDT"\n'
        'price_step = "0.01"\nqty_step = "0.00001"\n'
    )
    assert check(path, instrument_files=[rules]).exit_code == 0


# ---- files of binance-data-processor

DEPTH_HEADER = "TimestampOfReceive,Stream,EventType,EventTime,Symbol,FirstUpdateId,FinalUpdateId,IsAsk,Price,Quantity"


def labelled_depth(count: int = 12) -> list[str]:
    rows = [DEPTH_HEADER]
    for i in range(count):
        start = (
            f"{1741046400062959 + i * 100000},trxusdt@depth@100ms,depthUpdate,{1741046400062507 + i * 100000},TRXUSDT"
        )
        rows += [
            f"{start},{100 + 2 * i},{101 + 2 * i},0,0.23{i % 10}1,804627.7",
            f"{start},{100 + 2 * i},{101 + 2 * i},1,0.2413,0.0",
        ]
    return rows


def labelled(tmp_path, rows: list[str]):
    path = put(
        tmp_path / "x_binance_difference_depth_stream_spot_trxusdt_04-03-2025.csv", "\n".join(rows).encode() + b"\n"
    )
    return check(path)


def test_a_clean_labelled_file_is_clean(tmp_path):
    report = labelled(tmp_path, ["# a comment", *labelled_depth()])
    assert (report.exit_code, report.files[0].messages, report.files[0].lines) == (0, 12, 26)


@pytest.mark.parametrize(
    ("row", "old", "new", "kind"),
    [
        (9, ",108,109,", ",107,109,", "out_of_order"),
        (9, "1741046400462507", "0", "refused"),
        (9, "1741046400462507", "1741046400362506", "venue_backwards"),
        (9, "1741046400462959", "1741046400362958", "recv_backwards"),
        (9, "depthUpdate", "trade", "inconsistent_rows"),
        (9, "trxusdt@", "btcusdt@", "inconsistent_rows"),
        (9, ",0,0.2341,", ",2,0.2341,", "refused"),
        (9, "0.2341", "-0.2341", "refused"),
        (9, "0.2341", "0.23415", "off_grid"),
        (9, "804627.7", "abc", "refused"),
        (9, "804627.7", "1e-abc", "refused"),
        (9, "1741046400462959", "0", "refused"),
        (9, ",804627.7", "", "bad_line"),
    ],
)
def test_a_defect_planted_in_a_labelled_file_is_found(tmp_path, row, old, new, kind):
    rows = labelled_depth()
    assert old in rows[row]
    rows[row] = rows[row].replace(old, new, 1)
    if kind in ("out_of_order", "venue_backwards", "recv_backwards") or (old == "1741046400462507" and new == "0"):
        rows[row + 1] = rows[row + 1].replace(old, new, 1)
    report = labelled(tmp_path, rows)
    assert kind in {defect.kind for defect in report.defects}
    assert all(row <= defect.line <= row + 4 for defect in report.defects)


@pytest.mark.parametrize(("quantity", "is_clean"), [("2e-01", True), ("2E+1", True), ("e-5", False), ("1e-05", True)])
def test_a_quantity_in_powers_of_ten_is_read_exactly(tmp_path, quantity, is_clean):
    rows = [row.replace("804627.7", quantity) for row in labelled_depth()]
    report = labelled(tmp_path, rows)
    refused = [defect for defect in report.defects if defect.kind == "refused"]
    assert (not refused) is is_clean


def test_a_labelled_file_without_a_column_is_refused(tmp_path):
    rows = labelled_depth()
    rows[0] = rows[0].replace("Quantity", "Qty")
    report = labelled(tmp_path, rows)
    assert (report.exit_code, "has no column Quantity" in report.files[0].error) == (65, True)


def test_rows_of_one_message_that_disagree_are_told(tmp_path):
    rows = labelled_depth()
    rows[10] = rows[10].replace("1741046400462959", "1741046400462958")
    assert ("inconsistent_rows", 11) in found(labelled(tmp_path, rows))


def test_a_snapshot_received_before_it_was_asked_for_is_told(tmp_path):
    rows = ["TimestampOfReceive,TimestampOfRequest,LastUpdateId,IsAsk,Price,Quantity"]
    rows += [f"1744588800258,1744588800{400 if bad else 180},{7 + bad},0,0.2301,5.0" for bad in (0, 1)]
    path = put(tmp_path / "x_depth_snapshot_spot_trxusdt_14-04-2025.csv", "\n".join(rows).encode() + b"\n")
    assert ("clock", 3) in found(check(path))


def test_labelled_trades_are_checked_by_their_ids(tmp_path):
    header = (
        "TimestampOfReceive,Stream,EventType,EventTime,TransactionTime,Symbol,TradeId,Price,Quantity,IsBuyerMarketMaker,"
        "MUnknownParameter"
    )
    rows = [header]
    rows += [
        f"17410464012{i:02d}286,trxusdt@trade,trade,17410464012{i:02d}000,17410464012{i:02d}000,TRXUSDT,{50 + i},"
        "0.2312,2.4,1,True"
        for i in range(9)
    ]
    path = tmp_path / "x_binance_trade_stream_spot_trxusdt_04-03-2025.csv"
    assert check(put(path, "\n".join(rows).encode() + b"\n")).exit_code == 0
    assert found(check(put(path, "\n".join(rows[:4] + rows[5:]).encode() + b"\n"))) == [("trade_id_gap", 5)]
    unsure = [*rows[:4], rows[4].replace(",1,True", ",maybe,True"), *rows[5:]]
    assert found(check(put(path, "\n".join(unsure).encode() + b"\n"))) == [("refused", 5), ("trade_id_gap", 6)]


def test_every_kind_of_defect_is_in_the_documentation():
    text = (Path(__file__).resolve().parents[2] / "docs" / "recordings.md").read_text(encoding="utf-8")
    for kind in DEFECT_KINDS:
        assert f"`{kind}`" in text
