"""What one frame says about where it comes from: venue, market, kind, symbol. Used to recognise, never to trade."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot4.domain.instrument import Market

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SUPPORTED_VENUES = ("binance", "kraken", "okx")
_COINM_SYMBOL = re.compile(r"USD_(PERP|\d{6})$")
_DEPTH, _TRADE, _QUOTE, _BAR, _OTHER = "depth", "trade", "quote", "bar", "other"
_BINANCE_KINDS = {
    "depthUpdate": _DEPTH, "trade": _TRADE, "aggTrade": _TRADE, "bookTicker": _QUOTE, "kline": _BAR,
    "continuous_kline": _BAR, "markPriceUpdate": _OTHER, "forceOrder": _OTHER, "24hrTicker": _OTHER,
    "24hrMiniTicker": _OTHER, "avgPrice": _OTHER, "serverShutdown": _OTHER,
}  # fmt: skip
_FUTURES_ONLY = ("continuous_kline", "markPriceUpdate", "forceOrder")
_HOSTS: tuple[tuple[str, str, Market | None], ...] = (
    ("fapi.binance.", "binance", Market.USDM),
    ("fstream.binance", "binance", Market.USDM),
    ("dapi.binance.", "binance", Market.COINM),
    ("dstream.binance", "binance", Market.COINM),
    ("binance.us", "binance.us", None),
    ("binance.", "binance", Market.SPOT),
    ("futures.kraken.", "kraken futures", None),
    ("kraken.com", "kraken", None),
    ("okx.com", "okx", None),
    ("okex.com", "okx", None),
    ("coinbase.com", "coinbase", None),
    ("bybit.com", "bybit", None),
    ("bitfinex.com", "bitfinex", None),
    ("bitmex.com", "bitmex", None),
    ("deribit.com", "deribit", None),
)
_KRAKEN_EVENTS = ("systemStatus", "subscriptionStatus", "heartbeat")
_KRAKEN_V2_CHANNELS = ("book", "trade", "ticker", "ohlc", "level3", "instrument", "status", "heartbeat")
_COINBASE_TYPES = ("l2update", "snapshot", "ticker", "match", "last_match", "subscriptions", "received", "open", "done")


@dataclass(frozen=True, slots=True)
class FrameShape:
    """Where a frame comes from; `kind` is ``depth``, ``snapshot``, ``trade``, ``quote``, ``bar`` or ``other``."""

    venue: str
    kind: str = _OTHER
    market: Market | None = None
    symbol: str = ""


def shape_of_url(url: str) -> FrameShape:
    """Venue and market of the address a recorder wrote; an unknown host is its own venue."""
    host = url.partition("://")[2].partition("/")[0].partition(":")[0].lower() or url
    for part, venue, market in _HOSTS:
        if part in host:
            return FrameShape(venue, market=market)
    return FrameShape(host)


def shape_of_frame(frame: Any) -> FrameShape | None:
    """Venue and kind of a decoded frame, or None where it tells nothing (an acknowledgement, an unknown shape)."""
    if isinstance(frame, list):
        return _shape_of_list(frame)
    if not isinstance(frame, dict):
        return None
    for look in _LOOKS:
        if (shape := look(frame)) is not None:
            return shape
    return None


def market_of_binance(frame: Mapping[str, Any]) -> Market | None:
    """Market of an unwrapped Binance frame from its fields; None where spot and USD-M write it alike (klines).

    ``ps`` and the symbols ending in ``USD_PERP`` or ``USD_<date>`` are COIN-M; ``pu``, an ``e`` in a bookTicker and a
    transaction time in a snapshot are futures; the ``M`` of a trade is spot.
    """
    symbol = frame.get("s", frame.get("symbol", ""))
    if "ps" in frame or "pair" in frame or (isinstance(symbol, str) and _COINM_SYMBOL.search(symbol)):
        return Market.COINM
    event = frame.get("e")
    if event == "depthUpdate":
        return Market.USDM if "pu" in frame else Market.SPOT
    if event in ("trade", "aggTrade"):
        return Market.SPOT if "M" in frame else Market.USDM
    if event == "bookTicker" or event in _FUTURES_ONLY:
        return Market.USDM
    if event is None:
        return Market.USDM if "T" in frame else Market.SPOT
    return None


def _binance(frame: Mapping[str, Any]) -> FrameShape | None:
    data = frame.get("data") if isinstance(frame.get("stream"), str) else frame
    if not isinstance(data, dict):
        return None
    if data.get("e") in _BINANCE_KINDS:
        kind = _BINANCE_KINDS[data["e"]]
    elif {"u", "s", "b", "B", "a", "A"} <= set(data):
        kind = _QUOTE
    elif {"lastUpdateId", "bids", "asks"} <= set(data):
        kind = "snapshot"
    else:
        return FrameShape("binance") if "stream" in frame and "data" in frame else None
    symbol = data.get("s", data.get("symbol", ""))
    return FrameShape("binance", kind, market_of_binance(data), symbol if isinstance(symbol, str) else "")


def _kraken(frame: Mapping[str, Any]) -> FrameShape | None:
    if frame.get("event") in _KRAKEN_EVENTS:
        return FrameShape("kraken")
    if "feed" in frame:
        return FrameShape("kraken futures")
    if frame.get("channel") in _KRAKEN_V2_CHANNELS and ("type" in frame or frame["channel"] == "heartbeat"):
        data = frame.get("data")
        first = data[0] if isinstance(data, list) and data and isinstance(data[0], dict) else {}
        kind = {"book": _DEPTH, "trade": _TRADE, "ohlc": _BAR, "ticker": _QUOTE}.get(frame["channel"], _OTHER)
        return FrameShape("kraken", kind, None, str(first.get("symbol", "")))
    if frame.get("method") in ("subscribe", "unsubscribe", "pong") and "time_in" in frame:
        return FrameShape("kraken")
    return None


def _okx(frame: Mapping[str, Any]) -> FrameShape | None:
    arg = frame.get("arg")
    if not isinstance(arg, dict) or "channel" not in arg:
        return None
    channel, symbol = str(arg["channel"]), str(arg.get("instId", ""))
    if "data" not in frame:
        return FrameShape("okx")
    for start, kind in (
        ("book", _DEPTH),
        ("bbo-tbt", _DEPTH),
        ("trades", _TRADE),
        ("candle", _BAR),
        ("tickers", _QUOTE),
    ):
        if channel.startswith(start):
            return FrameShape("okx", kind, None, symbol)
    return FrameShape("okx", _OTHER, None, symbol)


def _unsupported(frame: Mapping[str, Any]) -> FrameShape | None:
    """Venues whose frames are known well enough to name them in a refusal."""
    if "topic" in frame:
        return FrameShape("bybit")
    if frame.get("type") in _COINBASE_TYPES or ("channel" in frame and "sequence_num" in frame):
        return FrameShape("coinbase")
    if "table" in frame or "BitMEX" in str(frame.get("info", "")):
        return FrameShape("bitmex")
    if "jsonrpc" in frame:
        return FrameShape("deribit")
    if "chanId" in frame or (frame.get("event") == "info" and "version" in frame):
        return FrameShape("bitfinex")
    return None


_LOOKS: tuple[Callable[[Mapping[str, Any]], FrameShape | None], ...] = (_okx, _binance, _kraken, _unsupported)


def _shape_of_list(frame: list[Any]) -> FrameShape | None:
    if len(frame) >= 4 and isinstance(frame[-2], str) and isinstance(frame[-1], str):  # noqa: PLR2004 - id, data, name, pair
        name = frame[-2].partition("-")[0]
        kind = {"book": _DEPTH, "trade": _TRADE, "ohlc": _BAR, "ticker": _QUOTE, "spread": _QUOTE}.get(name, _OTHER)
        return FrameShape("kraken", kind, None, frame[-1])
    if len(frame) >= 2 and isinstance(frame[0], int) and isinstance(frame[1], list | str):  # noqa: PLR2004
        return FrameShape("bitfinex")
    return None
