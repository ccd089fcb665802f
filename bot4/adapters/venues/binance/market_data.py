"""Binance's market data: which streams, which snapshots, which rules, of the spot market and of USD-M futures.

Source: binance-spot-api-docs web-socket-streams.md and rest-api.md (2026-07-21); the futures' routes as the official
SDK has them. Endpoints come from the settings, so that a test or an exchange of one's own takes the venue's place.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from bot4._core.engine.receiver import StreamKind
from bot4.adapters.venues.binance.clock_check import clock_note
from bot4.adapters.venues.binance.mark_price import funding_rate
from bot4.adapters.venues.http_get import HttpPeer, http_get
from bot4.adapters.venues.tls import tls_context
from bot4.adapters.venues.venue_streams import LinkPlan
from bot4.adapters.venues.websocket import WebSocket
from bot4.domain.errors import ConfigError, UnreachableError
from bot4.domain.instrument import Market
from bot4.dto.mark_price import MARK_PRICE
from bot4.dto.rules.binance import instruments_from_exchange_info

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot4.adapters.venues.http_get import Answer
    from bot4.adapters.venues.venue_streams import Clock, FundingRate
    from bot4.config import BinanceSettings, StreamSettings
    from bot4.domain.instrument import Instrument

_OK, _BAD_REQUEST = 200, 400
_BAD_SYMBOL = -1121
_STREAMS_MAX = 1_024  # a connection's
_URL_STREAMS_MAX = 150  # keeps a request line below the 4 KiB that every proxy takes
_TRADING = "TRADING"


@dataclass(frozen=True, slots=True)
class _Room:
    """One market's endpoints: paths, deepest snapshot, and each stream with the route it is served on.

    Streams without a kind are no market to the engine, and their silence is nothing: mark prices tell the next funding,
    also to recordings.
    """

    rest_path: str
    snapshot_levels: int
    streams: tuple[tuple[StreamKind | None, str, str], ...]


_ROOMS = {
    Market.SPOT: _Room(
        "/api/v3",
        5_000,
        (
            (StreamKind.STREAM_DEPTH, "@depth@100ms", ""),
            (StreamKind.STREAM_QUOTES, "@bookTicker", ""),
            (StreamKind.STREAM_TRADES, "@trade", ""),
        ),
    ),
    Market.USDM: _Room(
        "/fapi/v1",
        1_000,
        (
            (StreamKind.STREAM_DEPTH, "@depth@100ms", "/public"),
            (StreamKind.STREAM_QUOTES, "@bookTicker", "/public"),
            (StreamKind.STREAM_TRADES, "@aggTrade", "/market"),
            (None, "@markPrice@1s", "/market"),
        ),
    ),
}


class BinanceStreams:
    """Streams, snapshots and rules of some instruments; made by `open`.

    `connect`, `snapshot` and `check_clock` block and may be called by any thread.
    """

    in_band = None

    def __init__(
        self,
        market: Market,
        instruments: tuple[Instrument, ...],
        settings: BinanceSettings,
        streams: StreamSettings,
        *,
        rules: tuple[str, bytes],
        notes: tuple[str, ...],
    ) -> None:
        self.name = f"binance {market.value}"
        self.market = market
        self.instruments = instruments
        self.notes = notes
        self.rules = rules
        self._room = _ROOMS[market]
        self._lanes = {item.symbol: (lane, item.tick_size) for lane, item in enumerate(instruments)}
        self._rest_url, self._ws_url = _urls(market, settings)
        self._timeouts = streams
        self._tls = tls_context(settings.ca_file)

    @classmethod
    def open(
        cls, market: Market, symbols: Sequence[str], settings: BinanceSettings, streams: StreamSettings
    ) -> BinanceStreams:
        """Fetch the rules of `symbols`.

        Raises
        ------
        UnreachableError
            The venue does not answer, or refuses to.
        ConfigError
            It does not know a symbol, or the market is not read here.

        """
        if market not in _ROOMS:
            raise ConfigError(f"live market data of Binance is spot or usdm, was {market.value}")
        rest_url, _ = _urls(market, settings)
        url = f"{rest_url}{_ROOMS[market].rest_path}/exchangeInfo"
        if market is Market.SPOT:
            url += f"?symbols={quote(json.dumps(list(symbols), separators=(',', ':')))}"
        answer = http_get(url, tls=tls_context(settings.ca_file), timeout_s=streams.snapshot_timeout_s)
        document = _document(answer, url, symbols)
        entries = {str(entry.get("symbol")): entry for entry in document["symbols"] if isinstance(entry, dict)}
        missing = [symbol for symbol in symbols if symbol not in entries]
        if missing:
            raise ConfigError(f"binance {market.value} has no symbol {missing[0]!r}")
        document["symbols"] = [entries[symbol] for symbol in symbols]
        found = {item.symbol: item for item in instruments_from_exchange_info(document, url.partition("?")[0])}
        untraded = [symbol for symbol in symbols if symbol not in found]
        if untraded:
            raise ConfigError(f"binance {market.value} gives {untraded[0]!r} no price and lot grid: it is not traded")
        notes = tuple(
            f"{symbol} is {entries[symbol].get('status')} at the venue: little or nothing may come"
            for symbol in symbols
            if entries[symbol].get("status", _TRADING) != _TRADING
        )
        instruments = tuple(found[symbol] for symbol in symbols)
        return cls(market, instruments, settings, streams, rules=(url, orjson.dumps(document)), notes=notes)

    def plans(self) -> Sequence[LinkPlan]:
        """Return one connection for each route, more where there are many streams."""
        by_route: dict[str, list[tuple[int, StreamKind | None, str]]] = {}
        for lane, instrument in enumerate(self.instruments):
            for kind, suffix, route in self._room.streams:
                by_route.setdefault(route, []).append((lane, kind, instrument.symbol.lower() + suffix))
        plans = []
        for route, streams in by_route.items():
            size = min(_STREAMS_MAX, _URL_STREAMS_MAX)
            parts = [streams[start : start + size] for start in range(0, len(streams), size)]
            for number, part in enumerate(parts, 1):
                name = " ".join(
                    [self.name, *([route.strip("/")] if route else []), *([str(number)] * (len(parts) > 1))]
                )
                names = "/".join(quote(stream, safe="@") for _, _, stream in part)
                url = f"{self._ws_url}{route}/stream?streams={names}"
                told = tuple((lane, kind) for lane, kind, _ in part if kind is not None)
                plans.append(LinkPlan(name, url, told))
        return plans

    def connect(self, url: str) -> WebSocket:
        """Connect one of the plans."""
        return WebSocket.connect(url, tls=self._tls, timeout_s=self._timeouts.connect_timeout_s)

    def snapshot(self, lane: int) -> tuple[str, Answer]:
        """Fetch an instrument's book, as deep as the venue gives it."""
        symbol = quote(self.instruments[lane].symbol)
        url = f"{self._rest_url}{self._room.rest_path}/depth?symbol={symbol}&limit={self._room.snapshot_levels}"
        return url, http_get(url, tls=self._tls, timeout_s=self._timeouts.snapshot_timeout_s, bytes_max=16 << 20)

    def klines(self, lane: int, interval: str, limit: int) -> tuple[str, Answer]:
        """Fetch an instrument's newest bars, the open one among them."""
        symbol = quote(self.instruments[lane].symbol)
        url = f"{self._rest_url}{self._room.rest_path}/klines?symbol={symbol}&interval={interval}&limit={limit}"
        return url, http_get(url, tls=self._tls, timeout_s=self._timeouts.snapshot_timeout_s, bytes_max=1 << 20)

    def check_clock(self, clock: Clock, *, offset_max_ms: int) -> None:
        """Ask the venue's clock, and note where this machine's is wrong. Raises `UnreachableError`."""
        with HttpPeer(self._rest_url, tls=self._tls, timeout_s=self._timeouts.snapshot_timeout_s) as peer:
            note = clock_note(peer, f"{self._room.rest_path}/time", clock, offset_max_ms=offset_max_ms)
        if note is not None:
            self.notes = (*self.notes, note)

    def wants_rotation(self, notice: bytes) -> bool:
        """Whether the server is about to leave: its connections end within minutes."""
        return _data_of(notice).get("e") == "serverShutdown"

    def funding(self, notice: bytes) -> FundingRate | None:
        """Return the rate that a mark price frame tells."""
        return funding_rate(notice, self._lanes) if MARK_PRICE in notice else None

    def complaint(self, notice: bytes) -> str | None:
        """Return what the venue refuses, where it does."""
        data = _data_of(notice)
        error = data.get("error", data)
        if isinstance(error, dict) and "code" in error and "msg" in error:
            return f"{error['code']} {str(error['msg'])[:120]}"
        return None


def _urls(market: Market, settings: BinanceSettings) -> tuple[str, str]:
    if market is Market.SPOT:
        return settings.rest_url.rstrip("/"), settings.ws_url.rstrip("/")
    return settings.usdm_rest_url.rstrip("/"), settings.usdm_ws_url.rstrip("/")


def _data_of(notice: bytes) -> dict[str, object]:
    try:
        frame = orjson.loads(notice)
    except orjson.JSONDecodeError:
        return {}
    data = frame.get("data", frame) if isinstance(frame, dict) else {}
    return data if isinstance(data, dict) else {}


def _document(answer: Answer, url: str, symbols: Sequence[str]) -> dict[str, Any]:
    """Return a REST answer's object, or raise what its refusal means."""
    where = url.partition("?")[0]
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        document = None
    if answer.status == _OK and isinstance(document, dict):
        if symbols and not isinstance(document.get("symbols"), list):
            raise UnreachableError(f"{where} gives no list of symbols")
        return document
    said = answer.body[:160].decode("utf-8", "replace")
    if isinstance(document, dict):
        if answer.status == _BAD_REQUEST and document.get("code") == _BAD_SYMBOL:
            raise ConfigError(f"{where} does not know one of {', '.join(symbols)}: {document.get('msg')}")
        said = str(document.get("msg", said))
    wait = f", wait {answer.retry_after_s:g} s" if answer.retry_after_s is not None else ""
    raise UnreachableError(f"{where} refuses with HTTP {answer.status}: {said}{wait}")
