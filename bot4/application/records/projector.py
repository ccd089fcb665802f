"""From the journal to the store: what was decided and what came of it, as rows people can query.

The journal is the truth; the rows are a projection of it that can be made again from the first record. Each batch and
the sequence it reaches are written in one transaction, so no record is applied twice and none is lost.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from bot4._core.brain.blend import SOURCE_NAMES
from bot4._core.brain.gate import ENTRY_NAMES
from bot4._core.engine.control import ControlCode
from bot4._core.engine.decide import DecisionReason
from bot4._core.engine.lane_state import RefusalStage
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.journal.reader import JournalError, JournalReader, Record
from bot4._core.journal.record import JournalKind
from bot4._core.risk.filters import FilterVerdict
from bot4._core.risk.rules import RiskVerdict
from bot4._core.sim.paper_matching import PaperReason
from bot4._core.types import EventKind, Flag, IntentAction, IntentFlag
from bot4.application.commands.gateway import ALL_LANES
from bot4.domain.errors import FatalError
from bot4.domain.fill import Fill, Mark, Refusal
from bot4.domain.order import TRANSITIONS, Order, OrderSide, OrderStatus, TimeInForce
from bot4.domain.order_id import client_order_id
from bot4.domain.position import Position
from bot4.domain.run_notes import ToldSignal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from enum import Enum
    from pathlib import Path

    from bot4.domain.instrument import Instrument
    from bot4.ports.unit_of_work import Store, UnitOfWork

MARK_DTYPE = np.dtype(
    [
        ("instrument", "i8"),
        ("ts_ns", "i8"),
        ("mark_ticks", "i8"),
        ("position_lots", "i8"),
        ("equity_low", "u8"),
        ("equity_high", "i8"),
        ("realised_low", "u8"),
        ("realised_high", "i8"),
    ]
)
"""One point of the equity curve as the shard journals it: 64 bytes; equity and realised are 128-bit atoms."""

REFUSAL_DTYPE = np.dtype([("intent", INTENT_DTYPE), ("stage", "i8"), ("verdict", "i8")])
"""A refused intent: the intent, the `RefusalStage`, and that stage's verdict."""

_BATCH = 4_096
# Stages with one verdict only.
_STAGE_VERDICTS = {
    RefusalStage.REFUSED_BY_BREAKER: "breaker_open",
    RefusalStage.REFUSED_BY_TABLE: "too_many_working_orders",
    RefusalStage.REFUSED_BY_GATEWAY: "gateway_full",
    RefusalStage.REFUSED_BY_GATE: "gate_closed",
}
_SIDES = (OrderSide.BUY, OrderSide.SELL)
_TIFS = (TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)
_MOVES = {
    EventKind.EVENT_ORDER_CANCELED: OrderStatus.CANCELED,
    EventKind.EVENT_ORDER_REJECTED: OrderStatus.REJECTED,
    EventKind.EVENT_ORDER_EXPIRED: OrderStatus.EXPIRED,
    EventKind.EVENT_ORDER_DROPPED: OrderStatus.DROPPED,
    EventKind.EVENT_ORDER_RESOLVED_ABSENT: OrderStatus.ABSENT,
    EventKind.EVENT_ORDER_UNKNOWN: OrderStatus.UNKNOWN,
}
# States an acknowledgement says something new in.
_UNANSWERED = frozenset({OrderStatus.SENT, OrderStatus.UNKNOWN})


class JournalReadError(FatalError):
    """The journal is damaged before its end, or cannot be read."""

    exit_code = 74


def _do_not_wait() -> bool:
    return False


class Projector:
    """Copies a run's journal into the store, as far as the journal has come.

    Parameters
    ----------
    journal_path : Path
        The run's journal; the engine may be writing it.
    store : Store
    run_id : str
        A run that is already in the store.
    instruments : sequence of Instrument
        In the order of the engine's lanes.
    settle_decimals : sequence of int
        Decimals of each lane's settle asset in the account.
    venue_assets : sequence of (str, int) or None
        Name and decimals of each asset of the account where the orders go to an external venue, which takes its fees in
        an asset of its choice; None on paper.
    kept_seq : int, optional
        Last record that outlived a crash. Tables that hold later ones were told what the disk then lost (in a power
        cut, not by a kill): they are made anew from the journal.

    One thread.

    """

    def __init__(
        self,
        journal_path: Path,
        store: Store,
        run_id: str,
        instruments: Sequence[Instrument],
        settle_decimals: Sequence[int],
        *,
        venue_assets: Sequence[tuple[str, int]] | None = None,
        kept_seq: int | None = None,
    ) -> None:
        self._reader = JournalReader(journal_path)
        self._store = store
        self._run_id = run_id
        self._instruments = tuple(instruments)
        self._settle_decimals = tuple(settle_decimals)
        self._venue_assets = None if venue_assets is None else tuple(venue_assets)
        self._working: dict[int, Order] = {}
        self._positions: dict[str, Position] = {}
        self._unprojected: list[Record] = []
        with store.unit_of_work() as unit:
            self._projected_seq = unit.runs.projected_seq(run_id)
            if kept_seq is not None and self._projected_seq > kept_seq:
                unit.runs.forget_records(run_id)
                self._projected_seq = 0
            self._working = {order.order_id: order for order in unit.orders.list(run_id, working_only=True)}
            self._positions = {position.symbol: position for position in unit.positions.list(run_id)}
            if not self._positions:  # tables of before there were positions
                for fill in unit.fills.list(run_id):
                    self._hold(unit, fill)
            unit.commit()

    def catch_up(self) -> int:
        """Project every record there is; returns how many.

        Raises
        ------
        FatalError
            The store or the journal failed. Nothing of the batch was kept, and the next call begins with it again.

        """
        total = 0
        while True:
            self._read_on()
            if not self._unprojected:
                return total
            self._project(self._unprojected)
            total += len(self._unprojected)
            self._unprojected = []

    def _read_on(self) -> None:
        """Fill the batch with what was written since."""
        if len(self._unprojected) == _BATCH:
            return
        try:
            self._reader.skip(self._projected_seq)
            for record in self._reader.follow(_do_not_wait):
                self._unprojected.append(record)
                if len(self._unprojected) == _BATCH:
                    return
        except JournalError as error:
            raise JournalReadError(f"the journal cannot be read: {error}") from error

    def close(self) -> None:
        """Close the journal's reader."""
        self._reader.close()

    def _project(self, batch: Sequence[Record]) -> None:
        before = self._projected_seq, dict(self._working), dict(self._positions)
        try:
            with self._store.unit_of_work() as unit:
                for record in batch:
                    if record.seq > self._projected_seq:
                        self._apply(unit, record)
                        self._projected_seq = record.seq
                unit.runs.set_projected_seq(self._run_id, self._projected_seq)
                unit.commit()
        except BaseException:
            self._projected_seq, self._working, self._positions = before
            raise

    def _apply(self, unit: UnitOfWork, record: Record) -> None:
        match record.kind:
            case JournalKind.JOURNAL_INTENT:
                self._intent(unit, record)
            case JournalKind.JOURNAL_UPDATE:
                self._update(unit, record)
            case JournalKind.JOURNAL_DROPPED:
                self._dropped(unit, record)
            case JournalKind.JOURNAL_REFUSAL:
                unit.refusals.add(self._run_id, self._refusal(record))
            case JournalKind.JOURNAL_MARK:
                unit.marks.add(self._run_id, self._mark(record))
            case JournalKind.JOURNAL_CONTROL:
                self._control(unit, record)

    def _intent(self, unit: UnitOfWork, record: Record) -> None:
        row = np.frombuffer(record.payload, INTENT_DTYPE)[0]
        if row["action"] != IntentAction.ACTION_PLACE:
            return
        instrument = self._instruments[int(row["instrument"])]
        order = Order(
            order_id=int(row["order_id"]),
            client_order_id=client_order_id(record.epoch, int(row["order_id"])),
            symbol=instrument.symbol,
            side=_SIDES[int(row["side"])],
            tif=_TIFS[int(row["tif"])],
            post_only=bool(row["flags"] & IntentFlag.INTENT_POST_ONLY),
            reduce_only=bool(row["flags"] & IntentFlag.INTENT_REDUCE_ONLY),
            price=instrument.ticks_to_price(int(row["price_ticks"])),
            qty=instrument.lots_to_qty(int(row["qty_lots"])),
            filled_qty=Decimal(0),
            status=OrderStatus.SENT,
            reason=word(DecisionReason(int(row["reason"])), "REASON_"),
            score=float(row["score"]),
            ts_ns=int(row["ts_ns"]),
            updated_ns=int(row["ts_ns"]),
        )
        self._save(unit, order)

    def _update(self, unit: UnitOfWork, record: Record) -> None:
        row = np.frombuffer(record.payload, EVENT_DTYPE)[0]
        order = self._working.get(int(row["a"]))
        kind = EventKind(int(row["kind"]))
        now_ns = int(row["recv_ns"]) or record.ts_wall_ns
        if kind is EventKind.EVENT_ORDER_FILL:
            self._filled(unit, row, order, now_ns)
        elif order is None:
            return  # a late report of an order that is closed: the journal keeps it, the row stands
        elif kind is EventKind.EVENT_ORDER_ACK:
            if order.status in _UNANSWERED:
                self._save(unit, order.moved_to(OrderStatus.ACKED, updated_ns=now_ns))
        elif kind in _MOVES and _MOVES[kind] in TRANSITIONS[order.status]:
            # A report that contradicts an earlier one moves nothing: the lane is held for it, and the journal says so.
            reason = self._reason_name(int(row["reason"]))
            self._save(unit, order.moved_to(_MOVES[kind], updated_ns=now_ns, reason=reason))

    def _filled(self, unit: UnitOfWork, row: np.void, order: Order | None, now_ns: int) -> None:
        """Keep a fill; on paper every one is of a working order, an external venue may surprise."""
        if order is None and self._venue_assets is None:
            return
        fill = self._fill(row)
        if not (fill.trade_id >= 0 and fill.qty > 0 and unit.fills.add(self._run_id, fill)):
            return
        self._hold(unit, fill)
        if order is None:
            return
        self._save(unit, order.filled_by(min(fill.qty, order.qty - order.filled_qty), updated_ns=now_ns))

    def _hold(self, unit: UnitOfWork, fill: Fill) -> None:
        held = self._positions.get(fill.symbol, Position(fill.symbol)).after(fill)
        self._positions[fill.symbol] = held
        unit.positions.save(self._run_id, held)

    def _control(self, unit: UnitOfWork, record: Record) -> None:
        """Keep a score from outside; other controls stand in the journal and the audit trail."""
        row = np.frombuffer(record.payload, EVENT_DTYPE)[0]
        if row["a"] != ControlCode.CONTROL_SIGNAL:
            return
        lane = int(row["instrument"])
        signal = ToldSignal(
            seq=record.seq,
            symbol="" if lane == ALL_LANES else self._instruments[lane].symbol,
            source=SOURCE_NAMES[int(row["b"])],
            score=int(row["c"]) / 1e6,
            confidence=int(row["d"]) / 1e6,
            age_s=int(row["e"]) / 1e9,
            ts_ns=record.ts_wall_ns,
        )
        unit.signals.add(self._run_id, signal)

    def _dropped(self, unit: UnitOfWork, record: Record) -> None:
        row = np.frombuffer(record.payload, INTENT_DTYPE)[0]
        order = self._working.get(int(row["order_id"]))
        if order is not None:
            self._save(unit, order.moved_to(OrderStatus.DROPPED, updated_ns=int(row["ts_ns"]), reason="breaker"))

    def _save(self, unit: UnitOfWork, order: Order) -> None:
        unit.orders.save(self._run_id, order)
        if order.is_working:
            self._working[order.order_id] = order
        else:
            self._working.pop(order.order_id, None)

    def _fill(self, row: np.void) -> Fill:
        lane = int(row["instrument"])
        instrument = self._instruments[lane]
        fee_asset, decimals = instrument.settle, self._settle_decimals[lane]
        if self._venue_assets is not None and row["reason"]:
            fee_asset, decimals = self._venue_assets[int(row["reason"]) - 1]
        return Fill(
            order_id=int(row["a"]),
            trade_id=int(row["d"]),
            symbol=instrument.symbol,
            side=_SIDES[int(row["side"])],
            price=instrument.ticks_to_price(int(row["b"])),
            qty=instrument.lots_to_qty(int(row["c"])),
            fee=Decimal(int(row["e"])).scaleb(-decimals),
            fee_asset=fee_asset,
            is_maker=bool(row["flags"] & Flag.FLAG_MAKER),
            ts_ns=int(row["venue_ns"]) or int(row["recv_ns"]),
        )

    def _reason_name(self, code: int) -> str | None:
        """Return the venue's reason, None where it gave none; an external venue's is its gateway's code."""
        if code == 0:
            return None
        return f"venue_{code}" if self._venue_assets is not None else word(PaperReason(code), "PAPER_")

    def _refusal(self, record: Record) -> Refusal:
        row = np.frombuffer(record.payload, REFUSAL_DTYPE)[0]
        intent = row["intent"]
        instrument = self._instruments[int(intent["instrument"])]
        stage = RefusalStage(int(row["stage"]))
        return Refusal(
            seq=record.seq,
            symbol=instrument.symbol,
            side=_SIDES[int(intent["side"])],
            price=instrument.ticks_to_price(int(intent["price_ticks"])),
            qty=instrument.lots_to_qty(int(intent["qty_lots"])),
            stage=word(stage, "REFUSED_BY_"),
            verdict=verdict_name(stage, int(row["verdict"])),
            ts_ns=int(intent["ts_ns"]),
        )

    def _mark(self, record: Record) -> Mark:
        row = np.frombuffer(record.payload, MARK_DTYPE)[0]
        lane = int(row["instrument"])
        instrument = self._instruments[lane]
        equity = int(row["equity_high"]) << 64 | int(row["equity_low"])
        return Mark(
            seq=record.seq,
            symbol=instrument.symbol,
            price=instrument.ticks_to_price(int(row["mark_ticks"])),
            position=instrument.lots_to_qty(int(row["position_lots"])),
            equity=Decimal(equity).scaleb(-self._settle_decimals[lane]),
            equity_asset=instrument.settle,
            ts_ns=int(row["ts_ns"]),
        )


def verdict_name(stage: RefusalStage, verdict: int) -> str:
    """Return the rule that refused, in the words of docs/risk.md."""
    if stage is RefusalStage.REFUSED_BY_RISK:
        if verdict >= FilterVerdict.FILTER_PRICE_FILTER:
            return word(FilterVerdict(verdict), "FILTER_")
        return word(RiskVerdict(verdict), "RISK_")
    if stage is RefusalStage.REFUSED_BY_ACCOUNT:
        return "insufficient_balance"
    if stage is RefusalStage.REFUSED_BY_ENTRY:
        return ENTRY_NAMES[verdict]
    return _STAGE_VERDICTS[stage]


def word(member: Enum, prefix: str) -> str:
    """Return the name of a core enumeration's member as reports write it: without its prefix, in lower case."""
    return member.name.removeprefix(prefix).lower()
