"""Draws of the made-up market."""

from __future__ import annotations

from math import exp
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

_GRAINS = 4_096
_MIDDLES = [NormalDist().inv_cdf((grain + 0.5) / _GRAINS) for grain in range(_GRAINS)]


class Sizes:
    """Log-normal sizes by table: one uniform draw each, a fraction of the cost of a normal one.

    Parameters
    ----------
    rng : random.Random
        Source of every draw.
    sigma : float
        Standard deviation of the logarithm. A size is one of 4,096 equally likely ones, the middles of equal shares of
        the distribution, so none is beyond 3.7 standard deviations.

    """

    __slots__ = ("_draw", "_of_grain")

    def __init__(self, rng: random.Random, sigma: float) -> None:
        self._draw = rng.random
        self._of_grain = [exp(sigma * middle) for middle in _MIDDLES]

    def draw(self, median: float) -> float:
        """Draw one size about `median`."""
        return median * self._of_grain[int(self._draw() * _GRAINS)]
