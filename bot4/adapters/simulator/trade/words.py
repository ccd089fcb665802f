"""The matching engine's numbers and the venue's words for them."""

from __future__ import annotations

from bot4._core.sim.exchange_types import (
    ExchangeOrderStatus,
    ExchangeOrderType,
    ExchangeTimeInForce,
    ExecutionReason,
    ExecutionType,
    ListKind,
    ListOrderStatus,
    ListStatus,
)

SIDES = ("BUY", "SELL")
TYPES = tuple(item.name.removeprefix("TYPE_") for item in ExchangeOrderType)
TIMES_IN_FORCE = tuple(item.name.removeprefix("TIME_") for item in ExchangeTimeInForce)
STATUSES = tuple(item.name.removeprefix("STATUS_") for item in ExchangeOrderStatus)
EXECUTIONS = tuple(item.name.removeprefix("EXECUTION_") for item in ExecutionType)
REASONS = {int(item): item.name.removeprefix("REASON_") for item in ExecutionReason}
STP_MODES = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT")
LIST_KINDS = {
    int(ListKind.LIST_OCO): "OCO",
    int(ListKind.LIST_OTO): "OTO",
    int(ListKind.LIST_OTOCO): "OTO",  # the venue calls an OTOCO an OTO where it names the contingency
}
LIST_STATUSES = tuple(item.name.removeprefix("LIST_STATUS_") for item in ListStatus)
LIST_ORDER_STATUSES = tuple(item.name.removeprefix("LIST_ORDER_") for item in ListOrderStatus)
FIRST_EXPIRY_REASON = int(ExecutionReason.REASON_REJECTED)

SIDE_NUMBERS = {name: number for number, name in enumerate(SIDES)}
TYPE_NUMBERS = {name: number for number, name in enumerate(TYPES)}
TIF_NUMBERS = {name: number for number, name in enumerate(TIMES_IN_FORCE)}
# TRANSFER needs both sides to ask for it, and acts as DECREMENT where one does not: here, always.
STP_NUMBERS = {name: number for number, name in enumerate(STP_MODES)} | {"TRANSFER": STP_MODES.index("DECREMENT")}

OPEN_STATUSES = frozenset({"NEW", "PARTIALLY_FILLED", "PENDING_NEW"})
