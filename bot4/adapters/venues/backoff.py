"""How long to wait before the next attempt, and when to give up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random


class Backoff:
    """Waits that double from `first_s` up to `longest_s`, each drawn from its upper half.

    Parameters
    ----------
    rng : Random
        Where the jitter comes from: many clients must not come back at the same moment.
    first_s, longest_s : float
        The first wait and the longest, seconds.
    attempts_max : int
        Failures in a row after which `is_exhausted` holds.

    One thread.

    >>> from random import Random
    >>> backoff = Backoff(Random(1), first_s=1.0, longest_s=4.0, attempts_max=3)
    >>> [round(backoff.fail(), 2) for _ in range(3)], backoff.is_exhausted
    ([0.57, 1.85, 3.53], True)
    """

    def __init__(self, rng: Random, *, first_s: float = 0.25, longest_s: float = 30.0, attempts_max: int = 100) -> None:
        if not 0.0 < first_s <= longest_s:
            raise ValueError(f"waits must be 0 < first_s <= longest_s, was {first_s} and {longest_s}")
        if attempts_max < 1:
            raise ValueError(f"attempts_max must be at least 1, was {attempts_max}")
        self._rng = rng
        self._first_s = first_s
        self._longest_s = longest_s
        self._attempts_max = attempts_max
        self.failures = 0

    def fail(self) -> float:
        """Count a failure and return how long to wait, seconds."""
        longest_s = min(self._longest_s, self._first_s * 2.0 ** min(self.failures, 30))
        self.failures += 1
        return longest_s * (0.5 + 0.5 * self._rng.random())

    def succeed(self) -> None:
        """Begin anew: what was tried worked."""
        self.failures = 0

    @property
    def is_exhausted(self) -> bool:
        """Whether it failed as often in a row as it may."""
        return self.failures >= self._attempts_max
