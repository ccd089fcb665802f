"""Which parameters each order type needs, may have, and must not have.

Source: binance-spot-api-docs rest-api.md (2026-07-21), "New order", its table of additional mandatory parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.wire.errors import EITHER_MUST_BE_SENT, ApiError, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

UNSUPPORTED_COMBINATION = "Unsupported order combination"


@dataclass(frozen=True, slots=True)
class TypeRule:
    """Parameters of one order type beyond symbol, side and type."""

    required: tuple[str, ...]
    forbidden: tuple[str, ...]
    needs_trigger: bool = False


_TRIGGER = ("stopPrice", "trailingDelta")
_PEG = ("pegPriceType", "pegOffsetType", "pegOffsetValue")
RULES = {
    "LIMIT": TypeRule(("timeInForce", "quantity", "price"), ("quoteOrderQty", *_TRIGGER)),
    "MARKET": TypeRule((), ("timeInForce", "price", "icebergQty", *_TRIGGER, *_PEG)),
    "LIMIT_MAKER": TypeRule(("quantity", "price"), ("timeInForce", "quoteOrderQty", *_TRIGGER)),
    "STOP_LOSS": TypeRule(("quantity",), ("timeInForce", "price", "quoteOrderQty", "icebergQty", *_PEG), True),
    "TAKE_PROFIT": TypeRule(("quantity",), ("timeInForce", "price", "quoteOrderQty", "icebergQty", *_PEG), True),
    "STOP_LOSS_LIMIT": TypeRule(("timeInForce", "quantity", "price"), ("quoteOrderQty",), True),
    "TAKE_PROFIT_LIMIT": TypeRule(("timeInForce", "quantity", "price"), ("quoteOrderQty",), True),
}
FULL_BY_DEFAULT = frozenset({"LIMIT", "MARKET"})
CONDITIONAL = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})


def check_order(values: Mapping[str, Any], name_of: Mapping[str, str] | None = None) -> None:
    """Refuse an order that lacks what its type needs or has what it must not have.

    Parameters
    ----------
    values : mapping
        Parameters by their plain names: ``timeInForce``, ``price``.
    name_of : mapping, optional
        What they were called when they were sent: ``aboveTimeInForce`` of a leg.

    Raises
    ------
    ApiError
        -1102, -1106, -1114, -1128 or -2010.

    """
    shown = name_of or {}
    rule = RULES[values["type"]]
    is_pegged = "pegPriceType" in values
    for name in rule.required:
        if name not in values and not (is_pegged and name == "price"):
            raise refusal(-1102, shown.get(name, name))
    for name in rule.forbidden:
        if name in values:
            raise refusal(-1114) if name == "timeInForce" else refusal(-1106, shown.get(name, name))
    if rule.needs_trigger and "stopPrice" not in values and "trailingDelta" not in values:
        raise ApiError(-1102, EITHER_MUST_BE_SENT % tuple(shown.get(name, name) for name in _TRIGGER))
    if values["type"] == "MARKET":
        _check_market(values)
    if ("pegOffsetType" in values) != ("pegOffsetValue" in values):
        raise refusal(-1128)
    if values.get("icebergQty") and values.get("timeInForce", "GTC") != "GTC":
        raise refusal(-2010, UNSUPPORTED_COMBINATION)


def _check_market(values: Mapping[str, Any]) -> None:
    has_quantity, has_quote = "quantity" in values, "quoteOrderQty" in values
    if has_quantity and has_quote:
        raise refusal(-1106, "quoteOrderQty")
    if not has_quantity and not has_quote:
        raise refusal(-1102, "quantity")
