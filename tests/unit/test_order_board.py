"""The board of a run's orders: whose trade it is, what contradicts what was proven, what is forgotten."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bot4.application.orders.board import BoardOrder, OrderBoard
from bot4.domain.instrument import ContractKind, Instrument
from bot4.domain.order import OrderSide
from bot4.domain.order_id import client_order_id
from bot4.domain.order_life import OrderLife, ReportKind, Seen, Sent
from bot4.ports.venue_event import ExecutionReport
from bot4.ports.venue_order import VenueFill, VenueOrder, VenueOrderStatus

LOT = Decimal("0.00001")
BTC = Instrument(
    symbol="BTCUSDT", venue="binance", kind=ContractKind.SPOT, base="BTC", quote="USDT", settle="USDT",
    tick_size=Decimal("0.01"), lot_size=LOT,
)  # fmt: skip
NAMES = [client_order_id(9, number) for number in range(8)]


class Desk:
    """A board with one order sent, ten lots to buy."""

    def __init__(self, **options) -> None:
        self.told, self.alarms = [], []
        self.board = OrderBoard([BTC], self.told.append, self.alarms.append, **options)
        self.order = self.send(0)

    def send(self, number: int) -> BoardOrder:
        order = BoardOrder(
            client_order_id=NAMES[number], order_id=number, lane=0, instrument=BTC, side=OrderSide.BUY,
            life=OrderLife(qty_lots=10),
        )  # fmt: skip
        self.board.add(order)
        self.board.learn(order, Sent(5))
        return order

    @property
    def kinds(self) -> list[ReportKind]:
        return [report.kind for report in self.told]


def shown(number=0, status=VenueOrderStatus.WORKING, filled=0, **changes) -> VenueOrder:
    fields = {
        "client_order_id": NAMES[number], "venue_order_id": f"v{number}", "symbol": "BTCUSDT", "side": OrderSide.BUY,
        "status": status, "qty": 10 * LOT, "filled_qty": filled * LOT, "price": Decimal(100), "updated_ns": 7,
    }  # fmt: skip
    return VenueOrder(**fields | changes)


def trade(trade_id=1, lots=4, **changes) -> VenueFill:
    fields = {
        "venue_order_id": "v0", "trade_id": trade_id, "symbol": "BTCUSDT", "side": OrderSide.BUY,
        "price": Decimal(100), "qty": lots * LOT, "fee": Decimal(0), "fee_asset": "USDT", "is_maker": True, "ts_ns": 7,
    }  # fmt: skip
    return VenueFill(**fields | changes)


def test_an_order_is_found_by_each_of_its_names_and_is_put_up_once():
    desk = Desk()
    assert len(desk.board) == 1
    assert desk.board.find(NAMES[0]) is desk.board.by_order_id(0) is desk.order
    assert desk.board.by_order_id(7) is None
    with pytest.raises(ValueError, match="on the board already"):
        desk.board.add(desk.order)


def test_a_trade_of_an_order_the_venue_has_named_is_told_once():
    desk = Desk()
    desk.board.take_order(shown())
    assert desk.board.take_fill(trade()) == 1
    assert desk.board.take_fill(trade()) == 0
    assert desk.kinds == [ReportKind.SENT, ReportKind.ACK, ReportKind.FILL]
    assert desk.told[-1].fill == trade()
    assert desk.alarms == []


def test_whose_a_trade_is_cannot_be_said_while_an_order_of_ours_has_no_name_at_the_venue():
    desk = Desk()
    assert not desk.board.is_attributable(trade())
    assert desk.board.is_attributable(trade(symbol="ETHUSDT"))
    desk.board.take_order(shown())
    assert desk.board.is_attributable(trade())
    assert desk.board.is_attributable(trade(venue_order_id="of another"))


def test_a_trade_of_no_order_of_this_run_alarms_once_and_one_from_before_never():
    desk = Desk()
    foreign = trade(venue_order_id="of another")
    assert desk.board.take_fill(foreign) == 0
    assert desk.board.take_fill(foreign) == 0
    assert desk.alarms == ["trade 1 of BTCUSDT belongs to no order of this run"]
    desk.board.note_earlier(trade(2))
    assert desk.board.take_fill(trade(2)) == 0
    assert len(desk.alarms) == 1


@pytest.mark.parametrize("wrong", [{"side": OrderSide.SELL}, {"qty": LOT / 2}])
def test_a_trade_that_does_not_fit_its_order_is_an_alarm_and_no_fill(wrong):
    desk = Desk()
    desk.board.take_order(shown())
    assert desk.board.take_fill(trade(**wrong)) == 0
    assert "does not fit the order" in desk.alarms[-1]
    assert ReportKind.FILL not in desk.kinds


def test_a_filled_quantity_off_the_grid_is_an_alarm_and_no_evidence():
    desk = Desk()
    assert desk.board.take_order(shown(filled_qty=LOT / 2)) == 0
    assert len(desk.alarms) == 1
    assert desk.kinds == [ReportKind.SENT]


def test_two_orders_of_one_name_at_the_venue_are_an_alarm():
    desk = Desk()
    desk.board.name(desk.order, "")
    assert desk.order.venue_order_id is None
    desk.board.take_order(shown())
    desk.board.take_order(shown(venue_order_id="v7"))
    assert desk.order.venue_order_id == "v0"
    assert desk.alarms == [f"order {NAMES[0]} is both v0 and v7"]


def test_a_name_of_ours_that_nobody_sent_is_a_ghost_and_a_strangers_is_nothing():
    desk = Desk()
    for _ in range(2):
        assert desk.board.take_order(shown(5)) == 0
    assert desk.board.take_order(shown(client_order_id="web_1")) == 0
    assert desk.board.ghosts == {NAMES[5]: "BTCUSDT"}
    assert len(desk.alarms) == 1


def test_a_report_brings_its_trade_before_what_it_left():
    desk = Desk()
    report = ExecutionReport(shown(0, VenueOrderStatus.FILLED, 10), trade(1, 10), 1, 7)
    assert desk.board.take_report(report) == 2
    assert desk.kinds == [ReportKind.SENT, ReportKind.ACK, ReportKind.FILL]
    assert desk.order.is_settled
    assert desk.board.unsettled() == []


def test_a_report_of_a_strangers_order_without_a_trade_is_nothing():
    desk = Desk()
    assert desk.board.take_report(ExecutionReport(shown(client_order_id="web_1"), None, 1, 7)) == 0
    assert desk.alarms == []


def test_the_board_is_at_rest_when_no_answer_and_no_trade_is_missing():
    desk = Desk()
    assert not desk.board.is_at_rest()
    desk.board.take_order(shown())
    assert desk.board.is_at_rest()
    desk.board.take_order(shown(0, VenueOrderStatus.CANCELED, 4))
    assert not desk.board.is_at_rest(), "four lots were filled and nobody has seen the trade"
    desk.board.take_fill(trade(1, 4))
    assert desk.board.is_at_rest()


def test_settled_orders_beyond_the_bound_are_forgotten_oldest_first():
    desk = Desk(ended_max=2)
    for number in range(4):
        if number:
            desk.send(number)
        desk.board.take_order(shown(number, VenueOrderStatus.CANCELED))
    assert [desk.board.find(name) is None for name in NAMES[:4]] == [True, True, False, False]
    assert desk.board.by_order_id(0) is None
    assert desk.board.take_fill(trade()) == 0
    assert desk.alarms == ["trade 1 of BTCUSDT belongs to no order of this run"]


def test_an_order_that_reopened_is_not_forgotten_while_its_trades_are_missing():
    desk = Desk(ended_max=1)
    desk.board.take_order(shown(0, VenueOrderStatus.CANCELED))
    desk.board.learn(desk.order, Seen(None, 4))  # the venue tells of more than was known
    assert desk.board.unsettled() == [desk.order]
    for number in (1, 2):
        desk.send(number)
        desk.board.take_order(shown(number, VenueOrderStatus.CANCELED))
    assert desk.board.find(NAMES[0]) is desk.order


def test_orders_that_no_question_brings_up_again_are_forgotten_and_the_others_are_not():
    desk = Desk()
    desk.board.take_order(shown(0, VenueOrderStatus.CANCELED))
    before = desk.board.settlements
    for number in (1, 2):
        desk.send(number)
    desk.board.take_order(shown(1, VenueOrderStatus.CANCELED))
    desk.board.forget(before)
    assert [desk.board.find(name) is None for name in NAMES[:3]] == [True, False, False]
    desk.board.forget(desk.board.settlements)
    assert [desk.board.find(name) is None for name in NAMES[:3]] == [True, True, False], "one still works"
    assert len(desk.board) == 3, "how many there were"
    assert desk.alarms == []


def test_foreign_trades_are_remembered_within_a_bound():
    desk = Desk(ended_max=2)
    for trade_id in (1, 2, 3, 1):
        desk.board.take_fill(trade(trade_id, venue_order_id="of another"))
    assert len(desk.alarms) == 4, "the first was forgotten for the third"


def test_a_trade_waits_for_an_order_without_a_name_until_that_was_seen_waiting_well_after_it():
    desk = Desk()
    late = trade(venue_order_id="v7", ts_ns=10_000_000_000)
    for asked_s, is_clear in ((0, False), (9, False), (14, False), (15, True)):
        desk.board.take_order(shown(venue_order_id=""), asked_ns=asked_s * 10**9)
        assert desk.board.is_attributable(late) is is_clear, asked_s
    assert desk.board.take_fill(late) == 0
    assert "belongs to no order of this run" in desk.alarms[0]
