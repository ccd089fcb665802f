from collections.abc import Sequence
from enum import IntFlag
from typing import Any

class DecisionVerdict(IntFlag):
    DECIDE_ORDER = 0
    DECIDE_CANCEL = 1
    DECIDE_WARMING = 2
    DECIDE_NO_TOUCH = 3
    DECIDE_HOLD = 4
    DECIDE_BUSY = 5
    DECIDE_COOLDOWN = 6
    DECIDE_TOO_SMALL = 7

class DecisionReason(IntFlag):
    REASON_NONE = 0
    REASON_ENTER = 1
    REASON_EXIT = 2
    REASON_STALE_ORDER = 3
    REASON_SCORE_TURNED = 4
    REASON_SHUTDOWN = 5
    REASON_BREAKER = 6
    REASON_OPERATOR = 7
    REASON_GATE = 8
    REASON_STRATEGY = 9
    REASON_STOP = 10
    REASON_TARGET = 11
    REASON_TIME = 12
    REASON_DRAWDOWN = 13

class LinearPolicy:
    def __init__(
        self,
        terms: Sequence[tuple[int, float, float]],
        *,
        enter_score: float,
        take_score: float,
        exit_score: float,
        order_ticklots: int = 0,
        position_ticklots: int = 0,
        order_lots: int = 0,
        position_lots: int = 0,
        price_step_ticks: int = 1,
        qty_step_lots: int = 1,
        qty_min_lots: int = 1,
        qty_max_lots: int = ...,
        notional_min_ticklots: int = 0,
        cooldown_ns: int = 0,
        passive_ttl_ns: int = 1,
        take_slippage_ppm: int = 0,
        short_allowed: bool = False,
    ) -> None: ...
    def score(self, features: Sequence[float]) -> float: ...
    def decide(
        self,
        features: Sequence[float],
        *,
        bid_ticks: int,
        ask_ticks: int,
        position_lots: int = 0,
        working: tuple[int, str, int] | None = None,
        now_ns: int = 0,
        last_intent_ns: int | None = None,
    ) -> dict[str, Any]: ...
