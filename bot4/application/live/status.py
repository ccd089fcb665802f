"""How a gateway stands, as a screen shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot4.application.orders.board import OrderBoard


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """What a screen shows of the gateway; replaced as a whole."""

    gate: str = "closed: not reconciled yet"
    orders: int = 0
    unsettled: int = 0
    unknown: int = 0
    told: int = 0
    passes: int = 0
    alarms: tuple[str, ...] = ()

    @classmethod
    def of(cls, gate: str, board: OrderBoard, *, told: int, passes: int, alarms: Iterable[str]) -> Self:
        """Return how things stand."""
        unsettled = len(board.unsettled())
        return cls(gate, len(board), unsettled, board.unknown_count, told, passes, tuple(alarms))
