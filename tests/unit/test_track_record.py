"""Statistics of a track record against the published figures, and the ratios of made-up returns against SciPy."""

from __future__ import annotations

from math import inf, isnan
from statistics import NormalDist

import numpy as np
import pytest
from scipy import stats

from bot4.quant.track_record import (
    chosen_results,
    deflated_sharpe,
    expected_maximum,
    minimum_backtest_years,
    minimum_track_record,
    moments,
    overfitting,
    probabilistic_sharpe,
    sharpe_columns,
)

DAYS, WEEKS, MONTHS = 252, 52, 12


@pytest.mark.parametrize(("skewness", "kurtosis", "published"), [(0.0, 3.0, 0.982), (-2.448, 10.164, 0.913)])
def test_psr_of_the_papers_hedge_fund_is_the_papers(skewness, kurtosis, published):
    assert probabilistic_sharpe(0.458, 24, skewness=skewness, kurtosis=kurtosis) == pytest.approx(published, abs=5e-4)


@pytest.mark.parametrize(
    ("per_year", "skewness", "kurtosis", "years"),
    [
        (DAYS, 0.0, 3.0, 2.7310),
        (WEEKS, 0.0, 3.0, 2.8288),
        (MONTHS, 0.0, 3.0, 3.2398),
        (MONTHS, -0.72, 5.78, 4.9913),
    ],
)
def test_the_minimum_track_record_of_two_against_one_is_the_papers(per_year, skewness, kurtosis, years):
    periods = minimum_track_record(2 / per_year**0.5, benchmark=1 / per_year**0.5, skewness=skewness, kurtosis=kurtosis)
    assert periods / per_year == pytest.approx(years, abs=5e-5)


def test_no_record_is_long_enough_for_a_ratio_below_its_benchmark():
    assert minimum_track_record(0.1, benchmark=0.1) == inf


def test_the_minimum_track_record_is_where_psr_reaches_the_confidence():
    periods = minimum_track_record(0.1, skewness=-1.0, kurtosis=6.0)
    below = probabilistic_sharpe(0.1, int(periods), skewness=-1.0, kurtosis=6.0)
    above = probabilistic_sharpe(0.1, int(periods) + 1, skewness=-1.0, kurtosis=6.0)
    assert below <= 0.95 <= above


@pytest.mark.parametrize(("trials", "published"), [(100, 0.9004), (46, 0.9505)])
def test_dsr_of_the_papers_example_is_the_papers(trials, published):
    dsr = deflated_sharpe(2.5 / 250**0.5, 1250, trials=trials, trial_variance=0.5 / 250, skewness=-3.0, kurtosis=10.0)
    assert dsr == pytest.approx(published, abs=5e-5)


def test_dsr_of_normal_returns_and_88_trials_is_the_papers():
    dsr = deflated_sharpe(2.5 / 250**0.5, 1250, trials=88, trial_variance=0.5 / 250)
    assert dsr == pytest.approx(0.9505, abs=5e-5)


def test_the_expected_maximum_and_the_length_of_a_backtest_are_the_papers():
    assert expected_maximum(10) == pytest.approx(1.5746, abs=5e-5)
    assert minimum_backtest_years(45) == pytest.approx(4.998, abs=5e-4)
    assert expected_maximum(1) == 0.0
    with pytest.raises(ValueError, match="at least 1, were 0"):
        expected_maximum(0)


def test_the_expected_maximum_is_near_that_of_many_draws():
    drawn = np.random.default_rng(5).standard_normal((20_000, 50)).max(axis=1)
    assert expected_maximum(50) == pytest.approx(drawn.mean(), rel=0.02)  # it is an approximation


def test_moments_are_those_of_scipy():
    returns = np.random.default_rng(3).gamma(2.0, 1.0, 500) - 1.9
    measured = moments(returns)
    assert measured.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1))
    assert measured.skewness == pytest.approx(stats.skew(returns))
    assert measured.kurtosis == pytest.approx(stats.kurtosis(returns, fisher=False))


def test_returns_that_do_not_vary_have_no_ratio():
    assert isnan(moments(np.full(50, 0.01)).sharpe)
    assert isnan(moments(np.array([0.01])).sharpe)
    assert isnan(probabilistic_sharpe(0.5, 1))


def r_normals(seed: int, count: int) -> np.ndarray:
    """Draws of R's rnorm after set.seed: Mersenne Twister and inversion, as R does them by default."""
    word = seed
    for _ in range(50):
        word = (69069 * word + 1) & 0xFFFFFFFF
    words = []
    for _ in range(625):
        word = (69069 * word + 1) & 0xFFFFFFFF
        words.append(word)
    twister = np.random.RandomState()
    twister.set_state(("MT19937", np.array(words[1:], np.uint32), 624))
    uniforms = twister.randint(0, 2**32, 2 * count, dtype=np.uint32) * 2.3283064365386963e-10
    big = 134217728
    inverse = NormalDist().inv_cdf
    return np.array([inverse((int(big * a) + b) / big) for a, b in zip(uniforms[::2], uniforms[1::2], strict=True)])


def test_r_normals_are_those_of_r():
    # What R prints for three draws after the seed 42.
    assert r_normals(42, 3) == pytest.approx([1.37095845, -0.56469817, 0.36312841], abs=5e-9)


def vignette_returns() -> np.ndarray:
    """Trials of the vignette of R's package pbo, 1.3.4: a hundred without any mean, over 2,400 days."""
    drawn = r_normals(765, 2400 * 100).reshape(100, 2400).T
    scaled = drawn / DAYS**0.5 / drawn.std(axis=0, ddof=1)
    return scaled - scaled.mean(axis=0)


def excess_sharpe(returns: np.ndarray) -> np.ndarray:
    return sharpe_columns(returns - 0.03 / DAYS)


def test_overfitting_of_the_vignette_of_r_pbo_is_the_vignettes():
    returns = vignette_returns()
    found = overfitting(returns, blocks=8, measure=excess_sharpe)
    assert (found.splits, found.probability, found.loss_probability) == (70, 1.0, 1.0)
    adjusted = 1.0 - (1.0 - found.r_squared) * 69 / 68
    assert adjusted == pytest.approx(0.97, abs=5e-3)
    inside, outside, _ = chosen_results(returns, blocks=8, measure=excess_sharpe)
    # What the package prints as the slope, -0.0030456, is the first coefficient of R's lm: the intercept of the result
    # in sample on that out of sample. Ours is the slope of the paper's figure, out of sample on in sample.
    slope, intercept = np.polyfit(outside, inside, 1)
    assert intercept == pytest.approx(-0.0030456, abs=5e-8)
    assert found.slope == pytest.approx(found.r_squared / slope)
    assert found.slope == pytest.approx(-0.998014, abs=5e-7)


def test_the_benchmark_of_the_deflated_ratio_is_the_papers():
    # Bailey and Lopez de Prado (2014): of 100 trials with variance 1/2, annual, at 250 days a year.
    assert (0.5 / 250) ** 0.5 * expected_maximum(100) == pytest.approx(0.1132, abs=5e-5)


def by_definition(returns: np.ndarray) -> np.ndarray:
    return sharpe_columns(returns)


def check_halves(returns: np.ndarray, measure) -> None:
    quick = chosen_results(returns, blocks=6, measure=measure)
    plain = chosen_results(returns, blocks=6, measure=by_definition)
    for mine, theirs in zip(quick, plain, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("shift", [0.0, 3.0, -0.01])
def test_ratios_of_halves_from_sums_of_blocks_are_those_of_the_definition(shift):
    returns = np.random.default_rng(13).standard_normal((247, 9)) * 0.01 + shift
    returns[:, 4] = 0.0
    check_halves(returns, sharpe_columns)
    with pytest.raises(AssertionError):
        check_halves(returns, lambda part: part.std(axis=0))


def test_one_trial_that_is_really_better_is_not_overfitting():
    drawn = np.random.default_rng(9).standard_normal((640, 20))
    drawn[:, 7] += 0.5
    assert overfitting(drawn, blocks=8).probability == 0.0


def test_overfitting_of_noise_is_near_a_half():
    rng = np.random.default_rng(11)
    found = [overfitting(rng.standard_normal((160, 12)), blocks=8).probability for _ in range(60)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize("shape_and_blocks", [((100, 5), 7), ((10, 5), 8), ((100, 1), 8)])
def test_too_little_for_a_cross_validation_is_refused(shape_and_blocks):
    shape, blocks = shape_and_blocks
    with pytest.raises(ValueError, match="even number of blocks"):
        overfitting(np.zeros(shape), blocks=blocks)
