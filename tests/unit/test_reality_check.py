"""Reality check and SPA by arch: right under the null, sharp where a trial is better, plain where arch is missing."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from builders.backtest import instrument, quotes, roomy
from scipy import stats

import bot4
from bot4.domain.errors import ConfigError
from bot4.quant.reality_check import snooping_test
from bot4.strategy.ema_cross import compiled_ema_cross

pytest.importorskip("arch")


def drawn(seed: int, periods: int = 300, trials: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((periods, trials)), rng.standard_normal(periods)


def test_of_trials_that_are_no_better_a_small_p_is_as_rare_as_it_says():
    found = [snooping_test(*drawn(seed), seed=seed, draws=100, block=1) for seed in range(200)]
    for p in ([test.reality_check for test in found], [test.spa for test in found]):
        assert stats.kstest(p, "uniform").pvalue > 1e-6
        assert np.mean(np.array(p) <= 0.05) < 0.13


def test_a_choice_tested_as_if_it_had_been_the_only_trial_is_not():
    # The control: the best of five against a benchmark, tested alone, is called better far too often.
    alone = []
    for seed in range(200):
        returns, benchmark = drawn(seed)
        best = int(np.argmax(returns.mean(axis=0)))
        alone.append(snooping_test(returns[:, [best]], benchmark, seed=seed, draws=100, block=1).spa)
    assert stats.kstest(alone, "uniform").pvalue < 1e-6


def test_a_trial_that_is_better_is_found_and_hopeless_ones_weigh_less_in_spa():
    returns, benchmark = drawn(3, trials=20)
    returns[:, 4] += 0.3
    returns[:, 5:] -= 3.0
    found = snooping_test(returns, benchmark, seed=1)
    assert found.spa < 0.02
    assert found.spa <= found.reality_check
    assert found == snooping_test(returns, benchmark, seed=1)
    assert (found.trials, found.block) == (20, 17)


def test_a_trial_that_is_the_benchmark_itself_proves_nothing():
    _, benchmark = drawn(1)
    found = snooping_test(benchmark[:, None], benchmark, seed=1)
    assert (found.reality_check, found.spa) == (1.0, 1.0)


def test_too_few_periods_or_another_length_are_refused():
    returns, benchmark = drawn(1)
    with pytest.raises(ValueError, match="needs 30 periods in step"):
        snooping_test(returns[:20], benchmark[:20], seed=1)
    with pytest.raises(ValueError, match="needs 30 periods in step"):
        snooping_test(returns, benchmark[:-1], seed=1)


def test_without_arch_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "arch.bootstrap", None)
    with pytest.raises(ConfigError, match=r"pip install 'bot4\[quant\]'"):
        snooping_test(*drawn(1), seed=1)


@pytest.mark.untraced
def test_of_strategies_on_a_walk_none_is_called_better_than_random_entries():
    rows = quotes(3_600, 4, step_ns=1_000_000_000)
    make = lambda **words: compiled_ema_cross(lots=900, slippage_ticks=5, **words)  # noqa: E731 - one line
    grid = {"fast": [5, 20], "slow": [40, 160]}
    found = bot4.walk_forward(rows, instrument(), make, grid, windows=1, settings=roomy(), count_trial=False)
    assert found.snooping["random"].spa > 0.01
    assert found.snooping["hold"].spa > 0.01
    assert found.deflated_sharpe < 0.95
    assert any("luck explains" in text for text in found.warnings)
