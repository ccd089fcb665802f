"""The rolling window and the moving averages against exact fractions, and the bar builder against grouping."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import ta_walks, ta_window
from oracles.ta_bar_features import exponential
from oracles.ta_bars import finished_bars

from bot4._core.ta.averages import ExponentialAverage, SimpleAverage, WeightedAverage
from bot4._core.ta.bars import TimeBarBuilder
from bot4._core.ta.elementary import exponential_decay, natural_log_ratio
from bot4._core.ta.window import RollingWindow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from oracles.ta_walks import Row

SEEDS = st.integers(0, 2**32)
PERIODS = st.integers(1, 30)
KINDS = st.sampled_from(("unit", "offset", "jumps", "tiny", "huge", "flat"))


def series(kind: str, length: int, seed: int) -> list[float]:
    rng = random.Random(seed)
    draw = {
        "unit": lambda: rng.gauss(0, 1),
        "offset": lambda: 1e7 + rng.choice((0.1, 0.2, 0.3)),
        "jumps": lambda: rng.choice((1.0, 1e12)) * rng.random(),
        "tiny": lambda: rng.random() * 1e-90,
        "huge": lambda: rng.random() * 1e90,
        "flat": lambda: 0.1,
    }[kind]
    return [draw() for _ in range(length)]


def check_series(got: Sequence[float], expected: Sequence[float], size: float, tolerance: float) -> None:
    assert len(got) == len(expected)
    for a, b in zip(got, expected, strict=True):
        assert math.isnan(a) == math.isnan(b)
        assert math.isnan(b) or abs(a - b) <= tolerance * size, (a, b)


def check_averages(
    simple: Callable[[int, Sequence[float]], Sequence[float]], values: Sequence[float], period: int
) -> None:
    size = max(map(abs, values), default=1.0)
    check_series(simple(period, values), ta_window.rolling(values, period, ta_window.mean), size, 1e-14)


@given(kind=KINDS, length=st.integers(0, 90), seed=SEEDS, period=PERIODS)
def test_simple_average_equals_the_exact_mean(kind: str, length: int, seed: int, period: int) -> None:
    check_averages(lambda n, x: SimpleAverage(n).apply_many(x), series(kind, length, seed), period)


def test_average_check_fails_for_an_average_that_adds_and_subtracts_plainly() -> None:
    def drifting(period: int, values: Sequence[float]) -> list[float]:
        total, out = 0.0, []
        for i, x in enumerate(values):
            total += x - (values[i - period] if i >= period else 0.0)
            out.append(total / period if i + 1 >= period else math.nan)
        return out

    values = [*series("unit", 10, 1), 1e17, *series("unit", 40, 2)]
    exact = ta_window.rolling(values, 5, ta_window.mean)[20:]
    check_series(SimpleAverage(5).apply_many(values)[20:], exact, 1.0, 1e-14)
    # What is left after the large value has gone is nothing but its rounding.
    with pytest.raises(AssertionError):
        check_series(drifting(5, values)[20:], exact, 1.0, 1e-14)


@given(kind=KINDS, length=st.integers(0, 90), seed=SEEDS, period=PERIODS)
def test_weighted_average_equals_the_exact_weighted_mean(kind: str, length: int, seed: int, period: int) -> None:
    values = series(kind, length, seed)
    size = max(map(abs, values), default=1.0)
    expected = ta_window.rolling(values, period, ta_window.weighted)
    check_series(WeightedAverage(period).apply_many(values), expected, size, 1e-13)


@given(kind=KINDS, length=st.integers(0, 90), seed=SEEDS, period=PERIODS)
def test_exponential_average_equals_its_recursion(kind: str, length: int, seed: int, period: int) -> None:
    values = series(kind, length, seed)
    size = max(map(abs, values), default=1.0)
    check_series(ExponentialAverage(period).apply_many(values), exponential(values, period), size, 1e-13)


@given(kind=KINDS, length=st.integers(1, 60), seed=SEEDS, period=PERIODS)
def test_window_equals_the_exact_mean_and_variance(kind: str, length: int, seed: int, period: int) -> None:
    values = series(kind, length, seed)
    window = RollingWindow(period)
    for i, x in enumerate(values):
        assert window.update(x)
        held = values[max(0, i + 1 - period) : i + 1]
        size = max(map(abs, held))
        assert abs(window.mean() - ta_window.mean(held)) <= 1e-14 * max(size, abs(held[0]))
        # The square of the spread since the ring last wrapped is what the variance is rounded against.
        since = values[max(0, i + 1 - 2 * period) : i + 1]
        spread = (max(since) - min(since)) ** 2
        assert abs(window.variance() - ta_window.variance(held)) <= 1e-12 * spread


@given(values=st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=60), period=PERIODS)
def test_values_that_are_not_finite_are_refused_and_change_nothing(values: list[float], period: int) -> None:
    usable = [x for x in values if abs(x) <= 1e100]
    window, clean = RollingWindow(period), RollingWindow(period)
    assert window.apply_many(values) == len(usable) == clean.apply_many(usable)
    assert window.refused == len(values) - len(usable)
    assert np.array_equal([window.mean(), window.variance()], [clean.mean(), clean.variance()], equal_nan=True)
    for kind in (SimpleAverage, ExponentialAverage, WeightedAverage):
        average, other = kind(period), kind(period)
        got = average.apply_many(values)
        assert [x for x, y in zip(got, values, strict=True) if abs(y) <= 1e100 and x == x] == [  # noqa: PLR0124
            x
            for x in other.apply_many(usable)
            if x == x  # noqa: PLR0124
        ]
        assert average.refused == window.refused


@given(new=st.integers(1, 2**53), old=st.integers(1, 2**53), near=st.booleans())
def test_log_ratio_equals_the_logarithm(new: int, old: int, near: bool) -> None:  # noqa: FBT001
    if near:
        new = min(max(old + new % 50, 1), 2**53)
    exact = math.log1p((new - old) / old) if abs(new - old) * 2 < old else math.log(new) - math.log(old)
    got = natural_log_ratio(new, old)
    assert abs(got - exact) <= 4e-16 * max(abs(exact), 36.0 if abs(new - old) * 2 >= old else 0.0)
    assert got == -natural_log_ratio(old, new)


@given(x=st.floats(0, 800))
def test_decay_equals_the_exponential(x: float) -> None:
    assert math.isclose(exponential_decay(x), math.exp(-x), rel_tol=1e-15, abs_tol=1e-300)


def check_bar_builder(
    build: Callable[[Sequence[Row], int], tuple[list[Row], int]], trades: Sequence[Row], interval_ns: int
) -> None:
    assert build(trades, interval_ns) == finished_bars(trades, interval_ns)


def built(trades: Sequence[Row], interval_ns: int) -> tuple[list[Row], int]:
    builder = TimeBarBuilder(interval_ns)
    return [tuple(bar) for bar in builder.on_trades(list(trades)).tolist()], builder.late_trades


@given(
    regime=st.sampled_from(("calm", "flat", "steps", "jumps", "tiny")),
    length=st.integers(0, 120),
    seed=SEEDS,
    interval_ns=st.sampled_from((1, 7, 10**6, 10**9, 60 * 10**9)),
)
def test_bars_hold_the_trades_of_their_interval(regime: str, length: int, seed: int, interval_ns: int) -> None:
    check_bar_builder(built, ta_walks.trades(regime, length, seed), interval_ns)


def test_bar_check_fails_for_a_builder_whose_boundary_is_one_nanosecond_late() -> None:
    def shifted(trades: Sequence[Row], interval_ns: int) -> tuple[list[Row], int]:
        return built([(*trade[:3], max(trade[3] - 1, 0)) for trade in trades], interval_ns)

    trades = [(5, 1, 0, 0), (6, 1, 0, 1_000), (7, 1, 1, 2_000), (8, 1, 1, 3_000)]
    check_bar_builder(built, trades, 1_000)
    with pytest.raises(AssertionError):
        check_bar_builder(shifted, trades, 1_000)
