"""Venues that send the book's snapshot by the stream itself: what one frame means, and how it becomes events.

Their frames are read by Python, tens of microseconds each; the books they feed are the compiled ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

import numpy as np

from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.types import EventKind, Flag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bot4.domain.instrument import Instrument

_INT63 = 1 << 62
# What reading a frame may run into that is not what the venue's documents promise.
MALFORMED = (ValueError, KeyError, TypeError, IndexError, AttributeError, ArithmeticError)
Levels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class BookMessage:
    """A snapshot, or levels that changed (quantity 0: gone); price and quantity as the venue wrote them."""

    lane: int
    is_snapshot: bool
    bids: Levels
    asks: Levels
    venue_ns: int


@dataclass(frozen=True, slots=True)
class Print:
    """One trade."""

    lane: int
    price: str
    qty: str
    is_buyer_maker: bool
    trade_id: int
    venue_ns: int


@dataclass(frozen=True, slots=True)
class Lost:
    """An instrument's book is not the venue's any more, or (`lane` None) nothing of this connection is."""

    lane: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The venue refuses something, in its own words."""

    text: str


Update = BookMessage | Print | Lost | Refused


class InBand(Protocol):
    """How one venue's streams are asked for and read. Used by the reading thread."""

    @property
    def heartbeat(self) -> tuple[float, str] | None:
        """Seconds between two messages that keep a connection alive, and the message; None where pings do."""
        ...

    def opening(self) -> list[str]:
        """Return what to send on a new connection; nothing of an earlier one counts from here on."""
        ...

    def resubscribe(self, lane: int) -> list[str]:
        """Return what to send so that an instrument's snapshot comes again."""
        ...

    def read(self, payload: bytes) -> Sequence[Update]:
        """Return what one frame means; raises one of `MALFORMED` where it means nothing sound."""
        ...


class EventWriter:
    """Writes updates as events, on each instrument's grid, with update ids of its own that never break.

    Continuity is the venue's to prove and `InBand.read`'s to check; from here on a book is lost only by a gap mark.
    """

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self._grids = [
            (_power(instrument.tick_size), _power(instrument.lot_size), instrument) for instrument in instruments
        ]
        self._ids = [0] * len(instruments)

    def book(self, message: BookMessage, recv_ns: int) -> NDArray[np.void]:
        """Return the events of a book message; raises ValueError where a level is off the grid."""
        bids = self._levels(message.lane, message.bids)
        asks = self._levels(message.lane, message.asks)
        events = np.zeros(1 + len(bids) + len(asks), EVENT_DTYPE)
        first = self._ids[message.lane] + 1
        self._ids[message.lane] = first
        events["kind"] = EventKind.EVENT_DEPTH_LEVEL
        events["flags"] = Flag.FLAG_SNAPSHOT if message.is_snapshot else 0
        events["instrument"] = message.lane
        events["recv_ns"] = recv_ns
        events["venue_ns"] = message.venue_ns
        events["side"][1 + len(bids) :] = 1
        if bids or asks:
            events["a"][1:], events["b"][1:] = np.array([*bids, *asks], np.int64).T
            events["c"][1:] = first
        head = events[0]
        head["kind"] = EventKind.EVENT_DEPTH_BEGIN
        head["a"] = head["b"] = first
        head["c"] = head["e"] = -1
        head["d"] = len(bids) + len(asks)
        events["flags"][0] |= Flag.FLAG_FIRST
        events["flags"][-1] |= Flag.FLAG_LAST
        return events

    def trade(self, message: Print, recv_ns: int) -> NDArray[np.void]:
        """Return the event of a print; raises ValueError where it is off the grid."""
        ((price_ticks, qty_lots),) = self._levels(message.lane, ((message.price, message.qty),))
        event = np.zeros(1, EVENT_DTYPE)
        event["kind"] = EventKind.EVENT_TRADE
        event["flags"] = Flag.FLAG_FIRST | Flag.FLAG_LAST | (Flag.FLAG_BUYER_IS_MAKER if message.is_buyer_maker else 0)
        event["side"] = 1 if message.is_buyer_maker else 0
        event["instrument"] = message.lane
        event["recv_ns"], event["venue_ns"] = recv_ns, message.venue_ns
        event["a"], event["b"] = price_ticks, qty_lots
        event["c"] = event["d"] = event["e"] = message.trade_id
        return event

    def _levels(self, lane: int, levels: Levels) -> list[tuple[int, int]]:
        tick_shift, lot_shift, instrument = self._grids[lane]
        if tick_shift is None or lot_shift is None:
            return [(instrument.price_to_ticks(price), instrument.qty_to_lots(qty)) for price, qty in levels]
        return [(_steps(price, tick_shift), _steps(qty, lot_shift)) for price, qty in levels]


def _power(step: Decimal) -> int | None:
    """Digits behind the point of a step that is a power of ten; None for others (0.05)."""
    reduced = step.normalize()
    _, digits, exponent = reduced.as_tuple()
    return -exponent if digits == (1,) and isinstance(exponent, int) else None


def _steps(text: str, shift: int) -> int:
    """Whole steps of 10 ** -shift in a plain decimal.

    >>> _steps("61837.6300", 2), _steps("5", 0)
    (6183763, 5)
    >>> _steps("61837.635", 2)
    Traceback (most recent call last):
    ValueError: 61837.635 is not a multiple of 1E-2
    """
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    if shift < 0 or len(fraction) > shift or not (whole + fraction).isdigit():
        scaled = Decimal(text).scaleb(shift)
        if not scaled.is_finite() or scaled != scaled.to_integral_value():
            raise ValueError(f"{text} is not a multiple of 1E{-shift}")
        found = int(scaled)
    else:
        found = int(whole + fraction.ljust(shift, "0"))
    if not 0 <= found < _INT63:
        raise ValueError(f"{text} is out of range")
    return found
