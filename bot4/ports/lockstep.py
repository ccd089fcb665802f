"""A venue in lockstep: it shows one moment after the other, each once everything of the one before is decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot4.ports.venue_event import ExecutionReport
    from bot4.ports.venue_order import OrderRequest


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """An order to cancel, by its own name."""

    symbol: str
    client_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LockstepMoment:
    """What happens next: a frame of the market with the reports it causes, or reports, or only time that passed.

    ``lane`` is the place of the frame's instrument among those played: a snapshot may not name its own.
    """

    now_ns: int
    frame: bytes | None
    stamp_ns: int
    lane: int
    reports: tuple[ExecutionReport, ...]
    cancels_refused: tuple[str, ...]
    is_over: bool


class LockstepPort(Protocol):
    """One session with such a venue."""

    def step(self, decided: Sequence[OrderRequest | CancelRequest], until_ns: int | None) -> LockstepMoment:
        """Hand over what was decided, in order; return the next moment, at `until_ns` at most."""
        ...
