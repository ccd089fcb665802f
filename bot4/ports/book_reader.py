"""A venue's book messages read one at a time: what a data check or a feed needs of a venue with in-band snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class BookUpdate:
    """What one message did to one book.

    Parameters
    ----------
    symbol : str
        The venue's name of the instrument.
    is_snapshot : bool
        The message replaced the book.
    levels : tuple of (str, str)
        Price and quantity texts of the message, bids then asks.
    venue_ns : int
        The venue's stamp in ns, 0 where it gives none.
    checksum_sent, checksum_made : int or None
        The venue's checksum and ours; None where the message carries none, or there is no book to make one of.
    is_crossed : bool
        The best bid is at or above the best ask after the message.
    defect : str
        ``no_snapshot_before``, ``sequence_gap``, or empty.
    detail : str
        The defect in words.
    bid_count : int
        How many of `levels` are bids.
    dropped : tuple of (int, str)
        Side (0 bids, 1 asks) and price of levels that fell out of the subscribed depth by this message.

    """

    symbol: str
    is_snapshot: bool
    levels: tuple[tuple[str, str], ...]
    venue_ns: int = 0
    checksum_sent: int | None = None
    checksum_made: int | None = None
    is_crossed: bool = False
    defect: str = ""
    detail: str = ""
    bid_count: int = 0
    dropped: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class BookTrade:
    """A trade seen between book messages: what the checks need of it."""

    symbol: str
    price: str
    qty: str
    venue_ns: int


@dataclass(frozen=True, slots=True)
class ReadMessage:
    """One frame, read: `kind` is ``book``, ``trade``, ``ticker``, ``bar``, ``control`` or ``other``."""

    kind: str
    symbol: str = ""
    updates: tuple[BookUpdate, ...] = ()
    trades: tuple[BookTrade, ...] = ()


class BookReader(Protocol):
    """Keeps the books of one venue from its frames. One thread at a time."""

    venue: str

    def read(self, payload: bytes) -> ReadMessage:
        """Read one frame and apply it; raises ValueError where it is malformed (the books are then unchanged)."""

    def symbols(self) -> list[str]:
        """Return the symbols that have had a snapshot, in the order they came."""

    def levels(self, symbol: str, count: int) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Return the first `count` bids and asks, best first, as (price, quantity) texts of the venue."""
