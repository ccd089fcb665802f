"""Kolmogorov-Smirnov distances and total variation, without a statistics library."""

from __future__ import annotations

from math import erf, sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_SQRT2 = sqrt(2.0)


def ks_distance(sample: NDArray[np.float64], cdf: NDArray[np.float64]) -> float:
    """Return the greatest distance between a sample's distribution and a law.

    Parameters
    ----------
    sample : ndarray[float64], shape (n,), n > 0
        Rising.
    cdf : ndarray[float64], shape (n,)
        The law's distribution function at the sample.

    """
    size = len(sample)
    # Equal values count together: the step of a tie ends at its last, and begins before its first.
    above = np.searchsorted(sample, sample, side="right") / size - cdf
    below = cdf - np.searchsorted(sample, sample, side="left") / size
    return float(max(above.max(), below.max(), 0.0))


def ks_two_samples(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the greatest distance between the distributions of two samples; 1 where one of them is empty.

    >>> import numpy as np
    >>> ks_two_samples(np.array([1.0, 2.0]), np.array([1.0, 2.0])), ks_two_samples(np.array([1.0]), np.array([2.0]))
    (0.0, 1.0)
    """
    if not len(one) or not len(other):
        return 0.0 if len(one) == len(other) else 1.0
    one, other = np.sort(one), np.sort(other)
    places = np.concatenate([one, other])
    difference = np.searchsorted(one, places, side="right") / len(one)
    difference -= np.searchsorted(other, places, side="right") / len(other)
    return float(np.abs(difference).max())


def total_variation(one: Mapping[int, float], other: Mapping[int, float]) -> float:
    """Return the distance of two distributions on whole numbers: the mass that would have to be moved.

    >>> total_variation({1: 1.0}, {1: 0.75, 2: 0.25})
    0.25
    """
    return 0.5 * sum(abs(one.get(value, 0.0) - other.get(value, 0.0)) for value in one.keys() | other.keys())


def normal_cdf(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard normal distribution function."""
    return np.array([0.5 * (1.0 + erf(value / _SQRT2)) for value in values])


def lognormal_fit(sample: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return mu, sigma and the KS distance of the log-normal law with a sample's moments of the logarithm.

    Parameters
    ----------
    sample : ndarray[float64], shape (n,), n > 0
        Above 0.

    """
    logs = np.sort(np.log(sample))
    mu, sigma = float(logs.mean()), float(logs.std())
    if sigma == 0.0:
        return mu, 0.0, 0.0
    return mu, sigma, ks_distance(logs, normal_cdf((logs - mu) / sigma))
