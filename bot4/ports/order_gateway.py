"""The way from a command to the engine's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from decimal import Decimal

    from bot4.domain.order import OrderSide, TimeInForce


class OrderGateway(Protocol):
    """Hands control events to the shard; each call returns at once, the outcome comes back through the journal."""

    def place(
        self,
        symbol: str,
        side: OrderSide,
        *,
        price: Decimal,
        qty: Decimal,
        tif: TimeInForce,
        post_only: bool,
        reduce_only: bool,
    ) -> None:
        """Ask for one order. It passes the same risk limits and breaker as the strategy's."""
        ...

    def cancel(self, symbol: str, order_id: int) -> None:
        """Ask for the cancellation of one order."""
        ...

    def cancel_all(self, symbol: str | None = None) -> None:
        """Ask for the cancellation of every working order, of one symbol or of all."""
        ...

    def kill(self) -> None:
        """Refuse every further order until an explicit reset, and cancel what works."""
        ...

    def signal(self, symbol: str | None, source: int, *, score_ppm: int, confidence_ppm: int, age_ns: int) -> None:
        """Tell what a source says, of one instrument or of all."""
        ...

    def funding(self, symbol: str, *, rate_ppb: int, settled_ns: int) -> None:
        """Tell a perpetual's next funding rate and when it is settled."""
        ...
