"""What a venue is asked for and what it says there is: orders, fills, balances, positions, payments of funding.

Decimal and str: this is the edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal  # noqa: TC003 - msgspec reads the annotations
from enum import Enum

from bot4.domain.order import OrderSide, TimeInForce


class OrderKind(Enum):
    """How an order gets to the book."""

    LIMIT = "limit"
    MARKET = "market"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TAKE_PROFIT = "take_profit"
    TAKE_PROFIT_LIMIT = "take_profit_limit"

    @property
    def has_price(self) -> bool:
        """Whether it carries a limit price."""
        return self in {OrderKind.LIMIT, OrderKind.STOP_LIMIT, OrderKind.TAKE_PROFIT_LIMIT}

    @property
    def has_trigger(self) -> bool:
        """Whether it waits for a trigger price."""
        return self not in {OrderKind.LIMIT, OrderKind.MARKET}


class VenueOrderStatus(Enum):
    """Where a venue says an order is; how much of it is filled is told beside."""

    WORKING = "working"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """One order to place. The caller always names it; `price` and `trigger_price` go by `kind`.

    Raises
    ------
    ValueError
        The fields do not go together.

    """

    client_order_id: str
    symbol: str
    side: OrderSide
    qty: Decimal
    kind: OrderKind = OrderKind.LIMIT
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    tif: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False

    def __post_init__(self) -> None:
        if not self.client_order_id:
            raise ValueError("client_order_id must not be empty")
        if not self.qty > 0:
            raise ValueError(f"qty must be above 0, was {self.qty}")
        if (self.price is not None) != self.kind.has_price:
            raise ValueError(f"an order of kind {self.kind.value} with price {self.price}")
        if (self.trigger_price is not None) != self.kind.has_trigger:
            raise ValueError(f"an order of kind {self.kind.value} with trigger price {self.trigger_price}")
        if self.post_only and (self.kind is not OrderKind.LIMIT or self.tif is not TimeInForce.GTC):
            raise ValueError(f"post-only is for resting limit orders, was {self.kind.value} {self.tif.value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueOrder:
    """An order as the venue shows it. `filled_qty` is cumulative; `client_order_id` is always the order's own."""

    client_order_id: str
    venue_order_id: str
    symbol: str
    side: OrderSide
    status: VenueOrderStatus
    qty: Decimal
    filled_qty: Decimal
    price: Decimal
    updated_ns: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueFill:
    """One trade of one order. (venue, symbol, `trade_id`) never counts twice, wherever it was read."""

    venue_order_id: str
    trade_id: int
    symbol: str
    side: OrderSide
    price: Decimal
    qty: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    ts_ns: int


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account has of one asset."""

    asset: str
    free: Decimal
    locked: Decimal

    @property
    def total(self) -> Decimal:
        """Free and locked together: what only fills, fees and transfers move."""
        return self.free + self.locked


@dataclass(frozen=True, slots=True)
class VenuePosition:
    """A derivatives position in contracts; negative is short."""

    symbol: str
    qty: Decimal
    entry_price: Decimal


@dataclass(frozen=True, slots=True)
class FundingPayment:
    """What an account paid at a settlement of a perpetual; below 0: received. `number` never counts twice."""

    number: int
    symbol: str
    asset: str
    paid: Decimal
    ts_ns: int


# ---- outcomes
