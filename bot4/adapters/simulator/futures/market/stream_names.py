"""Names of the futures' market streams, what they stand for, and on which route each is served.

Source: developers.binance.com, USDS-margined futures, "Websocket Market Streams" (2026); the routes as the official SDK
has them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from bot4.adapters.simulator.wire.kinds import INTERVALS

PUBLIC, MARKET, PRIVATE = "public", "market", "private"
ROUTES = (PUBLIC, MARKET, PRIVATE)
NAMES_REMEMBERED = 4_096


class FuturesStream(Enum):
    """What a stream carries."""

    TRADE = "trade"
    AGG_TRADE = "aggTrade"
    BOOK_TICKER = "bookTicker"
    DEPTH = "depth"
    PARTIAL_DEPTH = "partialDepth"
    KLINE = "kline"
    CONTINUOUS_KLINE = "continuousKline"
    MARK_PRICE = "markPrice"
    MINI_TICKER = "miniTicker"
    TICKER = "ticker"
    FORCE_ORDER = "forceOrder"


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream: its name, what it carries, of which contract (empty: of all), its interval, levels and period."""

    name: str
    kind: FuturesStream
    symbol: str
    interval: str = ""
    levels: int = 0
    period_ms: int = 0


_ROUTE_OF = dict.fromkeys(FuturesStream, MARKET) | dict.fromkeys(
    (FuturesStream.TRADE, FuturesStream.BOOK_TICKER, FuturesStream.DEPTH, FuturesStream.PARTIAL_DEPTH), PUBLIC
)
_AT_ONCE = {
    "trade": FuturesStream.TRADE,
    "aggTrade": FuturesStream.AGG_TRADE,
    "bookTicker": FuturesStream.BOOK_TICKER,
    "forceOrder": FuturesStream.FORCE_ORDER,
}
_BY_THE_CLOCK = {
    "miniTicker": (FuturesStream.MINI_TICKER, 500),
    "ticker": (FuturesStream.TICKER, 2_000),
    "markPrice": (FuturesStream.MARK_PRICE, 3_000),
    "markPrice@1s": (FuturesStream.MARK_PRICE, 1_000),
}
_OF_ALL = {
    "!bookTicker": Stream("!bookTicker", FuturesStream.BOOK_TICKER, ""),
    "!forceOrder@arr": Stream("!forceOrder@arr", FuturesStream.FORCE_ORDER, ""),
    "!miniTicker@arr": Stream("!miniTicker@arr", FuturesStream.MINI_TICKER, "", period_ms=1_000),
    "!ticker@arr": Stream("!ticker@arr", FuturesStream.TICKER, "", period_ms=1_000),
    "!markPrice@arr": Stream("!markPrice@arr", FuturesStream.MARK_PRICE, "", period_ms=3_000),
    "!markPrice@arr@1s": Stream("!markPrice@arr@1s", FuturesStream.MARK_PRICE, "", period_ms=1_000),
}
_depth = re.compile(r"depth(5|10|20)?(?:@(100|250|500)ms)?").fullmatch
_kline = re.compile(r"kline_(\w+)").fullmatch
_continuous = re.compile(r"([a-z0-9]+)_perpetual@continuousKline_(\w+)").fullmatch
_KLINE_MS = 250
_DEPTH_MS = 250


@lru_cache(NAMES_REMEMBERED)
def parse_stream(name: str) -> Stream | None:
    """Return what a name stands for; None where it stands for nothing.

    >>> parse_stream("btcusdt@depth5@500ms").period_ms
    500
    """
    if name.startswith("!"):
        return _OF_ALL.get(name)
    if found := _continuous(name):
        if found[2] not in INTERVALS:
            return None
        return Stream(name, FuturesStream.CONTINUOUS_KLINE, found[1].upper(), found[2], period_ms=_KLINE_MS)
    symbol, at, what = name.partition("@")
    if not at or not symbol or symbol != symbol.lower():
        return None
    return _of_symbol(name, symbol.upper(), what)


def _of_symbol(name: str, symbol: str, what: str) -> Stream | None:
    if what in _AT_ONCE:
        return Stream(name, _AT_ONCE[what], symbol)
    if what in _BY_THE_CLOCK:
        kind, period_ms = _BY_THE_CLOCK[what]
        return Stream(name, kind, symbol, period_ms=period_ms)
    if found := _depth(what):
        kind = FuturesStream.PARTIAL_DEPTH if found[1] else FuturesStream.DEPTH
        return Stream(name, kind, symbol, levels=int(found[1] or 0), period_ms=int(found[2] or _DEPTH_MS))
    if (found := _kline(what)) and found[1] in INTERVALS:
        return Stream(name, FuturesStream.KLINE, symbol, found[1], period_ms=_KLINE_MS)
    return None


def is_served(route: str, name: str) -> bool:
    """Whether a stream is served on a route; listen keys are on the private one.

    >>> is_served("public", "btcusdt@aggTrade"), is_served("market", "btcusdt@aggTrade")
    (False, True)
    """
    stream = parse_stream(name)
    return route == (PRIVATE if stream is None else _ROUTE_OF[stream.kind])
