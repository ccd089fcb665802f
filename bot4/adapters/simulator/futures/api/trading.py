"""Placing, modifying and cancelling orders, one or several; the dead man's switch.

Source: developers.binance.com, USDS-margined futures, "Trade" (2026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.api.endpoint import Call, Endpoint, Security
from bot4.adapters.simulator.futures import kinds
from bot4.adapters.simulator.futures.api.market_data import MARKET
from bot4.adapters.simulator.futures.errors import refusal
from bot4.adapters.simulator.futures.trade import verdicts
from bot4.adapters.simulator.wire import kinds as wire_kinds
from bot4.adapters.simulator.wire.errors import ApiError
from bot4.adapters.simulator.wire.parameters import Parameter, ParameterTable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot4.adapters.simulator.futures.venue import FuturesVenue

BATCH_MAX = 5
CANCELS_MAX = 10
_MS = 1_000_000


def place(venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """Place an order."""
    market = venue.market(call.values["symbol"])
    order = venue.desk.place(venue.owner(call), market, call.values, venue.now_ns())
    return order.to_placed(call.unit, is_ack=call.values.get("newOrderRespType", "ACK") == "ACK")


def place_test(venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """Look at an order and place nothing."""
    venue.desk.test(venue.owner(call), venue.market(call.values["symbol"]), call.values, venue.now_ns())
    return {}


def modify(venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """Give a resting order another price or quantity."""
    _need_one(call.values)
    order = venue.desk.modify(venue.owner(call), venue.market(call.values["symbol"]), call.values, venue.now_ns())
    return order.to_placed(call.unit, is_ack=False)


def cancel(venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """Cancel an order."""
    order = venue.desk.cancel(venue.owner(call), venue.market(call.values["symbol"]), call.values, venue.now_ns())
    return order.to_placed(call.unit, is_ack=False)


def cancel_all(venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """Cancel every order of a contract."""
    venue.desk.cancel_all(venue.owner(call), venue.market(call.values["symbol"]), venue.now_ns())
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def place_batch(venue: FuturesVenue, call: Call) -> list[dict[str, Any]]:
    """Place several orders, each for itself."""
    return _each(venue, call, _ORDER_ITEM, place)


def modify_batch(venue: FuturesVenue, call: Call) -> list[dict[str, Any]]:
    """Modify several orders, each for itself."""
    return _each(venue, call, _MODIFY_ITEM, modify)


def cancel_batch(venue: FuturesVenue, call: Call) -> list[dict[str, Any]]:
    """Cancel several orders of a contract, each for itself."""
    values = call.values
    ids = [{"orderId": item} for item in values.get("orderIdList", ())]
    ids += [{"origClientOrderId": str(item)} for item in values.get("origClientOrderIdList", ())]
    if not ids:
        raise refusal(-1102, "orderIdList")
    if len(ids) > CANCELS_MAX or ("orderIdList" in values and "origClientOrderIdList" in values):
        raise refusal(-1130, "orderIdList")
    return [_told(venue, call, {"symbol": values["symbol"], **item}, cancel) for item in ids]


def countdown(venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """Cancel all orders of a contract after a time, unless this is called again; 0 ends it."""
    market, wait_ms = venue.market(call.values["symbol"]), call.values["countdownTime"]
    now_ns = venue.now_ns()
    deadline_ns = now_ns + wait_ms * _MS if wait_ms else 0
    verdict = venue.engine.countdown(venue.owner(call).number, market.number, deadline_ns, now_ns)
    venue.settle(now_ns)
    if verdict:
        raise verdicts.error_of(verdict)
    return {"symbol": market.contract.name, "countdownTime": str(wait_ms)}


def _each(
    venue: FuturesVenue,
    call: Call,
    table: ParameterTable,
    answer: Callable[[FuturesVenue, Call], dict[str, Any]],
) -> list[dict[str, Any]]:
    items = call.values["batchOrders"]
    if not 1 <= len(items) <= BATCH_MAX:
        raise refusal(-4082)
    budget = call.owner.budget
    if budget is not None:
        budget.check(len(items), call.now_ns)
    told = []
    for item in items:
        if not isinstance(item, dict):
            raise refusal(-1130, "batchOrders")
        try:
            values = table.parse({name: _text(value) for name, value in item.items()})
        except ApiError as error:
            told.append(error.body())
        else:
            told.append(_told(venue, call, values, answer))
    return told


def _told(
    venue: FuturesVenue, call: Call, values: dict[str, Any], answer: Callable[[FuturesVenue, Call], dict[str, Any]]
) -> dict[str, Any]:
    try:
        return answer(venue, Call(values, call.now_ns, call.unit, call.account, call.key))
    except ApiError as error:
        return {"code": error.code, "msg": error.text}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _need_one(values: Mapping[str, Any]) -> None:
    if "orderId" not in values and "origClientOrderId" not in values:
        raise refusal(-1102, "orderid")


_SIDE = Parameter("side", wire_kinds.SIDE, required=True)
ORDER = (
    MARKET,
    _SIDE,
    Parameter("type", kinds.ORDER_TYPE, required=True),
    Parameter("positionSide", kinds.POSITION_SIDE),
    Parameter("timeInForce", kinds.TIME_IN_FORCE),
    Parameter("quantity", wire_kinds.decimal),
    Parameter("reduceOnly", wire_kinds.boolean),
    Parameter("price", wire_kinds.decimal),
    Parameter("newClientOrderId", kinds.client_id),
    Parameter("stopPrice", wire_kinds.decimal),
    Parameter("closePosition", wire_kinds.boolean),
    Parameter("activationPrice", wire_kinds.decimal),
    Parameter("callbackRate", wire_kinds.decimal),
    Parameter("workingType", kinds.WORKING_TYPE),
    Parameter("priceProtect", wire_kinds.boolean),
    Parameter("newOrderRespType", kinds.RESPONSE_TYPE),
    Parameter("priceMatch", kinds.PRICE_MATCH),
    Parameter("selfTradePreventionMode", kinds.STP_MODE),
    Parameter("goodTillDate", wire_kinds.moment_ns),
)
WHICH = (Parameter("orderId", wire_kinds.long), Parameter("origClientOrderId", kinds.client_id))
_MODIFY = (
    MARKET,
    _SIDE,
    *WHICH,
    Parameter("quantity", wire_kinds.decimal, required=True),
    Parameter("price", wire_kinds.decimal),
    Parameter("priceMatch", kinds.PRICE_MATCH),
    Parameter("positionSide", kinds.POSITION_SIDE),
)
_ORDER_ITEM = ParameterTable(*ORDER).lenient()
_MODIFY_ITEM = ParameterTable(*_MODIFY).lenient()
_BATCH = ParameterTable(Parameter("batchOrders", kinds.json_list, required=True)).with_signing()
_CANCELS = ParameterTable(
    MARKET, Parameter("orderIdList", kinds.json_list), Parameter("origClientOrderIdList", kinds.json_list)
).with_signing()
_COUNTDOWN = ParameterTable(MARKET, Parameter("countdownTime", wire_kinds.long, required=True)).with_signing()

ENDPOINTS = (
    Endpoint(
        *("POST", "/fapi/v1/order", "order.place", place, ParameterTable(*ORDER).with_signing(), 0, Security.TRADE),
        places=1,
    ),
    Endpoint(
        *("POST", "/fapi/v1/order/test", "", place_test, ParameterTable(*ORDER).with_signing(), 0, Security.TRADE)
    ),
    Endpoint(
        *("PUT", "/fapi/v1/order", "order.modify", modify, ParameterTable(*_MODIFY).with_signing(), 1, Security.TRADE),
        places=1,
    ),
    Endpoint(
        "DELETE",
        "/fapi/v1/order",
        "order.cancel",
        cancel,
        ParameterTable(MARKET, *WHICH).with_signing(),
        security=Security.TRADE,
    ),
    Endpoint(
        "DELETE",
        "/fapi/v1/allOpenOrders",
        "",
        cancel_all,
        ParameterTable(MARKET).with_signing(),
        security=Security.TRADE,
    ),
    Endpoint("POST", "/fapi/v1/batchOrders", "", place_batch, _BATCH, 5, Security.TRADE, places=1),
    Endpoint("PUT", "/fapi/v1/batchOrders", "", modify_batch, _BATCH, 5, Security.TRADE, places=1),
    Endpoint("DELETE", "/fapi/v1/batchOrders", "", cancel_batch, _CANCELS, 1, Security.TRADE),
    Endpoint("POST", "/fapi/v1/countdownCancelAll", "", countdown, _COUNTDOWN, 10, Security.TRADE),
)
