"""Kraken's spot market, websocket v2: book with checksum, trades.

The venue keeps a book of the subscribed depth: levels that fall out of it are removed here too, or they would stand
behind the book for ever. A checksum that does not match costs the book, which is subscribed again.

Source: docs.kraken.com, websocket v2 "Book", "Trade", guide "Book checksum (v2)".
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import orjson

from bot4.adapters.venues.in_band import BookMessage, Lost, Print, Refused
from bot4.adapters.venues.in_band_streams import InBandStreams, compact, fetch_rules, require_symbols
from bot4.adapters.venues.kraken.book import KrakenBookReader
from bot4.domain.errors import ConfigError
from bot4.dto.rules import instruments_from_json
from bot4.dto.rules.kraken import v2_symbol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot4.adapters.venues.in_band import Update
    from bot4.config import PublicVenueSettings, StreamSettings
    from bot4.domain.instrument import Instrument
    from bot4.ports.book_reader import BookUpdate

_DEPTH = 100


class KrakenInBand:
    """Kraken's messages."""

    heartbeat = (30.0, '{"method":"ping"}')

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self._symbols = [v2_symbol(instrument.symbol) for instrument in instruments]
        self._lanes = {symbol: lane for lane, symbol in enumerate(self._symbols)}
        self._decimals = {v2_symbol(item.symbol): (item.price_decimals, item.qty_decimals) for item in instruments}
        self._reader = KrakenBookReader(self._decimals)

    def opening(self) -> list[str]:
        """Subscribe books and trades."""
        self._reader = KrakenBookReader(self._decimals)
        return [_book("subscribe", self._symbols), _method("subscribe", "trade", self._symbols, snapshot=False)]

    def resubscribe(self, lane: int) -> list[str]:
        """Take one book's subscription back and make it again."""
        symbols = [self._symbols[lane]]
        return [_book("unsubscribe", symbols), _book("subscribe", symbols)]

    def read(self, payload: bytes) -> Sequence[Update]:
        """Read one frame."""
        message = self._reader.read(payload)
        if message.kind == "book":
            return [found for update in message.updates if (found := self._update(update)) is not None]
        if message.kind == "trade":
            return self._trades(payload)
        if message.kind == "control":
            return _refusal(payload)
        return ()

    def _update(self, update: BookUpdate) -> Update | None:
        lane = self._lanes.get(update.symbol)
        if lane is None:
            return None
        if update.defect:
            return Lost(lane, f"{update.symbol}: {update.detail}")
        if not self._is_whole(update):
            return Lost(
                lane, f"{update.symbol}: checksum {update.checksum_made}, the venue's is {update.checksum_sent}"
            )
        bids, asks = update.levels[: update.bid_count], update.levels[update.bid_count :]
        gone = [tuple((price, "0") for side, price in update.dropped if side == which) for which in (0, 1)]
        return BookMessage(lane, update.is_snapshot, bids + gone[0], asks + gone[1], update.venue_ns)

    def _is_whole(self, update: BookUpdate) -> bool:
        return update.checksum_sent is None or update.checksum_sent == update.checksum_made

    def _trades(self, payload: bytes) -> list[Update]:
        frame = orjson.loads(payload)
        texts = self._reader.read(payload).trades
        return [
            Print(lane, text.price, text.qty, row["side"] == "sell", int(row["trade_id"]), text.venue_ns)
            for row, text in zip(frame["data"], texts, strict=True)
            if frame.get("type") != "snapshot" and (lane := self._lanes.get(row["symbol"])) is not None
        ]


def open_kraken(symbols: Sequence[str], settings: PublicVenueSettings, streams: StreamSettings) -> InBandStreams:
    """Fetch the rules of `symbols` (``XBT/USD``) and return their streams; raises ConfigError, UnreachableError."""
    rest = settings.rest_url.rstrip("/")
    url = f"{rest}/0/public/AssetPairs?pair={quote(','.join(symbol.replace('/', '') for symbol in symbols))}"
    text = fetch_rules(url, settings, streams)
    document = orjson.loads(text)
    if document.get("error"):
        raise ConfigError(f"kraken refuses {', '.join(symbols)}: {', '.join(map(str, document['error']))}")
    instruments = require_symbols("kraken", instruments_from_json(text, url.partition("?")[0]), symbols)
    return InBandStreams(
        "kraken spot",
        instruments,
        KrakenInBand(instruments),
        url=f"{settings.ws_url.rstrip('/')}/v2",
        settings=settings,
        streams=streams,
        rules=(url, text),
    )


def _method(method: str, channel: str, symbols: Sequence[str], **more: object) -> str:
    return compact({"method": method, "params": {"channel": channel, "symbol": list(symbols), **more}})


def _book(method: str, symbols: Sequence[str]) -> str:
    return _method(method, "book", symbols, depth=_DEPTH)


def _refusal(payload: bytes) -> Sequence[Update]:
    frame = orjson.loads(payload)
    if isinstance(frame, dict) and frame.get("success") is False:
        return [Refused(str(frame.get("error"))[:120])]
    return ()
