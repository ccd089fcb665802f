"""How a gateway stands, as a screen shows it."""

from __future__ import annotations

from dataclasses import dataclass


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
