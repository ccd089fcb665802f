"""Bybit v5's spot market: orderbook topic, public trades.

A delta's ``u`` is one more than the last; ``u`` of 1 is the snapshot of a service that was restarted; any snapshot
replaces the book.

Source: Bybit v5 docs, "Orderbook" and "Trade" of the public websocket, "Connect" for the ping.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from bot4.adapters.venues.in_band import BookMessage, Lost, Print, Refused
from bot4.adapters.venues.in_band_streams import InBandStreams, compact, fetch_rules, require_symbols
from bot4.domain.errors import ConfigError
from bot4.dto.rules.bybit import instruments_from_bybit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot4.adapters.venues.in_band import Levels, Update
    from bot4.config import PublicVenueSettings, StreamSettings
    from bot4.domain.instrument import Instrument

_DEPTH = 200
_ARGUMENTS_MAX = 10  # topics of one subscription on the spot stream
_MS = 1_000_000


class BybitInBand:
    """Bybit's messages."""

    heartbeat = (20.0, '{"op":"ping"}')

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self._symbols = [instrument.symbol for instrument in instruments]
        self._lanes = {symbol: lane for lane, symbol in enumerate(self._symbols)}
        self._last: dict[int, int] = {}  # u of each book that has had a snapshot
        self._trades = 0

    def opening(self) -> list[str]:
        """Subscribe books and trades, ten topics at a time."""
        self._last.clear()
        topics = [name for symbol in self._symbols for name in (_book(symbol), f"publicTrade.{symbol}")]
        return [
            compact({"op": "subscribe", "args": topics[start : start + _ARGUMENTS_MAX]})
            for start in range(0, len(topics), _ARGUMENTS_MAX)
        ]

    def resubscribe(self, lane: int) -> list[str]:
        """Take one book's subscription back and make it again."""
        topic = _book(self._symbols[lane])
        return [compact({"op": operation, "args": [topic]}) for operation in ("unsubscribe", "subscribe")]

    def read(self, payload: bytes) -> Sequence[Update]:
        """Read one frame."""
        try:
            frame = orjson.loads(payload)
            topic = frame.get("topic", "")
            if topic.startswith("orderbook."):
                return self._book(frame)
            if topic.startswith("publicTrade."):
                return self._prints(frame)
            if frame.get("success") is False:
                return [Refused(str(frame.get("ret_msg"))[:120])]
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise ValueError(f"malformed message: {type(error).__name__} {error}") from None
        return ()

    def _book(self, frame: Mapping[str, Any]) -> Sequence[Update]:
        data = frame["data"]
        lane = self._lanes.get(data["s"])
        if lane is None:
            return ()
        number = int(data["u"])
        is_snapshot = frame["type"] == "snapshot" or number == 1
        last = self._last.get(lane)
        if not is_snapshot and not self._continues(last, number):
            # Nothing counts until the next snapshot.
            self._last.pop(lane, None)
            if last is None:
                return ()
            return [Lost(lane, f"{data['s']}: u {number} after {last}")]
        self._last[lane] = number
        return [BookMessage(lane, is_snapshot, _levels(data["b"]), _levels(data["a"]), int(frame["ts"]) * _MS)]

    def _continues(self, last: int | None, number: int) -> bool:
        return last is not None and number == last + 1

    def _prints(self, frame: Mapping[str, Any]) -> list[Update]:
        found: list[Update] = []
        for row in frame["data"]:
            lane = self._lanes.get(row["s"])
            if lane is not None:
                self._trades += 1  # the venue's own ids are not numbers
                is_sell = row["S"] == "Sell"
                found.append(Print(lane, row["p"], row["v"], is_sell, self._trades, int(row["T"]) * _MS))
        return found


def open_bybit(symbols: Sequence[str], settings: PublicVenueSettings, streams: StreamSettings) -> InBandStreams:
    """Fetch the rules of `symbols` (``BTCUSDT``) and return their streams; raises ConfigError, UnreachableError."""
    rest = settings.rest_url.rstrip("/")
    url = f"{rest}/v5/market/instruments-info?category=spot"
    if len(symbols) == 1:
        url += f"&symbol={quote(symbols[0])}"
    document = orjson.loads(fetch_rules(url, settings, streams))
    if document.get("retCode") != 0:
        raise ConfigError(f"bybit refuses {', '.join(symbols)}: {document.get('retCode')} {document.get('retMsg')}")
    result = document["result"]
    result["list"] = [entry for entry in result["list"] if entry.get("symbol") in symbols]
    instruments = require_symbols("bybit", instruments_from_bybit(document, url.partition("?")[0]), symbols)
    return InBandStreams(
        "bybit spot",
        instruments,
        BybitInBand(instruments),
        url=f"{settings.ws_url.rstrip('/')}/v5/public/spot",
        settings=settings,
        streams=streams,
        rules=(url, orjson.dumps(document)),
    )


def _book(symbol: str) -> str:
    return f"orderbook.{_DEPTH}.{symbol}"


def _levels(rows: Sequence[Sequence[str]]) -> Levels:
    return tuple((str(row[0]), str(row[1])) for row in rows)
