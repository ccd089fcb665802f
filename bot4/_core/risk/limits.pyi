from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot4._core.risk.filters import Filters, FilterVerdict
from bot4._core.risk.rules import RiskVerdict

class RiskOpKind(IntEnum):
    OP_CHECK = 0
    OP_SUBMIT = 1
    OP_FILL = 2
    OP_STRAY_FILL = 3
    OP_CLOSED = 4
    OP_ACCEPTED = 5
    OP_UNKNOWN = 6
    OP_KNOWN = 7
    OP_REFERENCE = 8
    OP_EQUITY = 9
    OP_RESET = 10
    OP_SENT = 11

class RiskGate:
    def __init__(
        self,
        *,
        instrument: int,
        max_order_lots: int,
        max_order_notional: int,
        max_long_lots: int,
        max_short_lots: int,
        filters: Filters | None = None,
        notional_is_qty: bool = False,
        exits_need_reference: bool = False,
        max_open_orders: int = 20,
        band_ppm: int = 20_000,
        max_reference_age_ns: int = ...,
        unusual_multiple: int = 10,
        unusual_warmup_orders: int = 20,
        ewma_shift: int = 4,
        max_drawdown_ppm: int = 150_000,
        duplicate_window_ns: int = ...,
        max_reject_run: int = 5,
        max_exit_reject_run: int = 10,
        orders_per_period: int = 10,
        period_ns: int = ...,
        burst: int = 20,
        reserve_tokens: int = 4,
    ) -> None: ...
    def check(
        self,
        *,
        side: int,
        price_ticks: int,
        qty_lots: int,
        now_ns: int,
        order_type: int = 0,
        tif: int = 0,
        flags: int = 0,
        action: int = 0,
        trigger_ticks: int = 0,
        instrument: int | None = None,
    ) -> RiskVerdict | FilterVerdict: ...
    def check_many(self, intents: NDArray[np.void], now_ns: NDArray[np.int64]) -> NDArray[np.int32]: ...
    def run(self, ops: NDArray[np.void], intents: NDArray[np.void]) -> NDArray[np.int32]: ...
    def apply_fill(self, side: int, qty_lots: int) -> None: ...
    def apply_stray_fill(self, side: int, qty_lots: int) -> None: ...
    def apply_closed(self, side: int, unfilled_lots: int, *, by_reject: bool = False, reject_code: int = 0) -> None: ...
    def apply_reference(self, price_ticks: int, ts_ns: int) -> None: ...
    def apply_equity(self, equity_atoms: int) -> None: ...
    def reset(self, *, latches: int) -> None: ...
    def restore_latches(self, *, latches: int, equity_peak: int | None) -> None: ...
    def snapshot(self) -> dict[str, Any]: ...
    def refused(self) -> dict[str, int]: ...
    def state_hash(self) -> int: ...

def verdict_of(value: int) -> RiskVerdict | FilterVerdict: ...
