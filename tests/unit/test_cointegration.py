"""Pairs: the relation that a series was made with is found, and one that is not there is not."""

from __future__ import annotations

import numpy as np
import pytest

from bot4.quant.cointegration import fit_pair


def walk(count: int, seed: int) -> np.ndarray:
    return np.cumsum(np.random.Generator(np.random.Philox(seed)).normal(0.0, 0.01, count))


def reverting(count: int, seed: int, coefficient: float) -> np.ndarray:
    dice, value, values = np.random.Generator(np.random.Philox(seed)), 0.0, []
    for _ in range(count):
        value = coefficient * value + dice.normal(0.0, 0.005)
        values.append(value)
    return np.array(values)


def test_a_pair_that_was_made_is_found_with_its_ratio_and_half_life() -> None:
    common, spread = walk(1_500, 3), reverting(1_500, 4, 0.9)
    model = fit_pair(100 * np.exp(0.3 + 1.5 * common + spread), 50 * np.exp(common))
    assert model.hedge_ratio == pytest.approx(1.5, abs=0.1)
    assert model.half_life_bars == pytest.approx(np.log(0.5) / np.log(0.9), rel=0.2)
    assert model.p_value < 0.01
    assert model.deviation == pytest.approx(0.005 / np.sqrt(1 - 0.81), rel=0.1)


def test_two_walks_that_have_nothing_in_common_are_no_pair() -> None:
    p_values = [fit_pair(np.exp(walk(600, 2 * i)), np.exp(walk(600, 2 * i + 1))).p_value for i in range(20)]
    # Uniform under the null: 20 draws with 6 or more below 5 % have a chance of one in 3,000.
    assert sum(p < 0.05 for p in p_values) < 6


def test_the_score_is_the_spread_in_deviations() -> None:
    model = fit_pair(np.exp(walk(300, 1)), np.exp(walk(300, 2)))
    y, x = 2.0, 3.0
    assert model.score(y, x) * model.deviation == pytest.approx(
        np.log(y) - model.intercept - model.hedge_ratio * np.log(x)
    )


@pytest.mark.parametrize(
    ("y", "x"), [(np.ones(59), np.ones(59)), (np.ones(80), np.ones(79)), (np.zeros(80), np.ones(80))]
)
def test_series_that_cannot_be_fitted_are_refused(y: np.ndarray, x: np.ndarray) -> None:
    with pytest.raises(ValueError, match="60 positive prices each"):
        fit_pair(y, x)
