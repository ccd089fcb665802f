"""Which book needs a snapshot, and when it may be asked for: the policy, without threads or sockets.

A snapshot that did not make the book live (it was older than the diffs that wait, or did not come) is asked for again
after a wait that doubles. A venue that asks for a pause gets it, for every book.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot4.adapters.venues.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

S = 1_000_000_000


@dataclass(slots=True)
class _Lane:
    backoff: Backoff
    is_asked: bool = False
    not_before_ns: int = 0
    snapshots: int = 0


@dataclass(slots=True)
class SnapshotDesk:
    """Decides about snapshots of `lanes` books.

    Parameters
    ----------
    lanes : int
    rng : Random
        Jitter of the waits.
    together_max : int
        Snapshots asked for at a time, over all books.
    settle_s : float
        How long the engine may take to show what a snapshot did.

    One thread; times are of one monotonic clock, ns.

    """

    lanes: int
    rng: Random
    together_max: int = 2
    settle_s: float = 0.25
    paused_until_ns: int = 0
    fetched: int = 0
    failed: int = 0
    _lanes: list[_Lane] = field(init=False)

    def __post_init__(self) -> None:
        self._lanes = [
            _Lane(Backoff(self.rng, first_s=0.1, longest_s=10.0, attempts_max=1 << 30)) for _ in range(self.lanes)
        ]

    def due(self, now_ns: int, needs: Callable[[int], bool]) -> list[int]:
        """Return the books to ask for now, and count them as asked for.

        `needs` is only called for books that may be asked for.
        """
        if now_ns < self.paused_until_ns:
            return []
        free = self.together_max - sum(lane.is_asked for lane in self._lanes)
        found = []
        for index, lane in enumerate(self._lanes):
            if free <= 0:
                break
            if lane.is_asked or now_ns < lane.not_before_ns:
                continue
            if not needs(index):
                lane.backoff.succeed()
                continue
            lane.is_asked = True
            free -= 1
            found.append(index)
        return found

    def delivered(self, index: int, now_ns: int) -> None:
        """Note that a snapshot was handed to the engine: where the book still needs one later, this one did not fit."""
        lane = self._lanes[index]
        lane.is_asked = False
        lane.snapshots += 1
        self.fetched += 1
        lane.not_before_ns = now_ns + round((self.settle_s + lane.backoff.fail()) * S)

    def refused(self, index: int, now_ns: int, retry_after_s: float | None = None) -> None:
        """Note that none came; `retry_after_s` is a pause the venue asks for."""
        lane = self._lanes[index]
        lane.is_asked = False
        self.failed += 1
        lane.not_before_ns = now_ns + round(lane.backoff.fail() * S)
        if retry_after_s is not None:
            self.pause(now_ns, retry_after_s)

    def forget(self) -> None:
        """Forget what was asked for: whoever would have brought it is gone."""
        for lane in self._lanes:
            lane.is_asked = False

    def pause(self, now_ns: int, seconds: float) -> None:
        """Ask for nothing for a while."""
        self.paused_until_ns = max(self.paused_until_ns, now_ns + round(seconds * S))
