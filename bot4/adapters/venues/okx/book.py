"""OKX v5's book channels: snapshot, updates, sequence ids where they are sent, CRC32 while the venue sent one.

The checksum goes over the 25 best levels of both sides, bid and ask in turn, as ``price:quantity`` joined by colons,
and is a signed 32-bit number. Since 2026-06-23 the venue sends 0 in its place: 0 is taken as "none".

Source: OKX API v5 guide, "Order book channel" and "Checksum"; its notice of 2026-05-21 on the field's retirement.
"""

from __future__ import annotations

from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any
from zlib import crc32

import orjson

from bot4.adapters.venues.text_book import TextBook, exact
from bot4.ports.book_reader import BookTrade, BookUpdate, ReadMessage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CHECKSUM_LEVELS = 25
# Channels that send a snapshot and then updates; books5 and bbo-tbt send a whole top each time.
_INCREMENTAL = ("books", "books-l2-tbt", "books50-l2-tbt")
_WHOLE = ("books5", "bbo-tbt")
_Levels = list[tuple[str, str]]


def checksum(bids: Iterable[tuple[str, str]], asks: Iterable[tuple[str, str]]) -> int:
    """Signed CRC32 of the 25 best levels of each side, best first, as (price, quantity) texts.

    >>> checksum([("3366.1", "7"), ("3366", "6")], [("3366.8", "9"), ("3368", "8")])
    -1881014294
    """
    pairs = zip_longest(list(bids)[:CHECKSUM_LEVELS], list(asks)[:CHECKSUM_LEVELS])
    levels = (level for level in chain.from_iterable(pairs) if level is not None)
    value = crc32(":".join(f"{price}:{qty}" for price, qty in levels).encode("ascii"))
    return value - (1 << 32) if value >= 1 << 31 else value


class OkxBookReader:
    """Books of every instrument in one stream."""

    venue = "okx"

    def __init__(self) -> None:
        self._books: dict[str, TextBook] = {}
        self._last_ids: dict[str, int] = {}

    def read(self, payload: bytes) -> ReadMessage:
        """Read one frame; raises ValueError where it is not JSON or a book message is malformed."""
        if payload in (b"pong", b"ping"):
            return ReadMessage("control")
        message = orjson.loads(payload)
        try:
            return self._read(message)
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise ValueError(f"malformed message: {type(error).__name__} {error}") from None

    def symbols(self) -> list[str]:
        """Symbols that have had a snapshot, in the order they came."""
        return list(self._books)

    def levels(self, symbol: str, count: int) -> tuple[_Levels, _Levels]:
        """Return the first `count` bids and asks, best first, as sent."""
        book = self._books[symbol]
        return book.bids.top(count), book.asks.top(count)

    def _read(self, message: Mapping[str, Any]) -> ReadMessage:
        if "event" in message or "op" in message:
            return ReadMessage("control")
        channel, symbol = message["arg"]["channel"], message["arg"].get("instId", "")
        if channel in _INCREMENTAL or channel in _WHOLE:
            is_whole = channel in _WHOLE or message["action"] == "snapshot"
            updates = tuple(self._book(symbol, entry, is_whole) for entry in message["data"])
            return ReadMessage("book", symbol, updates)
        if channel in ("trades", "trades-all"):
            return ReadMessage("trade", symbol, trades=tuple(_trade(symbol, row) for row in message["data"]))
        kind = "ticker" if channel == "tickers" else "bar" if channel.startswith("candle") else "other"
        return ReadMessage(kind, symbol)

    def _book(self, symbol: str, entry: Mapping[str, Any], is_whole: bool) -> BookUpdate:  # noqa: FBT001
        bids, asks = _levels(entry["bids"]), _levels(entry["asks"])
        sent = int(entry.get("checksum", 0)) or None
        stamp = int(entry["ts"]) * 1_000_000
        texts = (*bids, *asks)
        if is_whole:
            self._books[symbol] = TextBook()
        elif symbol not in self._books:
            return BookUpdate(
                symbol=symbol,
                is_snapshot=False,
                levels=texts,
                venue_ns=stamp,
                checksum_sent=sent,
                defect="no_snapshot_before",
                detail="an update before any snapshot",
            )
        gap = self._gap(symbol, entry, is_whole)
        book = self._books[symbol]
        for side, levels in ((book.bids, bids), (book.asks, asks)):
            for price, qty in levels:
                side.set(price, qty)
        made = None
        if sent is not None:
            made = checksum(book.bids.top(CHECKSUM_LEVELS), book.asks.top(CHECKSUM_LEVELS))
        return BookUpdate(
            symbol, is_whole, texts, stamp, sent, made, book.is_crossed, "sequence_gap" if gap else "", gap, len(bids)
        )

    def _gap(self, symbol: str, entry: Mapping[str, Any], is_whole: bool) -> str:  # noqa: FBT001
        """Tell a break of prevSeqId == last seqId; recordings of before 2023 carry no ids."""
        if "seqId" not in entry:
            return ""
        before, previous = int(entry.get("prevSeqId", -1)), self._last_ids.get(symbol)
        self._last_ids[symbol] = int(entry["seqId"])
        if is_whole or previous is None or before == previous:
            return ""
        return f"prevSeqId {before} after seqId {previous}"


def _levels(rows: Sequence[Sequence[str]]) -> _Levels:
    """(price, quantity) texts; raises ValueError before any is applied where one is no plain decimal."""
    levels = [(row[0], row[1]) for row in rows]
    for price, qty in levels:
        exact(price)
        exact(qty)
    return levels


def _trade(symbol: str, row: Mapping[str, str]) -> BookTrade:
    return BookTrade(symbol, row["px"], row["sz"], int(row["ts"]) * 1_000_000)
