"""Names of market streams and what they stand for.

Source: binance-spot-api-docs web-socket-streams.md (2026-07-21).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from bot4.adapters.simulator.wire.kinds import INTERVALS


class StreamKind(Enum):
    """What a stream carries."""

    TRADE = "trade"
    AGG_TRADE = "aggTrade"
    BOOK_TICKER = "bookTicker"
    DEPTH = "depth"
    PARTIAL_DEPTH = "partialDepth"
    KLINE = "kline"
    MINI_TICKER = "miniTicker"
    TICKER = "ticker"
    WINDOW_TICKER = "windowTicker"
    AVG_PRICE = "avgPrice"
    REFERENCE_PRICE = "referencePrice"
    BLOCK_TRADE = "blockTrade"
    MINI_TICKERS = "miniTickers"
    WINDOW_TICKERS = "windowTickers"


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream.

    Parameters
    ----------
    name : str
        As it is subscribed to.
    kind : StreamKind
    symbol : str
        Upper case; empty for streams of all symbols.
    argument : str
        Interval of bars, window of tickers.
    levels : int
        Of a partial book.
    period_ms : int
        Of depth streams.

    """

    name: str
    kind: StreamKind
    symbol: str
    argument: str = ""
    levels: int = 0
    period_ms: int = 0


_PLAIN = {
    "trade": StreamKind.TRADE,
    "aggTrade": StreamKind.AGG_TRADE,
    "bookTicker": StreamKind.BOOK_TICKER,
    "miniTicker": StreamKind.MINI_TICKER,
    "ticker": StreamKind.TICKER,
    "avgPrice": StreamKind.AVG_PRICE,
    "referencePrice": StreamKind.REFERENCE_PRICE,
    "blockTrade": StreamKind.BLOCK_TRADE,
}
WINDOWS = ("1h", "4h", "1d")
_depth = re.compile(r"depth(5|10|20)?(@100ms|@1000ms)?").fullmatch
_kline = re.compile(r"kline_(\w+?)(@\+08:00)?").fullmatch


def parse_stream(name: str) -> Stream | None:
    """Return what a name stands for; None where it stands for nothing.

    >>> parse_stream("btcusdt@depth5@100ms").levels
    5
    """
    if name.startswith("!"):
        return _of_all(name)
    symbol, at, what = name.partition("@")
    if not at or not symbol or symbol != symbol.lower():
        return None
    symbol = symbol.upper()
    return _plain(name, symbol, what) or _windowed(name, symbol, what)


def _plain(name: str, symbol: str, what: str) -> Stream | None:
    if what in _PLAIN:
        return Stream(name, _PLAIN[what], symbol)
    if found := _depth(what):
        kind = StreamKind.PARTIAL_DEPTH if found[1] else StreamKind.DEPTH
        period_ms = 100 if found[2] == "@100ms" else 1_000
        return Stream(name, kind, symbol, levels=int(found[1] or 0), period_ms=period_ms)
    return None


def _windowed(name: str, symbol: str, what: str) -> Stream | None:
    found = _kline(what)
    if found and found[1] in INTERVALS:
        return Stream(name, StreamKind.KLINE, symbol, found[1] + (found[2] or ""))
    if what.startswith("ticker_") and what[7:] in WINDOWS:
        return Stream(name, StreamKind.WINDOW_TICKER, symbol, what[7:])
    return None


def _of_all(name: str) -> Stream | None:
    if name == "!miniTicker@arr":
        return Stream(name, StreamKind.MINI_TICKERS, "")
    if name.startswith("!ticker_") and name.endswith("@arr") and name[8:-4] in WINDOWS:
        return Stream(name, StreamKind.WINDOW_TICKERS, "", name[8:-4])
    return None
