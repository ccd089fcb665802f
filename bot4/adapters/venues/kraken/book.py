"""Kraken's book channel, websocket v1 and v2: snapshot, updates, truncation to the subscribed depth, CRC32.

The checksum goes over the ten best asks, then the ten best bids: of each level the price, then the quantity, each
with the point removed and leading zeros stripped. It needs the digits as sent, so v2's JSON numbers are read as their
literal text and never as floats.

Source: docs.kraken.com, guides "Book checksum (v1)" and "Book checksum (v2)".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zlib import crc32

from bot4._core.wire.capture import stamp_ns
from bot4.adapters.venues.stamps import iso_ns
from bot4.adapters.venues.text_book import TextBook, exact
from bot4.ports.book_reader import BookTrade, BookUpdate, ReadMessage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CHECKSUM_LEVELS = 10
V1_PARTS_MIN = 4
DEPTHS = (10, 25, 100, 500, 1000)
_V1_KINDS = {"trade": "trade", "ticker": "ticker", "spread": "ticker", "ohlc": "bar"}
_V2_KINDS = {"trade": "trade", "ticker": "ticker", "ohlc": "bar"}
_Levels = list[tuple[str, str]]


def checksum(asks: Iterable[tuple[str, str]], bids: Iterable[tuple[str, str]]) -> int:
    """CRC32 of the ten best levels of each side, best first, as (price, quantity) texts.

    >>> checksum([("0.05005", "0.00000500")], [("0.05000", "0.00000500")]) == crc32(b"50055005000500")
    True
    """
    text = "".join(
        price.replace(".", "").lstrip("0") + qty.replace(".", "").lstrip("0")
        for side in (asks, bids)
        for price, qty in list(side)[:CHECKSUM_LEVELS]
    )
    return crc32(text.encode("ascii"))


@dataclass(frozen=True, slots=True)
class _Message:
    """One book message of either version."""

    bids: _Levels
    asks: _Levels
    checksum: int | None = None
    stamp_ns: int = 0


class KrakenBookReader:
    """Books of every pair in one stream, v1 and v2 told apart frame by frame.

    Parameters
    ----------
    decimals : mapping of str to (int, int), optional
        Price and quantity decimals by symbol: v2 texts shorter than that are padded with zeros, as the venue's
        checksum is over padded digits. Without it the digits are taken as sent.

    """

    venue = "kraken"

    def __init__(self, decimals: Mapping[str, tuple[int, int]] | None = None) -> None:
        self._decimals = dict(decimals or {})
        self._books: dict[str, TextBook] = {}
        self._depths: dict[str, int] = {}
        self._v2_depth = 0

    def read(self, payload: bytes) -> ReadMessage:
        """Read one frame; raises ValueError where it is not JSON or a book message is malformed."""
        message = json.loads(payload, parse_float=str, parse_int=str)
        try:
            if isinstance(message, list):
                return self._read_v1(message)
            if isinstance(message, dict):
                return self._read_v2(message)
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise ValueError(f"malformed message: {type(error).__name__} {error}") from None
        raise ValueError("neither an object nor an array")

    def symbols(self) -> list[str]:
        """Symbols that have had a snapshot, in the order they came."""
        return list(self._books)

    def levels(self, symbol: str, count: int) -> tuple[_Levels, _Levels]:
        """Return the first `count` bids and asks, best first, as sent."""
        book = self._books[symbol]
        return book.bids.top(count), book.asks.top(count)

    def _read_v1(self, message: Sequence[Any]) -> ReadMessage:
        # Numbers are texts here too: only the length tells [1,2] from a message that ends in channel and pair.
        if len(message) < V1_PARTS_MIN:
            raise TypeError("no id, data, channel and pair")
        channel, symbol = message[-2], message[-1]
        if not channel.startswith("book"):
            kind = _V1_KINDS.get(channel.partition("-")[0], "other")
            trades = tuple(_v1_trade(symbol, row) for row in message[1]) if kind == "trade" else ()
            return ReadMessage(kind, symbol, trades=trades)
        parts = message[1:-2]
        if "as" in parts[0] or "bs" in parts[0]:
            depth = int(channel.partition("-")[2] or DEPTHS[0])
            message_levels = _Message(_v1_levels(parts, "bs"), _v1_levels(parts, "as"))
            return ReadMessage("book", symbol, (self._snapshot(symbol, depth, message_levels),))
        sent = next((int(part["c"]) for part in parts if "c" in part), None)
        rows = [row for part in parts for side in ("a", "b") for row in part.get(side, ())]
        stamp = max((stamp_ns(row[2]) for row in rows), default=0)
        levels = _Message(_v1_levels(parts, "b"), _v1_levels(parts, "a"), sent, stamp)
        return ReadMessage("book", symbol, (self._update(symbol, levels),))

    def _read_v2(self, message: Mapping[str, Any]) -> ReadMessage:
        channel = message.get("channel")
        if channel is None or channel in ("heartbeat", "status"):
            result = message.get("result")
            if message.get("method") == "subscribe" and isinstance(result, dict) and result.get("channel") == "book":
                self._v2_depth = int(result.get("depth", DEPTHS[0]))
            return ReadMessage("control")
        if channel != "book":
            kind = _V2_KINDS.get(channel, "other")
            rows = message["data"] if kind == "trade" else ()
            trades = tuple(BookTrade(row["symbol"], row["price"], row["qty"], iso_ns(row["timestamp"])) for row in rows)
            return ReadMessage(kind, trades[0].symbol if trades else "", trades=trades)
        updates = tuple(self._read_v2_book(entry, message["type"] == "snapshot") for entry in message["data"])
        return ReadMessage("book", updates[0].symbol if updates else "", updates)

    def _read_v2_book(self, entry: Mapping[str, Any], is_snapshot: bool) -> BookUpdate:  # noqa: FBT001
        symbol = entry["symbol"]
        message = _Message(
            self._v2_levels(symbol, entry.get("bids", ())),
            self._v2_levels(symbol, entry.get("asks", ())),
            int(entry["checksum"]) if "checksum" in entry else None,
            iso_ns(entry["timestamp"]) if "timestamp" in entry else 0,
        )
        if is_snapshot:
            longest = max(len(message.bids), len(message.asks))
            depth = self._v2_depth or next((depth for depth in DEPTHS if depth >= longest), DEPTHS[-1])
            return self._snapshot(symbol, depth, message)
        return self._update(symbol, message)

    def _v2_levels(self, symbol: str, rows: Iterable[Mapping[str, str]]) -> _Levels:
        price_decimals, qty_decimals = self._decimals.get(symbol, (0, 0))
        levels = [(_padded(row["price"], price_decimals), _padded(row["qty"], qty_decimals)) for row in rows]
        return _checked(levels)

    def _snapshot(self, symbol: str, depth: int, message: _Message) -> BookUpdate:
        self._books[symbol] = TextBook()
        self._depths[symbol] = depth
        return self._applied(symbol, message, is_snapshot=True)

    def _update(self, symbol: str, message: _Message) -> BookUpdate:
        if symbol in self._books:
            return self._applied(symbol, message, is_snapshot=False)
        return BookUpdate(
            symbol=symbol,
            is_snapshot=False,
            levels=(*message.bids, *message.asks),
            venue_ns=message.stamp_ns,
            checksum_sent=message.checksum,
            defect="no_snapshot_before",
            detail="an update before any snapshot",
        )

    def _applied(self, symbol: str, message: _Message, *, is_snapshot: bool) -> BookUpdate:
        book, depth = self._books[symbol], self._depths[symbol]
        dropped: list[tuple[int, str]] = []
        for which, (side, levels) in enumerate(((book.bids, message.bids), (book.asks, message.asks))):
            for price, qty in levels:
                side.set(price, qty)
            dropped += [(which, price) for price in side.keep_best(depth)]
        made = None
        if message.checksum is not None:
            made = checksum(book.asks.top(CHECKSUM_LEVELS), book.bids.top(CHECKSUM_LEVELS))
        return BookUpdate(
            symbol=symbol,
            is_snapshot=is_snapshot,
            levels=(*message.bids, *message.asks),
            venue_ns=message.stamp_ns,
            checksum_sent=message.checksum,
            checksum_made=made,
            is_crossed=book.is_crossed,
            bid_count=len(message.bids),
            dropped=tuple(dropped),
        )


def _v1_levels(parts: Iterable[Mapping[str, Any]], name: str) -> _Levels:
    return _checked([(row[0], row[1]) for part in parts for row in part.get(name, ())])


def _v1_trade(symbol: str, row: Sequence[str]) -> BookTrade:
    return BookTrade(symbol, row[0], row[1], stamp_ns(row[2]))


def _checked(levels: _Levels) -> _Levels:
    """Return the same levels; raises ValueError before any is applied where one is no plain decimal."""
    for price, qty in levels:
        exact(price)
        exact(qty)
    return levels


def _padded(text: str, decimals: int) -> str:
    if not isinstance(text, str) or decimals == 0:
        return text
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(decimals, '0')}"
