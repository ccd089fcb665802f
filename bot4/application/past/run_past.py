"""What an earlier life of a run left in its journal: its orders and how far each is known to have come, and its fills.

The journal is all that is believed. What it does not tell - an order written down whose answer never was - only the
venue knows, and it is asked (`LiveGateway`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from bot4._core.engine.control import ControlCode
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.journal.reader import JournalError, JournalReader, Record
from bot4._core.journal.record import JournalKind
from bot4._core.types import EventKind, Flag, IntentAction
from bot4.application.past.run_opening import RunOpening
from bot4.domain.errors import FatalError
from bot4.domain.order import OrderSide
from bot4.domain.order_life import LifeState, OrderLife
from bot4.ports.exchange import VenueFill

if TYPE_CHECKING:
    from pathlib import Path

#: The journal's file in the folder of a run.
JOURNAL_NAME = "shard-0.journal"
_HEADER_BYTES = 64
_STATES = {
    EventKind.EVENT_ORDER_SENT: LifeState.SENT,
    EventKind.EVENT_ORDER_UNKNOWN: LifeState.UNKNOWN,
    EventKind.EVENT_ORDER_ACK: LifeState.ACKED,
    EventKind.EVENT_ORDER_CANCELED: LifeState.CANCELED,
    EventKind.EVENT_ORDER_EXPIRED: LifeState.EXPIRED,
    EventKind.EVENT_ORDER_REJECTED: LifeState.REJECTED,
    EventKind.EVENT_ORDER_DROPPED: LifeState.DROPPED,
    EventKind.EVENT_ORDER_RESOLVED_ABSENT: LifeState.ABSENT,
}


class PastUnreadableError(FatalError):
    """The journal of an earlier run is damaged, or not of this version: nothing is traded before it was looked at."""

    exit_code = 74


@dataclass(slots=True, kw_only=True)
class PastOrder:
    """An order of an earlier life. `written_ns` is when it was noted as sent, 0 where that was not."""

    order_id: int
    epoch: int
    lane: int
    side: OrderSide
    life: OrderLife
    decided_ns: int
    written_ns: int = 0

    @property
    def is_settled(self) -> bool:
        """Whether its end, and every fill of it, is in the journal."""
        return self.life.has_ended and not self.life.needs_trades


@dataclass(slots=True)
class RunPast:
    """All of it."""

    opening: RunOpening
    orders: dict[int, PastOrder] = field(default_factory=dict)
    fills: list[VenueFill] = field(default_factory=list)
    has_stopped: bool = False  # the last thing it was told was to stop
    last_ns: int = 0

    @property
    def unsettled(self) -> list[PastOrder]:
        """The orders that may be at the venue, oldest first."""
        return [order for order in self.orders.values() if not order.is_settled]

    @property
    def is_over(self) -> bool:
        """Whether that run ended in order: it was told to stop, and nothing of it is left anywhere."""
        return self.has_stopped and not self.unsettled

    @property
    def since_ns(self) -> int:
        """No fill that is missing here is older: those of orders that had settled are all known."""
        return min((order.decided_ns for order in self.unsettled), default=self.last_ns)


def read_past(journal: Path) -> RunPast | None:
    """Read a run's journal; None where the run never began, and so cannot have sent anything.

    Raises
    ------
    PastUnreadableError
        It is damaged before its end, cannot be read, or says what no run of this version writes.

    """
    try:
        with JournalReader(journal) as reader:
            return _read(list(reader))
    except FileNotFoundError:
        return None
    except (JournalError, OSError, ValueError) as error:
        if isinstance(error, JournalError) and journal.stat().st_size < _HEADER_BYTES:
            return None  # the process ended while it made the file
        raise PastUnreadableError(f"the journal of an earlier run cannot be read: {error}") from error


def _read(records: list[Record]) -> RunPast | None:
    opening = RunOpening.join(row.payload for row in records if row.kind == JournalKind.JOURNAL_OPENING)
    if opening is None:
        if any(row.kind == JournalKind.JOURNAL_INTENT for row in records):
            raise ValueError("it holds orders and not what the run began with")
        return None
    past = RunPast(opening)
    known: set[tuple[int, int]] = set()
    for row in records:
        past.last_ns = max(past.last_ns, row.ts_wall_ns)
        match row.kind:
            case JournalKind.JOURNAL_INTENT:
                _intent(past, row)
            case JournalKind.JOURNAL_DROPPED:
                _move(past, int(np.frombuffer(row.payload, INTENT_DTYPE)[0]["order_id"]), LifeState.DROPPED)
            case JournalKind.JOURNAL_UPDATE:
                _update(past, np.frombuffer(row.payload, EVENT_DTYPE)[0], known)
            case JournalKind.JOURNAL_CONTROL:
                code = int(np.frombuffer(row.payload, EVENT_DTYPE)[0]["a"])
                if code in {ControlCode.CONTROL_STOP, ControlCode.CONTROL_GATE_OPEN}:
                    past.has_stopped = code == ControlCode.CONTROL_STOP
    return past


def _intent(past: RunPast, record: Record) -> None:
    row = np.frombuffer(record.payload, INTENT_DTYPE)[0]
    if row["action"] != IntentAction.ACTION_PLACE:
        return
    order_id = int(row["order_id"])
    past.orders[order_id] = PastOrder(
        order_id=order_id,
        epoch=record.epoch,
        lane=int(row["instrument"]),
        side=OrderSide.BUY if int(row["side"]) == 0 else OrderSide.SELL,
        life=OrderLife(qty_lots=int(row["qty_lots"])),
        decided_ns=record.ts_wall_ns,
    )


def _move(past: RunPast, order_id: int, state: LifeState) -> None:
    if (order := past.orders.get(order_id)) is not None:
        # What came after the end, or an older outcome after a newer one, moves nothing back.
        if order.life.has_ended or (order.life.is_acked and state in {LifeState.SENT, LifeState.UNKNOWN}):
            return
        order.life = replace(order.life, state=state, is_acked=order.life.is_acked or state is LifeState.ACKED)


def _update(past: RunPast, row: np.void, known: set[tuple[int, int]]) -> None:
    kind, order_id = EventKind(int(row["kind"])), int(row["a"])
    if kind is EventKind.EVENT_ORDER_FILL:
        lane, trade_id = int(row["instrument"]), int(row["d"])
        if trade_id >= 0 and (lane, trade_id) not in known:
            known.add((lane, trade_id))
            past.fills.append(_fill(past.opening, row))
            _filled(past.orders.get(order_id), trade_id, int(row["c"]))
    elif kind in _STATES:
        _move(past, order_id, _STATES[kind])
        if kind is EventKind.EVENT_ORDER_SENT and order_id in past.orders:
            past.orders[order_id].written_ns = int(row["recv_ns"])


def _filled(order: PastOrder | None, trade_id: int, lots: int) -> None:
    if order is None:
        return
    life = order.life
    filled = life.filled_lots + lots
    is_whole = filled >= life.qty_lots
    order.life = replace(
        life,
        state=LifeState.FILLED if is_whole else life.state if life.has_ended else LifeState.ACKED,
        is_acked=True,
        filled_lots=filled,
        trade_ids=life.trade_ids | {trade_id},
        venue_filled_lots=max(life.venue_filled_lots, filled),
    )


def _fill(opening: RunOpening, row: np.void) -> VenueFill:
    instrument = opening.instruments[int(row["instrument"])]
    fee_index = int(row["reason"]) - 1
    asset, decimals = opening.assets[fee_index] if fee_index >= 0 else (instrument.settle, 0)
    return VenueFill(
        venue_order_id="",
        trade_id=int(row["d"]),
        symbol=instrument.symbol,
        side=OrderSide.BUY if int(row["side"]) == 0 else OrderSide.SELL,
        price=int(row["b"]) * instrument.tick_size,
        qty=int(row["c"]) * instrument.lot_size,
        fee=Decimal(int(row["e"])).scaleb(-decimals) if fee_index >= 0 else Decimal(0),
        fee_asset=asset,
        is_maker=bool(int(row["flags"]) & Flag.FLAG_MAKER),
        ts_ns=int(row["venue_ns"]) or int(row["recv_ns"]),
    )
