"""What a caller may ask of a running session; a command names itself, and the same `command_id` is never done twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

from bot4.domain.order import OrderSide, TimeInForce

if TYPE_CHECKING:
    from decimal import Decimal


def _new_id() -> str:
    return uuid4().hex


@dataclass(frozen=True, kw_only=True, slots=True)
class PlaceOrder:
    """Ask for one limit order; risk and breaker decide as for any other.

    Parameters
    ----------
    symbol : str
    side : OrderSide
    price, qty : Decimal
        Exact, on the instrument's grid.

    """

    symbol: str
    side: OrderSide
    price: Decimal
    qty: Decimal
    tif: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    command_id: str = field(default_factory=_new_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class CancelOrder:
    """Ask for the cancellation of one working order."""

    symbol: str
    order_id: int
    command_id: str = field(default_factory=_new_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class CancelAll:
    """Ask for the cancellation of every working order, of one symbol or of all."""

    symbol: str | None = None
    command_id: str = field(default_factory=_new_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Kill:
    """Refuse every further order until an explicit reset, and cancel what works."""

    command_id: str = field(default_factory=_new_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class SwitchMoved:
    """Say in the audit trail that the kill switch was set or reset, which goes past the bus (docs/control.md)."""

    what: str
    by: str
    reason: str
    command_id: str = field(default_factory=_new_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class TellSignal:
    """Tell the reasoned policy what a source says (docs/reasoned.md).

    Parameters
    ----------
    source : str
        ``ml``, ``sentiment``, ``onchain``, ``macro`` or ``news``; the technical score is the engine's own.
    score, confidence : float
        -1 to 1, and 0 to 1.
    age_s : float
        How old it is already.
    symbol : str or None
        None is every instrument.

    """

    source: str
    score: float
    confidence: float
    age_s: float = 0.0
    symbol: str | None = None
    command_id: str = field(default_factory=_new_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class TellFunding:
    """Tell the gate a perpetual's next funding rate, and when it is settled."""

    symbol: str
    rate: Decimal
    settled_ns: int
    command_id: str = field(default_factory=_new_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Several commands, handed over in order; one that is refused stops those after it."""

    commands: tuple[PlaceOrder | CancelOrder | CancelAll | Kill | TellSignal | TellFunding, ...]
    command_id: str = field(default_factory=_new_id)


Command = PlaceOrder | CancelOrder | CancelAll | Kill | SwitchMoved | TellSignal | TellFunding | Batch
