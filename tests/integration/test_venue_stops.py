"""The stop of the reasoned policy as an order at the external venue, report by report."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest
from builders.engine import MS, one, report
from builders.reasoned import Market, ReasonedRig

from bot4._core.engine.control import ControlCode
from bot4._core.engine.decide import DecisionReason
from bot4._core.engine.link import VenueLink
from bot4._core.engine.recovery import Recovery
from bot4._core.journal.reader import JournalReader
from bot4._core.types import EventKind, IntentAction, OrderType, Side

STEP_PPM = 500
RULES = {
    "guard": {"stop_min_ppm": 5_000, "stop_atr_milli": 0, "trail_ppm": 5_000, "venue_step_ppm": STEP_PPM},
    "edge": {"prior_slope": 0.05},
}


class Desk:
    """A rig on an external venue, and what its gateway would say."""

    def __init__(self, tmp_path, *, step_ppm: int = STEP_PPM) -> None:
        rules = RULES | {"guard": RULES["guard"] | {"venue_step_ppm": step_ppm}}
        self.rig = ReasonedRig(
            rules, journal=tmp_path / "j", policy={"order_lots": 10_000, "position_lots": 10_000, "exit_score": 0.6},
            engine={"mark_interval_ns": 500 * MS}, link=VenueLink(),
        )  # fmt: skip
        self.rig.engine.control(int(ControlCode.CONTROL_GATE_OPEN))
        self.market, self.trades = Market(self.rig), count(1)
        self.market.warm(imbalance=0.2)
        self.taken()

    def taken(self) -> list[np.void]:
        return list(self.rig.link.take_intents(64))

    def tell(self, *events: np.ndarray) -> None:
        self.rig.apply(*events)

    def fill(self, intent: np.void, price: int | None = None) -> None:
        order, side, lots = int(intent["order_id"]), int(intent["side"]), int(intent["qty_lots"])
        trade = next(self.trades)
        self.tell(
            report(EventKind.EVENT_ORDER_ACK, order, side=side),
            report(EventKind.EVENT_ORDER_FILL, order, side=side, qty_lots=lots, trade_id=trade, fee_atoms=1,
                   price_ticks=price or int(intent["price_ticks"])),
        )  # fmt: skip

    def enter(self) -> np.void:
        """Have an entry, fill it, and return the stop that follows; the price rests."""
        self.market.tick(self.market.price, 0.5)
        (entry,) = self.taken()
        assert (int(entry["side"]), int(entry["trigger_ticks"])) == (Side.SIDE_BUY, 0)
        self.fill(entry)
        self.market.tick(self.market.price, 0.0)
        (stop,) = self.taken()
        self.tell(report(EventKind.EVENT_ORDER_ACK, int(stop["order_id"]), side=1))
        return stop

    def move(self, ticks: int, imbalance: float = 0.0) -> list[np.void]:
        self.market.price += ticks
        self.market.tick(self.market.price, imbalance, 1_000)
        return self.taken()


def test_what_is_held_gets_a_stop_that_waits_at_the_venue(tmp_path):
    desk = Desk(tmp_path)
    stop = desk.enter()
    assert (stop["action"], stop["side"], stop["type"]) == (
        IntentAction.ACTION_PLACE, Side.SIDE_SELL, OrderType.ORDER_MARKET,
    )  # fmt: skip
    assert int(stop["trigger_ticks"]) == desk.rig.made.outlook["stop_ticks"] < desk.market.price
    assert int(stop["qty_lots"]) == desk.rig.positions[0].lots
    assert int(stop["reason"]) == DecisionReason.REASON_STOP
    assert desk.move(0) == [], "it is placed once"


def test_without_a_step_the_stop_is_watched_here_alone(tmp_path):
    desk = Desk(tmp_path, step_ppm=0)
    desk.market.tick(desk.market.price, 0.5)
    (entry,) = desk.taken()
    desk.fill(entry)
    assert desk.move(0) == []
    assert desk.rig.made.outlook["stop_ticks"] > 0


def test_it_follows_by_a_step_first_cancelled_then_placed(tmp_path):
    desk = Desk(tmp_path)
    stop = desk.enter()
    assert desk.move(20) == [], "less than a step"
    (cancel,) = desk.move(200)
    assert (cancel["action"], cancel["order_id"]) == (IntentAction.ACTION_CANCEL, stop["order_id"])
    assert desk.move(0) == [], "there are never two"
    desk.tell(report(EventKind.EVENT_ORDER_CANCELED, int(stop["order_id"]), side=1))
    (moved,) = desk.move(0)
    assert int(moved["trigger_ticks"]) == desk.rig.made.outlook["stop_ticks"] > int(stop["trigger_ticks"])


def test_one_that_fills_at_the_venue_is_cleared_and_nothing_is_sold_twice(tmp_path):
    desk = Desk(tmp_path)
    stop = desk.enter()
    desk.fill(stop)
    assert (desk.rig.positions[0].lots, desk.rig.engine.working_orders) == (0, 0)
    assert desk.move(-2_000) == [], "the price is far below: what was stopped is gone"
    assert desk.rig.lane["gate"] == []


def test_another_exit_waits_for_its_end(tmp_path):
    desk = Desk(tmp_path)
    stop = desk.enter()
    (cancel,) = desk.move(0, -0.8)
    assert (cancel["action"], cancel["order_id"]) == (IntentAction.ACTION_CANCEL, stop["order_id"])
    assert desk.move(0, -0.8) == []
    desk.tell(report(EventKind.EVENT_ORDER_CANCELED, int(stop["order_id"]), side=1))
    (leaving,) = desk.move(0, -0.8)
    assert (int(leaving["trigger_ticks"]), int(leaving["reason"])) == (0, DecisionReason.REASON_EXIT)
    assert int(leaving["qty_lots"]) == desk.rig.positions[0].lots


@pytest.mark.parametrize(
    "code", [ControlCode.CONTROL_CANCEL_ALL, ControlCode.CONTROL_FLATTEN, ControlCode.CONTROL_KILL]
)
def test_an_order_of_a_person_takes_it_away(tmp_path, code):
    desk = Desk(tmp_path)
    stop = desk.enter()
    desk.rig.engine.control(int(code))
    cancels = [i for i in desk.taken() if i["action"] == IntentAction.ACTION_CANCEL]
    assert [int(i["order_id"]) for i in cancels] == [int(stop["order_id"])]


def test_a_lost_book_leaves_it_where_it_is(tmp_path):
    desk = Desk(tmp_path)
    desk.enter()
    desk.tell(one(desk.market.at_ms + 1, EventKind.EVENT_GAP_MARK))
    assert desk.taken() == []
    assert desk.rig.engine.working_orders == 1


def test_it_is_found_again_in_the_journal(tmp_path):
    desk = Desk(tmp_path)
    stop = desk.enter()
    desk.rig.journal.sync()
    folder = tmp_path / "again"
    folder.mkdir()
    again = ReasonedRig(RULES, journal=folder / "j", policy={"order_lots": 10_000, "position_lots": 10_000},
                        link=VenueLink())  # fmt: skip
    with JournalReader(tmp_path / "j") as reader:
        Recovery(again.engine).replay(reader)
    (order,) = again.engine.orders(0)
    assert (order["order_id"], order["price_ticks"]) == (int(stop["order_id"]), int(stop["trigger_ticks"]))
    assert Recovery(again.engine).state_hash == Recovery(desk.rig.engine).state_hash
