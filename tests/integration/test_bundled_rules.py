"""The bundled table's steps against recorded bars: the step of a grid is the largest number that divides all of it."""

from __future__ import annotations

import csv
import gzip
import math
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from bot4.adapters.recordings.catalog import bundled_instruments

if TYPE_CHECKING:
    from pathlib import Path

SPOT = ["BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT"]
USDM = ["BTCUSDT", "ETHUSDT", "LTCUSDT"]
BARS = {"spot": (3_000, "ohlcv/binance_spot/15m"), "usdm": (90, "ohlcv/binance_usdm/1d")}
SCALE = 10**8


def recorded_steps(path: Path, newest: int) -> tuple[Decimal, Decimal]:
    """Return the coarsest price step and quantity step on which the newest bars all lie."""
    with gzip.open(path, "rt") as file:
        rows = [row for row in csv.reader(file) if row[1][:1].isdigit()][-newest:]
    prices = [int(Decimal(text) * SCALE) for row in rows for text in row[1:5]]
    volumes = [int(Decimal(row[5]) * SCALE) for row in rows]
    return Decimal(math.gcd(*prices)) / SCALE, Decimal(math.gcd(*volumes)) / SCALE


@pytest.mark.parametrize(
    ("market", "symbol"), [*(("spot", symbol) for symbol in SPOT), *(("usdm", symbol) for symbol in USDM)]
)
def test_steps_of_the_bundled_table_are_those_of_the_recorded_bars(shared_data: Path, market: str, symbol: str) -> None:
    newest, folder = BARS[market]
    (rules,) = (rules for rules in bundled_instruments() if (rules.market.value, rules.symbol) == (market, symbol))
    assert recorded_steps(shared_data / folder / f"{symbol}.csv.gz", newest) == (rules.price_step, rules.qty_step)


def test_a_coarser_step_than_the_recorded_one_would_be_seen(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv.gz"
    with gzip.open(path, "wt") as file:
        file.write("ts,open,high,low,close,volume\n1,10.5,11,10,10.25,0.30\n2,10.5,11,10,10.5,0.45\n")
    assert recorded_steps(path, 10) == (Decimal("0.25"), Decimal("0.15"))
