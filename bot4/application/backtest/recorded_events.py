"""A recording as one array of events: what is needed where something that is not in it is merged in by time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bot4._core.engine.feed import Feed
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.mem.spsc_ring import SpscRing
from bot4._core.mem.waiter import Waiter

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from typing_extensions import Buffer

    from bot4._core.engine.engine import Engine
    from bot4._core.wire.scan import Scanner
    from bot4.ports.market_feed import MarketFeed

# A source hands over about 64 KiB at a time: some 7,000 levels, and one line more, which may be a whole snapshot.
_RING = 1 << 17


class _Taking(Feed):
    """A feed whose events are taken off its ring after each piece, by the thread that feeds."""

    taken: list[NDArray[np.void]]
    ring: SpscRing
    tell: Callable[[], None]

    def lines(self, data: Buffer, capture_format: int, *, default_instrument: int = -1) -> int:
        used = super().lines(data, capture_format, default_instrument=default_instrument)
        self._take()
        return used

    def rows(self, data: Buffer, kind: int, grid: tuple[int, int, int, int, int], *, first_line: bool = False) -> int:
        used = super().rows(data, kind, grid, first_line=first_line)
        self._take()
        return used

    def _take(self) -> None:
        self.taken.append(self.ring.pop(_RING).view(EVENT_DTYPE))
        self.tell()


def recorded_events(
    source: MarketFeed, scanner: Scanner, engine: Engine, progress: Callable[[float], None] | None = None
) -> tuple[NDArray[np.void], dict[str, Any]]:
    """Read a recording whole.

    Parameters
    ----------
    source : MarketFeed
        A recording.
    scanner, engine
        Know its instruments; nothing is applied.
    progress : callable(share), optional
        Called now and then.

    Returns
    -------
    ndarray[EVENT_DTYPE], dict
        Its events, 64 bytes each, in the order of the recording; and what the feed counted.

    Raises
    ------
    DataError
        As of the source.

    """
    ring, waiter = SpscRing(_RING), Waiter("yield")
    feed = _Taking(scanner, engine, ring=ring, room=waiter, records=waiter)
    feed.taken, feed.ring = [], ring
    feed.tell = lambda: None if progress is None else progress(source.progress or 0.0)
    source.run(feed)
    return np.concatenate([np.zeros(0, EVENT_DTYPE), *feed.taken]), feed.counters()
