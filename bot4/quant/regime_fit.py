"""Fit of a hidden Markov model of bar returns, off the hot path; the filter that uses it is compiled (brain/regime)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

from bot4.quant.regime_model import RegimeModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SCALE = 100.0  # returns in percent: the optimiser's steps suit them
_CRISIS_RATIO = 2.0
_DRIFT_RATIO = 0.5
_BARS_MIN = 100


def fit_regimes(log_returns: NDArray[np.float64], *, states: int = 3, bar_s: float, source: str = "") -> RegimeModel:
    """Fit `states` Gaussian states by maximum likelihood (statsmodels, EM first) and name them.

    A state whose deviation is twice the calmest one's or more is the crisis, where there are three states. Of the
    others one whose mean, over the time it lasts, is less than half of its deviation over that time is sideways;
    else the sign of the mean names it.

    Parameters
    ----------
    log_returns : ndarray[float64], shape (n,)
        Of bars, oldest first; 100 at least.
    states : int
        2 to 4.
    bar_s : float
        Interval of the bars, seconds.
    source : str
        What they are, in words.

    Raises
    ------
    ValueError
        Too few returns, or a number of states that the filter does not have.

    """
    if not 2 <= states <= 4 or len(log_returns) < _BARS_MIN:  # noqa: PLR2004 - see the message
        raise ValueError(
            f"a fit takes 2 to 4 states and {_BARS_MIN} returns, was given {states} and {len(log_returns)}"
        )
    model = MarkovRegression(np.asarray(log_returns) * _SCALE, k_regimes=states, trend="c", switching_variance=True)
    fitted = model.fit(em_iter=50, search_reps=0, disp=False)
    parameters = dict(zip(model.param_names, fitted.params, strict=True))
    transition = np.asarray(fitted.regime_transition)[:, :, 0].T
    mean = np.array([parameters[f"const[{state}]"] for state in range(states)]) / _SCALE
    deviation = np.sqrt([parameters[f"sigma2[{state}]"] for state in range(states)]) / _SCALE
    return RegimeModel(
        labels=_labels(mean, deviation, transition),
        initial=tuple(float(p) for p in _stationary(transition)),
        transition=tuple(tuple(float(p) for p in row / row.sum()) for row in transition),
        mean=tuple(float(value) for value in mean),
        deviation=tuple(float(value) for value in deviation),
        bar_s=bar_s,
        bars=len(log_returns),
        log_likelihood=float(fitted.llf),
        source=source,
    )


def _stationary(transition: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distribution that the transitions leave as it is."""
    count = len(transition)
    system = np.vstack([transition.T - np.eye(count), np.ones(count)])
    found: NDArray[np.float64] = np.linalg.lstsq(system, np.append(np.zeros(count), 1.0), rcond=None)[0]
    found = np.clip(found, 0.0, None)
    found /= found.sum()
    return found


def _labels(
    mean: NDArray[np.float64], deviation: NDArray[np.float64], transition: NDArray[np.float64]
) -> tuple[str, ...]:
    wildest = int(np.argmax(deviation))
    names = []
    for state in range(len(mean)):
        bars = 1.0 / max(1e-9, 1.0 - transition[state, state])
        if len(mean) > 2 and state == wildest and deviation[state] >= _CRISIS_RATIO * deviation.min():  # noqa: PLR2004
            names.append("crisis")
        elif abs(mean[state]) * np.sqrt(bars) < _DRIFT_RATIO * deviation[state]:
            names.append("sideways")
        else:
            names.append("bull" if mean[state] > 0.0 else "bear")
    return tuple(names)
