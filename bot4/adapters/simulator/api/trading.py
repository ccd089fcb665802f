"""Placing, cancelling, replacing and amending single orders.

Source: binance-spot-api-docs rest-api.md (2026-07-21), "Trading endpoints".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.api.endpoint import Call, Endpoint, Security
from bot4.adapters.simulator.wire import kinds
from bot4.adapters.simulator.wire.decimals import format_e8
from bot4.adapters.simulator.wire.errors import EITHER_MUST_BE_SENT, ApiError, refusal
from bot4.adapters.simulator.wire.order_rules import FULL_BY_DEFAULT, check_order
from bot4.adapters.simulator.wire.parameters import Parameter, ParameterTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot4.adapters.simulator.trade.desk import Placed
    from bot4.adapters.simulator.trade.order import Order
    from bot4.adapters.simulator.trade.order_list import OrderList
    from bot4.adapters.simulator.venue import Venue

_CONFLICT = 409
_TOO_MANY = 429


def place(venue: Venue, call: Call) -> dict[str, Any]:
    """Place an order."""
    values = call.values
    market = venue.market(values["symbol"])
    check_order(values)
    now_ns = venue.now_ns()
    return shown(venue.desk.place(call.owner, market, values, now_ns), values, now_ns, call.unit)


def place_test(venue: Venue, call: Call) -> dict[str, Any]:
    """Look at an order and place nothing."""
    values = call.values
    market = venue.market(values["symbol"])
    check_order(values)
    venue.desk.test(call.owner, market, values)
    if not values.get("computeCommissionRates"):
        return {}
    rates = {"maker": format_e8(market.symbol.maker_fee), "taker": format_e8(market.symbol.taker_fee)}
    nothing = {"maker": format_e8(0), "taker": format_e8(0)}
    return {
        "standardCommissionForOrder": rates,
        "specialCommissionForOrder": nothing,
        "taxCommissionForOrder": nothing,
        "discount": no_discount(),
    }


def no_discount() -> dict[str, Any]:
    """Return the discount for paying fees in another asset: there is none here."""
    return {
        "enabledForAccount": False,
        "enabledForSymbol": False,
        "discountAsset": "BNB",
        "discount": format_e8(0),
    }


def shown(placed: Placed, values: Mapping[str, Any], at_ns: int, unit: int) -> dict[str, Any]:
    """Return an accepted order at the length that was asked for."""
    length = values.get("newOrderRespType") or ("FULL" if values["type"] in FULL_BY_DEFAULT else "ACK")
    order = placed.order
    if length == "ACK":
        return order.to_ack(at_ns, unit)
    if length == "RESULT":
        return order.to_result(at_ns, unit)
    return order.to_full(at_ns, unit, placed.fills)


def cancel(venue: Venue, call: Call) -> dict[str, Any]:
    """Cancel an order; the end of a leg is the end of its list."""
    values = call.values
    market = venue.market(values["symbol"])
    _need_one(values, "orderId", "origClientOrderId")
    now_ns = venue.now_ns()
    order, cancel_id = venue.desk.cancel(call.owner, market, values, now_ns)
    if order.list_id >= 0:
        return list_report(call.owner.lists[order.list_id], cancel_id, now_ns, call.unit)
    return order.to_canceled(cancel_id, now_ns, call.unit)


def cancel_all(venue: Venue, call: Call) -> list[dict[str, Any]]:
    """Cancel every order of a market."""
    market = venue.market(call.values["symbol"])
    now_ns = venue.now_ns()
    orders, cancel_id = venue.desk.cancel_all(call.owner, market, now_ns)
    single = [order.to_canceled(cancel_id, now_ns, call.unit) for order in orders if order.list_id < 0]
    lists = dict.fromkeys(order.list_id for order in orders if order.list_id >= 0)
    return single + [list_report(call.owner.lists[item], cancel_id, now_ns, call.unit) for item in lists]


def list_report(held: OrderList, cancel_id: str, now_ns: int, unit: int) -> dict[str, Any]:
    """Return an order list that was cancelled."""
    return held.to_json(unit) | {"orderReports": [leg.to_canceled(cancel_id, now_ns, unit) for leg in held.legs]}


def cancel_replace(venue: Venue, call: Call) -> dict[str, Any]:
    """Cancel an order and place another on the same market."""
    values = call.values
    market = venue.market(values["symbol"])
    _need_one(values, "cancelOrderId", "cancelOrigClientOrderId")
    check_order(values)
    now_ns = venue.now_ns()
    limited = _over_budget(call, now_ns)
    if limited is not None:
        return _cancel_only(venue, call, limited)
    cancel_id = values.get("cancelNewClientOrderId") or venue.desk.new_id()
    done = venue.desk.replace(call.owner, market, values, cancel_id, now_ns)
    response: dict[str, Any] = {
        "cancelResult": "SUCCESS" if done.cancel_error is None else "FAILURE",
        "newOrderResult": "SUCCESS" if done.placed else "NOT_ATTEMPTED" if done.order_error is None else "FAILURE",
        "cancelResponse": _cancel_response(done.canceled, done.cancel_error, cancel_id, now_ns, call.unit),
        "newOrderResponse": None,
    }
    if done.placed is not None:
        response["newOrderResponse"] = shown(done.placed, values, now_ns, call.unit)
    elif done.order_error is not None:
        response["newOrderResponse"] = done.order_error.body()
    if done.cancel_error is None and done.placed is not None:
        return response
    error = refusal(-2022 if done.cancel_error is not None and done.placed is None else -2021)
    error.data = response
    if error.code == -2021:  # noqa: PLR2004 - half of it worked
        error.status = _CONFLICT
    raise error


def _over_budget(call: Call, now_ns: int) -> ApiError | None:
    budget = call.owner.budget
    if budget is None:
        return None
    try:
        budget.check(1, now_ns)
    except ApiError as error:
        if call.values.get("orderRateLimitExceededMode") != "CANCEL_ONLY":
            raise
        return error
    return None


def _cancel_only(venue: Venue, call: Call, limited: ApiError) -> dict[str, Any]:
    """Cancel although the account may place no order just now."""
    values = call.values
    wanted = {
        "orderId": values.get("cancelOrderId"),
        "origClientOrderId": values.get("cancelOrigClientOrderId"),
        "newClientOrderId": values.get("cancelNewClientOrderId"),
        "cancelRestrictions": values.get("cancelRestrictions"),
    }
    now_ns = venue.now_ns()
    canceled: Order | None = None
    cancel_error: ApiError | None = None
    cancel_id = ""
    try:
        canceled, cancel_id = venue.desk.cancel(call.owner, venue.market(values["symbol"]), wanted, now_ns)
    except ApiError as error:
        cancel_error = error
    answer = refusal(-2021 if cancel_error is None else -2022)
    answer.status = _TOO_MANY
    answer.data = {
        "cancelResult": "SUCCESS" if cancel_error is None else "FAILURE",
        "newOrderResult": "FAILURE" if cancel_error is None else "NOT_ATTEMPTED",
        "cancelResponse": _cancel_response(canceled, cancel_error, cancel_id, now_ns, call.unit),
        "newOrderResponse": {"code": limited.code, "msg": limited.text} if cancel_error is None else None,
    }
    raise answer


def _cancel_response(
    canceled: Order | None, error: ApiError | None, cancel_id: str, now_ns: int, unit: int
) -> dict[str, Any]:
    if error is not None:
        return error.body()
    if canceled is None:
        raise RuntimeError("a cancel that did not fail must have an order")
    return canceled.to_canceled(cancel_id, now_ns, unit)


def amend(venue: Venue, call: Call) -> dict[str, Any]:
    """Lower an order's quantity; it keeps its place. The matching engine amends no order of a list."""
    values = call.values
    market = venue.market(values["symbol"])
    _need_one(values, "orderId", "origClientOrderId")
    now_ns = venue.now_ns()
    order, former_id, execution_id = venue.desk.amend(call.owner, market, values, now_ns)
    return {
        "transactTime": now_ns // call.unit,
        "executionId": execution_id,
        "amendedOrder": order.to_amended(former_id, call.unit),
    }


def _need_one(values: Mapping[str, Any], first: str, second: str) -> None:
    if first not in values and second not in values:
        raise ApiError(-1102, EITHER_MUST_BE_SENT % (second, first))


_SYMBOL = Parameter("symbol", kinds.symbol, required=True)
_ORDER = (
    _SYMBOL,
    Parameter("side", kinds.SIDE, required=True),
    Parameter("type", kinds.ORDER_TYPE, required=True),
    Parameter("timeInForce", kinds.TIME_IN_FORCE),
    Parameter("quantity", kinds.decimal),
    Parameter("quoteOrderQty", kinds.decimal),
    Parameter("price", kinds.decimal),
    Parameter("newClientOrderId", kinds.client_id),
    Parameter("strategyId", kinds.long),
    Parameter("strategyType", kinds.strategy_type),
    Parameter("stopPrice", kinds.decimal),
    Parameter("trailingDelta", kinds.long),
    Parameter("icebergQty", kinds.decimal),
    Parameter("newOrderRespType", kinds.RESPONSE_TYPE),
    Parameter("selfTradePreventionMode", kinds.STP_MODE),
    Parameter("pegPriceType", kinds.PEG_PRICE_TYPE),
    Parameter("pegOffsetValue", kinds.long),
    Parameter("pegOffsetType", kinds.PEG_OFFSET_TYPE),
)
_WHICH = (Parameter("orderId", kinds.long), Parameter("origClientOrderId", kinds.client_id))
_RESTRICTIONS = Parameter("cancelRestrictions", kinds.CANCEL_RESTRICTIONS)
NEW_ID = Parameter("newClientOrderId", kinds.client_id)
_NEW_ORDER = ParameterTable(*_ORDER).with_signing()

ENDPOINTS = (
    Endpoint(
        *("POST", "/api/v3/order", "order.place", place, _NEW_ORDER),
        security=Security.TRADE,
        places=1,
        is_free_when_done=True,
    ),
    Endpoint(
        *("POST", "/api/v3/order/test", "order.test", place_test),
        ParameterTable(*_ORDER, Parameter("computeCommissionRates", kinds.boolean)).with_signing(),
        weight=lambda values: 20 if values.get("computeCommissionRates") else 1,
        security=Security.TRADE,
    ),
    Endpoint(
        *("DELETE", "/api/v3/order", "order.cancel", cancel),
        ParameterTable(_SYMBOL, *_WHICH, NEW_ID, _RESTRICTIONS).with_signing(),
        security=Security.TRADE,
        is_free_when_done=True,
    ),
    Endpoint(
        *("DELETE", "/api/v3/openOrders", "openOrders.cancelAll", cancel_all, ParameterTable(_SYMBOL).with_signing()),
        security=Security.TRADE,
        is_free_when_done=True,
    ),
    Endpoint(
        *("POST", "/api/v3/order/cancelReplace", "order.cancelReplace", cancel_replace),
        ParameterTable(
            *_ORDER,
            Parameter("cancelReplaceMode", kinds.CANCEL_REPLACE_MODE, required=True),
            Parameter("cancelNewClientOrderId", kinds.client_id),
            Parameter("cancelOrigClientOrderId", kinds.client_id),
            Parameter("cancelOrderId", kinds.long),
            _RESTRICTIONS,
            Parameter("orderRateLimitExceededMode", kinds.RATE_LIMIT_MODE),
        ).with_signing(),
        security=Security.TRADE,
        is_free_when_done=True,
    ),
    Endpoint(
        *("PUT", "/api/v3/order/amend/keepPriority", "order.amend.keepPriority", amend),
        ParameterTable(_SYMBOL, *_WHICH, NEW_ID, Parameter("newQty", kinds.decimal, required=True)).with_signing(),
        weight=4,
        security=Security.TRADE,
    ),
)
