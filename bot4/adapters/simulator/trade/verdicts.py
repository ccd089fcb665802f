"""The matching engine's verdicts in the venue's words.

Source: binance-spot-api-docs errors.md (2026-07-21), "Messages for -1010, -2010, -2011 and -2038", "Filter failures".
"""

from __future__ import annotations

from bot4._core.sim.exchange_types import ExchangeVerdict as Verdict
from bot4.adapters.simulator.wire.errors import ApiError, refusal

_BUSY = (Verdict.VERDICT_LOG_FULL, Verdict.VERDICT_ORDERS_FULL, Verdict.VERDICT_BOOK_FULL)
_FILTERS = {
    verdict: verdict.name.removeprefix("VERDICT_")
    for verdict in Verdict
    if Verdict.VERDICT_PRICE_FILTER <= verdict <= Verdict.VERDICT_EXCHANGE_MAX_NUM_ORDER_LISTS
    and verdict is not Verdict.VERDICT_NO_REFERENCE
}
_CODES = {
    Verdict.VERDICT_UNKNOWN_SYMBOL: -1121,
    Verdict.VERDICT_BAD_SIDE: -1117,
    Verdict.VERDICT_BAD_TYPE: -1116,
    Verdict.VERDICT_BAD_TIF: -1115,
    Verdict.VERDICT_LIST_TYPES: -1158,
}
_NEW_ORDER = {
    Verdict.VERDICT_NOT_TRADING: "Market is closed.",
    Verdict.VERDICT_BAD_QUANTITY: "Price * QTY is zero or less.",
    Verdict.VERDICT_BAD_PRICE: "Price * QTY is zero or less.",
    Verdict.VERDICT_BAD_STOP: "Unsupported order combination",
    Verdict.VERDICT_BAD_ICEBERG: "IcebergQty exceeds QTY.",
    Verdict.VERDICT_BAD_FLAGS: "Unsupported order combination",
    Verdict.VERDICT_BAD_LIST: "Unsupported order combination",
    Verdict.VERDICT_UNKNOWN_ACCOUNT: "This account may not place or cancel orders.",
    Verdict.VERDICT_DUPLICATE_ORDER: "Duplicate order sent.",
    Verdict.VERDICT_INSUFFICIENT_BALANCE: "Account has insufficient balance for requested action.",
    Verdict.VERDICT_WOULD_MATCH: "Order would immediately match and take.",
    Verdict.VERDICT_WOULD_TRIGGER: "Order would trigger immediately.",
    Verdict.VERDICT_LIST_PRICES: "The relationship of the prices for the orders is not correct.",
    Verdict.VERDICT_LIQUIDITY_BELOW_LOT: "Order book liquidity is less than `LOT_SIZE` filter minimum quantity.",
    Verdict.VERDICT_NO_REFERENCE: "Order book liquidity is less than symbol minimum quantity.",
}
_CANCEL = {
    Verdict.VERDICT_UNKNOWN_ORDER: "Unknown order sent.",
    Verdict.VERDICT_CANCEL_RESTRICTED: "Order was not canceled due to cancel restrictions.",
    Verdict.VERDICT_NOT_TRADING: "Market is closed.",
}
_AMEND = {
    Verdict.VERDICT_UNKNOWN_ORDER: "Unknown order sent.",
    Verdict.VERDICT_NO_CHANGE: "The requested action would change no state; rejecting",
    Verdict.VERDICT_AMEND_QUANTITY: "Order amend (quantity increase) is not supported.",
    Verdict.VERDICT_AMEND_NOT_RESTING: "Unknown order sent.",
    Verdict.VERDICT_MAX_NUM_ORDER_AMENDS: "Filter failure: MAX_NUM_ORDER_AMENDS",
    Verdict.VERDICT_NOT_TRADING: "Market is closed.",
    Verdict.VERDICT_DUPLICATE_ORDER: "Duplicate order sent.",
}
STP_NOT_ALLOWED = "This symbol does not allow the specified self-trade prevention mode."


def new_order_error(verdict: int) -> ApiError:
    """Return what the venue says of a refused order."""
    known = Verdict(verdict)
    if known in _NEW_ORDER:
        return refusal(-2010, _NEW_ORDER[known])
    if known in (Verdict.VERDICT_STP_NOT_ALLOWED, Verdict.VERDICT_BAD_STP):
        return refusal(-1013, STP_NOT_ALLOWED)
    return _common(known)


def cancel_error(verdict: int) -> ApiError:
    """Return what the venue says of a refused cancel."""
    known = Verdict(verdict)
    return refusal(-2011, _CANCEL[known]) if known in _CANCEL else _common(known)


def amend_error(verdict: int) -> ApiError:
    """Return what the venue says of a refused amendment."""
    known = Verdict(verdict)
    return refusal(-2038, _AMEND[known]) if known in _AMEND else _common(known)


def _common(verdict: Verdict) -> ApiError:
    if verdict in _FILTERS:
        return refusal(-1013, f"Filter failure: {_FILTERS[verdict]}")
    if verdict in _CODES:
        return refusal(_CODES[verdict])
    return refusal(-1008 if verdict in _BUSY else -1000)
