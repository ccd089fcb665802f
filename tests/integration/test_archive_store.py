"""Trades that were imported into the store's own tables: the same over SQLite and PostgreSQL."""

from __future__ import annotations

import json

import pytest
from builders.archive import hours, put, result_of, run
from builders.recordings import binance_capture, trades_csv
from builders.stores import KINDS, empty_place


@pytest.fixture(params=KINDS)
def stored(request, tmp_path, monkeypatch):
    """A data directory whose store is of one kind."""
    monkeypatch.chdir(tmp_path)
    if request.param == "postgresql":
        monkeypatch.setenv("BOT4_POSTGRES_URL", empty_place(request, request.param)[1])
        monkeypatch.setenv("BOT4_STORE__KIND", "postgresql")
    yield tmp_path
    assert (tmp_path / "bot4-data" / "bot4.sqlite").exists() == (request.param == "sqlite")


def test_trades_go_into_the_store_and_a_backtest_over_them_is_the_one_over_the_archive(stored):
    dump = put(stored, "BTCUSDT-trades-2024-01-01.csv", trades_csv(400))
    code, out, err = run("data", "import", dump, "--into", "store")
    assert (code, "spot/BTCUSDT@trades: 400 of 400 rows are new" in out) == (0, True), err
    code, out, _ = run("data", "import", dump, "--into", "store")
    assert (code, "nothing new among 400 rows" in out) == (0, True)
    (line,) = json.loads(run("data", "list", "store", "--json")[1])
    assert (line["name"], line["rows"]) == ("spot/BTCUSDT@store", 400)
    assert run("data", "import", dump)[0] == 0
    assert result_of("BTCUSDT@store") == result_of("BTCUSDT@trades")
    assert run("backtest", "BTCUSDT@store", "--from", "2030-01-01")[0] == 66
    assert run("backtest", "BTCUSDT@store", "BTCUSDT@trades")[0] == 78


def test_what_is_no_trades_is_refused_by_the_store(stored):
    files = [put(stored, "BTCUSDT.csv", hours(0, 10)), put(stored, "btcusdt.dat", binance_capture("spot", rounds=20))]
    code, out, _ = run("data", "import", *files, "--into", "store")
    assert code == 65
    assert "makes bars of them" in out
    assert "is a capture" in out


def test_old_trades_are_dropped_where_the_settings_say_so(stored, monkeypatch):
    dump = put(stored, "BTCUSDT-trades-2024-01-01.csv", trades_csv(40))
    monkeypatch.setenv("BOT4_STORE__TICKS_DAYS", "30")
    assert run("data", "import", dump, "--into", "store")[0] == 0
    assert json.loads(run("data", "list", "store", "--json")[1]) == []
