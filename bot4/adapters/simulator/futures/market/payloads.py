"""Payloads of the futures' market streams.

Source: developers.binance.com, USDS-margined futures, "Websocket Market Streams" (2026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.wire.decimals import format_e8

if TYPE_CHECKING:
    from bot4.adapters.simulator.futures.contracts import Contract
    from bot4.adapters.simulator.futures.market.perpetual import PerpetualMarket
    from bot4.adapters.simulator.market.bars import Bar
    from bot4.adapters.simulator.market.tickers import Statistics
    from bot4.adapters.simulator.market.trades import AggTrade, Trade

    Levels = list[tuple[str, str]]

_MS = 1_000_000


def trade(contract: Contract, item: Trade, unit: int) -> dict[str, Any]:
    """Return the payload of ``@trade``."""
    at = item.at_ns // unit
    return {
        "e": "trade",
        "E": at,
        "T": at,
        "s": contract.name,
        "t": item.trade_id,
        "p": contract.price_text(item.price),
        "q": contract.qty_text(item.qty),
        "X": "MARKET",
        "m": item.buyer_is_maker,
    }


def aggregate(contract: Contract, item: AggTrade, unit: int) -> dict[str, Any]:
    """Return the payload of ``@aggTrade``."""
    at = item.at_ns // unit
    return {
        "e": "aggTrade",
        "E": at,
        "s": contract.name,
        "a": item.agg_id,
        "p": contract.price_text(item.price),
        "q": contract.qty_text(item.qty),
        "f": item.first_trade,
        "l": item.last_trade,
        "T": at,
        "m": item.buyer_is_maker,
    }


def book_ticker(market: PerpetualMarket, at_ns: int, unit: int) -> dict[str, Any]:
    """Return the payload of ``@bookTicker``."""
    quotes = market.best_prices()
    return {
        "e": "bookTicker",
        "u": market.shown_id(market.update_id),
        "E": at_ns // unit,
        "T": at_ns // unit,
        "s": market.contract.name,
        "b": quotes["bidPrice"],
        "B": quotes["bidQty"],
        "a": quotes["askPrice"],
        "A": quotes["askQty"],
    }


def depth_update(
    name: str, ids: tuple[int, int, int], levels: tuple[Levels, Levels], at_ns: int, unit: int
) -> dict[str, Any]:
    """Return the payload of ``@depth`` and ``@depth<levels>``.

    Parameters
    ----------
    name : str
        Of the contract.
    ids : tuple of int
        First and last update id, and the last of the message before.
    levels : tuple of list
        Bids and asks.
    at_ns, unit : int
        Time, and nanoseconds of the time unit.

    """
    first, last, before = ids
    bids, asks = levels
    return {
        "e": "depthUpdate",
        "E": at_ns // unit,
        "T": at_ns // unit,
        "s": name,
        "U": first,
        "u": last,
        "pu": before,
        "b": bids,
        "a": asks,
    }


def mark_price(market: PerpetualMarket, at_ns: int, unit: int) -> dict[str, Any]:
    """Return the payload of ``@markPrice``."""
    marks = market.marks
    return {
        "e": "markPriceUpdate",
        "E": at_ns // unit,
        "s": market.contract.name,
        "p": format_e8(marks.mark),
        "ap": format_e8(marks.mark),
        "i": format_e8(marks.index),
        "P": format_e8(marks.index),
        "r": format_e8(marks.rate),
        "T": marks.next_funding_ns // unit,
    }


def bar_fields(contract: Contract, interval: str, bar: Bar, unit: int, *, is_closed: bool) -> dict[str, Any]:
    """Return the bar inside the payload of ``@kline_<interval>``."""
    scale = _MS // unit
    return {
        "t": bar.open_ms * scale,
        "T": (bar.close_ms + 1) * scale - 1,
        "s": contract.name,
        "i": interval,
        "f": bar.first_trade,
        "L": bar.last_trade,
        "o": contract.price_text(bar.open),
        "c": contract.price_text(bar.close),
        "h": contract.price_text(bar.high),
        "l": contract.price_text(bar.low),
        "v": contract.qty_text(bar.volume),
        "n": bar.trades,
        "x": is_closed,
        "q": format_e8(bar.quote_volume),
        "V": contract.qty_text(bar.taker_volume),
        "Q": format_e8(bar.taker_quote_volume),
        "B": "0",
    }


def mini_ticker(contract: Contract, stats: Statistics, at_ns: int, unit: int) -> dict[str, Any]:
    """Return the payload of ``@miniTicker``."""
    return {
        "e": "24hrMiniTicker",
        "E": at_ns // unit,
        "s": contract.name,
        "c": contract.price_text(stats.last),
        "o": contract.price_text(stats.open),
        "h": contract.price_text(stats.high),
        "l": contract.price_text(stats.low),
        "v": contract.qty_text(stats.volume),
        "q": format_e8(stats.quote_volume),
    }


def ticker(contract: Contract, stats: Statistics, last_qty: int, at_ns: int, unit: int) -> dict[str, Any]:
    """Return the payload of ``@ticker``."""
    scale = _MS // unit
    return {
        "e": "24hrTicker",
        "E": at_ns // unit,
        "s": contract.name,
        "p": contract.price_text(stats.change),
        "P": stats.change_percent,
        "w": contract.price_text(stats.mean),
        "c": contract.price_text(stats.last),
        "Q": contract.qty_text(last_qty),
        "o": contract.price_text(stats.open),
        "h": contract.price_text(stats.high),
        "l": contract.price_text(stats.low),
        "v": contract.qty_text(stats.volume),
        "q": format_e8(stats.quote_volume),
        "O": stats.open_ms * scale,
        "C": stats.close_ms * scale,
        "F": stats.first_trade,
        "L": stats.last_trade,
        "n": stats.trades,
    }
