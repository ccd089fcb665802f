"""What came of asking a venue for something: one of three, never an exception.

`Ack`, `Reject` (it definitely did not happen) or `Unknown` (it may have happened: only evidence from the venue may
settle it). A question that got no answer is `NoInformation`, which is neither "nothing" nor `NotFound`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot4.domain.errors import RejectReason
    from bot4.ports.venue_order import VenueFill, VenueOrder


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
