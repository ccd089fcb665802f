"""The data check: what is clean stays clean, and every kind of defect is found where it was planted."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from builders.data_check import check, found, put
from builders.recordings import (
    BinanceWriter,
    binance_capture,
)

from bot4.dto.data_check import DEFECT_KINDS

SYMBOLS = {"spot": "BTCUSDT", "usdm": "BTCUSDT", "coinm": "BTCUSD_PERP"}


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


@pytest.mark.parametrize("digits", ["005", "000000005"])  # of a finer grid; of none that a book can be built on
def test_prices_off_the_grid_of_one_message_share_a_line_that_counts_them(tmp_path, digits):
    parts = lines()
    at = indexes(parts, b"lastUpdateId")[0]
    extra = b"".join(f'["5900{i}.{digits}","1.000"],'.encode() for i in (2, 1, 0))
    parts[at] = parts[at].replace(b'["60000.00"', extra + b'["60000.00"', 1)
    (defect, *_) = check(put(tmp_path / "a", parts)).defects
    assert (defect.kind, defect.line) == ("off_grid", at + 1)
    assert "59002" in defect.detail
    assert "(and 2 more in this message)" in defect.detail


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


def test_damage_is_listed_however_much_lies_before_it(tmp_path):
    path = tmp_path / "a.gz"
    parts = [line for i, line in enumerate(lines(rounds=400)) if b'"e":"trade"' not in line or i % 2]
    path.write_bytes(gzip.compress(b"\n".join(parts) + b"\n", mtime=0)[:-500])
    report = check(path, listed_max=3)
    assert [defect.kind for defect in report.defects] == ["trade_id_gap"] * 3 + ["damage"]


def test_defects_are_listed_in_the_order_of_their_places(tmp_path):
    rows = [f"{number},60000.00,0.5,30000.0,{1_723_075_200_000 + number},True,True" for number in range(1, 60)]
    rows[20] = rows[19]
    del rows[40]
    path = tmp_path / "BTCUSDT-trades-2024-08-08.csv"
    path.write_text("\n".join(rows) + "\n")
    report = check(put(tmp_path / "capture", [*lines(rounds=2)[:-1], b"cut"]), path)
    places = [(defect.path, defect.line) for defect in report.defects]
    assert [line for where, line in places if where == str(path)] == [21, 22, 41]
    assert places[0][0].endswith("capture")


def test_each_of_five_thousand_defects_has_its_line(tmp_path):
    rows = [f"{number},60000.00,0.5,30000.0,{1_723_075_200_000 + number},True,True" for number in range(1, 10_002, 2)]
    path = tmp_path / "BTCUSDT-trades-2024-08-08.csv"
    path.write_text("\n".join(rows) + "\n")
    report = check(path)
    assert [defect.line for defect in report.defects] == list(range(2, 5_002))


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


def test_every_kind_of_defect_is_in_the_documentation():
    text = (Path(__file__).resolve().parents[2] / "docs" / "recordings.md").read_text(encoding="utf-8")
    for kind in DEFECT_KINDS:
        assert f"`{kind}`" in text


def test_a_snapshot_without_a_symbol_is_of_its_files_only_instrument(tmp_path):
    """Two captures of one market that have nothing to do with each other are as clean together as alone."""
    bitcoin = binance_capture("spot", rounds=30)
    ether = bitcoin.replace(b"BTCUSDT", b"ETHUSDT").replace(b"btcusdt", b"ethusdt")
    report = check(put(tmp_path / "b.dat", bitcoin), put(tmp_path / "e.dat", ether))
    assert found(report) == []
    assert [entry.book for entry in report.instruments] == ["live", "live"]
