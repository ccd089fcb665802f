"""A circuit breaker with a few settings of its own."""

from __future__ import annotations

from typing import Any

from bot4._core.risk.breaker import Breaker

S = 10**9


def make(**config: Any) -> Breaker:
    return Breaker(**({"cooldown_ns": 5 * S, "stale_ns": 0, "flood_limit": 0} | config))
