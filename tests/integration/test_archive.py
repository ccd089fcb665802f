"""Market data that was imported: as it was in its files, nothing twice, nothing mended, read by name and period."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from builders.archive import HOUR_MS, START_MS, hours, put, result_of, run
from builders.recordings import agg_trades_csv, binance_capture, klines_csv, trades_csv

import bot4
from bot4.adapters.recordings.check_table import TableCheck
from bot4.adapters.storage import archive as archive_room
from bot4.adapters.storage.archive import MarketArchive
from bot4.adapters.storage.archive_index import ArchiveIndex
from bot4.bootstrap import import_market_data, list_market_data
from bot4.domain.errors import ConfigError, DataError, NoInputError


@pytest.fixture
def market(tmp_path):
    return tmp_path / "market"


def held(market: Path) -> list[tuple[str, int, int, int]]:
    return [(one.name, one.rows, one.gaps, one.missing) for one in list_market_data(market)]


# -- what goes in comes out --------------------------------------------------------------------------------------------


def test_trades_come_back_as_the_dump_has_them(market, tmp_path):
    text = trades_csv(40)
    report = import_market_data([put(tmp_path, "BTCUSDT-trades-2024-01-01.csv", text)], market)
    assert (report.exit_code, report.files[0].rows_new) == (0, 40)
    with MarketArchive(market) as archive:
        chosen = archive.select("BTCUSDT")
    expected = [line.split(b",") for line in text.splitlines()]
    assert isinstance(chosen.rows, np.memmap)
    for row, (_, price, qty, _, ms, is_maker, *_) in zip(chosen.rows, expected, strict=True):
        assert chosen.instrument.ticks_to_price(int(row["price_ticks"])) == bot4_decimal(price)
        assert chosen.instrument.lots_to_qty(int(row["qty_lots"])) == bot4_decimal(qty)
        assert (row["venue_ns"], row["recv_ns"]) == (int(ms) * 1_000_000,) * 2
        assert row["taker_side"] == (is_maker.lower() == b"true")


def bot4_decimal(text: bytes):
    from decimal import Decimal  # noqa: PLC0415 - only here

    return Decimal(text.decode())


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("BTCUSDT-trades-2024-01-01.csv", trades_csv(30), "trades"),
        ("BTCUSDT-aggTrades-2024-01-01.csv", agg_trades_csv(30), "agg_trades"),
        ("BTCUSDT-1m-2024-01.csv", klines_csv(30), "1m"),
        ("BTCUSDT.csv", hours(0, 30), "1h"),
    ],
)
def test_each_kind_of_file_has_its_name_and_adds_nothing_the_second_time(market, tmp_path, name, content, kind):
    path = put(tmp_path, name, content)
    first = import_market_data([path], market)
    assert [(file.outcome, file.names, file.rows_new) for file in first.files] == [
        ("imported", [f"spot/BTCUSDT@{kind}"], 30)
    ]
    before = held(market), sorted(market.rglob("*"))
    second = import_market_data([path], market)
    assert [(file.outcome, file.rows_new) for file in second.files] == [("known", 0)]
    assert (held(market), sorted(market.rglob("*"))) == before == ([(f"spot/BTCUSDT@{kind}", 30, 0, 0)], before[1])


def test_a_file_that_was_taken_in_is_not_checked_again_and_its_copy_neither(market, tmp_path, monkeypatch):
    path = put(tmp_path, "BTCUSDT.csv", hours(0, 30))
    import_market_data([path], market)
    copy = put(tmp_path, "copy.csv", path.read_bytes())
    other = put(tmp_path, "ETHUSDT.csv", hours(0, 5, price=3_000))
    seen: list[str] = []
    original = TableCheck.check
    monkeypatch.setattr(TableCheck, "check", lambda self, path: (seen.append(path.name), original(self, path)))
    report = import_market_data([copy, other, path], market)
    assert [(file.outcome, file.names, file.rows) for file in report.files] == [
        ("known", ["spot/BTCUSDT@1h"], 30), ("imported", ["spot/ETHUSDT@1h"], 5), ("known", ["spot/BTCUSDT@1h"], 30),
    ]  # fmt: skip
    assert seen == ["ETHUSDT.csv"]


def check_overlap(market, folder) -> None:
    """Files that overlap give each bar once, in order, with what is missing counted over all of them."""
    first = put(folder, "BTCUSDT.a.csv", hours(0, 40))
    later = put(folder, "BTCUSDT.b.csv", hours(30, 30, left_out=frozenset({50, 51})))
    between = put(folder, "BTCUSDT.c.csv", hours(48, 5))
    assert [file.rows_new for file in import_market_data([first, later], market).files] == [40, 18]
    assert held(market) == [("spot/BTCUSDT@1h", 58, 1, 2)]
    assert [file.rows_new for file in import_market_data([between], market).files] == [2]
    assert held(market) == [("spot/BTCUSDT@1h", 60, 0, 0)]
    with MarketArchive(market) as archive:
        opens = archive.select("BTCUSDT").rows["open_ns"]
    assert opens.tolist() == [(START_MS + hour * HOUR_MS) * 1_000_000 for hour in range(60)]


def test_files_that_overlap_give_each_bar_once_and_in_order(market, tmp_path):
    check_overlap(market, tmp_path)


def test_bars_that_were_added_twice_would_be_noticed(market, tmp_path, monkeypatch):
    """Control."""
    monkeypatch.setattr(MarketArchive, "unknown_rows", lambda _, __, piece: np.ones(len(piece.keys), np.bool_))
    with pytest.raises(AssertionError):
        check_overlap(market, tmp_path)


def test_a_file_that_contradicts_what_is_there_is_refused_and_changes_nothing(market, tmp_path):
    import_market_data([put(tmp_path, "BTCUSDT.a.csv", hours(0, 40))], market)
    report = import_market_data([put(tmp_path, "BTCUSDT.b.csv", hours(30, 30, price=61_000))], market)
    assert report.exit_code == 65
    assert "row 1 says something else than BTCUSDT.a.csv did" in report.files[0].error
    assert held(market) == [("spot/BTCUSDT@1h", 40, 0, 0)]


def test_missing_rows_are_counted_and_worse_defects_refuse_the_file(market, tmp_path):
    parts = trades_csv(30).splitlines()
    holes = put(tmp_path, "BTCUSDT-trades-2024-01-01.csv", parts[:10] + parts[13:])
    doubled = put(tmp_path, "BTCUSDT-trades-2024-01-02.csv", parts[:13] + parts[12:])
    missing = tmp_path / "none.csv"
    report = import_market_data([holes, doubled, missing], market)
    assert [file.outcome for file in report.files] == ["imported", "refused", "refused"]
    assert report.files[0].defects == {"trade_id_gap": 1}
    assert "duplicate 1" in report.files[1].error
    assert [file.exit_code for file in report.files] == [0, 65, 66]
    assert held(market) == [("spot/BTCUSDT@trades", 27, 1, 3)]


def test_a_capture_is_kept_byte_by_byte(market, tmp_path):
    path = put(tmp_path, "btcusdt.gz", gzip.compress(binance_capture("spot", rounds=30), mtime=0))
    import_market_data([path], market)
    with MarketArchive(market) as archive:
        chosen = archive.select("BTCUSDT")
    copy = put(tmp_path, "copy.gz", path.read_bytes())
    other = put(tmp_path, "other.gz", gzip.compress(binance_capture("usdm", rounds=5), mtime=0))
    twin = put(tmp_path, "twin.gz", other.read_bytes())
    again = import_market_data([copy, other, twin], market)
    assert [file.outcome for file in again.files] == ["known", "imported", "known"]
    (kept,) = chosen.captures
    assert kept.read_bytes() == path.read_bytes()
    assert chosen.rows is None


def test_captures_come_in_the_order_of_time_and_those_of_one_time_as_they_were_imported(market, tmp_path):
    lines = binance_capture("spot", rounds=40).splitlines()
    snapshot = next(i for i, line in enumerate(lines) if b"lastUpdateId" in line)
    stream = [line for i, line in enumerate(lines) if i != snapshot]
    half = len(stream) // 2
    later = put(tmp_path, "later.dat", stream[half:])
    first = put(tmp_path, "z-snapshot.dat", [lines[snapshot].replace(b'{"', b'{"symbol":"BTCUSDT","', 1)])
    second = put(tmp_path, "a-stream.dat", stream[:half])
    report = import_market_data([later, first, second], market)
    assert [file.error for file in report.files] == ["", "", ""]
    with MarketArchive(market) as archive:
        names = [path.name.partition("-")[2] for path in archive.select("BTCUSDT").captures]
    assert names == ["z-snapshot.dat", "a-stream.dat", "later.dat"]


def test_an_import_that_ended_before_the_index_knew_leaves_nothing_and_is_made_again(market, tmp_path, monkeypatch):
    path = put(tmp_path, "BTCUSDT.csv", hours(0, 10))

    def die(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(ArchiveIndex, "add", die)
    with pytest.raises(KeyboardInterrupt):
        import_market_data([path], market)
    monkeypatch.undo()
    assert held(market) == []
    assert import_market_data([path], market).files[0].rows_new == 10
    assert held(market) == [("spot/BTCUSDT@1h", 10, 0, 0)]


def test_a_disk_that_is_full_leaves_nothing_and_is_an_output_error(market, tmp_path, monkeypatch):
    path = put(tmp_path, "BTCUSDT.csv", hours(0, 10))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive_room.np, "save", full)
    report = import_market_data([path], market)
    assert (report.exit_code, "No space left" in report.files[0].error) == (73, True)
    assert [name for name in market.rglob("*") if name.suffix in (".npy", ".new")] == []


def finer(count: int) -> bytes:
    """Bars with a third decimal, as under older rules."""
    return hours(0, count).replace(b",60003,", b",60003.125,")


def test_what_was_written_under_older_rules_is_counted_on_the_grid_it_lies_on(market, tmp_path):
    tables = [put(tmp_path, "BTCUSDT.csv", finer(10)), put(tmp_path, "BTCUSDT.b.csv", hours(10, 5))]
    capture = put(tmp_path, "btcusdt.dat", binance_capture("spot", rounds=20))
    report = import_market_data([capture, *tables], market)
    assert [(file.outcome, file.rows_new) for file in report.files[1:]] == [("imported", 10), ("imported", 5)]
    assert report.files[1].defects == {"off_grid": 4}
    assert "counted in ticks of 0.001" in report.files[1].notes[-1]
    with MarketArchive(market) as archive:
        chosen = archive.select("BTCUSDT@1h")
    assert str(chosen.instrument.ticks_to_price(int(chosen.rows["high_ticks"][0]))) == "60003.125"
    assert chosen.instrument.price_step == bot4_decimal(b"0.01")


def test_a_dump_off_todays_grid_loses_no_row(market, tmp_path):
    text = trades_csv(30).replace(b"61837.05", b"61837.055")
    report = import_market_data([put(tmp_path, "BTCUSDT-trades-2024-01-01.csv", text)], market)
    assert (report.files[0].rows_new, report.files[0].defects) == (30, {"off_grid": 1})
    assert held(market) == [("spot/BTCUSDT@trades", 30, 0, 0)]


def test_a_finer_table_behind_a_coarser_one_is_refused(market, tmp_path):
    import_market_data([put(tmp_path, "BTCUSDT.b.csv", hours(10, 5))], market)
    report = import_market_data([put(tmp_path, "BTCUSDT.csv", finer(10))], market)
    assert (report.exit_code, "is not a multiple of 0.01" in report.files[0].error) == (65, True)


# -- by name and period ------------------------------------------------------------------------------------------------


@pytest.fixture
def filled(market, tmp_path):
    files = [
        put(tmp_path, "BTCUSDT.csv", hours(0, 48)),
        put(tmp_path, "ETHUSDT.csv", hours(0, 48, price=3_000)),
        put(tmp_path, "BTCUSDT-trades-2024-01-01.csv", trades_csv(30)),
    ]
    assert import_market_data(files, market).exit_code == 0
    return market


def ns(hour: int) -> int:
    return (START_MS + hour * HOUR_MS) * 1_000_000


def check_period(market: Path) -> None:
    with MarketArchive(market) as archive:
        rows = archive.select("BTCUSDT@1h", from_ns=ns(5), to_ns=ns(9)).rows
        assert rows["open_ns"].tolist() == [ns(hour) for hour in (5, 6, 7, 8)]
        assert archive.select("BTCUSDT@1h", from_ns=ns(47)).rows["open_ns"].tolist() == [ns(47)]
        assert len(archive.select("BTCUSDT@1h", to_ns=ns(1)).rows) == 1


def test_a_period_begins_with_its_first_moment_and_ends_before_its_last(filled):
    check_period(filled)


def test_a_period_with_one_row_too_many_would_be_noticed(filled, monkeypatch):
    """Control."""
    right = np.searchsorted
    monkeypatch.setattr(archive_room.np, "searchsorted", lambda a, v, **_: right(a, v, side="right"))
    with pytest.raises(AssertionError):
        check_period(filled)


def test_a_name_that_is_not_there_or_stands_for_several_is_told(filled):
    with MarketArchive(filled) as archive:
        with pytest.raises(ConfigError, match="BTCUSDT stands for spot/BTCUSDT@1h, spot/BTCUSDT@trades"):
            archive.select("BTCUSDT")
        with pytest.raises(NoInputError, match=r"no file BTCUSDT@1d, and .* it holds spot/BTCUSDT@1h"):
            archive.select("BTCUSDT@1d")
        with pytest.raises(NoInputError, match="nothing of that period"):
            archive.select("ETHUSDT", from_ns=ns(48))
        with pytest.raises(NoInputError):
            archive.select("usdm/ETHUSDT")


def test_a_file_of_the_archive_that_was_cut_short_is_an_error(filled):
    path = next(filled.rglob("ETHUSDT/1h/*[0-9a-f].npy"))
    path.write_bytes(path.read_bytes()[:-100])
    with MarketArchive(filled) as archive, pytest.raises(DataError, match="cannot be read"):
        archive.select("ETHUSDT")


def test_rows_that_come_later_are_counted_as_those_that_are_there(filled, tmp_path):
    """Other rules of today do not change the grid of an instrument that has rows."""
    rules = put(
        tmp_path,
        "rules.toml",
        b'[[instrument]]\nvenue = "binance"\nmarket = "spot"\nsymbol = "ETHUSDT"\nbase = "ETH"\nquote = "USDT"\n'
        b'price_step = "0.1"\nqty_step = "0.1"\n',
    )
    later = put(tmp_path, "ETHUSDT.b.csv", hours(48, 5, price=3_000))
    assert import_market_data([later], filled, instrument_files=[rules]).exit_code == 0
    with MarketArchive(filled) as archive:
        chosen = archive.select("ETHUSDT")
    assert (str(chosen.instrument.tick_size), len(chosen.rows)) == ("0.01", 53)
    assert chosen.instrument.ticks_to_price(int(chosen.rows["low_ticks"][50])) == 3_000


# -- the commands ------------------------------------------------------------------------------------------------------


def test_a_backtest_over_a_name_is_the_backtest_over_its_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bars = put(tmp_path, "BTCUSDT.csv", hours(0, 400))
    capture = put(tmp_path, "btcusdt.dat", binance_capture("spot", rounds=60))
    code, out, _ = run("data", "import", bars, capture)
    assert (code, "spot/BTCUSDT@1h: 400 of 400 rows are new" in out) == (0, True)
    assert result_of("BTCUSDT@1h") == result_of(bars)
    assert result_of("BTCUSDT@capture") == result_of(capture)
    assert result_of("BTCUSDT@1h", "--to", "2024-08-10") != result_of(bars)
    code, out, err = run(
        "backtest", "BTCUSDT@1h", "--walk-forward", 2, "--grid", "strategy.enter_score=0.2,0.4", "--quiet"
    )
    assert code == 0, err
    assert run("backtest", "BTCUSDT@1d")[0] == 66
    assert run("backtest", bars, "--from", "2024-08-02")[0] == 78
    assert run("backtest", "BTCUSDT@1h", "--from", "yesterday")[0] == 78


def test_rows_of_an_archive_are_what_a_backtest_from_python_reads(filled):
    with bot4.open_archive(filled) as archive:
        chosen = archive.select("BTCUSDT@1h")
        result = bot4.backtest(chosen.rows, chosen.instrument)
    assert result.rows == 48


def test_the_list_says_what_there_is_and_where_it_came_from(filled, tmp_path):
    code, out, _ = run("data", "list", filled)
    lines = out.splitlines()
    assert code == 0
    assert [line.split()[0] for line in lines] == ["name", "spot/BTCUSDT@1h", "spot/BTCUSDT@trades", "spot/ETHUSDT@1h"]
    assert "2024-08-01 00:00  2024-08-03 00:00" in lines[1]
    assert lines[1].endswith("BTCUSDT.csv")
    plain = json.loads(run("data", "list", filled, "--json")[1])
    assert [(one["name"], one["rows"], one["sources"]) for one in plain][-1] == ("spot/ETHUSDT@1h", 48, ["ETHUSDT.csv"])
    code, _, err = run("data", "list", tmp_path / "none")
    assert (code, "bot4 data import makes one" in err) == (66, True)


def test_an_import_tells_each_file_and_leaves_with_the_first_ones_code(tmp_path, market):
    good = put(tmp_path, "BTCUSDT.csv", hours(0, 10))
    bad = put(tmp_path, "ETHUSDT.csv", hours(0, 10).replace(b",60003,", b",1,"))
    code, out, _ = run("data", "import", bad, good, "--into", market, "--json", "-")
    plain = json.loads(out)
    assert (code, plain["exit_code"]) == (65, 65)
    assert [file["outcome"] for file in plain["files"]] == ["refused", "imported"]
    code, out, _ = run("data", "import", good, "--into", market)
    assert (code, "nothing new among 10 rows" in out) == (0, True)


@pytest.mark.real_data
def test_real_tables_and_captures_are_taken_in_whole(shared_data, market):
    files = sorted((shared_data / "ohlcv" / "binance_spot" / "1h").glob("BTCUSDT*"))
    files += sorted((shared_data / "ws_captures" / "hftbacktest" / "spot").glob("*.gz"))
    report = import_market_data(files, market)
    assert report.exit_code == 0
    assert [one[0] for one in held(market)] == ["spot/BTCUSDT@1h", "spot/BTCUSDT@capture"]
    assert all(file.outcome == "known" for file in import_market_data(files, market).files)
