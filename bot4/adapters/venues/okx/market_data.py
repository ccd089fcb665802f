"""OKX v5's spot market: book channel with sequence ids, trades.

``prevSeqId`` must be the last ``seqId``; an update whose two ids are equal says that nothing changed. The checksum is 0
since 2026-06-23 and then means nothing; where one comes it has to match.

Source: OKX API v5 guide, "Order book channel", "Trades channel", "WebSocket: Connect".
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import orjson

from bot4.adapters.venues.in_band import BookMessage, Lost, Print, Refused
from bot4.adapters.venues.in_band_streams import InBandStreams, compact, fetch_rules, require_symbols
from bot4.adapters.venues.okx.book import OkxBookReader
from bot4.domain.errors import ConfigError
from bot4.dto.rules import instruments_from_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot4.adapters.venues.in_band import Update
    from bot4.config import PublicVenueSettings, StreamSettings
    from bot4.domain.instrument import Instrument
    from bot4.ports.book_reader import BookUpdate


class OkxInBand:
    """OKX's messages."""

    heartbeat = (20.0, "ping")

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self._symbols = [instrument.symbol for instrument in instruments]
        self._lanes = {symbol: lane for lane, symbol in enumerate(self._symbols)}
        self._reader = OkxBookReader()

    def opening(self) -> list[str]:
        """Subscribe books and trades."""
        self._reader = OkxBookReader()
        return [_operation("subscribe", self._symbols, ("books", "trades"))]

    def resubscribe(self, lane: int) -> list[str]:
        """Take one book's subscription back and make it again."""
        symbols = [self._symbols[lane]]
        return [_operation("unsubscribe", symbols, ("books",)), _operation("subscribe", symbols, ("books",))]

    def read(self, payload: bytes) -> Sequence[Update]:
        """Read one frame."""
        message = self._reader.read(payload)
        if message.kind == "book":
            return [found for update in message.updates if (found := self._update(update)) is not None]
        if message.kind == "trade":
            lane = self._lanes.get(message.symbol)
            rows = orjson.loads(payload)["data"] if lane is not None else ()
            return [
                Print(
                    lane, row["px"], row["sz"], row["side"] == "sell", int(row["tradeId"]), int(row["ts"]) * 1_000_000
                )
                for row in rows
                if lane is not None
            ]
        return _refusal(payload) if message.kind == "control" else ()

    def _update(self, update: BookUpdate) -> Update | None:
        lane = self._lanes.get(update.symbol)
        if lane is None:
            return None
        if update.defect:
            return Lost(lane, f"{update.symbol}: {update.detail}")
        if update.checksum_sent is not None and update.checksum_sent != update.checksum_made:
            return Lost(
                lane, f"{update.symbol}: checksum {update.checksum_made}, the venue's is {update.checksum_sent}"
            )
        bids, asks = update.levels[: update.bid_count], update.levels[update.bid_count :]
        return BookMessage(lane, update.is_snapshot, bids, asks, update.venue_ns)


def open_okx(symbols: Sequence[str], settings: PublicVenueSettings, streams: StreamSettings) -> InBandStreams:
    """Fetch the rules of `symbols` (``BTC-USDT``) and return their streams; raises ConfigError, UnreachableError."""
    rest = settings.rest_url.rstrip("/")
    url = f"{rest}/api/v5/public/instruments?instType=SPOT"
    if len(symbols) == 1:
        url += f"&instId={quote(symbols[0])}"
    text = fetch_rules(url, settings, streams)
    document = orjson.loads(text)
    if document.get("code") != "0":
        raise ConfigError(f"okx refuses {', '.join(symbols)}: {document.get('code')} {document.get('msg')}")
    document["data"] = [entry for entry in document["data"] if entry.get("instId") in symbols]
    text = orjson.dumps(document)
    instruments = require_symbols("okx", instruments_from_json(text, url.partition("?")[0]), symbols)
    return InBandStreams(
        "okx spot",
        instruments,
        OkxInBand(instruments),
        url=f"{settings.ws_url.rstrip('/')}/ws/v5/public",
        settings=settings,
        streams=streams,
        rules=(url, text),
    )


def _operation(operation: str, symbols: Sequence[str], channels: Sequence[str]) -> str:
    arguments = [{"channel": channel, "instId": symbol} for symbol in symbols for channel in channels]
    return compact({"op": operation, "args": arguments})


def _refusal(payload: bytes) -> Sequence[Update]:
    if payload in (b"pong", b"ping"):
        return ()
    frame = orjson.loads(payload)
    if frame.get("event") == "error":
        return [Refused(f"{frame.get('code')} {str(frame.get('msg'))[:120]}")]
    return ()
