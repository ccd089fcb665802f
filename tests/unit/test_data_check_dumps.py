"""The data check of public dumps: rows that are missing, repeated, out of order or wrong."""

from __future__ import annotations

import pytest
from builders.data_check import check, found, put
from builders.recordings import (
    agg_trades_csv,
    klines_csv,
    trades_csv,
)

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
