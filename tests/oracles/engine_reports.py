"""Twin of a lane's reports: what an external venue says about a few orders, applied to plain Python objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

ACK, FILL, CANCELED, REJECTED, EXPIRED, CANCEL_REJECTED = 16, 17, 18, 19, 20, 21
SENT, DROPPED, UNKNOWN, ABSENT, TOTAL = 22, 23, 24, 25, 26
BUY = 0


class Report(NamedTuple):
    """One thing the venue says."""

    kind: int
    order_id: int
    side: int
    lots: int
    price: int
    trade_id: int
    reason: int


@dataclass
class TwinOrder:
    """One working order."""

    side: int
    qty: int
    filled: int = 0
    total: tuple[int, int] | None = None  # trade id, what the venue counts as filled after it
    is_sent: bool = False
    is_acked: bool = False
    is_unknown: bool = False
    cancel_pending: bool = False
    cancel_was_refused: bool = False


@dataclass
class ReportsTwin:
    """The part of a lane that reports change. `is_open`: reconciled, so that a stray fill is a contradiction.

    The engine's clock stands still, so a cancel the venue refused is not repeated.
    """

    is_open: bool
    asset_count: int = 2
    orders: dict[int, TwinOrder] = field(default_factory=dict)
    known: set[int] = field(default_factory=set)
    position: int = 0
    mismatch: str | None = None
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("acks", "fills", "rejects", "strays", "duplicates", "unknowns", "absent", "dropped", "cancels"), 0
        )
    )

    def place(self, order_id: int, side: int, qty: int) -> None:
        """An order went out."""
        self.orders[order_id] = TwinOrder(side, qty)

    def apply(self, report: Report) -> None:
        """Apply one report."""
        kind, order_id = report.kind, report.order_id
        order = self.orders.get(order_id)
        if kind == FILL:
            self._fill(report, order)
        elif kind == TOTAL:
            self._total(order, report.lots, report.trade_id)
        elif order is None:
            self.counts["strays"] += kind != CANCEL_REJECTED
        elif kind == ACK:
            order.is_unknown = False
            self.counts["acks"] += not order.is_acked
            order.is_acked = True
        elif kind == CANCEL_REJECTED:
            order.cancel_was_refused |= order.cancel_pending
            order.cancel_pending = False
        elif kind in (CANCELED, EXPIRED, REJECTED):
            self.counts["rejects"] += kind == REJECTED
            del self.orders[order_id]
        else:
            self._sending(kind, order_id, order)

    def contradict(self, what: str) -> None:
        """Hold the lane: cancel what works."""
        self.mismatch = self.mismatch or what
        for order in self.orders.values():
            if not order.cancel_pending and not order.cancel_was_refused:
                order.cancel_pending = True
                self.counts["cancels"] += 1

    def _fill(self, report: Report, order: TwinOrder | None) -> None:
        if report.side > 1 or report.trade_id < 0 or min(report.lots, report.price) <= 0:
            self.contradict("fields")
            return
        if order is not None and order.side != report.side:
            self.contradict("fields")
            return
        if order is not None:
            order.is_unknown = False
        if report.trade_id in self.known:
            self.counts["duplicates"] += 1
            return
        self.known.add(report.trade_id)
        self._book(report, order)

    def _book(self, report: Report, order: TwinOrder | None) -> None:
        """A fill there was, once."""
        self.counts["fills"] += 1
        is_paid = report.reason <= self.asset_count
        if is_paid:
            self.position += report.lots if report.side == BUY else -report.lots
        known = 0
        if order is None:
            self.counts["strays"] += 1
        else:
            known, order.filled, order.is_acked = order.filled, order.filled + report.lots, True
            if order.filled >= order.qty:
                del self.orders[report.order_id]
        if not is_paid:
            self.counts["strays"] += 1
            self.contradict("ledger")
        if order is None:
            if self.is_open:
                self.contradict("stray_fill")
            return
        if order.filled > order.qty:
            self.contradict("overfill")
        if order.total is not None and order.total[0] == report.trade_id:
            self._compare(order, known, report.lots)

    def _compare(self, order: TwinOrder, known: int, lots: int) -> None:
        assert order.total is not None
        total = order.total[1]
        if total > order.qty:
            self.contradict("overfill")
        elif total > known + lots:
            self.contradict("missing")
        elif total < known + lots:
            self.contradict("backwards")

    def _total(self, order: TwinOrder | None, lots: int, trade_id: int) -> None:
        if order is None:
            return
        order.is_unknown = False
        if trade_id >= 0:
            order.total = (trade_id, lots)
        elif lots > order.qty:
            self.contradict("overfill")
        elif lots > order.filled:
            self.contradict("missing")

    def _sending(self, kind: int, order_id: int, order: TwinOrder) -> None:
        if kind == SENT:
            order.is_sent = True
        elif kind == UNKNOWN:
            self.counts["unknowns"] += not order.is_unknown
            order.is_unknown = True
        elif order.is_acked or order.filled or (kind == DROPPED and (order.is_sent or order.is_unknown)):
            self.contradict("afterlife")
        else:
            self.counts["dropped" if kind == DROPPED else "absent"] += 1
            del self.orders[order_id]
