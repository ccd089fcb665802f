"""Distributions of the simulation by Kolmogorov-Smirnov and chi-square, on fixed seeds at a significance of 1e-6.

With a fixed seed the outcome is the same in every run. Each test has a control: a sample with a slightly wrong
parameter, which the same test at the same size must reject.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bot4._core.sim.latency import Latency
from bot4._core.sim.rng import Random

ALPHA = 1e-6
SIZE = 400_000


def sample(method, *parameters, seed, size=SIZE):
    out = np.zeros(size)
    getattr(Random(seed), f"fill_{method}")(out, *parameters)
    return out


def p_value(values, distribution):
    return stats.kstest(values, distribution.cdf).pvalue


@pytest.mark.parametrize("seed", range(5))
def test_uniform_normal_and_lognormal_have_their_distributions(seed):
    assert p_value(sample("uniform", seed=seed), stats.uniform()) > ALPHA
    assert p_value(sample("normal", seed=seed), stats.norm()) > ALPHA
    assert p_value(sample("lognormal", 3.9, 0.3, seed=seed), stats.lognorm(0.3, scale=np.exp(3.9))) > ALPHA


@pytest.mark.parametrize(
    ("values", "distribution"),
    [
        (lambda: sample("uniform", seed=1) * 0.99, stats.uniform()),
        (lambda: sample("normal", seed=1) + 0.02, stats.norm()),
        (lambda: sample("normal", seed=1) * 1.02, stats.norm()),
        (lambda: sample("lognormal", 3.91, 0.3, seed=1), stats.lognorm(0.3, scale=np.exp(3.9))),
        (lambda: sample("lognormal", 3.9, 0.31, seed=1), stats.lognorm(0.3, scale=np.exp(3.9))),
    ],
)
def test_control_a_slightly_wrong_parameter_is_rejected(values, distribution):
    assert p_value(values(), distribution) < ALPHA


def test_p_values_over_many_seeds_are_uniform():
    """One sample that passes proves little; the p-values of many must themselves be uniform."""
    normal = [p_value(sample("normal", seed=seed, size=2_000), stats.norm()) for seed in range(300)]
    uniform = [p_value(sample("uniform", seed=seed, size=2_000), stats.uniform()) for seed in range(300)]
    assert p_value(normal, stats.uniform()) > ALPHA
    assert p_value(uniform, stats.uniform()) > ALPHA


def test_control_p_values_of_a_wrong_distribution_are_not_uniform():
    wrong = [p_value(sample("normal", seed=seed, size=2_000) * 1.05, stats.norm()) for seed in range(300)]
    assert p_value(wrong, stats.uniform()) < ALPHA


@pytest.mark.parametrize("lag", [1, 2, 7])
def test_neighbours_are_not_correlated(lag):
    values = sample("normal", seed=11)
    r = np.corrcoef(values[:-lag], values[lag:])[0, 1]
    assert abs(r) < stats.norm.isf(ALPHA / 2) / np.sqrt(SIZE)
    smooth = values[1:] + 0.02 * values[:-1]  # the control
    r = np.corrcoef(smooth[:-1], smooth[1:])[0, 1]
    assert abs(r) > stats.norm.isf(ALPHA / 2) / np.sqrt(SIZE)


def test_streams_of_one_seed_are_not_correlated():
    one, other = np.zeros(SIZE), np.zeros(SIZE)
    Random(4, 0).fill_uniform(one)
    Random(4, 1).fill_uniform(other)
    assert abs(np.corrcoef(one, other)[0, 1]) < stats.norm.isf(ALPHA / 2) / np.sqrt(SIZE)


@pytest.mark.parametrize("bound", [2, 6, 10, 100])
def test_bounded_integers_are_equally_likely(bound):
    random = Random(5)
    counts = np.bincount([random.below(bound) for _ in range(60_000)], minlength=bound)
    assert stats.chisquare(counts).pvalue > ALPHA
    counts[0] += 2_000 // bound + 600  # the control: one face comes up too often
    assert stats.chisquare(counts, np.full(bound, counts.sum() / bound)).pvalue < ALPHA


def test_default_latencies_are_lognormal_milliseconds():
    ms = np.array(Latency.lognormal().samples(seed=3, count=100_000)) / 1e6
    target = stats.lognorm(0.3, scale=np.exp(3.9))
    assert p_value(ms, target) > ALPHA
    assert np.median(ms) == pytest.approx(49.4, rel=0.01)
    assert np.percentile(ms, 99) == pytest.approx(99.3, rel=0.02)
    assert p_value(ms * 1.02, target) < ALPHA  # the control: two per cent slower
