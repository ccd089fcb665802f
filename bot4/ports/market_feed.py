"""Where a session's market data comes from: recorded bytes or generated frames, all for the same scanner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bot4._core.engine.feed import Feed
    from bot4.domain.instrument import Instrument


class MarketFeed(Protocol):
    """One source of market data, run once by one thread."""

    @property
    def name(self) -> str:
        """What the person chose, for the screen and the store."""
        ...

    @property
    def is_synthetic(self) -> bool:
        """Whether the market is made up."""
        ...

    @property
    def is_endless(self) -> bool:
        """Whether only `--duration` or a signal ends it."""
        ...

    @property
    def is_live(self) -> bool:
        """Whether it comes when it comes: its reader must not be held back, and its pace is the market's."""
        ...

    @property
    def connection(self) -> str | None:
        """How the connection to a venue is, on one line; None where there is none."""
        ...

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """What it speaks of, in the order of the engine's lanes."""
        ...

    @property
    def progress(self) -> float | None:
        """Share that was read, 0 to 1; None where there is no end."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the result has to know of this input."""
        ...

    @property
    def damage(self) -> str | None:
        """Why the input ended before its end, once it was run; None where it was whole."""
        ...

    def run(self, feed: Feed) -> None:
        """Push everything through `feed` until the input ends or the feed is stopped."""
        ...
