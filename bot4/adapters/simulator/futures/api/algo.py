"""Orders that wait for a price: since 2025-12 they have endpoints of their own.

Source: developers.binance.com, USDS-margined futures, "New Algo Order" and its siblings (2026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.api.endpoint import Call, Endpoint, Security
from bot4.adapters.simulator.api.history import page
from bot4.adapters.simulator.futures import kinds
from bot4.adapters.simulator.futures.api.market_data import ANY_MARKET, LIMIT, MARKET, TIMES, of_one_or_all
from bot4.adapters.simulator.futures.errors import refusal
from bot4.adapters.simulator.wire import kinds as wire_kinds
from bot4.adapters.simulator.wire.parameters import Parameter, ParameterTable

if TYPE_CHECKING:
    from bot4.adapters.simulator.futures.trade.algo import AlgoOrder
    from bot4.adapters.simulator.futures.venue import FuturesVenue

WEEK_NS = 7 * 86_400_000_000_000


def place(venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """Place an algo order."""
    market = venue.market(call.values["symbol"])
    return venue.desk.place_algo(venue.owner(call), market, call.values, venue.now_ns()).to_json(call.unit)


def cancel(venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """Cancel an algo order."""
    algo = venue.desk.cancel_algo(venue.owner(call), call.values, venue.now_ns())
    return {"algoId": algo.algo_id, "clientAlgoId": algo.client_id, "code": "200", "msg": "success"}


def cancel_all(venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """Cancel every algo order of a contract."""
    venue.desk.cancel_all_algos(venue.owner(call), venue.market(call.values["symbol"]), venue.now_ns())
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def query(venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """Tell of one algo order."""
    algo_id, client_id = call.values.get("algoId"), call.values.get("clientAlgoId")
    if algo_id is None and client_id is None:
        raise refusal(-1102, "algoid")
    algo = venue.owner(call).find_algo(algo_id, client_id)
    if algo is None:
        raise refusal(-2013)
    return algo.to_json(call.unit)


def open_orders(venue: FuturesVenue, call: Call) -> list[dict[str, Any]]:
    """Tell of the algo orders that wait."""
    name = call.values.get("symbol")
    if name is not None:
        venue.market(name)
    algo_id = call.values.get("algoId")
    chosen = venue.owner(call).open_algos(name)
    return [algo.to_json(call.unit) for algo in chosen if algo_id in {None, algo.algo_id}]


def all_orders(venue: FuturesVenue, call: Call) -> list[dict[str, Any]]:
    """Tell of a contract's algo orders, whatever became of them."""
    name = venue.market(call.values["symbol"]).contract.name
    rows: list[AlgoOrder] = page(
        (algo for algo in venue.owner(call).algos.values() if algo.contract.name == name),
        call.values,
        identity=lambda algo: algo.algo_id,
        moment=lambda algo: algo.created_ns,
        from_name="algoId",
        window_ns=WEEK_NS,
    )
    return [algo.to_json(call.unit) for algo in rows]


_ALGO_ID = Parameter("algoId", wire_kinds.long)
_CLIENT_ID = Parameter("clientAlgoId", kinds.client_id)
_KIND = Parameter("algoType", kinds.ALGO_TYPE)
_ORDER = (
    Parameter("algoType", kinds.ALGO_TYPE, required=True),
    MARKET,
    Parameter("side", wire_kinds.SIDE, required=True),
    Parameter("type", kinds.ORDER_TYPE, required=True),
    Parameter("positionSide", kinds.POSITION_SIDE),
    Parameter("timeInForce", kinds.TIME_IN_FORCE),
    Parameter("quantity", wire_kinds.decimal),
    Parameter("price", wire_kinds.decimal),
    Parameter("triggerPrice", wire_kinds.decimal),
    Parameter("workingType", kinds.WORKING_TYPE),
    Parameter("priceMatch", kinds.PRICE_MATCH),
    Parameter("closePosition", wire_kinds.boolean),
    Parameter("priceProtect", wire_kinds.boolean),
    Parameter("reduceOnly", wire_kinds.boolean),
    Parameter("activatePrice", wire_kinds.decimal),
    Parameter("callbackRate", wire_kinds.decimal),
    _CLIENT_ID,
    Parameter("newOrderRespType", kinds.RESPONSE_TYPE),
    Parameter("selfTradePreventionMode", kinds.STP_MODE),
    Parameter("goodTillDate", wire_kinds.moment_ns),
)
_WHICH = ParameterTable(_ALGO_ID, _CLIENT_ID).with_signing()
_OPEN = ParameterTable(_KIND, ANY_MARKET, _ALGO_ID).with_signing()
_ALL = ParameterTable(MARKET, _ALGO_ID, *TIMES, Parameter("page", wire_kinds.long), LIMIT).with_signing()

ENDPOINTS = (
    Endpoint(
        *("POST", "/fapi/v1/algoOrder", "algoOrder.place", place, ParameterTable(*_ORDER).with_signing(), 0),
        security=Security.TRADE,
        places=1,
    ),
    Endpoint("DELETE", "/fapi/v1/algoOrder", "algoOrder.cancel", cancel, _WHICH, 1, Security.TRADE),
    Endpoint(
        *("DELETE", "/fapi/v1/algoOpenOrders", "", cancel_all, ParameterTable(MARKET).with_signing(), 1),
        security=Security.TRADE,
    ),
    Endpoint("GET", "/fapi/v1/algoOrder", "", query, _WHICH, 1, Security.USER_DATA),
    Endpoint("GET", "/fapi/v1/openAlgoOrders", "", open_orders, _OPEN, of_one_or_all(1, 40), Security.USER_DATA),
    Endpoint("GET", "/fapi/v1/allAlgoOrders", "", all_orders, _ALL, 5, Security.USER_DATA),
)
