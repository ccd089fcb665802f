"""What a venue's account stream tells: executions, balances, transfers, funding, and the stream's own state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

    from bot4.ports.venue_order import Balance, VenueFill, VenueOrder


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
