"""Windows, averages and the bar builder: TA-Lib's values, drift, refusals, boundaries."""

from __future__ import annotations

import doctest
import importlib

import numpy as np
import pytest
import talib

from bot4._core.ta.averages import ExponentialAverage, SimpleAverage, WeightedAverage
from bot4._core.ta.bars import TimeBarBuilder
from bot4._core.ta.elementary import exponential_decay, natural_log_ratio
from bot4._core.ta.window import RollingWindow

AVERAGES = (SimpleAverage, ExponentialAverage, WeightedAverage)


@pytest.mark.parametrize(
    ("average", "function"), [(SimpleAverage, talib.SMA), (ExponentialAverage, talib.EMA), (WeightedAverage, talib.WMA)]
)
@pytest.mark.parametrize("period", [2, 5, 20, 200])
def test_averages_equal_talib(average, function, period):
    values = 1_000 + np.cumsum(np.random.default_rng(2).normal(size=5_000))
    got, expected = average(period).apply_many(values), function(values, period)
    assert (np.isnan(got) == np.isnan(expected)).all()
    assert np.nanmax(np.abs(got - expected)) < 1e-9 * 1_000


@pytest.mark.parametrize("average", AVERAGES)
def test_one_value_at_a_time_equals_a_batch(average):
    values = np.random.default_rng(3).normal(size=100)
    single = average(7)
    assert np.array_equal([single.update(x) for x in values], average(7).apply_many(values), equal_nan=True)


def test_window_of_numacc4_has_a_deviation_of_a_tenth():
    values = [1e7 + 0.2, *[1e7 + 0.1, 1e7 + 0.3] * 500]
    window = RollingWindow(len(values))
    window.apply_many(values)
    # The decimals of 10,000,000.1 are themselves 1e-9 off: the certified digits that survive in doubles.
    assert window.mean() == pytest.approx(10_000_000.2, abs=2e-9)
    assert np.sqrt(window.variance() * 1_001 / 1_000) == pytest.approx(0.1, rel=2e-8)


@pytest.mark.untraced
def test_ten_million_updates_leave_no_drift():
    """Compared with a window that saw only what is in it; large values pass through on the way."""
    rng = np.random.default_rng(4)
    block = 1e7 + rng.choice([0.1, 0.2, 0.3], 100_000) + rng.choice([0.0, 0.0, 1e9], 100_000)
    tail = 1e7 + rng.choice([0.1, 0.2, 0.3], 1_000)
    period = 37
    window, simple, weighted = RollingWindow(period), SimpleAverage(period), WeightedAverage(period)
    plain = 0.0
    for _ in range(100):
        window.apply_many(block)
        simple.apply_many(block)
        weighted.apply_many(block)
    window.apply_many(tail)
    fresh = tail[-period:]
    assert window.count == 10_001_000
    assert window.mean() == pytest.approx(float(np.mean(fresh)), rel=1e-15)
    assert window.variance() == pytest.approx(float(np.var(fresh)), rel=1e-6)
    assert simple.apply_many(tail)[-1] == pytest.approx(float(np.mean(fresh)), rel=1e-15)
    weights = np.arange(1, period + 1)
    assert weighted.apply_many(tail)[-1] == pytest.approx(float(np.average(fresh, weights=weights)), rel=1e-15)
    # Control: a plain running sum over the same series has left those digits behind.
    series = np.concatenate([np.tile(block, 10), tail])
    for entering, leaving in zip(series, np.concatenate([np.zeros(period), series[:-period]]), strict=True):
        plain += entering - leaving
    assert abs(plain / period - np.mean(fresh)) > 1e-9


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf"), 1e101])
def test_value_that_is_not_finite_is_refused_and_counted(bad):
    window = RollingWindow(3)
    window.apply_many([1.0, 2.0])
    assert not window.update(bad)
    assert (window.count, window.refused, window.mean()) == (2, 1, 1.5)
    for kind in AVERAGES:
        average = kind(2)
        average.update(1.0)
        assert np.isnan(average.update(bad))
        assert average.refused == 1
        assert average.update(3.0) == pytest.approx(2.0, abs=0.5)


@pytest.mark.parametrize("kind", [RollingWindow, *AVERAGES])
@pytest.mark.parametrize("period", [0, -1, 2**20 + 1])
def test_period_out_of_range_is_named(kind, period):
    with pytest.raises(ValueError, match=f"period must be 1 to 1048576, was {period}"):
        kind(period)


def test_parameters_go_by_name_too():
    assert RollingWindow(period=2).count == 0
    assert all(kind(period=2).refused == 0 for kind in AVERAGES)
    assert TimeBarBuilder(interval_ns=5).late_trades == 0


def test_empty_window_has_no_mean():
    window = RollingWindow(3)
    assert np.isnan(window.mean())
    assert np.isnan(window.variance())
    assert not window.is_full


@pytest.mark.parametrize("prices", [(0, 1), (1, 0), (2**53 + 1, 1), (-5, 5)])
def test_log_ratio_refuses_prices_out_of_range(prices):
    with pytest.raises(ValueError, match="prices must be"):
        natural_log_ratio(*prices)


@pytest.mark.parametrize("x", [-1e-9, float("nan"), float("-inf")])
def test_decay_refuses_a_negative_age(x):
    with pytest.raises(ValueError, match="must not be negative"):
        exponential_decay(x)


def test_decay_far_away_is_zero():
    assert exponential_decay(float("inf")) == exponential_decay(701.0) == 0.0


def test_trade_at_the_boundary_opens_the_next_bar():
    builder = TimeBarBuilder(100)
    assert builder.on_trades([(5, 1, 0, 99)]).shape == (0, 9)
    assert builder.on_trades([(6, 1, 1, 100)]).tolist() == [[5, 5, 5, 5, 1, 1, 1, 0, 100]]


def test_silence_makes_no_bar():
    builder = TimeBarBuilder(100)
    bars = builder.on_trades([(5, 1, 0, 0), (6, 1, 0, 10**15)])
    assert bars[:, 7].tolist() == [0]


def test_timer_finishes_a_bar_once_and_later_trades_of_it_are_late():
    builder = TimeBarBuilder(100)
    builder.on_trades([(5, 1, 0, 150)])
    assert builder.on_time(199) is None
    assert builder.on_time(200) == (5, 5, 5, 5, 1, 1, 1, 100, 200)
    assert builder.on_time(300) is None
    builder.on_trades([(5, 1, 0, 199)])
    assert builder.late_trades == 1


def test_trade_that_would_overflow_the_volume_of_a_bar_is_refused():
    builder = TimeBarBuilder(100)
    builder.on_trades([(5, 2**53 - 1, 0, 0), (9, 2, 0, 1), (5, 1, 0, 2)])
    assert builder.refused_trades == 1
    assert builder.on_time(100) == (5, 5, 5, 5, 2**53, 2**53, 2, 0, 100)


@pytest.mark.parametrize("trade", [(0, 1, 0, 0), (1, 0, 0, 0), (1, 1, 0, -1), (2**53 + 1, 1, 0, 0)])
def test_impossible_trade_makes_no_bar(trade):
    builder = TimeBarBuilder(100)
    builder.on_trades([trade])
    assert builder.refused_trades == 1
    assert builder.on_time(2**61) is None


@pytest.mark.parametrize("interval_ns", [0, -1, 2**62])
def test_interval_out_of_range_is_named(interval_ns):
    with pytest.raises(ValueError, match="interval_ns must be"):
        TimeBarBuilder(interval_ns)


@pytest.mark.parametrize("name", ["elementary", "window", "averages", "registry", "bars", "features", "selection"])
def test_examples_in_the_documentation_run(name):
    results = doctest.testmod(importlib.import_module(f"bot4._core.ta.{name}"))
    assert results.attempted > 0
    assert results.failed == 0
