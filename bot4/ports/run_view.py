"""What a person watching a run is shown: plain values, already in the instrument's own units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal


@dataclass(frozen=True, slots=True)
class LaneView:
    """One instrument at one moment."""

    symbol: str
    bid: Decimal
    ask: Decimal
    position: Decimal
    equity: Decimal
    equity_asset: str
    working_orders: int
    orders: int
    fills: int
    refusals: int
    score: float
    source: str
    is_waiting_for_snapshot: bool
    latches: int


@dataclass(frozen=True, slots=True)
class RunView:
    """One run at one moment.

    ``progress`` is the share of the input that was read, None where the end is not known. ``engine_ns`` is the engine's
    clock in nanoseconds UTC; ``latency_ns`` maps a stage to its percentiles; ``connection`` says how the venue is
    reached, None where there is none; ``is_paper`` is false where orders are real.
    """

    source: str
    is_synthetic: bool
    elapsed_s: float
    progress: float | None
    engine_ns: int
    messages: int
    events: int
    breaker: str
    journal_failed: bool
    lanes: tuple[LaneView, ...]
    latency_ns: dict[str, dict[str, int]]
    connection: str | None = None
    is_paper: bool = True
