"""Orders, trades and incomes of an account.

Source: developers.binance.com, USDS-margined futures, "Trade" and "Account" (2026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.api.account import order_counts
from bot4.adapters.simulator.api.history import page
from bot4.adapters.simulator.futures.api.algo import WEEK_NS
from bot4.adapters.simulator.futures.api.market_data import ANY_MARKET, FROM, LIMIT, MARKET, TIMES, of_one_or_all
from bot4.adapters.simulator.futures.api.settings import reading
from bot4.adapters.simulator.futures.api.trading import WHICH
from bot4.adapters.simulator.futures.errors import refusal
from bot4.adapters.simulator.wire import kinds as wire_kinds
from bot4.adapters.simulator.wire.parameters import Parameter

if TYPE_CHECKING:
    from bot4.adapters.simulator.api.endpoint import Call
    from bot4.adapters.simulator.futures.trade.order import FuturesOrder
    from bot4.adapters.simulator.futures.venue import FuturesVenue

_AUTOCLOSE = "autoclose-"
_INCOMES_DEFAULT, _INCOMES_MAX = 100, 1_000


def query_order(venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """Tell of one order."""
    return _found(venue, call).to_query(call.unit)


def query_open_order(venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """Tell of one open order."""
    order = _found(venue, call)
    if not order.is_open:
        raise refusal(-2013)
    return order.to_query(call.unit)


def open_orders(venue: FuturesVenue, call: Call) -> list[dict[str, Any]]:
    """Tell of the open orders of one contract or all."""
    name = call.values.get("symbol")
    if name is not None:
        venue.market(name)
    return [
        order.to_query(call.unit)
        for order in venue.owner(call).open_orders.values()
        if name in {None, order.contract.name}
    ]


def all_orders(venue: FuturesVenue, call: Call) -> list[dict[str, Any]]:
    """Tell of a contract's orders, whatever became of them."""
    name = venue.market(call.values["symbol"]).contract.name
    rows: list[FuturesOrder] = page(
        (order for order in venue.owner(call).orders.values() if order.contract.name == name),
        call.values,
        identity=lambda order: order.order_id,
        moment=lambda order: order.created_ns,
        from_name="orderId",
        window_ns=WEEK_NS,
    )
    return [order.to_query(call.unit) for order in rows]


def user_trades(venue: FuturesVenue, call: Call) -> list[dict[str, Any]]:
    """Tell of an account's trades on a contract."""
    values = call.values
    contract = venue.market(values["symbol"]).contract
    if "fromId" in values and ("startTime" in values or "endTime" in values):
        raise refusal(-1128)
    order_id = values.get("orderId")
    rows = page(
        (
            fill
            for name, fill in venue.owner(call).trades
            if name == contract.name and order_id in {None, fill.order_id}
        ),
        values,
        identity=lambda fill: fill.trade_id,
        moment=lambda fill: fill.at_ns,
        window_ns=WEEK_NS,
    )
    return [fill.to_json(contract, call.unit) for fill in rows]


def incomes(venue: FuturesVenue, call: Call) -> list[dict[str, Any]]:
    """Tell what changed the wallet, oldest first."""
    values = call.values
    symbol, kind = values.get("symbol"), values.get("incomeType")
    start, end = values.get("startTime", 0), values.get("endTime", call.now_ns)
    rows = [
        item
        for item in venue.owner(call).incomes
        if symbol in {None, item.symbol} and kind in {None, item.kind} and start <= item.at_ns <= end
    ]
    limit = min(values.get("limit", _INCOMES_DEFAULT), _INCOMES_MAX)
    first = (max(1, values.get("page", 1)) - 1) * limit
    chosen = rows[first : first + limit] if {"startTime", "page"} & values.keys() else rows[max(0, len(rows) - limit) :]
    return [item.to_json(call.unit) for item in chosen]


def force_orders(venue: FuturesVenue, call: Call) -> list[dict[str, Any]]:
    """Tell of the orders that closed liquidated positions."""
    name = call.values.get("symbol")
    if call.values.get("autoCloseType") == "ADL":
        return []
    return [
        order.to_query(call.unit)
        for order in venue.owner(call).orders.values()
        if order.client_id.startswith(_AUTOCLOSE) and name in {None, order.contract.name}
    ]


def _found(venue: FuturesVenue, call: Call) -> FuturesOrder:
    values = call.values
    order_id, client_id = values.get("orderId"), values.get("origClientOrderId")
    if order_id is None and client_id is None:
        raise refusal(-1102, "orderid")
    order = venue.owner(call).find_order(venue.market(values["symbol"]).contract.name, order_id, client_id)
    if order is None:
        raise refusal(-2013)
    return order


_INCOME = (
    *(ANY_MARKET, Parameter("incomeType", wire_kinds.text), *TIMES),
    *(Parameter("page", wire_kinds.long), LIMIT),
)
_ORDER = Parameter("orderId", wire_kinds.long)

ENDPOINTS = (
    reading("/fapi/v1/order", "order.status", query_order, 1, MARKET, *WHICH),
    reading("/fapi/v1/openOrder", "", query_open_order, 1, MARKET, *WHICH),
    reading("/fapi/v1/openOrders", "", open_orders, of_one_or_all(1, 40), ANY_MARKET),
    reading("/fapi/v1/allOrders", "", all_orders, 5, MARKET, _ORDER, *TIMES, LIMIT),
    reading("/fapi/v1/userTrades", "", user_trades, 5, MARKET, _ORDER, *TIMES, FROM, LIMIT),
    reading("/fapi/v1/income", "", incomes, 30, *_INCOME),
    reading(
        *("/fapi/v1/forceOrders", "", force_orders, of_one_or_all(20, 50), ANY_MARKET, *TIMES, LIMIT),
        Parameter("autoCloseType", wire_kinds.choice("LIQUIDATION", "ADL")),
    ),
    reading("/fapi/v1/rateLimit/order", "", order_counts, 1),
)
