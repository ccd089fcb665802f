"""Payloads of market streams.

Source: binance-spot-api-docs web-socket-streams.md (2026-07-21).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.wire.decimals import format_e8

if TYPE_CHECKING:
    from bot4.adapters.simulator.market.bars import Bar
    from bot4.adapters.simulator.market.depth_diffs import DepthDiff
    from bot4.adapters.simulator.market.tickers import Statistics
    from bot4.adapters.simulator.market.trades import AggTrade, Trade

_MS = 1_000_000


def trade(symbol: str, item: Trade, unit: int) -> dict[str, Any]:
    """Return the payload of ``@trade``."""
    return {
        "e": "trade",
        "E": item.at_ns // unit,
        "s": symbol,
        "t": item.trade_id,
        "p": format_e8(item.price),
        "q": format_e8(item.qty),
        "T": item.at_ns // unit,
        "m": item.buyer_is_maker,
        "M": True,
    }


def aggregate(symbol: str, item: AggTrade, unit: int) -> dict[str, Any]:
    """Return the payload of ``@aggTrade``."""
    return {
        "e": "aggTrade",
        "E": item.at_ns // unit,
        "s": symbol,
        "a": item.agg_id,
        "p": format_e8(item.price),
        "q": format_e8(item.qty),
        "f": item.first_trade,
        "l": item.last_trade,
        "T": item.at_ns // unit,
        "m": item.buyer_is_maker,
        "M": True,
    }


def depth_update(symbol: str, diff: DepthDiff, at_ns: int, unit: int) -> dict[str, Any]:
    """Return the payload of ``@depth``."""
    return {
        "e": "depthUpdate",
        "E": at_ns // unit,
        "s": symbol,
        "U": diff.first_id,
        "u": diff.last_id,
        "b": diff.bids,
        "a": diff.asks,
    }


def kline(symbol: str, interval: str, bar: Bar, at_ns: int, unit: int, *, is_closed: bool) -> dict[str, Any]:
    """Return the payload of ``@kline_<interval>``."""
    scale = _MS // unit
    return {
        "e": "kline",
        "E": at_ns // unit,
        "s": symbol,
        "k": {
            "t": bar.open_ms * scale,
            "T": (bar.close_ms + 1) * scale - 1,
            "s": symbol,
            "i": interval,
            "f": bar.first_trade,
            "L": bar.last_trade,
            "o": format_e8(bar.open),
            "c": format_e8(bar.close),
            "h": format_e8(bar.high),
            "l": format_e8(bar.low),
            "v": format_e8(bar.volume),
            "n": bar.trades,
            "x": is_closed,
            "q": format_e8(bar.quote_volume),
            "V": format_e8(bar.taker_volume),
            "Q": format_e8(bar.taker_quote_volume),
            "B": "0",
        },
    }


def mini_ticker(symbol: str, stats: Statistics, at_ns: int, unit: int) -> dict[str, Any]:
    """Return the payload of ``@miniTicker``."""
    return {
        "e": "24hrMiniTicker",
        "E": at_ns // unit,
        "s": symbol,
        "c": format_e8(stats.last),
        "o": format_e8(stats.open),
        "h": format_e8(stats.high),
        "l": format_e8(stats.low),
        "v": format_e8(stats.volume),
        "q": format_e8(stats.quote_volume),
    }


def window_ticker(symbol: str, event: str, stats: Statistics, at_ns: int, unit: int) -> dict[str, Any]:
    """Return the payload of ``@ticker_<window>``."""
    scale = _MS // unit
    return {
        "e": event,
        "E": at_ns // unit,
        "s": symbol,
        "p": format_e8(stats.change),
        "P": stats.change_percent,
        "w": format_e8(stats.mean),
        "o": format_e8(stats.open),
        "h": format_e8(stats.high),
        "l": format_e8(stats.low),
        "c": format_e8(stats.last),
        "v": format_e8(stats.volume),
        "q": format_e8(stats.quote_volume),
        "O": stats.open_ms * scale,
        "C": stats.close_ms * scale,
        "F": stats.first_trade,
        "L": stats.last_trade,
        "n": stats.trades,
    }


def ticker(
    symbol: str, stats: Statistics, *, last_qty: int, quotes: dict[str, str], at_ns: int, unit: int
) -> dict[str, Any]:
    """Return the payload of ``@ticker``; `quotes` are the best prices as REST shows them."""
    return window_ticker(symbol, "24hrTicker", stats, at_ns, unit) | {
        "x": format_e8(stats.open),
        "Q": format_e8(last_qty),
        "b": quotes["bidPrice"],
        "B": quotes["bidQty"],
        "a": quotes["askPrice"],
        "A": quotes["askQty"],
    }


def average_price(symbol: str, price: int, last_trade_ns: int, at_ns: int, unit: int) -> dict[str, Any]:
    """Return the payload of ``@avgPrice``."""
    return {
        "e": "avgPrice",
        "E": at_ns // unit,
        "s": symbol,
        "i": "5m",
        "w": format_e8(price),
        "T": last_trade_ns // unit,
    }
