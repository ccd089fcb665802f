"""What a live feed has to know of a venue, and of the time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bot4._core.engine.receiver import StreamKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot4.adapters.venues.http_get import Answer
    from bot4.adapters.venues.in_band import InBand
    from bot4.adapters.venues.websocket import WebSocket
    from bot4.domain.instrument import Instrument


class Clock(Protocol):
    """The two clocks a feed needs."""

    def monotonic_ns(self) -> int:
        """Nanoseconds that only grow."""
        ...

    def wall_ns(self) -> int:
        """Nanoseconds UTC."""
        ...


@dataclass(frozen=True, slots=True)
class LinkPlan:
    """One connection a venue's streams need: what it is called, and instrument and kind of everything it carries."""

    name: str
    url: str
    streams: tuple[tuple[int, StreamKind], ...]

    @property
    def lanes(self) -> tuple[int, ...]:
        """Instruments whose depth it carries."""
        return tuple(lane for lane, kind in self.streams if kind is StreamKind.STREAM_DEPTH)


@dataclass(frozen=True, slots=True)
class FundingRate:
    """What a perpetual's next settlement stands at, in parts of 10^8: above 0 who is long pays."""

    lane: int
    rate_e8: int
    mark_ticks: int
    settled_ns: int
    said_ns: int  # when the venue said so, on its clock as `settled_ns`


class VenueStreams(Protocol):
    """What a live feed has to know of a venue."""

    @property
    def name(self) -> str:
        """Venue and market, for people."""
        ...

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """In the order of the engine's lanes."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found at the start that a reader of the result has to know."""
        ...

    @property
    def rules(self) -> tuple[str, bytes] | None:
        """URL and text of the instrument rules as the venue gave them, for a recording."""
        ...

    @property
    def in_band(self) -> InBand | None:
        """How the streams are asked for and read by Python; None where the compiled scanner reads them."""
        ...

    def plans(self) -> Sequence[LinkPlan]:
        """Return the connections the streams need."""
        ...

    def connect(self, url: str) -> WebSocket:
        """Connect one of them; blocks. Raises `UnreachableError`."""
        ...

    def snapshot(self, lane: int) -> tuple[str, Answer]:
        """Fetch an instrument's book; blocks. Returns URL and answer; raises `UnreachableError`."""
        ...

    def wants_rotation(self, notice: bytes) -> bool:
        """Whether a frame without a market event says that its server is about to leave."""
        ...

    def check_clock(self, clock: Clock, *, offset_max_ms: int) -> None:
        """Compare clocks where that matters, and note a difference; blocks. Raises `UnreachableError`."""
        ...

    def funding(self, notice: bytes) -> FundingRate | None:
        """Return the rate that a frame without a market event tells; raises one of `MALFORMED` where it is damaged."""
        ...

    def complaint(self, notice: bytes) -> str | None:
        """Return what a frame without a market event complains about, where it does."""
        ...
