"""An order and the states it may be in; what the repositories keep and the commands speak of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal


class OrderSide(Enum):
    """Buy or sell."""

    BUY = "buy"
    SELL = "sell"


class TimeInForce(Enum):
    """How long an order may wait."""

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"


class OrderStatus(Enum):
    """Where an order is in its life.

    ``SENT -> ACKED -> PARTIALLY_FILLED -> FILLED`` is the long way; ``CANCELED``, ``EXPIRED``, ``REJECTED`` and
    ``DROPPED`` (refused at the gateway, never sent) end it early. ``UNKNOWN`` is an order whose outcome the venue has
    not told; it may turn out to be anything, ``ABSENT`` (never there) included.
    """

    SENT = "sent"
    ACKED = "acked"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    DROPPED = "dropped"
    UNKNOWN = "unknown"
    ABSENT = "absent"


WORKING = frozenset({OrderStatus.SENT, OrderStatus.ACKED, OrderStatus.PARTIALLY_FILLED, OrderStatus.UNKNOWN})

# A fill, or the end, may overtake the acknowledgement.
TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.SENT: frozenset(OrderStatus) - {OrderStatus.SENT},
    OrderStatus.ACKED: frozenset(
        {
            OrderStatus.PARTIALLY_FILLED,
            OrderStatus.FILLED,
            OrderStatus.CANCELED,
            OrderStatus.EXPIRED,
            OrderStatus.REJECTED,
            OrderStatus.UNKNOWN,
        }
    ),
    OrderStatus.PARTIALLY_FILLED: frozenset(
        {
            OrderStatus.PARTIALLY_FILLED,
            OrderStatus.FILLED,
            OrderStatus.CANCELED,
            OrderStatus.EXPIRED,
            OrderStatus.UNKNOWN,
        }
    ),
    OrderStatus.UNKNOWN: frozenset(OrderStatus) - {OrderStatus.SENT, OrderStatus.UNKNOWN, OrderStatus.DROPPED},
    OrderStatus.FILLED: frozenset(),
    OrderStatus.CANCELED: frozenset(),
    OrderStatus.EXPIRED: frozenset(),
    OrderStatus.REJECTED: frozenset(),
    OrderStatus.DROPPED: frozenset(),
    OrderStatus.ABSENT: frozenset(),
}


class OrderTransitionError(ValueError):
    """A report that no order in this state can receive: the projection and the journal disagree."""


@dataclass(frozen=True, slots=True)
class Order:
    """One order as decided and as reported.

    Parameters
    ----------
    order_id : int
        Sequence of its intent in the run's journal.
    client_order_id : str
        What the venue sees; see `bot4.domain.order_id`.
    price, qty, filled_qty : Decimal
        Exact, in quote currency and in units of the base asset or contracts.
    reason : str
        Why it was decided, or why it ended.
    ts_ns, updated_ns : int
        Nanoseconds UTC of the decision and of the last report.

    """

    order_id: int
    client_order_id: str
    symbol: str
    side: OrderSide
    tif: TimeInForce
    post_only: bool
    reduce_only: bool
    price: Decimal
    qty: Decimal
    filled_qty: Decimal
    status: OrderStatus
    reason: str
    score: float
    ts_ns: int
    updated_ns: int

    @property
    def is_working(self) -> bool:
        """Whether the venue may still fill it."""
        return self.status in WORKING

    def moved_to(self, status: OrderStatus, *, updated_ns: int, reason: str | None = None) -> Order:
        """Return the order in another state; raises `OrderTransitionError` where its life has no such step."""
        if status not in TRANSITIONS[self.status]:
            raise OrderTransitionError(f"order {self.order_id} cannot go from {self.status.value} to {status.value}")
        return replace(self, status=status, updated_ns=updated_ns, reason=self.reason if reason is None else reason)

    def filled_by(self, qty: Decimal, *, updated_ns: int) -> Order:
        """Return the order after one fill; raises `OrderTransitionError` where it would exceed the order."""
        filled = self.filled_qty + qty
        if qty <= 0 or filled > self.qty:
            raise OrderTransitionError(
                f"order {self.order_id} of {self.qty} with {self.filled_qty} filled cannot take a fill of {qty}"
            )
        status = OrderStatus.FILLED if filled == self.qty else OrderStatus.PARTIALLY_FILLED
        return replace(self.moved_to(status, updated_ns=updated_ns), filled_qty=filled)
