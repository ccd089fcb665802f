"""What a run holds of one instrument: the sum of its executions, exact."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Context, Decimal, Inexact
from typing import TYPE_CHECKING

from bot4.domain.order import OrderSide

if TYPE_CHECKING:
    from bot4.domain.fill import Fill

_ZERO = Decimal(0)
# 28 digits, the default, would round sums of long runs; what does not fit into these raises.
_EXACT = Context(prec=100, traps=[Inexact])


@dataclass(frozen=True, slots=True)
class Position:
    """Sums over the fills of one instrument; nothing is divided, so nothing is rounded.

    Attributes
    ----------
    symbol : str
    bought_qty, sold_qty : Decimal
    bought_value, sold_value : Decimal
        Sums of price times quantity.
    fills : int
    updated_ns : int
        Of the last fill, nanoseconds UTC.

    """

    symbol: str
    bought_qty: Decimal = _ZERO
    sold_qty: Decimal = _ZERO
    bought_value: Decimal = _ZERO
    sold_value: Decimal = _ZERO
    fills: int = 0
    updated_ns: int = 0

    @property
    def qty(self) -> Decimal:
        """What is held beyond what the run began with; below zero where more was sold."""
        return _EXACT.subtract(self.bought_qty, self.sold_qty)

    def after(self, fill: Fill) -> Position:
        """Return the position with one more fill."""
        value = _EXACT.multiply(fill.price, fill.qty)
        after = replace(self, fills=self.fills + 1, updated_ns=max(self.updated_ns, fill.ts_ns))
        if fill.side is OrderSide.BUY:
            return replace(
                after,
                bought_qty=_EXACT.add(self.bought_qty, fill.qty),
                bought_value=_EXACT.add(self.bought_value, value),
            )
        return replace(
            after, sold_qty=_EXACT.add(self.sold_qty, fill.qty), sold_value=_EXACT.add(self.sold_value, value)
        )
