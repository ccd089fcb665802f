"""What a venue's order entry looks like from inside: one shape for every venue.

What it is asked for is in `venue_order`, what came of it in `venue_outcome`, what its stream tells in `venue_event`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from decimal import Decimal

    from bot4.domain.client_id import ClientIdRule
    from bot4.domain.instrument import Market
    from bot4.domain.order import TimeInForce
    from bot4.ports.venue_event import VenueEvent
    from bot4.ports.venue_order import (
        Balance,
        FundingPayment,
        OrderKind,
        OrderRequest,
        VenueFill,
        VenueOrder,
        VenuePosition,
    )
    from bot4.ports.venue_outcome import NoInformation, NotFound, Outcome, Reject, Unknown


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
