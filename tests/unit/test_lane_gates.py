"""Gates of lanes: told once when they change, and a lane whose orders of before are unknown keeps no other waiting."""

from __future__ import annotations

from decimal import Decimal

from bot4._core.engine.control import ControlCode
from bot4._core.engine.lane_state import GateReason
from bot4.application.live.lane_gates import LaneGates
from bot4.application.orders.board import BoardOrder, OrderBoard
from bot4.application.orders.venue_books import VenueBooks
from bot4.domain.instrument import ContractKind, Instrument
from bot4.domain.order import OrderSide
from bot4.domain.order_id import client_order_id
from bot4.domain.order_life import NoAnswer, OrderLife, Sent
from bot4.ports.venue_order import Balance

OPEN, CLOSE = int(ControlCode.CONTROL_GATE_OPEN), int(ControlCode.CONTROL_GATE_CLOSE)
REASONS = int(GateReason.GATE_START | GateReason.GATE_MISMATCH)


class Shard:
    def __init__(self):
        self.controls, self.has_room = [], True

    def control(self, code, **named):
        assert named.pop("value") == REASONS
        self.controls.append((code, named))
        return self.has_room


def instrument(base):
    return Instrument(
        symbol=f"{base}USDT", venue="binance", kind=ContractKind.SPOT, base=base, quote="USDT", settle="USDT",
        tick_size=Decimal("0.01"), lot_size=Decimal("0.001"),
    )  # fmt: skip


def test_all_lanes_are_told_at_once_and_single_ones_by_their_number():
    shard = Shard()
    gates = LaneGates(shard, 3)
    assert not gates.is_open
    gates.set([True, True, True])
    gates.set([True, True, True])
    gates.set([True, False, True])
    gates.set([False, False, False])
    assert shard.controls == [(OPEN, {}), (CLOSE, {"instrument": 1}), (CLOSE, {"instrument": 0}),
                              (CLOSE, {"instrument": 2})]  # fmt: skip
    assert not gates.is_open


def test_a_control_ring_that_is_full_is_tried_again():
    shard = Shard()
    gates = LaneGates(shard, 2)
    shard.has_room = False
    gates.set([True, True])
    assert not gates.is_open
    gates.set([True, False])
    assert not gates.is_open
    shard.has_room = True
    gates.set([True, False])
    assert gates.is_open
    gates.set([True, True])
    assert shard.controls[-1] == (OPEN, {"instrument": 1})


def test_what_trades_of_a_held_symbol_move_is_not_compared_and_everything_else_is():
    books = VenueBooks([instrument("BTC"), instrument("ETH")])
    opening = [Balance(asset, Decimal(10), Decimal(0)) for asset in ("BTC", "ETH", "USDT", "BNB")]
    books.open(opening, ())
    moved = [Balance(asset, Decimal(9), Decimal(0)) for asset in ("BTC", "ETH", "USDT", "BNB")]
    assert len(books.differences(moved, ())) == 4
    held = books.differences(moved, (), {"BTCUSDT"})
    assert [line.split(":")[0] for line in held] == ["balance of BNB", "balance of ETH"]


def test_the_board_is_at_rest_but_for_the_symbols_left_out():
    lanes = [instrument("BTC"), instrument("ETH")]
    board = OrderBoard(lanes, lambda _: None, lambda _: None)
    order = BoardOrder(
        client_order_id=client_order_id(1, 5), order_id=5, lane=0, instrument=lanes[0], side=OrderSide.BUY,
        life=OrderLife(qty_lots=1),
    )  # fmt: skip
    board.add(order)
    board.learn(order, Sent(10))
    board.learn(order, NoAnswer())
    assert not board.is_at_rest()
    assert not board.is_at_rest({"ETHUSDT"})
    assert board.is_at_rest({"BTCUSDT"})
