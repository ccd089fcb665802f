"""Books, trades, bars and tickers of the futures.

Source: developers.binance.com, USDS-margined futures, "Market Data Endpoints" (2026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.api.endpoint import MILLISECOND_NS, Call, Endpoint
from bot4.adapters.simulator.futures.errors import refusal
from bot4.adapters.simulator.market import tickers
from bot4.adapters.simulator.wire import kinds
from bot4.adapters.simulator.wire.decimals import format_e8
from bot4.adapters.simulator.wire.parameters import Parameter, ParameterTable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot4.adapters.simulator.futures.market.perpetual import PerpetualMarket
    from bot4.adapters.simulator.futures.venue import FuturesVenue
    from bot4.adapters.simulator.market.bars import Bar, Bars
    from bot4.adapters.simulator.market.trades import Trade

DEPTH_LIMITS = (5, 10, 20, 50, 100, 500, 1_000)
ROWS_MAX, BARS_MAX = 1_000, 1_500
_DEPTH_WEIGHTS = ((50, 2), (100, 5), (500, 10), (1_000, 20))
_BARS_WEIGHTS = ((99, 1), (499, 2), (1_000, 5), (BARS_MAX, 10))
_PERPETUAL = "PERPETUAL"


def depth(venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """Tell the book of a contract."""
    limit = call.values.get("limit", 500)
    if limit not in DEPTH_LIMITS:
        raise refusal(-4021, limit)
    update_id, bids, asks = venue.market(call.values["symbol"]).book(limit)
    at = call.now_ns // call.unit
    return {"lastUpdateId": update_id, "E": at, "T": at, "bids": bids, "asks": asks}


def recent_trades(venue: FuturesVenue, call: Call) -> list[dict[str, Any]]:
    """Tell the last trades."""
    market = venue.market(call.values["symbol"])
    return [_trade(market, trade, call.unit) for trade in market.tape.last(_limit(call))]


def historical_trades(venue: FuturesVenue, call: Call) -> list[dict[str, Any]]:
    """Tell trades from an id on."""
    market = venue.market(call.values["symbol"])
    values, tape = call.values, market.tape
    found = tape.since(values["fromId"], _limit(call)) if "fromId" in values else tape.last(_limit(call))
    return [_trade(market, trade, call.unit) for trade in found]


def aggregate_trades(venue: FuturesVenue, call: Call) -> list[dict[str, Any]]:
    """Tell trades of one taker order at one price as one."""
    values = call.values
    market = venue.market(values["symbol"])
    end_ns = values.get("endTime")
    found = market.tape.aggregates_between(
        values.get("fromId"),
        values.get("startTime"),
        None if end_ns is None else end_ns + MILLISECOND_NS - 1,
        _limit(call),
    )
    return [
        {
            "a": item.agg_id,
            "p": market.contract.price_text(item.price),
            "q": market.contract.qty_text(item.qty),
            "f": item.first_trade,
            "l": item.last_trade,
            "T": item.at_ns // call.unit,
            "m": item.buyer_is_maker,
        }
        for item in found
    ]


def klines(venue: FuturesVenue, call: Call) -> list[list[Any]]:
    """Tell bars of the traded price."""
    return _bars(venue, call, lambda market: market.bars, tickers.kline_row)


def continuous_klines(venue: FuturesVenue, call: Call) -> list[list[Any]]:
    """Tell bars of a pair's perpetual contract."""
    if call.values["contractType"] != _PERPETUAL:
        raise refusal(-4104)
    return klines(venue, call)


def mark_klines(venue: FuturesVenue, call: Call) -> list[list[Any]]:
    """Tell bars of the mark price."""
    return _bars(venue, call, lambda market: market.mark_bars, _price_row)


def index_klines(venue: FuturesVenue, call: Call) -> list[list[Any]]:
    """Tell bars of the index price."""
    return _bars(venue, call, lambda market: market.index_bars, _price_row)


def price_ticker(venue: FuturesVenue, call: Call) -> Any:
    """Tell the last price."""
    return _one_or_all(
        venue,
        call,
        lambda market: {
            "symbol": market.contract.name,
            "price": market.contract.price_text(market.last_price),
            "time": (market.last_trade_ns or call.now_ns) // call.unit,
        },
    )


def book_ticker(venue: FuturesVenue, call: Call) -> Any:
    """Tell the best prices."""
    now = call.now_ns // call.unit
    return _one_or_all(
        venue,
        call,
        lambda market: market.best_prices() | {"time": now, "lastUpdateId": market.shown_id(market.update_id)},
    )


def day_ticker(venue: FuturesVenue, call: Call) -> Any:
    """Tell the statistics of the last 24 hours."""
    now_ms = call.now_ns // MILLISECOND_NS

    def one(market: PerpetualMarket) -> dict[str, Any]:
        full = tickers.to_full(market.contract.name, tickers.day(market.at(now_ms), now_ms), call.unit)
        return full | {"lastQty": market.contract.qty_text(market.last_qty)}

    return _one_or_all(venue, call, one)


def _bars(
    venue: FuturesVenue,
    call: Call,
    bars_of: Callable[[PerpetualMarket], Bars],
    row: Callable[[Bar, int], list[Any]],
) -> list[list[Any]]:
    values = call.values
    bars = bars_of(venue.market(values.get("symbol") or values["pair"]))
    bars.advance(call.now_ns // MILLISECOND_NS)
    start, end = values.get("startTime"), values.get("endTime")
    chosen = bars.between(
        values["interval"],
        None if start is None else start // MILLISECOND_NS,
        None if end is None else end // MILLISECOND_NS,
        min(values.get("limit", 500), BARS_MAX),
        0,
    )
    return [row(bar, call.unit) for bar in chosen]


def _price_row(bar: Bar, unit: int) -> list[Any]:
    """Return a bar of a price that nobody trades: its volumes are told as nothing."""
    full = tickers.kline_row(bar, unit)
    return [*full[:5], "0", full[6], "0", max(1, (bar.close_ms + 1 - bar.open_ms) // 1_000), "0", "0", "0"]


def _one_or_all(venue: FuturesVenue, call: Call, render: Callable[[PerpetualMarket], dict[str, Any]]) -> Any:
    if "symbol" in call.values:
        return render(venue.market(call.values["symbol"]))
    return [render(market) for market in venue.contracts()]


def _limit(call: Call) -> int:
    limit: int = call.values.get("limit", 500)
    return min(limit, ROWS_MAX)


def _trade(market: PerpetualMarket, trade: Trade, unit: int) -> dict[str, Any]:
    return {
        "id": trade.trade_id,
        "price": market.contract.price_text(trade.price),
        "qty": market.contract.qty_text(trade.qty),
        "quoteQty": format_e8(trade.quote),
        "time": trade.at_ns // unit,
        "isBuyerMaker": trade.buyer_is_maker,
        "isRPITrade": False,
    }


def _depth_weight(values: Mapping[str, Any]) -> int:
    return next((weight for most, weight in _DEPTH_WEIGHTS if values.get("limit", 500) <= most), 20)


def _bars_weight(values: Mapping[str, Any]) -> int:
    return next((weight for most, weight in _BARS_WEIGHTS if values.get("limit", 500) <= most), 10)


def of_one_or_all(one: int, every: int) -> Callable[[Mapping[str, Any]], int]:
    """Return the weight of an endpoint that costs more without a symbol."""
    return lambda values: one if "symbol" in values else every


MARKET = Parameter("symbol", kinds.symbol, required=True)
ANY_MARKET = Parameter("symbol", kinds.symbol)
LIMIT = Parameter("limit", kinds.long)
FROM = Parameter("fromId", kinds.long)
TIMES = (Parameter("startTime", kinds.moment_ns), Parameter("endTime", kinds.moment_ns))
_INTERVAL = Parameter("interval", kinds.INTERVAL, required=True)
_PAIR = Parameter("pair", kinds.symbol, required=True)
_ONE = ParameterTable(ANY_MARKET)
_BARS = ParameterTable(MARKET, _INTERVAL, *TIMES, LIMIT)
_PAIR_BARS = ParameterTable(_PAIR, _INTERVAL, *TIMES, LIMIT)
_CONTINUOUS = ParameterTable(_PAIR, Parameter("contractType", kinds.text, required=True), _INTERVAL, *TIMES, LIMIT)

ENDPOINTS = (
    Endpoint("GET", "/fapi/v1/depth", "depth", depth, ParameterTable(MARKET, LIMIT), _depth_weight),
    Endpoint("GET", "/fapi/v1/trades", "", recent_trades, ParameterTable(MARKET, LIMIT), 5),
    Endpoint("GET", "/fapi/v1/historicalTrades", "", historical_trades, ParameterTable(MARKET, LIMIT, FROM), 20),
    Endpoint("GET", "/fapi/v1/aggTrades", "", aggregate_trades, ParameterTable(MARKET, FROM, *TIMES, LIMIT), 20),
    Endpoint("GET", "/fapi/v1/klines", "", klines, _BARS, _bars_weight),
    Endpoint("GET", "/fapi/v1/continuousKlines", "", continuous_klines, _CONTINUOUS, _bars_weight),
    Endpoint("GET", "/fapi/v1/markPriceKlines", "", mark_klines, _BARS, _bars_weight),
    Endpoint("GET", "/fapi/v1/indexPriceKlines", "", index_klines, _PAIR_BARS, _bars_weight),
    Endpoint("GET", "/fapi/v1/ticker/24hr", "", day_ticker, _ONE, of_one_or_all(1, 40)),
    Endpoint("GET", "/fapi/v1/ticker/price", "", price_ticker, _ONE, of_one_or_all(1, 2)),
    Endpoint("GET", "/fapi/v2/ticker/price", "ticker.price", price_ticker, _ONE, of_one_or_all(1, 2)),
    Endpoint("GET", "/fapi/v1/ticker/bookTicker", "ticker.book", book_ticker, _ONE, of_one_or_all(2, 5)),
)
