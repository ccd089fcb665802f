"""Balances, orders, trades, limits and rights of an account.

Source: binance-spot-api-docs rest-api.md (2026-07-21), "Account Endpoints".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.api.endpoint import Call, Endpoint, Security
from bot4.adapters.simulator.api.history import page
from bot4.adapters.simulator.api.trading import no_discount
from bot4.adapters.simulator.wire import kinds
from bot4.adapters.simulator.wire.decimals import UNIT, format_e8
from bot4.adapters.simulator.wire.errors import EITHER_MUST_BE_SENT, ApiError, refusal
from bot4.adapters.simulator.wire.parameters import Parameter, ParameterTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot4.adapters.simulator.api.endpoint import Answer, Weight
    from bot4.adapters.simulator.venue import Venue

_ONE_BP = UNIT // 10_000
_NOTHING = format_e8(0)


def account(venue: Venue, call: Call) -> dict[str, Any]:
    """Tell balances and rights."""
    owner = call.owner
    symbol = next(iter(venue.markets.values())).symbol
    omits_zero = call.values.get("omitZeroBalances", False)
    balances = []
    for asset in venue.engine.assets:
        free, locked = venue.engine.balance(owner.number, asset)
        if free or locked or not omits_zero:
            balances.append({"asset": asset, "free": format_e8(free), "locked": format_e8(locked)})
    return {
        "makerCommission": symbol.maker_fee // _ONE_BP,
        "takerCommission": symbol.taker_fee // _ONE_BP,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {
            "maker": format_e8(symbol.maker_fee),
            "taker": format_e8(symbol.taker_fee),
            "buyer": _NOTHING,
            "seller": _NOTHING,
        },
        "canTrade": call.key is not None and call.key.may_trade,
        "canWithdraw": False,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": owner.updated_ns // call.unit,
        "accountType": "SPOT",
        "balances": balances,
        "permissions": ["SPOT"],
        "uid": owner.number,
    }


def commission(venue: Venue, call: Call) -> dict[str, Any]:
    """Tell what a market takes of a trade."""
    symbol = venue.market(call.values["symbol"]).symbol
    rates = {"maker": format_e8(symbol.maker_fee), "taker": format_e8(symbol.taker_fee)}
    nothing = {"maker": _NOTHING, "taker": _NOTHING, "buyer": _NOTHING, "seller": _NOTHING}
    return {
        "symbol": symbol.name,
        "standardCommission": rates | {"buyer": _NOTHING, "seller": _NOTHING},
        "specialCommission": nothing,
        "taxCommission": nothing,
        "discount": no_discount(),
    }


def query_order(venue: Venue, call: Call) -> dict[str, Any]:
    """Tell of one order."""
    values = call.values
    market = venue.market(values["symbol"])
    order_id, client_id = values.get("orderId"), values.get("origClientOrderId")
    if order_id is None and client_id is None:
        raise ApiError(-1102, EITHER_MUST_BE_SENT % ("origClientOrderId", "orderId"))
    order = call.owner.find(market.symbol.name, order_id, client_id)
    if order is None:
        raise refusal(-2013)
    if client_id is not None and order.client_id != client_id:
        raise refusal(-2039)
    return order.to_query(call.unit)


def open_orders(venue: Venue, call: Call) -> list[dict[str, Any]]:
    """Tell of the open orders of one market or all."""
    name = call.values.get("symbol")
    if name is None:
        return [order.to_query(call.unit) for order in call.owner.open_orders.values()]
    venue.market(name)
    return [order.to_query(call.unit) for order in call.owner.orders_of(name, is_open=True)]


def all_orders(venue: Venue, call: Call) -> list[dict[str, Any]]:
    """Tell of the orders of a market, whatever became of them."""
    venue.market(call.values["symbol"])
    orders = page(
        call.owner.orders_of(call.values["symbol"]),
        call.values,
        identity=lambda order: order.order_id,
        moment=lambda order: order.created_ns,
        from_name="orderId",
    )
    return [order.to_query(call.unit) for order in orders]


def my_trades(venue: Venue, call: Call) -> list[dict[str, Any]]:
    """Tell of an account's trades on a market."""
    values = call.values
    venue.market(values["symbol"])
    if ("fromId" in values or "orderId" in values) and ("startTime" in values or "endTime" in values):
        raise refusal(-1128)
    order_id = values.get("orderId")
    fills = page(
        (fill for fill in call.owner.fills_of(values["symbol"]) if order_id is None or fill.order_id == order_id),
        values,
        identity=lambda fill: fill.trade_id,
        moment=lambda fill: fill.at_ns,
    )
    return [
        {
            "symbol": values["symbol"],
            "id": fill.trade_id,
            "orderId": fill.order_id,
            "orderListId": fill.list_id,
            "price": format_e8(fill.price),
            "qty": format_e8(fill.qty),
            "quoteQty": format_e8(fill.quote),
            "commission": format_e8(fill.fee),
            "commissionAsset": fill.fee_asset,
            "time": fill.at_ns // call.unit,
            "isBuyer": fill.is_buyer,
            "isMaker": fill.is_maker,
            "isBestMatch": True,
        }
        for fill in fills
    ]


def order_counts(_venue: Venue, call: Call) -> list[dict[str, Any]]:
    """Tell how many orders are counted as unfilled."""
    return [] if call.owner.budget is None else call.owner.budget.to_rate_limits(call.now_ns)


def prevented_matches(venue: Venue, call: Call) -> list[dict[str, Any]]:
    """Tell of trades that self-trade prevention kept from happening."""
    values = call.values
    venue.market(values["symbol"])
    if "preventedMatchId" not in values and "orderId" not in values:
        raise ApiError(-1102, EITHER_MUST_BE_SENT % ("preventedMatchId", "orderId"))
    chosen = page(
        (
            item
            for item in call.owner.prevented
            if item.symbol == values["symbol"]
            and values.get("preventedMatchId", item.match_id) == item.match_id
            and values.get("orderId", item.taker_order) in {item.taker_order, item.maker_order}
        ),
        values,
        identity=lambda item: item.match_id,
        moment=lambda item: item.at_ns,
        from_name="fromPreventedMatchId",
    )
    return [
        {
            "symbol": item.symbol,
            "preventedMatchId": item.match_id,
            "takerOrderId": item.taker_order,
            "makerSymbol": item.symbol,
            "makerOrderId": item.maker_order,
            "tradeGroupId": item.group,
            "selfTradePreventionMode": item.stp,
            "price": format_e8(item.price),
            **({"takerPreventedQuantity": format_e8(item.taker_qty)} if item.taker_qty else {}),
            **({"makerPreventedQuantity": format_e8(item.maker_qty)} if item.maker_qty else {}),
            "transactTime": item.at_ns // call.unit,
        }
        for item in chosen
    ]


def amendments(venue: Venue, call: Call) -> list[dict[str, Any]]:
    """Tell how an order was amended."""
    values = call.values
    market = venue.market(values["symbol"])
    order = call.owner.find(market.symbol.name, values["orderId"], None)
    if order is None:
        raise refusal(-2013)
    chosen = page(
        order.amends,
        values,
        identity=lambda item: item["executionId"],
        moment=lambda item: item["at_ns"],
        from_name="fromExecutionId",
    )
    return [
        {
            "symbol": market.symbol.name,
            "orderId": order.order_id,
            "executionId": item["executionId"],
            "origClientOrderId": item["origClientOrderId"],
            "newClientOrderId": item["newClientOrderId"],
            "origQty": format_e8(item["origQty"]),
            "newQty": format_e8(item["newQty"]),
            "time": item["at_ns"] // call.unit,
        }
        for item in chosen
    ]


def allocations(venue: Venue, call: Call) -> list[dict[str, Any]]:
    """Tell of allocations of routed orders: there are none here."""
    venue.market(call.values["symbol"])
    return []


def my_filters(venue: Venue, call: Call) -> dict[str, Any]:
    """Tell the filters that hold for the account on a market."""
    symbol = venue.market(call.values["symbol"]).symbol
    return {"exchangeFilters": [], "symbolFilters": symbol.filters(), "assetFilters": []}


def _prevented_weight(values: Mapping[str, Any]) -> int:
    return 2 if "preventedMatchId" in values else 20


_SYMBOL = Parameter("symbol", kinds.symbol, required=True)
_ANY_SYMBOL = Parameter("symbol", kinds.symbol)
_LIMIT = Parameter("limit", kinds.long)
_TIMES = (Parameter("startTime", kinds.moment_ns), Parameter("endTime", kinds.moment_ns))
_ORDER = Parameter("orderId", kinds.long)


def reading(path: str, ws_method: str, answer: Answer, weight: Weight, *parameters: Parameter) -> Endpoint:
    """Return a signed endpoint that changes nothing."""
    table = ParameterTable(*parameters).with_signing()
    return Endpoint("GET", path, ws_method, answer, table, weight, Security.USER_DATA)


ENDPOINTS = (
    reading("/api/v3/account", "account.status", account, 20, Parameter("omitZeroBalances", kinds.boolean)),
    reading("/api/v3/account/commission", "account.commission", commission, 20, _SYMBOL),
    reading(
        *("/api/v3/order", "order.status", query_order, 4, _SYMBOL, _ORDER),
        Parameter("origClientOrderId", kinds.client_id),
    ),
    reading(
        *("/api/v3/openOrders", "openOrders.status", open_orders),
        lambda values: 6 if "symbol" in values else 80,
        _ANY_SYMBOL,
    ),
    reading("/api/v3/allOrders", "allOrders", all_orders, 20, _SYMBOL, _ORDER, *_TIMES, _LIMIT),
    reading(
        *("/api/v3/myTrades", "myTrades", my_trades),
        lambda values: 5 if "orderId" in values else 20,
        *(_SYMBOL, _ORDER, *_TIMES, Parameter("fromId", kinds.long), _LIMIT),
    ),
    reading("/api/v3/rateLimit/order", "account.rateLimits.orders", order_counts, 40),
    reading(
        *("/api/v3/myPreventedMatches", "myPreventedMatches", prevented_matches, _prevented_weight, _SYMBOL, _ORDER),
        *(Parameter("preventedMatchId", kinds.long), Parameter("fromPreventedMatchId", kinds.long), _LIMIT),
    ),
    reading(
        *("/api/v3/order/amendments", "order.amendments", amendments, 4, _SYMBOL),
        *(Parameter("orderId", kinds.long, required=True), Parameter("fromExecutionId", kinds.long), _LIMIT),
    ),
    reading(
        *("/api/v3/myAllocations", "myAllocations", allocations, 20, _SYMBOL, *_TIMES, _ORDER, _LIMIT),
        *(Parameter("fromAllocationId", kinds.long),),
    ),
    reading("/api/v3/myFilters", "myFilters", my_filters, 40, _SYMBOL),
)
