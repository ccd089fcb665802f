"""Avellaneda and Stoikov (2008): the table of the paper by simulation, and the shape of the quotes."""

from __future__ import annotations

import numpy as np
import pytest

from bot4.strategy.avellaneda_stoikov import Outcome, optimal_spread, reservation_offset, simulate

RUNS = 4_000
ERRORS = 4.0


def is_within(values: np.ndarray, mean: float, deviation: float, runs_of_the_table: int) -> bool:
    """Mean and deviation of ours and of the table, within four standard errors of both together."""
    mean_error = deviation * np.sqrt(1 / values.size + 1 / runs_of_the_table)
    spread_error = deviation * np.sqrt(1 / (2 * values.size) + 1 / (2 * runs_of_the_table))
    return abs(values.mean() - mean) <= ERRORS * mean_error and abs(values.std() - deviation) <= ERRORS * spread_error


@pytest.mark.parametrize(
    ("gamma", "spread", "profit", "inventory_deviation", "runs"),
    [
        (0.1, 1.49, (65.0, 6.6), 2.9, 1_000),
        (0.01, 1.35, (68.4, 8.9), 5.2, 20_000),
        (0.5, 2.16, (48.6, 5.9), 1.95, 20_000),
    ],
)
def test_the_inventory_strategy_has_the_tables_profit_and_inventory(
    gamma: float, spread: float, profit: tuple[float, float], inventory_deviation: float, runs: int
) -> None:
    made = simulate(RUNS, seed=1, risk_aversion=gamma)
    assert made.spread == pytest.approx(spread, abs=0.011)
    assert is_within(made.profit, *profit, runs)
    assert made.inventory.std() == pytest.approx(inventory_deviation, rel=0.08)


@pytest.mark.parametrize(
    ("gamma", "profit", "deviation", "runs"), [(0.1, 68.4, 12.7, 1_000), (0.5, 58.3, 11.5, 20_000)]
)
def test_the_symmetric_strategy_earns_more_and_risks_twice_as_much(
    gamma: float, profit: float, deviation: float, runs: int
) -> None:
    made = simulate(RUNS, seed=2, risk_aversion=gamma, is_symmetric=True)
    assert is_within(made.profit, profit, deviation, runs)
    assert made.profit.std() > 1.7 * simulate(RUNS, seed=2, risk_aversion=gamma).profit.std()


def test_a_maker_that_leans_the_wrong_way_misses_the_table() -> None:
    good = simulate(RUNS, seed=1)
    assert is_within(good.profit, 65.0, 6.6, 1_000)
    wrong: Outcome = simulate(RUNS, seed=1, risk_aversion=0.1, deviation=2.5)
    assert not is_within(wrong.profit, 65.0, 6.6, 1_000)


def test_quotes_lean_away_from_what_is_held_and_widen_with_time_and_variance() -> None:
    assert reservation_offset(3.0, 0.1, 4.0) == pytest.approx(-1.2)
    assert reservation_offset(-3.0, 0.1, 4.0) == pytest.approx(1.2)
    assert optimal_spread(0.1, 0.0, 1.5) == pytest.approx(1.2908, abs=1e-4)
    assert optimal_spread(0.1, 4.0, 1.5) == pytest.approx(1.6908, abs=1e-4)
