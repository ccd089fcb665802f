"""Reports on their way to the engine: nothing of them is lost, whatever the engine does."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.types import EventKind, Flag
from bot4.domain.errors import RejectReason
from bot4.domain.money import Rounding, divide
from bot4.domain.order import OrderSide
from bot4.domain.order_life import ReportKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from bot4.application.orders.board import BoardReport
    from bot4.ports.venue_order import VenueFill

_KINDS = {
    ReportKind.SENT: EventKind.EVENT_ORDER_SENT,
    ReportKind.DROPPED: EventKind.EVENT_ORDER_DROPPED,
    ReportKind.UNKNOWN: EventKind.EVENT_ORDER_UNKNOWN,
    ReportKind.ABSENT: EventKind.EVENT_ORDER_RESOLVED_ABSENT,
    ReportKind.ACK: EventKind.EVENT_ORDER_ACK,
    ReportKind.FILL: EventKind.EVENT_ORDER_FILL,
    ReportKind.CANCELED: EventKind.EVENT_ORDER_CANCELED,
    ReportKind.EXPIRED: EventKind.EVENT_ORDER_EXPIRED,
    ReportKind.REJECTED: EventKind.EVENT_ORDER_REJECTED,
    ReportKind.CANCEL_REJECTED: EventKind.EVENT_CANCEL_REJECTED,
}
# What the engine counts a run of equal rejects by; part of the journal, so new ones go to the end.
_REASON_CODES = {reason: code for code, reason in enumerate(RejectReason, start=1)}
_BATCH = 256


class ReportOutbox:
    """Turns reports into events of the core and pushes them, in order.

    Parameters
    ----------
    push : callable
        Takes reports and a time-out; returns how many it took (`ShardLink.push_reports`).
    assets : mapping of str to (int, int)
        Index in the engine's account and decimals, by asset: what a fee can be booked in.
    now_ns : callable
        The clock that market data is stamped with.
    alarm : callable
        Takes a line where something cannot be told in full.

    One thread.

    """

    def __init__(
        self,
        push: Callable[[NDArray[np.void], float], int],
        assets: Mapping[str, tuple[int, int]],
        now_ns: Callable[[], int],
        alarm: Callable[[str], None],
    ) -> None:
        self._push = push
        self._assets = assets
        self._now_ns = now_ns
        self._alarm = alarm
        self._waiting: deque[tuple[int, ...]] = deque()
        self.told = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, report: BoardReport) -> None:
        """Put a report at the end."""
        self._waiting.append(self._row(report))

    def flush(self, timeout_s: float) -> bool:
        """Push what waits; False where the engine takes no more within `timeout_s`, and the rest goes on waiting."""
        while self._waiting:
            batch = np.array([self._waiting[i] for i in range(min(_BATCH, len(self._waiting)))], EVENT_DTYPE)
            taken = self._push(batch, timeout_s)
            for _ in range(taken):
                self._waiting.popleft()
            self.told += taken
            if taken < len(batch):
                return False
        return True

    def _row(self, report: BoardReport) -> tuple[int, ...]:
        order, fill = report.order, report.fill
        flags = reason = price_ticks = qty_lots = fee_atoms = 0
        trade_id = -1
        venue_ns = order.heard_ns
        if fill is not None:
            flags = int(Flag.FLAG_MAKER) if fill.is_maker else 0
            price_ticks = order.instrument.price_to_ticks(fill.price)
            qty_lots = order.instrument.qty_to_lots(fill.qty)
            trade_id, venue_ns = fill.trade_id, fill.ts_ns
            reason, fee_atoms = self._fee(fill)
        elif report.kind is ReportKind.REJECTED and order.reject_reason is not None:
            reason = _REASON_CODES[order.reject_reason]
        return (
            int(_KINDS[report.kind]),
            0 if order.side is OrderSide.BUY else 1,
            flags,
            order.lane,
            reason,
            venue_ns,
            self._now_ns(),
            order.order_id,
            price_ticks,
            qty_lots,
            trade_id,
            fee_atoms,
        )

    def _fee(self, fill: VenueFill) -> tuple[int, int]:
        """Asset of a fee, counted from 1, and its atoms; rounded against us where the venue is finer than the books."""
        known = self._assets.get(fill.fee_asset)
        if known is None:
            if fill.fee:
                self._alarm(f"trade {fill.trade_id} took its fee in {fill.fee_asset}, which the account does not hold")
            return 0, 0
        index, decimals = known
        numerator, denominator = fill.fee.as_integer_ratio()
        return index + 1, divide(numerator * 10**decimals, denominator, Rounding.UP)
