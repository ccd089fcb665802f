"""Slow twins of the rolling window and the moving averages: exact fractions over the whole window, every time."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def mean(window: Sequence[float]) -> float:
    """Mean of a window, rounded once."""
    return float(sum(map(Fraction, window)) / len(window))


def variance(window: Sequence[float]) -> float:
    """Population variance of a window, rounded once."""
    n = len(window)
    exact = list(map(Fraction, window))
    return float(sum(x * x for x in exact) / n - (sum(exact) / n) ** 2)


def weighted(window: Sequence[float]) -> float:
    """Mean with weights 1 (oldest) to n (newest)."""
    n = len(window)
    return float(sum(Fraction(x) * (i + 1) for i, x in enumerate(window)) / Fraction(n * (n + 1), 2))


def rolling(values: Sequence[float], period: int, value) -> list[float]:
    """Apply a twin to each full window; NaN before."""
    return [value(values[i + 1 - period : i + 1]) if i + 1 >= period else math.nan for i in range(len(values))]
