"""Whatever was missed, one complete pass brings, and a second pass brings nothing; failed answers teach nothing.

Controls: a reconciler that forgets which trades it has told, one that takes a failed answer for an empty one, and one
that does not look at trades must fail the check.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from builders.examples import examples
from builders.memory_venue import LOT, MemoryVenue, S
from hypothesis import given, settings
from hypothesis import strategies as st

from bot4.application.orders import board as order_board
from bot4.application.orders.board import BoardOrder, OrderBoard
from bot4.application.orders.reconciliation import Reconciler
from bot4.application.orders.venue_books import VenueBooks
from bot4.domain import order_life
from bot4.domain.instrument import ContractKind, Instrument
from bot4.domain.order import OrderSide
from bot4.domain.order_id import client_order_id
from bot4.domain.order_life import Accepted, NoAnswer, OrderLife, ReportKind, Seen, Sent
from bot4.ports.venue_order import Balance, VenueOrderStatus
from bot4.ports.venue_outcome import NoInformation, NotFound

BTC = Instrument(
    symbol="BTCUSDT", venue="binance", kind=ContractKind.SPOT, base="BTC", quote="USDT", settle="USDT",
    tick_size=Decimal("0.01"), lot_size=LOT,
)  # fmt: skip
VALID_UNTIL_NS = 1_000 * S
ENDS = [VenueOrderStatus.WORKING, VenueOrderStatus.CANCELED, VenueOrderStatus.EXPIRED, VenueOrderStatus.FILLED]


@st.composite
def accounts(draw):
    """Orders of a run: what happened at the venue, and how much of it was heard here."""
    orders = []
    for number in range(draw(st.integers(1, 4))):
        lots = draw(st.integers(1, 5))
        end = draw(st.sampled_from([*ENDS, None]))
        trades = []
        if end is VenueOrderStatus.FILLED:
            trades = [lots] if draw(st.booleans()) else [1] * lots
        elif end is not None:
            trades = [1] * draw(st.integers(0, lots - 1))
        heard = draw(st.sampled_from(["nothing", "answer", "no answer", "shown"]))
        orders.append((number, lots, end, trades, heard, draw(st.lists(st.booleans(), min_size=5, max_size=5))))
    return orders, draw(st.lists(st.booleans(), max_size=12)), draw(st.booleans())


class Desk:
    def __init__(self, account):
        orders, failing, side_is_buy = account
        side = OrderSide.BUY if side_is_buy else OrderSide.SELL
        self.reports, self.alarms = [], []
        self.venue = MemoryVenue(now_ns=VALID_UNTIL_NS + 1)
        self.books = VenueBooks([BTC])
        self.board = OrderBoard([BTC], self._tell, self.alarms.append)
        self.reconciler = Reconciler(self.venue, self.board, self.books, ["BTCUSDT"], pause_s=0.0)
        self.books.open([Balance(a, t, Decimal(0)) for a, t in self.venue.opening.items()], [])
        for number, lots, end, trades, heard, seen in orders:
            name = client_order_id(9, number)
            if end is not None:
                self.venue.add(name, lots=lots, trades=trades, status=end, side=side)
            order = BoardOrder(
                client_order_id=name, order_id=number, lane=0, instrument=BTC, side=side,
                life=OrderLife(qty_lots=lots),
            )  # fmt: skip
            self.board.add(order)
            self.board.learn(order, Sent(VALID_UNTIL_NS))
            self._hear(order, end, heard, seen)
        self.venue.failing = failing

    def _hear(self, order, end, heard, seen):
        if heard == "no answer" or end is None:
            self.board.learn(order, NoAnswer())
        elif heard == "answer":
            shown = self.venue.orders[order.client_order_id]
            self.board.name(order, shown.venue_order_id)
            self.board.learn(order, Accepted())
            for fill, is_heard in zip(self.venue.fills_of(shown), seen, strict=False):
                if is_heard:
                    self.board.take_fill(fill)
        elif heard == "shown":
            self.board.take_order(self.venue.orders[order.client_order_id])
        else:
            self.board.learn(order, NoAnswer())

    def _tell(self, report):
        if report.fill is not None:
            self.books.apply_fill(report.fill)
        self.reports.append(report)


MemoryVenue.fills_of = lambda self, shown: [f for f in self.fills if f.venue_order_id == shown.venue_order_id]


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as running:
        yield running


def check(runner, account) -> None:
    desk = Desk(account)

    async def until_complete():
        for _ in range(40):
            found = await desk.reconciler.run()
            if found.is_complete:
                return found
        raise AssertionError("never complete")

    found = runner.run(until_complete())
    assert not desk.alarms
    assert found.unknown == 0
    assert found.why_closed is None
    before = list(desk.reports)
    again = runner.run(desk.reconciler.run())
    assert again.told == 0
    assert desk.reports == before, "reconciling twice tells nothing the second time"
    told = sorted(r.fill.trade_id for r in desk.reports if r.kind is ReportKind.FILL)
    assert told == [fill.trade_id for fill in desk.venue.fills]
    for order in desk.board._orders.values():
        shown = desk.venue.orders.get(order.client_order_id)
        if shown is None:
            assert order.life.state is order_life.LifeState.ABSENT
        elif shown.status is VenueOrderStatus.WORKING:
            assert order.life.state is order_life.LifeState.ACKED
        else:
            assert order.life.state.value == shown.status.value
    assert not desk.venue.canceled


@settings(max_examples=examples(1_000))
@given(accounts())
def test_a_complete_pass_brings_everything_and_the_next_one_nothing(runner, account):
    check(runner, account)


def without_memory(monkeypatch):
    def forgetful(life, evidence):
        return order_life.advance(replace(life, trade_ids=frozenset()), evidence)

    monkeypatch.setattr(order_board, "advance", forgetful)


def taking_failures_for_nothing(monkeypatch):
    for name, empty in (("query", NotFound(VALID_UNTIL_NS + 1)), ("trades_of", []), ("trades_since", [])):
        asked = getattr(MemoryVenue, name)

        async def failing(self, *args, asked=asked, empty=empty):
            answer = await asked(self, *args)
            return empty if isinstance(answer, NoInformation) else answer

        monkeypatch.setattr(MemoryVenue, name, failing)


def blind_for_trades(monkeypatch):
    async def nothing(self, *_):
        return []

    monkeypatch.setattr(MemoryVenue, "trades_since", nothing)
    monkeypatch.setattr(MemoryVenue, "trades_of", nothing)


def believing_ends(monkeypatch):
    def credulous(life, evidence):
        if isinstance(evidence, Seen):
            evidence = replace(evidence, filled_lots=life.filled_lots)
        return order_life.advance(life, evidence)

    monkeypatch.setattr(order_board, "advance", credulous)


@pytest.mark.parametrize("plant", [without_memory, taking_failures_for_nothing, blind_for_trades, believing_ends])
def test_the_check_catches_a_reconciler_that_is(runner, monkeypatch, plant):
    plant(monkeypatch)

    @settings(max_examples=1_000, database=None, derandomize=True, report_multiple_bugs=False)
    @given(accounts())
    def falsified(account):
        check(runner, account)

    with pytest.raises(AssertionError):
        falsified()


def test_a_failed_question_is_no_information(runner):
    desk = Desk(([(0, 2, None, [], "no answer", [False] * 5)], [True], True))
    found = runner.run(desk.reconciler.run())
    assert not found.is_complete
    assert found.unknown == 1
    assert found.failures
    assert desk.board.unknown_count == 1


def test_an_unknown_order_that_may_still_arrive_stays_unknown(runner):
    desk = Desk(([(0, 2, None, [], "no answer", [False] * 5)], [], True))
    desk.venue.now_ns = VALID_UNTIL_NS
    found = runner.run(desk.reconciler.run())
    assert found.unknown == 1
    assert found.why_closed == "1 orders may or may not be at the venue"
    desk.venue.add(client_order_id(9, 0), lots=2, trades=[1], status=VenueOrderStatus.WORKING)
    assert runner.run(desk.reconciler.run()).told == 2, "it arrived after all: acknowledged, one fill"
