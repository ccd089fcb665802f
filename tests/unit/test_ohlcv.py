"""Plain tables of bars: read exactly onto the grid, refused where they are no bars, and run side by side."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from builders.backtest import instrument, roomy

import bot4
from bot4.adapters.recordings.ohlcv import is_ohlcv, read_ohlcv
from bot4.bootstrap import BacktestInput
from bot4.domain.errors import ConfigError, DataError, NoInputError
from bot4.strategy.ema_cross import EmaCross

HOUR_MS = 3_600_000
START_MS = 1_700_000_000_000
HEADER = "ts,open,high,low,close,volume"


def write(path: Path, rows: list[str], header: str = HEADER) -> Path:
    text = "\n".join([header, *rows]) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.name.endswith(".gz") else text.encode())
    return path


def row(hour: int, prices: str = "100,101.5,99.5,100.5", volume: str = "2.125", more: str = "") -> str:
    return f"{START_MS + hour * HOUR_MS},{prices},{volume}{more}"


@pytest.mark.parametrize("name", ["BTCUSDT.csv", "BTCUSDT.2024.csv.gz"])
def test_bars_are_read_onto_the_grid_and_a_gap_is_noted(tmp_path, name):
    path = write(
        tmp_path / name, [row(0, more=",1.5,9"), row(1, more=",0,3"), row(4, more=",2.125,1")],
        HEADER + ",taker_base,trades",
    )  # fmt: skip
    read = read_ohlcv(path, instrument())
    assert is_ohlcv(path)
    assert read.rows[0].tolist() == (
        200, 203, 199, 201, 2_125, 1_500, 9, START_MS * 1_000_000, (START_MS + HOUR_MS) * 1_000_000
    )  # fmt: skip
    assert read.interval_ns == HOUR_MS * 1_000_000
    assert read.notes == (f"{name}: 2 bars are missing between the first and the last",)


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ([row(0), row(1, "100,101,99,100.25")], r"row 3: close 100\.25 is not a multiple of 0\.5"),
        ([row(0), row(1, volume="0.0001")], r"row 3: volume 0\.0001 is not a multiple of 0\.001"),
        ([row(0), row(1, "100,99,98,100")], "row 3: open, high, low, close and volume make no bar"),
        ([row(0), row(1, "100,101,100.5,101")], "row 3: open, high, low, close and volume make no bar"),
        ([row(0), row(1), row(1)], "row 4: a bar at or before the one in front of it"),
        ([row(2), row(1)], "row 3: a bar at or before"),
        ([row(0), row(1), row(2), f"{START_MS + 2 * HOUR_MS + 7},100,101,99,100,1"], "row 5: a bar that is not"),
        ([row(0)], "fewer than two bars"),
        (["1,2,x,4,5,6", row(1)], "no table of bars"),
    ],
)
def test_what_is_no_bar_is_refused_by_row(tmp_path, rows, rule):
    with pytest.raises(DataError, match=rule):
        read_ohlcv(write(tmp_path / "BTCUSDT.csv", rows), instrument())


def test_other_files_are_not_taken_for_bars(tmp_path):
    (tmp_path / "a").write_bytes(b"1700000000 {}\n")
    (tmp_path / "b.gz").write_bytes(b"\x1f\x8bbroken")
    assert not any(map(is_ohlcv, (tmp_path / "a", tmp_path / "b.gz", tmp_path / "missing")))
    with pytest.raises(NoInputError):
        read_ohlcv(tmp_path / "missing", instrument())


class Swing(bot4.Strategy):
    """Buys low closes and sells high ones."""

    def on_bar(self, market, bar) -> None:
        if bar.close_ticks < 10_300 and market.position_lots == 0:
            market.buy(100_000_000, bar.close_ticks + 500, tif="ioc")
        elif bar.close_ticks > 10_500 and market.position_lots > 0:
            market.sell(market.position_lots, bar.close_ticks - 500, tif="ioc")


def test_several_tables_run_side_by_side_and_an_unknown_symbol_is_refused(tmp_path):
    rows = [row(hour, f"{100 + hour % 9},{112 + hour % 9},95,{101 + hour % 7}") for hour in range(200)]
    paths = [write(tmp_path / f"{symbol}.csv", rows) for symbol in ("BTCUSDT", "ETHUSDT")]
    result = BacktestInput(paths).run(Swing(), roomy())
    assert result.symbols == ("BTCUSDT", "ETHUSDT")
    assert result.rows == 400
    assert all(counters["bars"] == 200 for counters in result.counters.values())
    assert set(result.fills["instrument"].tolist()) == {0, 1}
    assert len(result.trades) > 10
    with pytest.raises(ConfigError):
        BacktestInput([write(tmp_path / "NOSUCH.csv", rows)])


@pytest.mark.real_data
def test_eight_years_of_daily_bars_add_up(shared_data):
    path = shared_data / "ohlcv/binance_spot/1d/BTCUSDT.csv.gz"
    result = BacktestInput([path]).run(EmaCross(fast=20, slow=100, lots=1_000_000, slippage_ticks=20_000), roomy())
    assert result.rows > 2_800
    assert result.calls["calls"] > 2_800
    assert float(result.profit) == pytest.approx(float(result.trades["result"].sum()) + open_result(result), abs=1e-4)


def open_result(result) -> float:
    """What is held at the end, at the last touch, less the fee it was bought with."""
    symbol = result.symbols[0]
    if not result.positions[symbol]:
        return 0.0
    bought = result.fills[result.fills["side"] == 0][-1]
    mark = float(result.equity_end - result.balances["USDT"]) / float(result.positions[symbol])
    tick, decimals = float(result.instruments[0].tick_size), 10
    spent = int(bought["price_ticks"]) * tick
    return float(result.positions[symbol]) * (mark - spent) - int(bought["fee_atoms"]) / 10**decimals
