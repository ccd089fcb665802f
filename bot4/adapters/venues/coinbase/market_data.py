"""Coinbase Advanced's spot market: level2, market_trades, heartbeats.

``sequence_num`` counts every message of the connection, whatever its channel: a hole means that something of it is
missing, and nobody can tell of which instrument. So the whole connection is made again. There is no checksum.

Source: Coinbase Advanced Trade docs, "WebSocket channels"; the count is the connection's, as clients have found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from bot4.adapters.venues.in_band import BookMessage, Lost, Print, Refused
from bot4.adapters.venues.in_band_streams import InBandStreams, compact, fetch_rules, require_symbols
from bot4.adapters.venues.stamps import iso_ns
from bot4.dto.rules.coinbase import instruments_from_products

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bot4.adapters.venues.in_band import Update
    from bot4.config import PublicVenueSettings, StreamSettings
    from bot4.domain.instrument import Instrument


class CoinbaseInBand:
    """Coinbase's messages."""

    heartbeat = None  # the heartbeats channel keeps a quiet connection alive

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self._symbols = [instrument.symbol for instrument in instruments]
        self._lanes = {symbol: lane for lane, symbol in enumerate(self._symbols)}
        self._sequence = -1

    def opening(self) -> list[str]:
        """Subscribe books, trades and heartbeats."""
        self._sequence = -1
        channels = [
            {"type": "subscribe", "channel": channel, "product_ids": self._symbols}
            for channel in ("level2", "market_trades")
        ]
        return [compact(message) for message in ({"type": "subscribe", "channel": "heartbeats"}, *channels)]

    def resubscribe(self, lane: int) -> list[str]:
        """Take one book's subscription back and make it again."""
        return [
            compact({"type": kind, "channel": "level2", "product_ids": [self._symbols[lane]]})
            for kind in ("unsubscribe", "subscribe")
        ]

    def read(self, payload: bytes) -> Sequence[Update]:
        """Read one frame."""
        try:
            frame = orjson.loads(payload)
            if frame.get("type") == "error":
                return [Refused(str(frame.get("message"))[:120])]
            before, self._sequence = self._sequence, int(frame["sequence_num"])
            if not self._continues(before):
                return [Lost(None, f"sequence_num {self._sequence} after {before}")]
            if frame["channel"] == "l2_data":
                return list(self._books(frame))
            if frame["channel"] == "market_trades":
                return list(self._prints(frame))
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise ValueError(f"malformed message: {type(error).__name__} {error}") from None
        return ()

    def _continues(self, before: int) -> bool:
        return before < 0 or self._sequence == before + 1

    def _books(self, frame: Mapping[str, Any]) -> Iterator[Update]:
        stamp_ns = iso_ns(frame["timestamp"])
        for event in frame["events"]:
            lane = self._lanes.get(event["product_id"])
            if lane is None:
                continue
            sides: tuple[list[tuple[str, str]], list[tuple[str, str]]] = ([], [])
            for row in event["updates"]:
                sides[row["side"] != "bid"].append((row["price_level"], row["new_quantity"]))
            yield BookMessage(lane, event["type"] == "snapshot", tuple(sides[0]), tuple(sides[1]), stamp_ns)

    def _prints(self, frame: Mapping[str, Any]) -> Iterator[Update]:
        for event in frame["events"]:
            if event["type"] == "snapshot":
                continue
            for row in reversed(event["trades"]):  # newest first
                lane = self._lanes.get(row["product_id"])
                if lane is not None:
                    # `side` is the maker's.
                    is_buyer_maker = row["side"] == "BUY"
                    stamp_ns = iso_ns(row["time"])
                    yield Print(lane, row["price"], row["size"], is_buyer_maker, int(row["trade_id"]), stamp_ns)


def open_coinbase(symbols: Sequence[str], settings: PublicVenueSettings, streams: StreamSettings) -> InBandStreams:
    """Fetch the rules of `symbols` (``BTC-USD``) and return their streams; raises ConfigError, UnreachableError."""
    names = "&".join(f"product_ids={quote(symbol)}" for symbol in symbols)
    url = f"{settings.rest_url.rstrip('/')}/api/v3/brokerage/market/products?{names}"
    text = fetch_rules(url, settings, streams)
    found = instruments_from_products(orjson.loads(text), url.partition("?")[0])
    instruments = require_symbols("coinbase", found, symbols)
    return InBandStreams(
        "coinbase spot",
        instruments,
        CoinbaseInBand(instruments),
        url=settings.ws_url.rstrip("/"),
        settings=settings,
        streams=streams,
        rules=(url, text),
    )
