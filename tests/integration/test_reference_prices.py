"""Features beside another instrument of the same run: whose price it is, and when it counts."""

from __future__ import annotations

import numpy as np
import pytest
from builders.backtest import bars, instrument, roomy

import bot4
from bot4._core.ta.features import Features
from bot4.domain.errors import ConfigError
from bot4.strategy.base import Strategy

NAMES = Features(0.5, 0.001, 60_000_000_000).names


class Reads(Strategy):
    """Keeps two features of one instrument, bar by bar."""

    reads_features = True

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.seen: list[tuple[float, float]] = []

    def on_bar(self, market, _bar) -> None:
        if market.symbol == self.symbol:
            values = market.features
            self.seen.append((values[NAMES.index("beta_60")], values[NAMES.index("correlation_60")]))


def walked(seed: int, count: int = 200) -> np.ndarray:
    return 100_000 + np.cumsum(np.random.default_rng(seed).integers(-300, 301, count))


def run(first: np.ndarray, second: np.ndarray, **settings) -> Reads:
    rows = {"AAAUSDT": bars(list(map(int, first))), "BBBUSDT": bars(list(map(int, second)))}
    instruments = [instrument(symbol) for symbol in rows]
    told = Reads("BBBUSDT")
    bot4.backtest(rows, instruments, told, settings=roomy(features__select="all", **settings))
    return told


def expected(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    one, two = np.diff(np.log(first))[-60:], np.diff(np.log(second))[-60:]
    return float(np.cov(one, two)[0, 1] / np.var(one, ddof=1)), float(np.corrcoef(one, two)[0, 1])


def test_the_named_instruments_price_is_the_reference_of_the_others():
    first, second = walked(1), walked(2) + walked(1)
    told = run(first, second, features__reference="AAAUSDT")
    assert told.seen[-1] == pytest.approx(expected(first, second), rel=1e-9)


def test_without_a_name_there_is_no_reference():
    told = run(walked(1), walked(2))
    assert np.isnan(told.seen).all()


def test_what_the_reference_does_later_changes_nothing_earlier():
    first, second = walked(1), walked(2)
    changed = first.copy()
    changed[150:] += 5_000
    before, after = (run(rows, second, features__reference="AAAUSDT").seen for rows in (first, changed))
    assert np.array_equal(before[:150], after[:150], equal_nan=True)
    assert before[150:] != after[150:]


def test_a_symbol_that_is_not_in_the_run_is_refused():
    with pytest.raises(ConfigError, match=r"features\.reference names CCCUSDT"):
        run(walked(1), walked(2), features__reference="CCCUSDT")
