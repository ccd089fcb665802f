"""Books, trades, bars and tickers.

Source: binance-spot-api-docs rest-api.md (2026-07-21), "Market Data endpoints".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.api.endpoint import MILLISECOND_NS, Call, Endpoint
from bot4.adapters.simulator.api.general import STATUS, SYMBOL, SYMBOLS, chosen_markets
from bot4.adapters.simulator.market import tickers
from bot4.adapters.simulator.market.calendar import DAY_MS, length_ms, shift_of
from bot4.adapters.simulator.wire import kinds
from bot4.adapters.simulator.wire.decimals import format_e8
from bot4.adapters.simulator.wire.errors import EITHER_MUST_BE_SENT, ApiError, refusal
from bot4.adapters.simulator.wire.parameters import Parameter, ParameterTable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot4.adapters.simulator.market.market import Market
    from bot4.adapters.simulator.market.tickers import Statistics
    from bot4.adapters.simulator.market.trades import Trade
    from bot4.adapters.simulator.venue import Venue

DEPTH_MAX = 5_000
ROWS_MAX = 1_000
_DEPTH_WEIGHTS = ((100, 5), (500, 25), (1_000, 50), (DEPTH_MAX, 250))
_AVERAGE_MINUTES = 5
_is_window = re.compile(r"(?:[1-9]|[1-5][0-9])m|(?:[1-9]|1[0-9]|2[0-3])h|[1-7]d").fullmatch


def depth(venue: Venue, call: Call) -> dict[str, Any]:
    """Tell the book of a market."""
    market = _one(venue, call)
    update_id, bids, asks = market.book(min(call.values.get("limit", 100), DEPTH_MAX))
    return {"lastUpdateId": update_id, "bids": bids, "asks": asks}


def recent_trades(venue: Venue, call: Call) -> list[dict[str, Any]]:
    """Tell the last trades."""
    return [_trade(trade, call.unit) for trade in venue.market(call.values["symbol"]).tape.last(_limit(call))]


def historical_trades(venue: Venue, call: Call) -> list[dict[str, Any]]:
    """Tell trades from an id on."""
    tape = venue.market(call.values["symbol"]).tape
    found = tape.since(call.values["fromId"], _limit(call)) if "fromId" in call.values else tape.last(_limit(call))
    return [_trade(trade, call.unit) for trade in found]


def block_trades(venue: Venue, call: Call) -> list[dict[str, Any]]:
    """Tell block trades: there are none here."""
    venue.market(call.values["symbol"])
    return []


def aggregate_trades(venue: Venue, call: Call) -> list[dict[str, Any]]:
    """Tell trades of one taker order at one price as one."""
    values = call.values
    tape = venue.market(values["symbol"]).tape
    if "fromId" in values and ("startTime" in values or "endTime" in values):
        raise refusal(-1128)
    found = tape.aggregates_between(
        values.get("fromId"), values.get("startTime"), _end_of_ms(values.get("endTime")), _limit(call)
    )
    return [
        {
            "a": item.agg_id,
            "p": format_e8(item.price),
            "q": format_e8(item.qty),
            "f": item.first_trade,
            "l": item.last_trade,
            "T": item.at_ns // call.unit,
            "m": item.buyer_is_maker,
            "M": True,
        }
        for item in found
    ]


def klines(venue: Venue, call: Call) -> list[list[Any]]:
    """Tell bars."""
    values = call.values
    market = venue.market(values["symbol"])
    market.bars.advance(call.now_ns // MILLISECOND_NS)
    bars = market.bars.between(
        values["interval"],
        _ms(values.get("startTime")),
        _ms(values.get("endTime")),
        _limit(call),
        shift_of(values.get("timeZone", "0")),
    )
    return [tickers.kline_row(bar, call.unit) for bar in bars]


def average_price(venue: Venue, call: Call) -> dict[str, Any]:
    """Tell the average price of the last minutes."""
    market = venue.market(call.values["symbol"])
    price = market.average_price(_AVERAGE_MINUTES, call.now_ns)
    return {"mins": _AVERAGE_MINUTES, "price": format_e8(price), "closeTime": market.last_trade_ns // call.unit}


def reference_price(venue: Venue, call: Call) -> dict[str, Any]:
    """Tell the reference price: no market here has one."""
    _one(venue, call)
    raise refusal(-2043)


def book_ticker(venue: Venue, call: Call) -> Any:
    """Tell the best prices."""
    return _one_or_many(venue, call, lambda market: market.best_prices())


def price_ticker(venue: Venue, call: Call) -> Any:
    """Tell the last price."""
    return _one_or_many(
        venue, call, lambda market: {"symbol": market.symbol.name, "price": format_e8(market.last_price)}
    )


def day_ticker(venue: Venue, call: Call) -> Any:
    """Tell the statistics of the last 24 hours."""
    now_ms = call.now_ns // MILLISECOND_NS
    is_mini = call.values.get("type") == "MINI"

    def one(market: Market) -> dict[str, Any]:
        stats = tickers.day(market.at(now_ms), now_ms)
        if is_mini:
            return tickers.to_mini(market.symbol.name, stats, call.unit)
        full = tickers.to_full(market.symbol.name, stats, call.unit)
        quotes = market.best_prices()
        return full | {
            "prevClosePrice": format_e8(stats.open),
            "lastQty": format_e8(market.last_qty),
            **{name: quotes[name] for name in ("bidPrice", "bidQty", "askPrice", "askQty")},
        }

    return _one_or_many(venue, call, one)


def trading_day_ticker(venue: Venue, call: Call) -> Any:
    """Tell the statistics since midnight of a time zone."""
    shift = shift_of(call.values.get("timeZone", "0"))
    now_ms = call.now_ns // MILLISECOND_NS
    midnight = (now_ms + shift) // DAY_MS * DAY_MS - shift

    def stats(market: Market) -> Statistics:
        return tickers.statistics_since(market.at(now_ms), midnight, midnight + DAY_MS - 1)

    return _windows(venue, call, stats)


def window_ticker(venue: Venue, call: Call) -> Any:
    """Tell the statistics of a rolling window."""
    size = call.values.get("windowSize", "1d")
    if _is_window(size) is None:
        raise refusal(-1130, "windowSize")
    now_ms = call.now_ns // MILLISECOND_NS
    return _windows(venue, call, lambda market: tickers.rolling(market.at(now_ms), length_ms(size), now_ms))


def _windows(venue: Venue, call: Call, stats: Callable[[Market], Statistics]) -> Any:
    if "symbol" not in call.values and "symbols" not in call.values:
        raise ApiError(-1102, EITHER_MUST_BE_SENT % ("symbol", "symbols"))
    render = tickers.to_mini if call.values.get("type") == "MINI" else tickers.to_full
    return _one_or_many(venue, call, lambda market: render(market.symbol.name, stats(market), call.unit))


def _one_or_many(venue: Venue, call: Call, render: Callable[[Market], dict[str, Any]]) -> Any:
    if "symbol" in call.values and "symbols" in call.values:
        raise refusal(-1128)
    rows = [render(market) for market in chosen_markets(venue, call.values)]
    return rows[0] if "symbol" in call.values else rows


def _one(venue: Venue, call: Call) -> Market:
    return chosen_markets(venue, call.values)[0]


def _limit(call: Call) -> int:
    limit: int = call.values.get("limit", 500)
    return min(limit, ROWS_MAX)


def _ms(at_ns: int | None) -> int | None:
    return None if at_ns is None else at_ns // MILLISECOND_NS


def _end_of_ms(at_ns: int | None) -> int | None:
    """Return the last nanosecond of a bound that was given in milliseconds, and is included."""
    return None if at_ns is None else at_ns + MILLISECOND_NS - 1


def _trade(trade: Trade, unit: int) -> dict[str, Any]:
    return {
        "id": trade.trade_id,
        "price": format_e8(trade.price),
        "qty": format_e8(trade.qty),
        "quoteQty": format_e8(trade.quote),
        "time": trade.at_ns // unit,
        "isBuyerMaker": trade.buyer_is_maker,
        "isBestMatch": True,
    }


def _depth_weight(values: Mapping[str, Any]) -> int:
    limit = min(values.get("limit", 100), DEPTH_MAX)
    return next(weight for most, weight in _DEPTH_WEIGHTS if limit <= most)


def _quotes_weight(values: Mapping[str, Any]) -> int:
    return 2 if "symbol" in values else 4


_FEW, _MANY = 20, 100


def _day_weight(values: Mapping[str, Any]) -> int:
    if "symbol" in values:
        return 2
    count = len(values.get("symbols", ())) or _MANY + 1
    return 2 if count <= _FEW else 40 if count <= _MANY else 80


def _windows_weight(values: Mapping[str, Any]) -> int:
    return min(4 * (len(values.get("symbols", ())) or 1), 200)


_MARKET = Parameter("symbol", kinds.symbol, required=True)
_LIMIT = Parameter("limit", kinds.long)
_FROM = Parameter("fromId", kinds.long)
_TIMES = (Parameter("startTime", kinds.moment_ns), Parameter("endTime", kinds.moment_ns))
_TYPE = Parameter("type", kinds.TICKER_TYPE)
_ZONE = Parameter("timeZone", kinds.text)
_BARS = ParameterTable(_MARKET, Parameter("interval", kinds.INTERVAL, required=True), *_TIMES, _ZONE, _LIMIT)
_QUOTES = ParameterTable(SYMBOL, SYMBOLS, STATUS)

ENDPOINTS = (
    Endpoint("GET", "/api/v3/depth", "depth", depth, ParameterTable(_MARKET, _LIMIT, STATUS), _depth_weight),
    Endpoint("GET", "/api/v3/trades", "trades.recent", recent_trades, ParameterTable(_MARKET, _LIMIT), 25),
    Endpoint(
        "GET",
        "/api/v3/historicalTrades",
        "trades.historical",
        historical_trades,
        ParameterTable(_MARKET, _LIMIT, _FROM),
        25,
    ),
    Endpoint(
        "GET",
        "/api/v3/historicalBlockTrades",
        "blockTrades.historical",
        block_trades,
        ParameterTable(_MARKET, Parameter("fromId", kinds.long, required=True), _LIMIT),
        25,
    ),
    Endpoint(
        "GET",
        "/api/v3/aggTrades",
        "trades.aggregate",
        aggregate_trades,
        ParameterTable(_MARKET, _FROM, *_TIMES, _LIMIT),
        4,
    ),
    Endpoint("GET", "/api/v3/klines", "klines", klines, _BARS, 2),
    Endpoint("GET", "/api/v3/uiKlines", "uiKlines", klines, _BARS, 2),
    Endpoint("GET", "/api/v3/avgPrice", "avgPrice", average_price, ParameterTable(_MARKET), 2),
    Endpoint("GET", "/api/v3/referencePrice", "referencePrice", reference_price, ParameterTable(_MARKET), 2),
    Endpoint(
        "GET",
        "/api/v3/referencePrice/calculation",
        "referencePrice.calculation",
        reference_price,
        ParameterTable(_MARKET, STATUS),
        2,
    ),
    Endpoint("GET", "/api/v3/ticker/bookTicker", "ticker.book", book_ticker, _QUOTES, _quotes_weight),
    Endpoint("GET", "/api/v3/ticker/price", "ticker.price", price_ticker, _QUOTES, _quotes_weight),
    Endpoint(
        "GET",
        "/api/v3/ticker/24hr",
        "ticker.24hr",
        day_ticker,
        ParameterTable(SYMBOL, SYMBOLS, _TYPE, STATUS),
        _day_weight,
    ),
    Endpoint(
        "GET",
        "/api/v3/ticker/tradingDay",
        "ticker.tradingDay",
        trading_day_ticker,
        ParameterTable(SYMBOL, SYMBOLS, _ZONE, _TYPE, STATUS),
        _windows_weight,
    ),
    Endpoint(
        "GET",
        "/api/v3/ticker",
        "ticker",
        window_ticker,
        ParameterTable(SYMBOL, SYMBOLS, Parameter("windowSize", kinds.text), _TYPE, STATUS),
        _windows_weight,
    ),
)
