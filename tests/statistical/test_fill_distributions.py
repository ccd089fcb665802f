"""Poisson counts, Beta shares and log-normal latencies, over many fixed seeds at a family-wise level of 1e-6.

Each law is tested on SEEDS samples; a single sample is judged at ALPHA / SEEDS (Bonferroni), so that a right generator
fails the whole family once in a million choices of seeds. Since one sample that passes says little, the p-values of
all samples must be uniform themselves. Counts are discrete, where Kolmogorov-Smirnov does not hold: they are tested by
chi-square on cells of at least five expected counts. Every test has a control: a planted wrong parameter, which the
same test must reject.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bot4._core.sim.distributions import Draws
from bot4._core.sim.latency import Latency
from bot4._core.sim.partial_fills import PartialFills

ALPHA = 1e-6
SEEDS = 200
SIZE = 6_000

BETA = stats.beta(2, 5)
LATENCY = stats.lognorm(0.3, scale=np.exp(3.9))
POISSON = stats.poisson(3)


def shares(seed, alpha=2.0, beta=5.0):
    out = np.zeros(SIZE)
    Draws(seed).fill_beta(out, alpha, beta)
    return out


def latencies_ms(seed, mu=3.9, sigma=0.3):
    return np.array(Latency.lognormal(mu, sigma).samples(seed=seed, count=SIZE)) / 1e6


def counts(seed, mean=3.0):
    out = np.zeros(SIZE, np.int64)
    Draws(seed).fill_poisson(out, mean)
    return out


def ks_p_value(values, law):
    return stats.kstest(values, law.cdf).pvalue


def chi_square_p_value(values, law, last=10):
    """Cells 0 to `last` - 1, and everything from `last` on."""
    observed = np.bincount(np.minimum(values, last), minlength=last + 1)
    expected = np.append(law.pmf(np.arange(last)), law.sf(last - 1)) * len(values)
    assert expected.min() >= 5
    return stats.chisquare(observed, expected).pvalue


def check_family(p_values):
    """No sample is rejected at the family's level, and the p-values are spread as chance spreads them."""
    assert min(p_values) > ALPHA / len(p_values)
    assert stats.kstest(p_values, stats.uniform().cdf).pvalue > ALPHA


def is_rejected(p_values):
    try:
        check_family(p_values)
    except AssertionError:
        return True
    return False


def test_shares_of_partial_fills_are_beta():
    check_family([ks_p_value(shares(seed), BETA) for seed in range(SEEDS)])


def test_latencies_are_lognormal_milliseconds():
    check_family([ks_p_value(latencies_ms(seed), LATENCY) for seed in range(SEEDS)])


def test_counts_of_partial_fills_are_poisson():
    check_family([chi_square_p_value(counts(seed), POISSON) for seed in range(SEEDS)])


@pytest.mark.parametrize(("alpha", "beta"), [(2.1, 5.0), (2.0, 5.2), (5.0, 2.0)])
def test_control_a_wrong_beta_is_rejected(alpha, beta):
    assert is_rejected([ks_p_value(shares(seed, alpha, beta), BETA) for seed in range(SEEDS)])


@pytest.mark.parametrize(("mu", "sigma"), [(3.91, 0.3), (3.9, 0.31)])
def test_control_a_wrong_lognormal_is_rejected(mu, sigma):
    assert is_rejected([ks_p_value(latencies_ms(seed, mu, sigma), LATENCY) for seed in range(SEEDS)])


@pytest.mark.parametrize("mean", [2.95, 3.05])
def test_control_a_wrong_poisson_is_rejected(mean):
    assert is_rejected([chi_square_p_value(counts(seed, mean), POISSON) for seed in range(SEEDS)])


def test_control_a_poisson_that_is_never_zero_is_rejected():
    assert is_rejected([chi_square_p_value(np.maximum(1, counts(seed)), POISSON) for seed in range(20)])


@pytest.mark.parametrize("shape", [0.3, 1.0, 2.0, 7.5])
def test_gamma_numbers_have_their_law(shape):
    out = np.zeros(400_000)
    Draws(3).fill_gamma(out, shape)
    assert ks_p_value(out, stats.gamma(shape)) > ALPHA
    Draws(3).fill_gamma(out, 1.02 * shape)
    assert ks_p_value(out, stats.gamma(shape)) < ALPHA  # the control


def test_exponential_numbers_have_their_law():
    out = np.zeros(400_000)
    Draws(3).fill_exponential(out, 0.25)
    assert ks_p_value(out, stats.expon(scale=0.25)) > ALPHA
    assert ks_p_value(out * 1.02, stats.expon(scale=0.25)) < ALPHA  # the control


@pytest.mark.parametrize("mean", [0.4, 15.9, 40.0, 500.0])
def test_poisson_numbers_of_any_mean_have_their_moments(mean):
    out = np.zeros(100_000, np.int64)
    Draws(9).fill_poisson(out, mean)
    limit = stats.norm.isf(ALPHA / 2)
    assert abs(out.mean() - mean) < limit * np.sqrt(mean / len(out))
    assert abs(out.var() / mean - 1) < limit * np.sqrt((2 + 1 / mean) / len(out))


def test_the_first_piece_of_a_large_order_is_a_beta_share_and_no_piece_comes_with_probability_exp_minus_three():
    lots = 10**9
    pieces = [PartialFills().pieces(lots, seed=seed) for seed in range(20_000)]
    first = np.array([taken[0] for taken in pieces if taken]) / lots
    assert ks_p_value(first, BETA) > ALPHA
    second = np.array([taken[1] / (lots - taken[0]) for taken in pieces if len(taken) > 1])
    assert ks_p_value(second, BETA) > ALPHA  # of what remains, not of the whole
    assert ks_p_value(np.array([t[1] / lots for t in pieces if len(t) > 1]), BETA) < ALPHA  # the control
    assert stats.binomtest(sum(not taken for taken in pieces), len(pieces), np.exp(-3)).pvalue > ALPHA


def test_drawn_figures_are_the_laws_own():
    drawn = np.concatenate([shares(seed) for seed in range(SEEDS)])
    assert drawn.mean() == pytest.approx(0.285714, abs=6 * (0.025510 / len(drawn)) ** 0.5)
    assert drawn.var() == pytest.approx(0.025510, rel=0.02)
    waits = np.concatenate([latencies_ms(seed) for seed in range(SEEDS)])
    assert waits.mean() == pytest.approx(51.68, rel=0.005)
    for share, published in ((0.5, 49.40), (0.99, 99.27), (0.999, 124.8)):
        assert np.quantile(waits, share) == pytest.approx(published, rel=0.01 if share < 0.999 else 0.02)
