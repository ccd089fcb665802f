"""What may happen to an order's answer: it comes, it comes late, it is lost after the order was carried out."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random


class Fate(Enum):
    """What becomes of the answer to a request that was carried out."""

    ANSWER = "answer"
    TIME_OUT = "time_out"  # -1007: execution status unknown
    LOSE = "lose"  # the connection breaks


class OrderFaults:
    """Faults of requests that trade.

    Parameters
    ----------
    random : Random
        Seeded.

    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self.timeout_share = 0.0
        self.lost_share = 0.0
        self.delay_ms = 0
        self.timeout_s = 0.0

    @property
    def is_on(self) -> bool:
        """Whether any of it may happen."""
        return self.timeout_share > 0 or self.lost_share > 0 or self.delay_ms > 0

    def fate(self) -> Fate:
        """Draw what becomes of an answer."""
        draw = self._random.random()
        if draw < self.timeout_share:
            return Fate.TIME_OUT
        return Fate.LOSE if draw < self.timeout_share + self.lost_share else Fate.ANSWER

    def delay_s(self) -> float:
        """Draw how long an order takes to the matching engine."""
        return self._random.random() * 2e-3 * self.delay_ms
