"""USD-M orders, trades and events between Binance's fields and ours. A payload that does not fit raises `DataError`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.venues.binance.spot_messages import MS, SELF_TRADE, SIDE_NAMES, SIDES, STATUSES, TIF_NAMES, amount
from bot4.domain.errors import DataError
from bot4.ports.venue_event import BalanceReport, ExecutionReport, FundingSettled
from bot4.ports.venue_order import (
    Balance,
    FundingPayment,
    OrderKind,
    OrderRequest,
    VenueFill,
    VenueOrder,
    VenueOrderStatus,
    VenuePosition,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_TYPE_NAMES = {
    OrderKind.LIMIT: "LIMIT",
    OrderKind.MARKET: "MARKET",
    OrderKind.STOP: "STOP_MARKET",
    OrderKind.STOP_LIMIT: "STOP",
    OrderKind.TAKE_PROFIT: "TAKE_PROFIT_MARKET",
    OrderKind.TAKE_PROFIT_LIMIT: "TAKE_PROFIT",
}
_ALGO_STATUSES = {
    "NEW": VenueOrderStatus.WORKING,
    "TRIGGERING": VenueOrderStatus.WORKING,
    "TRIGGERED": VenueOrderStatus.WORKING,
    # Without an order it became: the venue took it once, and refused what it was to become.
    "FINISHED": VenueOrderStatus.EXPIRED,
    "CANCELED": VenueOrderStatus.CANCELED,
    "EXPIRED": VenueOrderStatus.EXPIRED,
    "REJECTED": VenueOrderStatus.EXPIRED,
}
# Kinds of events that move neither our orders nor a position we count.
_SILENT = frozenset(
    {
        "TRADE_LITE",
        "ACCOUNT_CONFIG_UPDATE",
        "MARGIN_CALL",
        "STRATEGY_UPDATE",
        "GRID_UPDATE",
        "CONDITIONAL_ORDER_TRIGGER_REJECT",
    }
)


def order_params(request: OrderRequest, venue_id: str) -> dict[str, str]:
    """Return the parameters of an order that works at once."""
    params = {
        "symbol": request.symbol,
        "side": SIDE_NAMES[request.side],
        "type": _TYPE_NAMES[request.kind],
        "quantity": format(request.qty, "f"),
        "newClientOrderId": venue_id,
        "newOrderRespType": "RESULT",
        "selfTradePreventionMode": SELF_TRADE,
    }
    _add_terms(params, request)
    return params


def algo_params(request: OrderRequest, venue_id: str) -> dict[str, str]:
    """Return the parameters of an order that waits for a trigger: those have an endpoint of their own (-4120)."""
    params = {
        "algoType": "CONDITIONAL",
        "symbol": request.symbol,
        "side": SIDE_NAMES[request.side],
        "type": _TYPE_NAMES[request.kind],
        "quantity": format(request.qty, "f"),
        "triggerPrice": format(request.trigger_price or 0, "f"),
        "clientAlgoId": venue_id,
        "selfTradePreventionMode": SELF_TRADE,
    }
    _add_terms(params, request)
    return params


def _add_terms(params: dict[str, str], request: OrderRequest) -> None:
    if request.price is not None:
        params["price"] = format(request.price, "f")
        # Post-only is a time in force here.
        params["timeInForce"] = "GTX" if request.post_only else TIF_NAMES[request.tif]
    if request.reduce_only:
        params["reduceOnly"] = "true"


def read_order(payload: Mapping[str, Any], client_order_id: str | None = None) -> VenueOrder:
    """Return the order of an answer."""
    return VenueOrder(
        client_order_id=client_order_id or str(payload["clientOrderId"]),
        venue_order_id=str(payload["orderId"]),
        symbol=str(payload["symbol"]),
        side=SIDES[payload["side"]],
        status=STATUSES[payload["status"]],
        qty=amount(payload["origQty"]),
        filled_qty=amount(payload["executedQty"]),
        price=amount(payload["price"]),
        updated_ns=int(payload.get("updateTime") or 0) * MS,
    )


def read_algo_order(payload: Mapping[str, Any], client_order_id: str | None = None) -> VenueOrder:
    """Return an order that waits for a trigger. What it became once triggered tells its own trades and its end."""
    became = _became(payload.get("actualOrderId"))
    return VenueOrder(
        client_order_id=client_order_id or str(payload["clientAlgoId"]),
        venue_order_id=became,
        symbol=str(payload["symbol"]),
        side=SIDES[payload["side"]],
        status=VenueOrderStatus.WORKING if became else _ALGO_STATUSES[payload["algoStatus"]],
        qty=amount(payload["quantity"]),
        filled_qty=amount("0"),
        price=amount(payload.get("price") or "0"),
        updated_ns=int(payload.get("updateTime") or payload.get("createTime") or 0) * MS,
    )


def _became(order_id: object) -> str:
    return "" if order_id in {None, "", "0", 0} else str(order_id)


def read_trade(payload: Mapping[str, Any]) -> VenueFill:
    """Return one row of userTrades."""
    return VenueFill(
        venue_order_id=str(payload["orderId"]),
        trade_id=int(payload["id"]),
        symbol=str(payload["symbol"]),
        side=SIDES[payload["side"]],
        price=amount(payload["price"]),
        qty=amount(payload["qty"]),
        fee=amount(payload["commission"]),
        fee_asset=str(payload["commissionAsset"]),
        is_maker=bool(payload["maker"]),
        ts_ns=int(payload["time"]) * MS,
    )


def read_balance(payload: Mapping[str, Any]) -> Balance:
    """Return one row of the balance: what is free, and what margin and open losses hold."""
    total, free = amount(payload["balance"]), amount(payload["availableBalance"])
    return Balance(str(payload["asset"]), free, total - free)


def read_position(payload: Mapping[str, Any]) -> VenuePosition:
    """Return one row of positionRisk in one-way mode."""
    if payload.get("positionSide", "BOTH") != "BOTH":
        raise DataError(f"a position of side {payload['positionSide']}: the account is in hedge mode")
    return VenuePosition(str(payload["symbol"]), amount(payload["positionAmt"]), amount(payload["entryPrice"]))


def read_funding(payload: Mapping[str, Any]) -> FundingPayment:
    """Return one row of income of type FUNDING_FEE; what came in is above 0 there."""
    return FundingPayment(
        number=int(payload["tranId"]),
        symbol=str(payload["symbol"]),
        asset=str(payload["asset"]),
        paid=-amount(payload["income"]),
        ts_ns=int(payload["time"]) * MS,
    )


def read_event(event: Mapping[str, Any]) -> ExecutionReport | BalanceReport | FundingSettled | None:
    """Return one event of the account; None for kinds that move neither orders nor money of ours."""
    match event.get("e"):
        case "ORDER_TRADE_UPDATE":
            return _execution_report(event, event["o"])
        case "ALGO_UPDATE":
            return _algo_report(event, event["o"])
        case "ACCOUNT_UPDATE" if event["a"].get("m") == "FUNDING_FEE":
            return FundingSettled(int(event["T"]) * MS)
        case "ACCOUNT_UPDATE":
            rows = tuple(Balance(str(row["a"]), amount(row["wb"]), amount("0")) for row in event["a"].get("B", ()))
            return BalanceReport(rows, int(event["T"]) * MS)
        case silent if silent in _SILENT:
            return None
        case other:
            raise DataError(f"an event of the account of kind {str(other)[:40]!r}")


def _execution_report(event: Mapping[str, Any], row: Mapping[str, Any]) -> ExecutionReport:
    fill = None
    if row["x"] == "TRADE":
        fill = VenueFill(
            venue_order_id=str(row["i"]),
            trade_id=int(row["t"]),
            symbol=str(row["s"]),
            side=SIDES[row["S"]],
            price=amount(row["L"]),
            qty=amount(row["l"]),
            fee=amount(row.get("n") or "0"),
            fee_asset=str(row.get("N") or ""),
            is_maker=bool(row["m"]),
            ts_ns=int(row["T"]) * MS,
        )
    order = VenueOrder(
        client_order_id=str(row["c"]),
        venue_order_id=str(row["i"]),
        symbol=str(row["s"]),
        side=SIDES[row["S"]],
        status=STATUSES[row["X"]],
        qty=amount(row["q"]),
        filled_qty=amount(row["z"]),
        price=amount(row["p"]),
        updated_ns=int(row["T"]) * MS,
    )
    return ExecutionReport(order, fill, int(event["T"]), int(event["E"]) * MS)


def _algo_report(event: Mapping[str, Any], row: Mapping[str, Any]) -> ExecutionReport:
    became = _became(row.get("ai"))
    order = VenueOrder(
        client_order_id=str(row["caid"]),
        venue_order_id=became,
        symbol=str(row["s"]),
        side=SIDES[row["S"]],
        status=VenueOrderStatus.WORKING if became else _ALGO_STATUSES[row["X"]],
        qty=amount(row["q"]),
        filled_qty=amount("0"),
        price=amount(row.get("p") or "0"),
        updated_ns=int(event["T"]) * MS,
        reason=str(row.get("rm") or ""),
    )
    return ExecutionReport(order, None, int(event["T"]), int(event["E"]) * MS)
