"""Spot orders, trades and events between Binance's fields and ours. A payload that does not fit raises `DataError`."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from bot4.domain.errors import DataError
from bot4.domain.order import OrderSide, TimeInForce
from bot4.ports.venue_event import BalanceReport, ExecutionReport, Transfer
from bot4.ports.venue_order import Balance, OrderKind, OrderRequest, VenueFill, VenueOrder, VenueOrderStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

MS = 1_000_000
SIDES = {"BUY": OrderSide.BUY, "SELL": OrderSide.SELL}
SIDE_NAMES = {side: name for name, side in SIDES.items()}
TIF_NAMES = {TimeInForce.GTC: "GTC", TimeInForce.IOC: "IOC", TimeInForce.FOK: "FOK"}
STATUSES = {
    "NEW": VenueOrderStatus.WORKING,
    "PENDING_NEW": VenueOrderStatus.WORKING,
    "PARTIALLY_FILLED": VenueOrderStatus.WORKING,
    "PENDING_CANCEL": VenueOrderStatus.WORKING,
    "FILLED": VenueOrderStatus.FILLED,
    "CANCELED": VenueOrderStatus.CANCELED,
    "EXPIRED": VenueOrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": VenueOrderStatus.EXPIRED,
    "REJECTED": VenueOrderStatus.REJECTED,
}
_TYPE_NAMES = {
    OrderKind.LIMIT: "LIMIT",
    OrderKind.MARKET: "MARKET",
    OrderKind.STOP: "STOP_LOSS",
    OrderKind.STOP_LIMIT: "STOP_LOSS_LIMIT",
    OrderKind.TAKE_PROFIT: "TAKE_PROFIT",
    OrderKind.TAKE_PROFIT_LIMIT: "TAKE_PROFIT_LIMIT",
}


#: Of two orders of ours that meet, the one that rests goes: an exit must not fail on an entry that was left over.
SELF_TRADE = "EXPIRE_MAKER"


def order_params(request: OrderRequest, venue_id: str) -> dict[str, str]:
    """Return the parameters of a new order; the answer is asked for with its fills."""
    if request.reduce_only:
        raise ValueError(f"order {request.client_order_id}: the spot market knows no reduce-only")
    params = {
        "symbol": request.symbol,
        "side": SIDE_NAMES[request.side],
        "type": "LIMIT_MAKER" if request.post_only else _TYPE_NAMES[request.kind],
        "quantity": format(request.qty, "f"),
        "newClientOrderId": venue_id,
        "newOrderRespType": "FULL",
        "selfTradePreventionMode": SELF_TRADE,
    }
    if request.price is not None:
        params["price"] = format(request.price, "f")
        if not request.post_only:
            params["timeInForce"] = TIF_NAMES[request.tif]
    if request.trigger_price is not None:
        params["stopPrice"] = format(request.trigger_price, "f")
    return params


def read_order(payload: Mapping[str, Any], client_order_id: str | None = None) -> VenueOrder:
    """Return the order of a place, cancel or query answer.

    `client_order_id` is the order's own where the caller knows it: an answer to a cancellation names the cancellation.
    """
    own = client_order_id or payload.get("origClientOrderId") or payload["clientOrderId"]
    return VenueOrder(
        client_order_id=str(own),
        venue_order_id=str(payload["orderId"]),
        symbol=str(payload["symbol"]),
        side=SIDES[payload["side"]],
        status=STATUSES[payload["status"]],
        qty=amount(payload["origQty"]),
        filled_qty=amount(payload["executedQty"]),
        price=amount(payload["price"]),
        updated_ns=int(payload.get("transactTime") or payload.get("updateTime") or 0) * MS,
        reason=str(payload.get("expiryReason", "")),
    )


def read_answer_fills(payload: Mapping[str, Any]) -> tuple[VenueFill, ...]:
    """Return the ``fills`` of an answer to a new order: it was the taker in all of them."""
    return tuple(
        VenueFill(
            venue_order_id=str(payload["orderId"]),
            trade_id=int(fill["tradeId"]),
            symbol=str(payload["symbol"]),
            side=SIDES[payload["side"]],
            price=amount(fill["price"]),
            qty=amount(fill["qty"]),
            fee=amount(fill["commission"]),
            fee_asset=str(fill["commissionAsset"]),
            is_maker=False,
            ts_ns=int(payload["transactTime"]) * MS,
        )
        for fill in payload.get("fills", ())
    )


def read_trade(payload: Mapping[str, Any]) -> VenueFill:
    """Return one row of myTrades."""
    return VenueFill(
        venue_order_id=str(payload["orderId"]),
        trade_id=int(payload["id"]),
        symbol=str(payload["symbol"]),
        side=OrderSide.BUY if payload["isBuyer"] else OrderSide.SELL,
        price=amount(payload["price"]),
        qty=amount(payload["qty"]),
        fee=amount(payload["commission"]),
        fee_asset=str(payload["commissionAsset"]),
        is_maker=bool(payload["isMaker"]),
        ts_ns=int(payload["time"]) * MS,
    )


def read_balance(payload: Mapping[str, Any]) -> Balance:
    """Return one row of an account's balances."""
    return Balance(str(payload["asset"]), amount(payload["free"]), amount(payload["locked"]))


def read_event(event: Mapping[str, Any]) -> ExecutionReport | BalanceReport | Transfer | None:
    """Return one event of the account; None for kinds that move neither orders nor money."""
    match event.get("e"):
        case "executionReport":
            return read_execution_report(event)
        case "outboundAccountPosition":
            rows = tuple(Balance(str(row["a"]), amount(row["f"]), amount(row["l"])) for row in event["B"])
            return BalanceReport(rows, int(event["u"]) * MS)
        case "balanceUpdate":
            return Transfer(str(event["a"]), amount(event["d"]), int(event["T"]) * MS)
        case "listStatus" | "externalLockUpdate":
            return None
        case other:
            raise DataError(f"an event of the account of kind {str(other)[:40]!r}")


def read_execution_report(event: Mapping[str, Any]) -> ExecutionReport:
    """Return an order's report, under the order's own id: on a cancellation `c` is the cancellation's."""
    fill = None
    if event["x"] == "TRADE" or int(event["t"]) >= 0:
        fill = VenueFill(
            venue_order_id=str(event["i"]),
            trade_id=int(event["t"]),
            symbol=str(event["s"]),
            side=SIDES[event["S"]],
            price=amount(event["L"]),
            qty=amount(event["l"]),
            fee=amount(event["n"]),
            fee_asset=str(event["N"] or ""),
            is_maker=bool(event["m"]),
            ts_ns=int(event["T"]) * MS,
        )
    order = VenueOrder(
        client_order_id=str(event["C"] or event["c"]),
        venue_order_id=str(event["i"]),
        symbol=str(event["s"]),
        side=SIDES[event["S"]],
        status=STATUSES[event["X"]],
        qty=amount(event["q"]),
        filled_qty=amount(event["z"]),
        price=amount(event["p"]),
        updated_ns=int(event["T"]) * MS,
        reason=str(event.get("eR") or (event["r"] if event["r"] != "NONE" else "")),
    )
    return ExecutionReport(order, fill, int(event["I"]), int(event["E"]) * MS)


def amount(text: object) -> Decimal:
    """Return an exact amount of the venue's text; numbers that JSON made floats of are refused."""
    if not isinstance(text, str | int) or isinstance(text, bool):
        raise DataError(f"an amount must come as text, was {text!r}")
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise DataError(f"an amount must be a number, was {str(text)[:40]!r}") from None
    if not value.is_finite():
        raise DataError(f"an amount must be finite, was {text!r}")
    return value
