"""Process lives that may end anywhere: real engine, journal, board and reconciliation; a venue and a network by hand.

A life is a generator that yields after each effect on the disk or at the venue, so that it can be left there. What an
earlier life wrote stays on the disk, cut at any byte of its last write; what it sent is at the venue, or still under
way, or was never written. A journalled order is placed once, whatever happens.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import numpy as np

from bot4._core.engine.control import ControlCode
from bot4._core.engine.link import VenueLink
from bot4._core.engine.recovery import Recovery
from bot4._core.engine.runner import ShardRunner
from bot4._core.journal.reader import JournalReader
from bot4._core.journal.record import JournalKind
from bot4.application.orders.board import BoardOrder, BoardReport, OrderBoard
from bot4.application.orders.outbox import ReportOutbox
from bot4.application.orders.reconciliation import Reconciler
from bot4.application.orders.taken_over import TakenOver
from bot4.application.orders.venue_books import VenueBooks
from bot4.application.past.run_opening import OpenedInstrument, RunOpening
from bot4.application.past.run_past import RunPast, read_past
from bot4.domain.errors import RejectReason
from bot4.domain.instrument import ContractKind, Instrument
from bot4.domain.order import OrderSide
from bot4.domain.order_id import client_order_id
from bot4.domain.order_life import Accepted, OrderLife, Sent
from bot4.ports.venue_order import Balance, VenueFill, VenueOrder, VenueOrderStatus
from bot4.ports.venue_outcome import Ack, NotFound, Reject
from builders.engine import Rig, depth

S = 1_000_000_000
START_NS = 1_700_000_000 * S
BTC = Instrument(
    symbol="BTCUSDT", venue="binance", kind=ContractKind.SPOT, base="BTC", quote="USDT", settle="USDT",
    tick_size=Decimal("0.01"), lot_size=Decimal("0.001"),
)  # fmt: skip
ASSETS = {"BTC": (0, 8), "USDT": (1, 8)}
CASH = Decimal(1_000_000)
PRICE_TICKS, LOTS = 99_990, 10
Steps = Generator[str, None, None]


@dataclass
class Venue:
    """One account; `flying` are requests that were written and have not arrived."""

    now_ns: int = START_NS
    orders: list[VenueOrder] = field(default_factory=list)
    fills: list[VenueFill] = field(default_factory=list)
    flying: list[str] = field(default_factory=list)
    validity_ns: int = 11 * S

    def arrive(self, name: str) -> None:
        self.orders.append(VenueOrder(
            client_order_id=name, venue_order_id=f"v{len(self.orders)}", symbol="BTCUSDT", side=OrderSide.BUY,
            status=VenueOrderStatus.WORKING, qty=LOTS * BTC.lot_size, filled_qty=Decimal(0),
            price=BTC.ticks_to_price(PRICE_TICKS), updated_ns=self.now_ns,
        ))  # fmt: skip

    def fill(self, name: str, lots: int) -> VenueFill:
        at = next(i for i, order in enumerate(self.orders) if order.client_order_id == name)
        order, qty = self.orders[at], lots * BTC.lot_size
        made = VenueFill(
            venue_order_id=order.venue_order_id, trade_id=len(self.fills), symbol="BTCUSDT", side=order.side,
            price=order.price, qty=qty, fee=qty / 1000, fee_asset="BTC", is_maker=True, ts_ns=self.now_ns,
        )  # fmt: skip
        self.fills.append(made)
        filled = order.filled_qty + qty
        status = VenueOrderStatus.FILLED if filled == order.qty else order.status
        self.orders[at] = replace(order, filled_qty=filled, status=status)
        return made

    def find(self, name: str) -> VenueOrder | None:
        return next((order for order in self.orders if order.client_order_id == name), None)

    # -- the port, as far as reconciliation uses it

    def server_now_ns(self) -> int:
        return self.now_ns

    async def query(self, _symbol, name):
        return self.find(name) or NotFound(self.now_ns)

    async def open_orders(self, _symbol):
        return [order for order in self.orders if order.status is VenueOrderStatus.WORKING]

    async def trades_of(self, _symbol, number):
        return [fill for fill in self.fills if fill.venue_order_id == number]

    async def trades_since(self, _symbol, since_ns):
        return [fill for fill in self.fills if fill.ts_ns >= since_ns]

    async def positions(self):
        return []

    async def balances(self):
        base = sum((fill.qty - fill.fee for fill in self.fills), Decimal(0))
        quote = CASH - sum((fill.qty * fill.price for fill in self.fills), Decimal(0))
        return [Balance("BTC", base, Decimal(0)), Balance("USDT", quote, Decimal(0))]

    async def cancel(self, _symbol, name):
        for at, order in enumerate(self.orders):
            if order.client_order_id == name and order.status is VenueOrderStatus.WORKING:
                self.orders[at] = replace(order, status=VenueOrderStatus.CANCELED)
                return Ack(self.orders[at])
        return Reject(reason=RejectReason.UNKNOWN_ORDER)


def drive(work):
    """Run a coroutine that waits for nothing but its turn."""
    try:
        while True:
            work.send(None)
    except StopIteration as done:
        return done.value


class Life:
    """What one process has in its hands."""

    def __init__(self, journal: Path, venue: Venue) -> None:
        self.path, self.venue = journal, venue
        self.past: RunPast | None = read_past(journal)
        epoch = 1 if self.past is None else 1 + max((o.epoch for o in self.past.orders.values()), default=1)
        self.rig = Rig(
            journal=journal, link=VenueLink(), policy={"enter_score": 10.0, "take_score": 10.0},
            journal_args={"first_epoch": epoch}, cash=CASH,
        )  # fmt: skip
        self.runner = ShardRunner(self.rig.engine)
        if self.past is None:
            opening = RunOpening(
                place="test", instruments=(OpenedInstrument.of(BTC),), assets=(("BTC", 8), ("USDT", 8)),
                balances={"BTC": Decimal(0), "USDT": CASH},
            )  # fmt: skip
            for piece in opening.pieces():
                self.rig.journal.append(JournalKind.JOURNAL_OPENING, piece, mono_ns=START_NS, wall_ns=START_NS)
        else:
            with JournalReader(journal) as reader:
                Recovery(self.rig.engine).replay(reader)
        self.alarms: list[str] = []
        self.outbox = ReportOutbox(self.push_reports, ASSETS, venue.server_now_ns, self.alarms.append)
        self.books = VenueBooks([BTC])
        self.board = OrderBoard([BTC], self.hear, self.alarms.append)
        self.reconciler = Reconciler(venue, self.board, self.books, ["BTCUSDT"], pause_s=0.0)
        self.canceling: list[BoardOrder] = []
        self.rig.apply(depth(0, 0, 100, [(99_999, 50)], [(100_001, 50)], snapshot=True))

    def push_reports(self, reports, timeout_s=1.0):  # noqa: ARG002
        self.rig.engine.apply(reports)
        return len(reports)

    def cancel(self, order: BoardOrder) -> None:
        """What a sender is asked: done in a step of its own."""
        self.canceling.append(order)

    def hear(self, report: BoardReport) -> None:
        if report.fill is not None:
            self.books.apply_fill(report.fill)
        self.outbox.add(report)

    def tell(self) -> None:
        assert self.outbox.flush(1.0)

    def close(self) -> None:
        self.rig.journal.close()


def first_life(life: Life, orders: int, *, sends_first: bool = False) -> Steps:
    """Place orders one after the other; each is acknowledged, filled in part and canceled, or filled whole."""
    engine, venue = life.rig.engine, life.venue
    engine.control(int(ControlCode.CONTROL_GATE_OPEN))
    for number in range(orders):
        name = client_order_id(life.rig.journal.epoch, life.rig.journal.next_seq + 1)  # behind the control's record
        if sends_first:  # the planted fault
            venue.arrive(name)
            yield "at the venue"
        engine.control(int(ControlCode.CONTROL_PLACE), instrument=0, value=PRICE_TICKS - number, qty_lots=LOTS)
        yield "intent"
        (intent,) = life.runner.take_intents(4)
        order = BoardOrder(
            client_order_id=name, order_id=int(intent["order_id"]), lane=0, instrument=BTC, side=OrderSide.BUY,
            life=OrderLife(qty_lots=LOTS),
        )  # fmt: skip
        assert client_order_id(life.rig.journal.epoch, order.order_id) == name
        life.board.add(order)
        life.board.learn(order, Sent(venue.now_ns + venue.validity_ns))
        if not sends_first:
            venue.flying.append(name)
            yield "written"
            venue.flying.remove(name)
            venue.arrive(name)
            yield "at the venue"
        life.tell()
        yield "sent"
        life.board.learn(order, Accepted())
        life.board.name(order, venue.find(name).venue_order_id)
        life.tell()
        yield "acked"
        made = venue.fill(name, LOTS if number % 2 else LOTS // 2)
        yield "filled at the venue"
        life.board.take_fill(made)
        life.tell()
        yield "fill told"
        if number % 2 == 0:
            done = drive(venue.cancel("BTCUSDT", name))
            yield "canceled at the venue"
            life.board.take_order(done.order)
            life.tell()
            yield "end told"


def next_life(life: Life, lands: str, *, forgets_unsent: bool = False, cancels_once: bool = False) -> Steps:
    """Take over what was left, and ask until everything is settled. `lands`: now, late or never, what was flying."""
    venue = life.venue
    flying = land(venue, lands)
    if life.past is None:
        return
    over = TakenOver(life.past, life.board, life.books, life.reconciler, [BTC])
    if forgets_unsent:  # the planted fault: what nobody noted as sent is taken for never sent
        for order in over._orders:
            if order.life.state.value == "intent":
                order.life = replace(order.life, state=type(order.life.state).DROPPED)
    over.begin(venue, life)
    life.tell()
    yield "said what is not known"
    for later_s in (1, 4, 30):
        venue.now_ns += later_s * S
        drive(life.reconciler.run())
        life.tell()
        yield "reconciled"
        if lands == "late":
            for name in flying:
                venue.arrive(name)
            flying = []
            yield "landed late"
        if not cancels_once:  # the planted fault: what was unknown at the beginning is canceled by nobody
            over.cancel_known(life)
        yield from cancel_all(life)
    found = drive(life.reconciler.run())
    life.tell()
    assert found.why_closed is None, found.why_closed
    assert over.unsettled == 0, over.note
    assert not life.alarms, life.alarms


def land(venue: Venue, lands: str) -> list[str]:
    """Let what was under way arrive, if it does so now; returns what has not."""
    flying, venue.flying = venue.flying, []
    if lands != "now":
        return flying
    for name in flying:
        venue.arrive(name)
    return []


def cancel_all(life: Life) -> Steps:
    """Cancel what the sender was asked to."""
    asked, life.canceling = life.canceling, []
    for order in asked:
        if not order.life.has_ended:  # it may have been asked for twice
            done = drive(life.venue.cancel("BTCUSDT", order.client_order_id))
            yield "canceled at the venue"
            if isinstance(done, Ack):
                life.board.take_order(done.order)
                life.tell()
                yield "end told"


def judge(journal: Path, venue: Venue) -> list[str]:
    """What is wrong between the journal and the venue, once nothing is under way any more."""
    past = read_past(journal)
    wrong = []
    names = [order.client_order_id for order in venue.orders]
    known = {client_order_id(o.epoch, o.order_id): o for o in past.orders.values()} if past else {}
    if len(names) != len(set(names)):
        wrong.append("an order is at the venue twice")
    wrong += [f"{name} is at the venue and not in the journal" for name in names if name not in known]
    wrong += [f"{order.client_order_id} still works" for order in venue.orders if order.status.value == "working"]
    booked = sorted(fill.trade_id for fill in past.fills) if past else []
    if booked != sorted(fill.trade_id for fill in venue.fills):
        wrong.append(f"trades {booked} are booked, there are {len(venue.fills)}")
    if past:
        wrong += [f"order {order.order_id} is not settled" for order in past.unsettled]
    return wrong


def engine_of(journal: Path) -> Rig:
    """An engine that has read the journal, to look at."""
    rig = Rig(journal=journal.with_name("look"), link=VenueLink(), cash=CASH)
    with JournalReader(journal) as reader:
        Recovery(rig.engine).replay(reader)
    rig.journal.close()
    journal.with_name("look").unlink()
    return rig


def position_lots(rig: Rig) -> int:
    rig.engine.apply(np.zeros(0, "V64"))
    return int(rig.engine.view()["lanes"][0]["position_lots"])
