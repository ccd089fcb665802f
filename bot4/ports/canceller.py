"""What a watchdog needs of a venue: to see the open orders of an account, and to cancel one. Nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that works at the venue; `waits` where it only does so once a trigger is reached."""

    symbol: str
    client_order_id: str
    waits: bool = False


class CancelOutcome(Enum):
    """What came of a cancellation."""

    CANCELED = "canceled"
    GONE = "gone"  # it worked no more when the venue was asked: it had traded, or somebody else canceled it
    UNANSWERED = "unanswered"


class Canceller(Protocol):
    """A connection of its own to one account. One event loop."""

    async def start(self) -> None:
        """Connect; raises `Bot4Error` where the venue does not answer."""
        ...

    async def refresh(self) -> bool:
        """Keep the clock and the connection fresh; False where the venue did not answer."""
        ...

    async def open_orders(self, symbol: str) -> Sequence[OpenOrder] | None:
        """List the open orders of a symbol; None where that was not answered."""
        ...

    async def cancel(self, order: OpenOrder) -> CancelOutcome:
        """Cancel one order."""
        ...

    async def close(self) -> None:
        """Let go of the connection."""
        ...
