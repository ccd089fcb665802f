"""What a venue's order entry looks like from inside: one shape for every venue, Decimal and str at this edge.

The outcome of asking a venue for something is one of three, never an exception: `Ack`, `Reject` (it definitely did not
happen) or `Unknown` (it may have happened: only evidence from the venue may settle it). A question that got no answer
is `NoInformation`, which is neither "nothing" nor "not found".
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal  # noqa: TC003 - msgspec reads the annotations
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from bot4.domain.order import OrderSide, TimeInForce

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from bot4.domain.client_id import ClientIdRule
    from bot4.domain.errors import RejectReason
    from bot4.domain.instrument import Market


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


@dataclass(frozen=True, slots=True)
class Ack:
    """It happened; `fills` holds what the answer itself tells of trades."""

    order: VenueOrder
    fills: tuple[VenueFill, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """It definitely did not happen. `was_sent` is False where not a byte of it left this process."""

    reason: RejectReason
    code: int | None = None
    message: str = ""
    retry_after_s: float | None = None
    was_sent: bool = True


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have happened; `cause` says why we do not know."""

    cause: str
    code: int | None = None


Outcome = Ack | Reject | Unknown


@dataclass(frozen=True, slots=True)
class NotFound:
    """The venue answered that it knows no such order, at its own time `server_ns` at the earliest."""

    server_ns: int


@dataclass(frozen=True, slots=True)
class NoInformation:
    """A question that was not answered; `retry_after_s` where the venue said when to ask again."""

    cause: str
    retry_after_s: float | None = None


# ---- events


@dataclass(frozen=True, slots=True)
class ExecutionReport:
    """An order moved. `fill` is set where a trade moved it; `sequence` orders the reports of one venue."""

    order: VenueOrder
    fill: VenueFill | None
    sequence: int
    event_ns: int


@dataclass(frozen=True, slots=True)
class BalanceReport:
    """What the account has now of the assets named; those not named did not change."""

    balances: tuple[Balance, ...]
    event_ns: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """A deposit or withdrawal: `delta` of an asset that no order moved."""

    asset: str
    delta: Decimal
    event_ns: int


@dataclass(frozen=True, slots=True)
class FundingSettled:
    """The venue settled funding; what it came to has to be asked for."""

    event_ns: int


@dataclass(frozen=True, slots=True)
class StreamState:
    """The stream of events went down or came up again; what happened in between has to be asked for."""

    is_up: bool
    reason: str


VenueEvent = ExecutionReport | BalanceReport | Transfer | FundingSettled | StreamState


# ---- descriptors


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a venue can do, so that a strategy degrades by choice and not by a refusal."""

    market: Market
    kinds: frozenset[OrderKind]
    tifs: frozenset[TimeInForce]
    client_ids: ClientIdRule
    post_only: bool
    reduce_only: bool
    stp_modes: frozenset[str]
    order_lists: bool
    amend_keeps_priority: bool
    quote_qty_market: bool
    dead_man_switch: bool
    positions: bool


@dataclass(frozen=True, slots=True)
class OrderLimit:
    """How many orders the venue takes in an interval of its calendar."""

    count: int
    interval_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPermissions:
    """What an API key may do."""

    trade: bool
    withdraw: bool
    internal_transfer: bool
    universal_transfer: bool
    ip_restricted: bool


def always_admit() -> bool:
    """Admit every write: for requests that no breaker guards."""
    return True


class ExchangePort(Protocol):
    """Order entry and account of one venue's market. Every call belongs to the event loop that called `start`."""

    @property
    def name(self) -> str:
        """Lower-case name of the venue."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        ...

    @property
    def validity_ns(self) -> int:
        """How long after its time stamp a request may still take effect at the venue, clock error included."""
        ...

    def server_now_ns(self) -> int:
        """Return the venue's time now, as estimated; nanoseconds UTC."""
        ...

    def why_not_ready(self) -> str | None:
        """Return why orders cannot be sent now (clock, connection, ban), or None."""
        ...

    async def answers(self) -> bool:
        """Ask something that costs next to nothing: whether the venue can be reached at all."""
        ...

    async def start(self) -> None:
        """Connect and subscribe; raises `RetryableError`, `RejectedError` or `FatalError` where that fails."""
        ...

    async def close(self) -> None:
        """Let go of every connection. Orders stay as they are."""
        ...

    async def place(self, request: OrderRequest, *, admit: Callable[[], bool] = always_admit) -> Outcome:
        """Place one order, once; `admit` is asked after signing, immediately before the write."""
        ...

    async def cancel(self, symbol: str, client_order_id: str) -> Outcome:
        """Cancel one order by its own id."""
        ...

    async def cancel_all(self, symbol: str) -> Sequence[VenueOrder] | Reject | Unknown:
        """Cancel every open order of a symbol; the orders that were canceled."""
        ...

    async def amend(self, symbol: str, client_order_id: str, qty: Decimal) -> Outcome:
        """Reduce an order to `qty`, keeping its place in the queue where the venue can."""
        ...

    async def query(self, symbol: str, client_order_id: str) -> VenueOrder | NotFound | NoInformation:
        """Ask for one order by its own id."""
        ...

    async def open_orders(self, symbol: str) -> Sequence[VenueOrder] | NoInformation:
        """List the open orders of a symbol."""
        ...

    async def orders_since(self, symbol: str, since_ns: int) -> Sequence[VenueOrder] | NoInformation:
        """List the account's orders placed from a venue time on, whatever became of them, oldest first."""
        ...

    async def trades_of(self, symbol: str, venue_order_id: str) -> Sequence[VenueFill] | NoInformation:
        """List the trades of one order."""
        ...

    async def trades_since(self, symbol: str, since_ns: int) -> Sequence[VenueFill] | NoInformation:
        """List the account's trades from a venue time on, oldest first, without a gap."""
        ...

    async def balances(self) -> Sequence[Balance] | NoInformation:
        """List what the account has."""
        ...

    async def positions(self) -> Sequence[VenuePosition] | NoInformation:
        """List derivatives positions; empty where the market has none."""
        ...

    async def funding_since(self, since_ns: int) -> Sequence[FundingPayment] | NoInformation:
        """List what was paid at settlements of perpetuals from a venue time on, oldest first; empty on spot."""
        ...

    def order_limits(self) -> Sequence[OrderLimit]:
        """Return what the venue said of orders by interval; empty where it said nothing."""
        ...

    async def account_problems(self) -> Sequence[str] | NoInformation:
        """Ask for what keeps this account from trading as we do: one line each."""
        ...

    async def key_permissions(self) -> KeyPermissions | NoInformation:
        """Ask what the key may do."""
        ...

    async def keep_alive(self, symbol: str, ttl_s: float) -> Reject | Unknown | None:
        """Arm or refresh the venue's dead-man switch: without another call within `ttl_s`, it cancels all.

        Called when the engine made progress, never by a timer alone. A venue without one answers `Reject`.
        """
        ...

    def events(self) -> AsyncIterator[VenueEvent]:
        """Yield what happens to the account, in order of arrival, until `close`; one reader."""
        ...
