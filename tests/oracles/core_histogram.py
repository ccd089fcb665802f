"""Slow twin of the HDR histogram: keeps every value and answers from the sorted list."""

from __future__ import annotations

from fractions import Fraction
from math import ceil


class SlowHistogram:
    """Exact values; only `counter_of` knows that the real one keeps a limited precision."""

    def __init__(self, highest: int, significant_digits: int) -> None:
        self.highest = highest
        self.first_bucket = 1
        while self.first_bucket < 2 * 10**significant_digits:
            self.first_bucket *= 2
        self.values: list[int] = []
        self.clipped = 0

    def record(self, value: int) -> None:
        inside = min(max(value, 0), self.highest)
        self.clipped += inside != value
        self.values.append(inside)

    def counter_of(self, value: int) -> tuple[int, int]:
        """Smallest and largest value that share the counter of `value`."""
        width = 1
        while value // width >= self.first_bucket:
            width *= 2
        low = value // width * width
        return low, low + width - 1

    def percentile(self, q: str) -> int:
        if not self.values:
            return 0
        rank = max(1, ceil(Fraction(q) * len(self.values) / 100))
        value = sorted(self.values)[rank - 1]
        return min(self.counter_of(value)[1], max(self.values))

    def mean(self) -> Fraction:
        if not self.values:
            return Fraction(0)
        return sum((Fraction(sum(self.counter_of(v)), 2) for v in self.values), Fraction(0)) / len(self.values)
