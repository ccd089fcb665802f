"""What a track record proves: how sure a Sharpe ratio is, how long it takes, and how much of it is selection.

Ratios here are per period (day, hour) and not annualised; `kurtosis` is that of the normal law at 3.

Source: Bailey and Lopez de Prado, "The Sharpe Ratio Efficient Frontier" (2012) and "The Deflated Sharpe Ratio" (2014);
Bailey, Borwein, Lopez de Prado and Zhu, "The Probability of Backtest Overfitting" (2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import e as euler_number
from math import inf, nan, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_NORMAL: Final = NormalDist()
_EULER_MASCHERONI: Final = 0.57721566490153286
_NORMAL_KURTOSIS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Moments:
    """Sharpe ratio, skewness and kurtosis of returns per period; NaN where they do not vary."""

    periods: int
    sharpe: float
    skewness: float
    kurtosis: float


def moments(returns: NDArray[np.float64]) -> Moments:
    """Measure returns per period, one or more."""
    count = len(returns)
    centred = returns - returns.mean()
    deviation = sqrt(float(centred @ centred) / (count - 1)) if count > 1 else 0.0
    # Returns that are all the same but for rounding have no ratio.
    if deviation <= 1e-15 * max(1.0, float(np.abs(returns).max(initial=0.0))):
        return Moments(count, nan, nan, nan)
    spread = sqrt(float(centred @ centred) / count)
    return Moments(
        count,
        float(returns.mean()) / deviation,
        float((centred**3).mean()) / spread**3,
        float((centred**4).mean()) / spread**4,
    )


def _ratio_variance(sharpe: float, skewness: float, kurtosis: float) -> float:
    """Variance of the estimated ratio times the number of periods less one."""
    return 1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2


def probabilistic_sharpe(
    sharpe: float,
    periods: int,
    *,
    benchmark: float = 0.0,
    skewness: float = 0.0,
    kurtosis: float = _NORMAL_KURTOSIS,
) -> float:
    """Return the probability that the true ratio is above `benchmark`.

    >>> round(probabilistic_sharpe(0.458, 24), 3)
    0.982
    """
    variance = _ratio_variance(sharpe, skewness, kurtosis)
    if periods < 2 or not variance > 0.0:  # noqa: PLR2004 - one period has no deviation
        return nan
    return _NORMAL.cdf((sharpe - benchmark) * sqrt(periods - 1) / sqrt(variance))


def minimum_track_record(
    sharpe: float,
    *,
    benchmark: float = 0.0,
    confidence: float = 0.95,
    skewness: float = 0.0,
    kurtosis: float = _NORMAL_KURTOSIS,
) -> float:
    """Return the periods it takes to be that sure that the true ratio is above `benchmark`; infinite where it is not.

    >>> round(minimum_track_record(2 / 252**0.5, benchmark=1 / 252**0.5) / 252, 2)
    2.73
    """
    if not sharpe > benchmark:
        return inf
    quantile = _NORMAL.inv_cdf(confidence)
    return 1.0 + _ratio_variance(sharpe, skewness, kurtosis) * (quantile / (sharpe - benchmark)) ** 2


def expected_maximum(trials: int) -> float:
    """Return the greatest of so many independent standard normal draws, as expected; 0 of one.

    >>> round(expected_maximum(10), 4)
    1.5746
    """
    if trials < 1:
        raise ValueError(f"trials must be at least 1, were {trials}")
    if trials == 1:
        return 0.0
    return (1.0 - _EULER_MASCHERONI) * _NORMAL.inv_cdf(1.0 - 1.0 / trials) + _EULER_MASCHERONI * _NORMAL.inv_cdf(
        1.0 - 1.0 / (trials * euler_number)
    )


def deflated_sharpe(
    sharpe: float,
    periods: int,
    *,
    trials: int,
    trial_variance: float,
    skewness: float = 0.0,
    kurtosis: float = _NORMAL_KURTOSIS,
) -> float:
    """Return the probability that the true ratio is above what the best of so many worthless trials would show.

    `sharpe` is that of the strategy that was chosen, `trials` how many there were to choose from, and `trial_variance`
    the variance of their ratios.

    >>> round(deflated_sharpe(2.5 / 250**0.5, 1250, trials=100, trial_variance=0.5 / 250, skewness=-3, kurtosis=10), 4)
    0.9004
    """
    benchmark = sqrt(trial_variance) * expected_maximum(trials)
    return probabilistic_sharpe(sharpe, periods, benchmark=benchmark, skewness=skewness, kurtosis=kurtosis)


def minimum_backtest_years(trials: int, target: float = 1.0) -> float:
    """Return the years of data below which the best of so many worthless trials shows an annual ratio of `target`.

    >>> round(minimum_backtest_years(45), 1)
    5.0
    """
    return (expected_maximum(trials) / target) ** 2


@dataclass(frozen=True, slots=True)
class Overfitting:
    """Result of combinatorially symmetric cross-validation.

    ``probability`` is the share of splits in which the best in sample is at or below the median out of sample;
    ``slope`` and ``r_squared`` are of the best's result out of sample on that in sample; ``loss_probability`` is the
    share of splits in which the best in sample loses out of sample.
    """

    splits: int
    probability: float
    slope: float
    r_squared: float
    loss_probability: float


def sharpe_columns(returns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the Sharpe ratio of each column; 0 where a column does not vary."""
    deviation = returns.std(axis=0, ddof=1)
    found = np.zeros(returns.shape[1])
    np.divide(returns.mean(axis=0), deviation, out=found, where=deviation > 0)
    return found


def overfitting(
    returns: NDArray[np.float64],
    *,
    blocks: int = 16,
    measure: Callable[[NDArray[np.float64]], NDArray[np.float64]] = sharpe_columns,
) -> Overfitting:
    """Estimate the probability of backtest overfitting.

    Parameters
    ----------
    returns : ndarray[float64], shape (periods, trials)
        Of every trial there was, in step; two trials at least.
    blocks : int
        Even; the periods are cut into so many, and every half of them is in sample once. Left over periods go unused.
    measure : callable
        Result of each column of a part of `returns`.

    Raises
    ------
    ValueError
        The blocks are odd, or more than the periods, or there is one trial.

    """
    inside, outside, shares = chosen_results(returns, blocks=blocks, measure=measure)
    spread = float(((inside - inside.mean()) ** 2).sum())
    slope = float(((inside - inside.mean()) * (outside - outside.mean())).sum()) / spread if spread > 0 else nan
    total = float(((outside - outside.mean()) ** 2).sum())
    return Overfitting(
        splits=len(inside),
        probability=float(np.mean(np.log(shares / (1.0 - shares)) <= 0.0)),
        slope=slope,
        r_squared=slope**2 * spread / total if total > 0 else nan,
        loss_probability=float(np.mean(outside < 0.0)),
    )


def chosen_results(
    returns: NDArray[np.float64],
    *,
    blocks: int = 16,
    measure: Callable[[NDArray[np.float64]], NDArray[np.float64]] = sharpe_columns,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return of the best in each half its result there, that in the other half, and its share of the ranks there.

    Parameters and errors are those of `overfitting`.
    """
    periods, trials = returns.shape
    if blocks < 2 or blocks % 2 or periods < 2 * blocks or trials < 2:  # noqa: PLR2004 - see the message
        raise ValueError(
            f"needs an even number of blocks of two periods and two trials, was {blocks} blocks, {periods} x {trials}"
        )
    cut = returns[: periods // blocks * blocks].reshape(blocks, periods // blocks, trials)
    halves = list(combinations(range(blocks), blocks // 2))
    every = _sharpe_of_halves(cut, halves) if measure is sharpe_columns else None
    inside, outside, shares = [], [], []
    for number, chosen in enumerate(halves):
        if every is not None:
            # Halves come in the order that mirrors itself: the last is what the first leaves out.
            results_in, results_out = every[number], every[-1 - number]
        else:
            rest = [block for block in range(blocks) if block not in chosen]
            results_in = measure(cut[list(chosen)].reshape(-1, trials))
            results_out = measure(cut[rest].reshape(-1, trials))
        best = int(np.argmax(results_in))
        # Rank from below, ties in the middle.
        below, same = (results_out < results_out[best]).sum(), (results_out == results_out[best]).sum()
        inside.append(float(results_in[best]))
        outside.append(float(results_out[best]))
        shares.append((float(below) + (float(same) + 1.0) / 2.0) / (trials + 1.0))
    return np.array(inside), np.array(outside), np.array(shares)


def _sharpe_of_halves(cut: NDArray[np.float64], halves: list[tuple[int, ...]]) -> NDArray[np.float64]:
    """Return the Sharpe ratios of each half, shape (halves, trials), from sums of the blocks about the whole's mean."""
    centre = cut.mean(axis=(0, 1))
    apart = cut - centre
    member = np.zeros((len(halves), len(cut)))
    np.put_along_axis(member, np.array(halves), 1.0, axis=1)
    count = cut.shape[1] * len(halves[0])
    mean = member @ apart.sum(axis=1) / count
    squares = member @ (apart**2).sum(axis=1)
    deviation = np.sqrt(np.maximum(squares - count * mean**2, 0.0) / (count - 1))
    # What does not vary but for rounding has no ratio.
    still = deviation <= 1e-12 * np.abs(cut).max(axis=(0, 1))
    found = np.zeros((len(halves), cut.shape[2]))
    np.divide(centre + mean, deviation, out=found, where=~still)
    return found
