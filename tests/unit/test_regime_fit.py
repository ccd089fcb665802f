"""A fitted regime model: found where it is known, filtered by the core as by statsmodels, kept in a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

from bot4._core.brain.blend import REGIME_NAMES
from bot4._core.brain.study import run_regime
from bot4.domain.errors import ConfigError
from bot4.quant.regime_fit import fit_regimes
from bot4.quant.regime_model import RegimeModel
from bot4.strategy.targets import REGIME_RULES

STAY = np.array([[0.97, 0.03], [0.06, 0.94]])
MEAN, DEVIATION = np.array([0.002, -0.004]), np.array([0.005, 0.02])


def two_states(count: int, seed: int) -> np.ndarray:
    dice, state, returns = np.random.Generator(np.random.Philox(seed)), 0, []
    for _ in range(count):
        state = int(dice.random() < STAY[state, 1])
        returns.append(dice.normal(MEAN[state], DEVIATION[state]))
    return np.array(returns)


@pytest.fixture(scope="module")
def returns() -> np.ndarray:
    return two_states(1_500, seed=11)


@pytest.fixture(scope="module")
def fitted(returns: np.ndarray) -> RegimeModel:
    return fit_regimes(returns, states=2, bar_s=3_600.0, source="two known states")


def as_hidden(model: RegimeModel) -> dict:
    return model.rules() | {"labels": [REGIME_NAMES.index(label) for label in model.labels]}


def test_the_fit_finds_the_states_the_series_was_made_of(fitted: RegimeModel) -> None:
    order = np.argsort(fitted.deviation)
    assert np.array(fitted.deviation)[order] == pytest.approx(DEVIATION, rel=0.1)
    assert np.diag(np.array(fitted.transition))[order] == pytest.approx(np.diag(STAY), abs=0.03)
    assert [fitted.labels[state] for state in order] == ["bull", "bear"]


def test_the_cores_filter_is_statsmodels_filter(returns: np.ndarray, fitted: RegimeModel) -> None:
    model = MarkovRegression(returns * 100, k_regimes=2, trend="c", switching_variance=True)
    chances = np.array(fitted.transition)
    where = {"p[0->0]": chances[0, 0], "p[1->0]": chances[1, 0]}
    where |= {f"const[{i}]": fitted.mean[i] * 100 for i in range(2)}
    where |= {f"sigma2[{i}]": (fitted.deviation[i] * 100) ** 2 for i in range(2)}
    theirs = model.filter([where[name] for name in model.param_names]).filtered_marginal_probabilities
    ours = run_regime(returns, REGIME_RULES, as_hidden(fitted))["hidden"][:, :2]
    assert np.abs(ours - theirs).max() < 1e-6
    skewed = run_regime(returns, REGIME_RULES, as_hidden(fitted) | {"mean": [0.0, 0.0]})["hidden"][:, :2]
    assert np.abs(skewed - theirs).max() > 1e-3, "a filter with other means is another filter"


def test_a_model_comes_back_from_its_file_and_a_wrong_file_is_named(tmp_path: Path, fitted: RegimeModel) -> None:
    fitted.write(tmp_path / "m.json")
    assert RegimeModel.read(tmp_path / "m.json") == fitted
    (tmp_path / "wrong.json").write_text('{"labels": []}')
    with pytest.raises(ConfigError, match=r"wrong.json is no regime model"):
        RegimeModel.read(tmp_path / "wrong.json")
    with pytest.raises(ConfigError, match="cannot be read"):
        RegimeModel.read(tmp_path / "none.json")


def test_too_few_returns_are_refused() -> None:
    with pytest.raises(ValueError, match="100 returns, was given 3 and 99"):
        fit_regimes(np.zeros(99), bar_s=60.0)
