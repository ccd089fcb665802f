"""The compiled exchange's numbers and the futures' words for them."""

from __future__ import annotations

from bot4._core.sim.exchange_types import ExchangeOrderType, ExchangeTimeInForce, ExecutionReason, OrderFlag
from bot4._core.sim.margin_types import AlgoStatus, PositionSide

POSITION_SIDES = tuple(side.name for side in PositionSide)
SIDE_FLAGS = {"BOTH": 0, "LONG": int(OrderFlag.ORDER_LONG), "SHORT": int(OrderFlag.ORDER_SHORT)}
ALGO_STATUSES = tuple(status.name for status in AlgoStatus)
OPEN_ALGO_STATUSES = frozenset({"NEW"})

TYPES = {"LIMIT": int(ExchangeOrderType.TYPE_LIMIT), "MARKET": int(ExchangeOrderType.TYPE_MARKET)}
POST_ONLY = int(ExchangeOrderType.TYPE_LIMIT_MAKER)
ALGO_TYPES = {
    "STOP": int(ExchangeOrderType.TYPE_STOP_LOSS_LIMIT),
    "STOP_MARKET": int(ExchangeOrderType.TYPE_STOP_LOSS),
    "TAKE_PROFIT": int(ExchangeOrderType.TYPE_TAKE_PROFIT_LIMIT),
    "TAKE_PROFIT_MARKET": int(ExchangeOrderType.TYPE_TAKE_PROFIT),
    "TRAILING_STOP_MARKET": int(ExchangeOrderType.TYPE_TAKE_PROFIT),
}
GUARDED_TYPES = frozenset(ALGO_TYPES) - {"TRAILING_STOP_MARKET"}  # those that know `priceProtect`
LIMIT_ALGOS = frozenset({"STOP", "TAKE_PROFIT"})
TIMES_IN_FORCE = {
    "GTC": int(ExchangeTimeInForce.TIME_GTC),
    "IOC": int(ExchangeTimeInForce.TIME_IOC),
    "FOK": int(ExchangeTimeInForce.TIME_FOK),
    "GTX": int(ExchangeTimeInForce.TIME_GTC),
    "GTD": int(ExchangeTimeInForce.TIME_GTD),
}
DEFAULT_STP = "EXPIRE_MAKER"
# What an ACCOUNT_UPDATE says it comes from, where that is no order.
CAUSES = {
    int(ExecutionReason.REASON_CAUSE_FUNDING): "FUNDING_FEE",
    int(ExecutionReason.REASON_CAUSE_MARGIN_TRANSFER): "MARGIN_TRANSFER",
}


def position_side(flags: int) -> str:
    """Return which position an order is about."""
    if flags & OrderFlag.ORDER_LONG:
        return "LONG"
    return "SHORT" if flags & OrderFlag.ORDER_SHORT else "BOTH"
