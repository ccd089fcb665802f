"""What an earlier life of a run left in its journal: its orders and how far each is known to have come, and its fills.

The journal is all that is believed. What it does not tell - an order written down whose answer never was - only the
venue knows, and it is asked (`LiveGateway`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Self

import numpy as np

from bot4._core.engine.control import ControlCode
from bot4._core.engine.lane_state import GateReason
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.journal.reader import JournalError, JournalReader, Record
from bot4._core.journal.record import JournalKind
from bot4._core.types import EventKind, Flag, IntentAction
from bot4.application.past.accepted_balance import AcceptedBalance
from bot4.application.past.run_opening import RunOpening
from bot4.domain.errors import FatalError
from bot4.domain.instrument import ContractKind
from bot4.domain.order import OrderSide
from bot4.domain.order_life import LifeState, OrderLife
from bot4.ports.venue_order import VenueFill

if TYPE_CHECKING:
    from pathlib import Path

#: The journal's file in the folder of a run.
JOURNAL_NAME = "shard-0.journal"
_HEADER_BYTES = 64
_EXACT = Context(prec=120)
_ZERO = Decimal(0)
# Trades and orders are asked for from a minute before on; events that wait at a venue come later.
_ASKED_AGAIN_NS = 180_000_000_000
_FUNDING_NS = 86_400_000_000_000  # payments are asked for again from less before the last of them on
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
    heard_ns: int = 0  # when its last record was written

    @property
    def is_settled(self) -> bool:
        """Whether its end, and every fill of it, is in the journal."""
        return self.life.has_ended and not self.life.needs_trades


@dataclass(slots=True)
class RunPast:
    """All of it; of what no question can bring up again, the sums alone (`forget_settled`)."""

    opening: RunOpening
    orders: dict[int, PastOrder] = field(default_factory=dict)
    fills: list[VenueFill] = field(default_factory=list)
    moved: dict[str, Decimal] = field(default_factory=dict)  # of balances, by fills that are not in `fills`
    positions: dict[str, Decimal] = field(default_factory=dict)  # by fills that are not in `fills`
    has_stopped: bool = False  # the last thing it was told was to stop
    differs: bool = False  # it ended because the venue had other balances than its books
    last_ns: int = 0
    began_ns: int = 0
    epoch: int = 0  # of its last life
    is_compared: bool = True  # the balances of that life were the venue's, where it had to ask
    funding: dict[int, int] = field(default_factory=dict)  # when the venue settled, by the number of the payment

    @property
    def balances(self) -> dict[str, Decimal]:
        """What there was before `fills`."""
        names = self.opening.balances.keys() | self.moved.keys()
        return {name: _EXACT.add(self.opening.balances.get(name, _ZERO), self.moved.get(name, _ZERO)) for name in names}

    def accept(self, balance: AcceptedBalance) -> None:
        """Take a user's word for one balance."""
        delta = _EXACT.subtract(balance.venue, balance.ours)
        self.moved[balance.asset] = _EXACT.add(self.moved.get(balance.asset, _ZERO), delta)
        self.differs = balance.more > 0
        self.has_stopped = False

    def forget_settled(self) -> None:
        """Keep sums of what is settled and older than any question that can still be asked."""
        before_ns = self.since_ns - _ASKED_AGAIN_NS
        self.orders = {
            key: order for key, order in self.orders.items() if not order.is_settled or order.heard_ns >= before_ns
        }
        kept = []
        for fill in self.fills:
            if fill.ts_ns < before_ns:
                self._fold(fill)
            else:
                kept.append(fill)
        self.fills = kept
        last_ns = max(self.funding.values(), default=0)
        self.funding = {number: at for number, at in self.funding.items() if at >= last_ns - _FUNDING_NS}

    def _fold(self, fill: VenueFill) -> None:
        instrument = next(one for one in self.opening.instruments if one.symbol == fill.symbol)
        signed = fill.qty if fill.side is OrderSide.BUY else -fill.qty
        if instrument.kind != ContractKind.SPOT.value:
            self.positions[fill.symbol] = _EXACT.add(self.positions.get(fill.symbol, _ZERO), signed)
            return
        cost = _EXACT.multiply(-signed, fill.price)
        for asset, delta in ((instrument.base, signed), (instrument.quote, cost), (fill.fee_asset, -fill.fee)):
            self.moved[asset] = _EXACT.add(self.moved.get(asset, _ZERO), delta)

    @property
    def unsettled(self) -> list[PastOrder]:
        """The orders that may be at the venue, oldest first."""
        return [order for order in self.orders.values() if not order.is_settled]

    @property
    def is_over(self) -> bool:
        """Whether that run ended in order: told to stop, nothing of it is left anywhere, its books right."""
        return self.has_stopped and not self.unsettled and not self.differs

    @property
    def since_ns(self) -> int:
        """No fill that is missing here is older: those of orders that had settled are all known."""
        return min((order.decided_ns for order in self.unsettled), default=self.last_ns)


def read_past(journal: Path) -> RunPast | None:
    """Read what a run left; None where it never began, and so cannot have sent anything.

    Raises
    ------
    PastUnreadableError
        Its journal is damaged before its end, cannot be read, or says what no run of this version writes.

    """
    try:
        reader = PastReader(journal)
    except FileNotFoundError:
        return None
    except (JournalError, OSError) as error:
        if isinstance(error, JournalError) and journal.stat().st_size < _HEADER_BYTES:
            return None  # the process ended while it made the file
        raise PastUnreadableError(f"the journal of an earlier run cannot be read: {error}") from error
    with reader:
        return reader.read_on()


class PastReader:
    """Reads a journal from its beginning, or from an image of what was before on, also while it is written.

    Parameters
    ----------
    journal : Path
        Its first file.
    past, place : RunPast and (int, int), optional
        What an earlier reader had come to, and its own `place` then. What was before is checked and not read.

    Raises
    ------
    FileNotFoundError, JournalError, OSError
        There is none, it is damaged or another one up to `place`, or it cannot be opened.

    """

    def __init__(self, journal: Path, past: RunPast | None = None, place: tuple[int, int] = (0, 0)) -> None:
        self._reader = JournalReader(journal)
        self._pieces: list[bytes] = []
        self._past: RunPast | None
        self._known: set[tuple[str, int]]
        self.put(past)
        if past is not None:
            try:
                self._pass_over(place)
            except BaseException:
                self._reader.close()
                raise

    def _pass_over(self, place: tuple[int, int]) -> None:
        self._reader.skip(place[0])
        if self.place != place:
            raise JournalError(f"{self._reader.path} is not the journal that came to record {place[0]}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the journal."""
        self._reader.close()

    @property
    def place(self) -> tuple[int, int]:
        """Where it has come to: the last record's sequence, and the chain over all of them."""
        return self._reader.next_seq - 1, self._reader.chain

    def read_on(self, *, is_growing: bool = False) -> RunPast | None:
        """Read to the end; returns the past, None where the run has not begun.

        Raises
        ------
        PastUnreadableError
            See `read_past`.

        """
        try:
            for row in self._reader.follow(lambda: False) if is_growing else self._reader:
                self._take(row)
        except (JournalError, OSError, ValueError) as error:
            raise PastUnreadableError(f"the journal of an earlier run cannot be read: {error}") from error
        return self._past

    def put(self, past: RunPast | None) -> None:
        """Go on with this past, which is one of the same place; None: hold none until the next one."""
        self._past = past
        self._known = set() if past is None else {(fill.symbol, fill.trade_id) for fill in past.fills}

    def _begin(self, row: Record) -> None:
        if row.kind == JournalKind.JOURNAL_OPENING:
            self._pieces.append(row.payload)
            if (opening := RunOpening.join(self._pieces)) is not None:
                began_ns = row.ts_wall_ns
                self._past = RunPast(opening, last_ns=began_ns, began_ns=began_ns, epoch=row.epoch)
        elif row.kind == JournalKind.JOURNAL_INTENT:
            raise ValueError("it holds orders and not what the run began with")

    def _take(self, row: Record) -> None:
        past = self._past
        if past is None:
            self._begin(row)
            return
        past.last_ns = max(past.last_ns, row.ts_wall_ns)
        if row.epoch != past.epoch:  # a life that goes on after another: what moved in between is not known yet
            past.epoch, past.is_compared = row.epoch, not past.opening.counts_balances
        match row.kind:
            case JournalKind.JOURNAL_INTENT:
                _intent(past, row)
            case JournalKind.JOURNAL_DROPPED:
                dropped = int(np.frombuffer(row.payload, INTENT_DTYPE)[0]["order_id"])
                _move(past, dropped, LifeState.DROPPED, row.ts_wall_ns)
            case JournalKind.JOURNAL_UPDATE:
                _update(past, np.frombuffer(row.payload, EVENT_DTYPE)[0], self._known, row.ts_wall_ns)
            case JournalKind.JOURNAL_CONTROL:
                _control(past, np.frombuffer(row.payload, EVENT_DTYPE)[0])
            case JournalKind.JOURNAL_OPENING:
                past.accept(AcceptedBalance.read(row.payload))


def _control(past: RunPast, row: np.void) -> None:
    code, value = int(row["a"]), int(row["b"])
    if code == ControlCode.CONTROL_FUNDING_PAID:
        past.funding[int(row["d"])] = int(row["c"])
    is_compared = code == ControlCode.CONTROL_GATE_OPEN and bool(value & GateReason.GATE_MISMATCH)
    past.is_compared |= is_compared
    if code in {ControlCode.CONTROL_STOP, ControlCode.CONTROL_GATE_OPEN}:
        past.has_stopped = code == ControlCode.CONTROL_STOP and past.is_compared
    if code == ControlCode.CONTROL_GATE_CLOSE and value == GateReason.GATE_MISMATCH:
        past.differs = True
    elif is_compared:
        past.differs = False


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
        heard_ns=record.ts_wall_ns,
    )


def _move(past: RunPast, order_id: int, state: LifeState, now_ns: int) -> None:
    if (order := past.orders.get(order_id)) is not None:
        order.heard_ns = now_ns
        # What came after the end, or an older outcome after a newer one, moves nothing back.
        if order.life.has_ended or (order.life.is_acked and state in {LifeState.SENT, LifeState.UNKNOWN}):
            return
        order.life = replace(order.life, state=state, is_acked=order.life.is_acked or state is LifeState.ACKED)


def _update(past: RunPast, row: np.void, known: set[tuple[str, int]], now_ns: int) -> None:
    kind, order_id = EventKind(int(row["kind"])), int(row["a"])
    if kind is EventKind.EVENT_ORDER_FILL:
        trade_id = int(row["d"])
        fill = _fill(past.opening, row)
        if trade_id >= 0 and (fill.symbol, trade_id) not in known:
            known.add((fill.symbol, trade_id))
            past.fills.append(fill)
            _filled(past.orders.get(order_id), trade_id, int(row["c"]), now_ns)
    elif kind in _STATES:
        _move(past, order_id, _STATES[kind], now_ns)
        if kind is EventKind.EVENT_ORDER_SENT and order_id in past.orders:
            past.orders[order_id].written_ns = int(row["recv_ns"])


def _filled(order: PastOrder | None, trade_id: int, lots: int, now_ns: int) -> None:
    if order is None:
        return
    order.heard_ns = now_ns
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
