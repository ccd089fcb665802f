"""Order lists: OCO, OTO and OTOCO; placing, cancelling and asking for them.

Source: binance-spot-api-docs rest-api.md (2026-07-21), "Order lists".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.api.endpoint import Call, Endpoint, Security
from bot4.adapters.simulator.api.history import page
from bot4.adapters.simulator.api.trading import NEW_ID, list_report
from bot4.adapters.simulator.wire import kinds
from bot4.adapters.simulator.wire.errors import EITHER_MUST_BE_SENT, ApiError, refusal
from bot4.adapters.simulator.wire.order_rules import CONDITIONAL, FULL_BY_DEFAULT, check_order
from bot4.adapters.simulator.wire.parameters import Parameter, ParameterTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot4.adapters.simulator.trade.order import Fill
    from bot4.adapters.simulator.trade.order_list import OrderList
    from bot4.adapters.simulator.venue import Venue

_WORKING_TYPES = frozenset({"LIMIT", "LIMIT_MAKER"})
_STOPS = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT"})
_TAKES = frozenset({"LIMIT_MAKER", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})
# Plain names of a leg's parameters, and how they go on behind a leg's prefix.
_LEG_NAMES = {
    "type": "Type",
    "newClientOrderId": "ClientOrderId",
    "icebergQty": "IcebergQty",
    "price": "Price",
    "stopPrice": "StopPrice",
    "trailingDelta": "TrailingDelta",
    "timeInForce": "TimeInForce",
    "strategyId": "StrategyId",
    "strategyType": "StrategyType",
    "pegPriceType": "PegPriceType",
    "pegOffsetType": "PegOffsetType",
    "pegOffsetValue": "PegOffsetValue",
}
_LEG_KINDS = {
    "type": kinds.ORDER_TYPE,
    "newClientOrderId": kinds.client_id,
    "icebergQty": kinds.decimal,
    "price": kinds.decimal,
    "stopPrice": kinds.decimal,
    "trailingDelta": kinds.long,
    "timeInForce": kinds.TIME_IN_FORCE,
    "strategyId": kinds.long,
    "strategyType": kinds.strategy_type,
    "pegPriceType": kinds.PEG_PRICE_TYPE,
    "pegOffsetType": kinds.PEG_OFFSET_TYPE,
    "pegOffsetValue": kinds.long,
}


def place_oco(venue: Venue, call: Call) -> dict[str, Any]:
    """Place two orders one of which cancels the other."""
    values = call.values
    shared = {"side": values["side"], "quantity": values["quantity"]}
    above, below = _leg(values, "above", shared), _leg(values, "below", shared)
    _check_pair(above, below)
    return _place(venue, call, "OCO", [above, below])


def place_old_oco(venue: Venue, call: Call) -> dict[str, Any]:
    """Place an OCO as it was written before order lists had legs above and below."""
    values = call.values
    get = values.get
    common = {"side": values["side"], "quantity": values["quantity"]}
    limit = common | {"type": "LIMIT_MAKER", "price": values["price"]}
    stop = common | {"type": "STOP_LOSS", "stopPrice": values["stopPrice"]}
    if "stopLimitPrice" in values:
        if "stopLimitTimeInForce" not in values:
            raise refusal(-1102, "stopLimitTimeInForce")
        stop |= {
            "type": "STOP_LOSS_LIMIT",
            "price": values["stopLimitPrice"],
            "timeInForce": values["stopLimitTimeInForce"],
        }
    for leg, prefix in ((limit, "limit"), (stop, "stop")):
        for name, tail in (("newClientOrderId", "ClientOrderId"), ("icebergQty", "IcebergQty")):
            if get(prefix + tail) is not None:
                leg[name] = get(prefix + tail)
    if "trailingDelta" in values:
        stop["trailingDelta"] = values["trailingDelta"]
    check_order(stop)
    legs = [stop, limit] if values["side"] == "BUY" else [limit, stop]
    return _place(venue, call, "OCO", legs)


def place_oto(venue: Venue, call: Call) -> dict[str, Any]:
    """Place an order that another waits for."""
    values = call.values
    working = _working(values)
    pending = _leg(values, "pending", {"side": values["pendingSide"], "quantity": values["pendingQuantity"]})
    return _place(venue, call, "OTO", [working, pending])


def place_otoco(venue: Venue, call: Call) -> dict[str, Any]:
    """Place an order that a pair waits for, one of which cancels the other."""
    values = call.values
    working = _working(values)
    shared = {"side": values["pendingSide"], "quantity": values["pendingQuantity"]}
    above = _leg(values, "pendingAbove", shared)
    if "pendingBelowType" not in values:
        raise refusal(-1102, "pendingBelowType")
    below = _leg(values, "pendingBelow", shared)
    _check_pair(above, below)
    return _place(venue, call, "OTOCO", [working, above, below])


def place_opo(venue: Venue, call: Call) -> dict[str, Any]:
    """Refuse an order that pays for other orders: these markets have none."""
    venue.market(call.values["symbol"])
    raise refusal(-2010, "OPO orders are not supported for this symbol.")


def _working(values: Mapping[str, Any]) -> dict[str, Any]:
    if values["workingType"] not in _WORKING_TYPES:
        raise refusal(-1116)
    return _leg(values, "working", {"side": values["workingSide"], "quantity": values["workingQuantity"]})


def _leg(values: Mapping[str, Any], prefix: str, shared: Mapping[str, Any]) -> dict[str, Any]:
    names = {plain: prefix + tail for plain, tail in _LEG_NAMES.items()} | {"quantity": prefix + "Quantity"}
    leg = dict(shared)
    for plain, name in names.items():
        if name in values and plain != "quantity":
            leg[plain] = values[name]
    if "selfTradePreventionMode" in values:
        leg["selfTradePreventionMode"] = values["selfTradePreventionMode"]
    check_order(leg, names)
    return leg


def _check_pair(above: Mapping[str, Any], below: Mapping[str, Any]) -> None:
    kinds_of = {above["type"], below["type"]}
    if not kinds_of <= _STOPS | _TAKES:
        raise refusal(-1158)
    if not kinds_of & _STOPS or not kinds_of & _TAKES:
        raise refusal(-1168) if not kinds_of & CONDITIONAL else refusal(-1158)
    is_buy = above["side"] == "BUY"
    stop, take = (above, below) if above["type"] in _STOPS else (below, above)
    if is_buy and stop is below:
        raise refusal(-1196)
    if not is_buy and stop is above:
        raise refusal(-1197)
    if take is above and is_buy:
        raise refusal(-1165 if take["type"] == "LIMIT_MAKER" else -1198)
    if take is below and not is_buy:
        raise refusal(-1166 if take["type"] == "LIMIT_MAKER" else -1199)


def _place(venue: Venue, call: Call, kind: str, legs: list[dict[str, Any]]) -> dict[str, Any]:
    values = call.values
    market = venue.market(values["symbol"])
    now_ns = venue.now_ns()
    held, fills = venue.desk.place_list(
        call.owner,
        market,
        kind=kind,
        legs=legs,
        client_id=values.get("listClientOrderId", ""),
        now_ns=now_ns,
    )
    return _placed(held, fills, values.get("newOrderRespType"), now_ns, call.unit)


def _placed(held: OrderList, fills: list[Fill], length: str | None, now_ns: int, unit: int) -> dict[str, Any]:
    reports = []
    for leg in held.legs:
        shown = length or ("FULL" if leg.type in FULL_BY_DEFAULT else "ACK")
        if shown == "ACK":
            reports.append(leg.to_ack(now_ns, unit))
        elif shown == "RESULT":
            reports.append(leg.to_result(now_ns, unit))
        else:
            reports.append(leg.to_full(now_ns, unit, [fill for fill in fills if fill.order_id == leg.order_id]))
    started = {"listStatusType": "EXEC_STARTED", "listOrderStatus": "EXECUTING"} if held.is_open else {}
    return held.to_json(unit) | started | {"orderReports": reports}


def cancel_list(venue: Venue, call: Call) -> dict[str, Any]:
    """Cancel an order list."""
    values = call.values
    venue.market(values["symbol"])
    if "orderListId" not in values and "listClientOrderId" not in values:
        raise ApiError(-1102, EITHER_MUST_BE_SENT % ("orderListId", "listClientOrderId"))
    held = call.owner.find_list(values.get("orderListId"), values.get("listClientOrderId"))
    if held is None or held.symbol.name != values["symbol"] or not held.is_open:
        raise refusal(-2011, "Unknown order sent.")
    if "listClientOrderId" in values and held.client_id != values["listClientOrderId"]:
        raise refusal(-2011, "Unknown order sent.")
    cancel_id = values.get("newClientOrderId") or venue.desk.new_id()
    now_ns = venue.now_ns()
    venue.desk.cancel_list(call.owner, held, cancel_id, now_ns)
    return list_report(held, cancel_id, now_ns, call.unit)


def query_list(_venue: Venue, call: Call) -> dict[str, Any]:
    """Tell of one order list."""
    values = call.values
    if "orderListId" not in values and "origClientOrderId" not in values:
        raise ApiError(-1102, EITHER_MUST_BE_SENT % ("orderListId", "origClientOrderId"))
    held = call.owner.find_list(values.get("orderListId"), values.get("origClientOrderId"))
    if held is None:
        raise refusal(-2013)
    return held.to_json(call.unit)


def all_lists(_venue: Venue, call: Call) -> list[dict[str, Any]]:
    """Tell of an account's order lists."""
    if "fromId" in call.values and ("startTime" in call.values or "endTime" in call.values):
        raise refusal(-1128)
    held = page(
        list(call.owner.lists.values()),
        call.values,
        identity=lambda item: item.list_id,
        moment=lambda item: item.updated_ns,
    )
    return [item.to_json(call.unit) for item in held]


def open_lists(_venue: Venue, call: Call) -> list[dict[str, Any]]:
    """Tell of an account's open order lists."""
    return [item.to_json(call.unit) for item in call.owner.lists.values() if item.is_open]


def _leg_parameters(prefix: str, *, needs_type: bool = True) -> list[Parameter]:
    return [
        Parameter(prefix + tail, _LEG_KINDS[plain], required=plain == "type" and needs_type)
        for plain, tail in _LEG_NAMES.items()
    ]


_SYMBOL = Parameter("symbol", kinds.symbol, required=True)
_COMMON = (
    _SYMBOL,
    Parameter("listClientOrderId", kinds.client_id),
    Parameter("newOrderRespType", kinds.RESPONSE_TYPE),
    Parameter("selfTradePreventionMode", kinds.STP_MODE),
)
_SIDE = Parameter("side", kinds.SIDE, required=True)
_QUANTITY = Parameter("quantity", kinds.decimal, required=True)
_WORKING = (
    *_leg_parameters("working"),
    Parameter("workingSide", kinds.SIDE, required=True),
    Parameter("workingQuantity", kinds.decimal, required=True),
)
_PENDING_SIDE = Parameter("pendingSide", kinds.SIDE, required=True)
_PENDING_QUANTITY = Parameter("pendingQuantity", kinds.decimal, required=True)
_OCO = ParameterTable(*_COMMON, _SIDE, _QUANTITY, *_leg_parameters("above"), *_leg_parameters("below")).with_signing()
_OTO = ParameterTable(*_COMMON, *_WORKING, *_leg_parameters("pending"), _PENDING_SIDE, _PENDING_QUANTITY).with_signing()
_OTOCO = ParameterTable(
    *(*_COMMON, *_WORKING, _PENDING_SIDE, _PENDING_QUANTITY),
    *_leg_parameters("pendingAbove"),
    *_leg_parameters("pendingBelow", needs_type=False),
).with_signing()
_OLD_OCO = ParameterTable(
    *_COMMON,
    _SIDE,
    _QUANTITY,
    Parameter("price", kinds.decimal, required=True),
    Parameter("stopPrice", kinds.decimal, required=True),
    Parameter("stopLimitPrice", kinds.decimal),
    Parameter("stopLimitTimeInForce", kinds.TIME_IN_FORCE),
    Parameter("limitClientOrderId", kinds.client_id),
    Parameter("stopClientOrderId", kinds.client_id),
    Parameter("limitIcebergQty", kinds.decimal),
    Parameter("stopIcebergQty", kinds.decimal),
    Parameter("trailingDelta", kinds.long),
).with_signing()
_OPO = ParameterTable(*_COMMON, *_WORKING, *_leg_parameters("pending"), _PENDING_SIDE).with_signing()
_OPOCO = ParameterTable(
    *(*_COMMON, *_WORKING, _PENDING_SIDE),
    *_leg_parameters("pendingAbove"),
    *_leg_parameters("pendingBelow", needs_type=False),
).with_signing()
_PAGE = (
    Parameter("fromId", kinds.long),
    Parameter("startTime", kinds.moment_ns),
    Parameter("endTime", kinds.moment_ns),
    Parameter("limit", kinds.long),
)


def _placing(path: str, ws_method: str, answer: Any, table: ParameterTable, places: int) -> Endpoint:
    return Endpoint(
        *("POST", path, ws_method, answer, table), security=Security.TRADE, places=places, is_free_when_done=True
    )


ENDPOINTS = (
    _placing("/api/v3/orderList/oco", "orderList.place.oco", place_oco, _OCO, 2),
    _placing("/api/v3/order/oco", "orderList.place", place_old_oco, _OLD_OCO, 2),
    _placing("/api/v3/orderList/oto", "orderList.place.oto", place_oto, _OTO, 2),
    _placing("/api/v3/orderList/otoco", "orderList.place.otoco", place_otoco, _OTOCO, 3),
    _placing("/api/v3/orderList/opo", "orderList.place.opo", place_opo, _OPO, 2),
    _placing("/api/v3/orderList/opoco", "orderList.place.opoco", place_opo, _OPOCO, 3),
    Endpoint(
        *("DELETE", "/api/v3/orderList", "orderList.cancel", cancel_list),
        ParameterTable(
            _SYMBOL, Parameter("orderListId", kinds.long), Parameter("listClientOrderId", kinds.client_id), NEW_ID
        ).with_signing(),
        security=Security.TRADE,
        is_free_when_done=True,
    ),
    Endpoint(
        *("GET", "/api/v3/orderList", "orderList.status", query_list),
        ParameterTable(
            Parameter("orderListId", kinds.long), Parameter("origClientOrderId", kinds.client_id)
        ).with_signing(),
        weight=4,
        security=Security.USER_DATA,
    ),
    Endpoint(
        *("GET", "/api/v3/allOrderList", "allOrderLists", all_lists, ParameterTable(*_PAGE).with_signing()),
        weight=20,
        security=Security.USER_DATA,
    ),
    Endpoint(
        *("GET", "/api/v3/openOrderList", "openOrderLists.status", open_lists, ParameterTable().with_signing()),
        weight=6,
        security=Security.USER_DATA,
    ),
)
