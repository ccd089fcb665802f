"""The portfolio: exposures, heat, correlations and the drawdown latch that a restart must not forget."""

from __future__ import annotations

import math
import random

import pytest

from bot4._core.account.contract import Contract
from bot4._core.brain.portfolio import PortfolioBook

CONTRACT = Contract(1, tick_size="0.01", lot_size="0.001")
ATOMS = 10**8


def book(count: int = 3, **rules: int) -> PortfolioBook:
    made = PortfolioBook(count, **({"sample_ns": 1} | rules))
    for lane in range(count):
        made.apply_equity(lane, 10_000 * ATOMS)
    return made


def hold(made: PortfolioBook, lane: int, lots: int, mark_ticks: int = 100_000, stop_ppm: int = 20_000) -> None:
    made.apply_mark(lane, CONTRACT, lots=lots, mark_ticks=mark_ticks, stop_ppm=stop_ppm)


def test_surroundings_add_sizes_and_stops_of_the_other_instruments() -> None:
    made = book()
    hold(made, 0, 2_000)  # 2 x 1,000: 20 % of equity
    hold(made, 1, -1_000)
    hold(made, 2, 5_000)
    found = made.surroundings(2, 1)
    assert found["gross_ppm"] == 300_000
    assert 6_000 <= found["heat_ppm"] <= 6_002  # 2 % of 30 %, rounded up for each
    assert found["correlated_ppm"] == 100_000  # nothing known of correlations: all count as one market


def test_what_hedges_an_order_counts_negative() -> None:
    made = book()
    hold(made, 0, 2_000)
    assert made.surroundings(1, -1)["correlated_ppm"] == -200_000


def test_correlations_are_those_of_the_returns() -> None:
    made, dice = book(memory_samples=10_000), random.Random(5)
    logs, pairs = [math.log(1e6)] * 3, []
    for step in range(4_000):
        common, own, other = (dice.gauss(0, 0.001) for _ in range(3))
        moves = (common, 0.6 * common + 0.8 * own, other)
        logs = [log + move for log, move in zip(logs, moves, strict=True)]
        for lane in range(3):
            hold(made, lane, 0, round(math.exp(logs[lane])))
        made.apply_time(step + 1)
        pairs.append(moves)
    # 4,000 samples: three standard errors of a correlation are 0.05
    assert made.correlation(0, 1) == pytest.approx(0.6, abs=0.05)
    assert made.correlation(0, 2) == pytest.approx(0.0, abs=0.05)
    assert made.correlation(1, 0) == made.correlation(0, 1)


def test_the_drawdown_latches_at_fifteen_percent_and_recovery_does_not_clear_it() -> None:
    made = book()
    made.apply_equity(0, 8_501 * ATOMS)
    assert not made.is_latched
    made.apply_equity(0, 8_500 * ATOMS)
    assert made.is_latched
    assert made.drawdown_ppm == 150_000
    made.apply_equity(0, 20_000 * ATOMS)
    assert made.is_latched
    made.reset()
    assert not made.is_latched


def test_a_restart_takes_over_latch_and_peaks_and_never_lowers_them() -> None:
    before = book()
    before.apply_equity(1, 12_000 * ATOMS)
    before.apply_equity(1, 10_000 * ATOMS)
    assert before.is_latched
    after = book()
    after.restore(before.snapshot())
    assert after.is_latched
    fresh = book()
    fresh.restore(before.snapshot() | {"is_latched": False})
    assert not fresh.is_latched
    fresh.apply_equity(1, 10_000 * ATOMS)
    assert fresh.is_latched, "the peak of 12,000 was taken over"
    after.restore({"is_latched": False, "peaks": [0, 0, 0]})
    assert after.is_latched


def test_a_snapshot_of_other_instruments_is_refused() -> None:
    with pytest.raises(ValueError, match="snapshot of 2 instruments does not fit 3"):
        book().restore(book(2).snapshot())


def test_a_portfolio_without_equity_counts_whatever_it_holds_as_too_much() -> None:
    made = PortfolioBook(2, sample_ns=1)
    hold(made, 0, 1)
    assert made.surroundings(1, 1)["gross_ppm"] == 10**12
