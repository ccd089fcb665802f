"""A lane: kills, refusals, flattening, probes, draining."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from builders.engine import Rig, book_with, depth, timer
from builders.lane_events import bullish, records

from bot4._core.engine.lane_state import RefusalStage
from bot4._core.engine.shard import ControlCode
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.journal.record import JournalKind
from bot4._core.risk.circuit import BreakerPhase, BreakerReason
from bot4._core.types import IntentFlag

REFUSAL_DTYPE = np.dtype([("intent", INTENT_DTYPE), ("stage", "i8"), ("verdict", "i8")])


def test_a_kill_refuses_every_further_order_and_cancels_what_works(tmp_path):
    rig = Rig(policy={"take_score": 2.0}, journal=tmp_path / "j", latency_ns=5_000_000)
    rig.apply(book_with(900, 10), timer(100))
    assert rig.engine.working_orders == 1
    rig.engine.control(int(ControlCode.CONTROL_KILL))
    rig.apply(timer(200))
    assert rig.engine.working_orders == 0
    rig.engine.control(int(ControlCode.CONTROL_PLACE), value=99_999, qty_lots=5)
    refusal = records(tmp_path / "j", JournalKind.JOURNAL_REFUSAL, REFUSAL_DTYPE)[-1]
    assert refusal["stage"] == RefusalStage.REFUSED_BY_BREAKER
    assert rig.lane["intents"] == 1
    assert rig.account[1].locked == 0, "a refused order holds nothing back"


def test_the_account_refuses_what_it_cannot_pay_without_spending_a_probe(tmp_path):
    rig = Rig(cash=Decimal(1), journal=tmp_path / "j")
    rig.apply(book_with(900, 10))
    refusal = records(tmp_path / "j", JournalKind.JOURNAL_REFUSAL, REFUSAL_DTYPE)
    assert [row["stage"] for row in refusal] == [RefusalStage.REFUSED_BY_ACCOUNT]
    assert rig.lane["intents"] == 0
    assert rig.account[1] == (100_000_000, 0, 0)


def test_a_refused_decision_is_repeated_only_after_a_pause(tmp_path):
    rig = Rig(cash=Decimal(1), journal=tmp_path / "j")
    rig.apply(book_with(900, 10), *(bullish(i, 100 + i) for i in range(1, 100)))
    assert rig.lane["refusals"] == 1
    rig.apply(bullish(100, 200))
    assert rig.lane["refusals"] == 2


def test_flatten_keeps_to_the_order_grid():
    rig = Rig(policy={"price_step_ticks": 10, "qty_step_lots": 5, "order_lots": 10})
    rig.apply(book_with(900, 20), timer(10))
    rig.engine.control(int(ControlCode.CONTROL_PLACE), instrument=0, value=100_010, qty_lots=3, tif=1)
    rig.apply(timer(20))
    assert rig.engine.view()["lanes"][0]["position_lots"] == 13
    placed = rig.lane["intents"]
    rig.engine.control(int(ControlCode.CONTROL_FLATTEN))
    rig.engine.control(int(ControlCode.CONTROL_STOP))
    rig.apply(timer(30))
    assert rig.lane["intents"] == placed + 1
    assert rig.engine.view()["lanes"][0]["position_lots"] == 3, "less than a step cannot be sold"


def held_position(**arguments) -> Rig:
    """A rig that holds 10 lots and, at the latest touch, wants no more."""
    rig = Rig(policy={"position_lots": 10} | arguments.pop("policy", {}), **arguments)
    rig.apply(book_with(900, 20), timer(10))
    assert rig.engine.view()["lanes"][0]["position_lots"] == 10
    return rig


def test_flatten_of_a_lost_book_waits_for_a_live_one_and_holds_decisions_till_it_is_done():
    rig = held_position()
    rig.apply(depth(20, 150, 151, [(99_999, 900)], []))  # a gap: nothing is priced from here on
    rig.engine.control(int(ControlCode.CONTROL_FLATTEN))
    placed = rig.lane["intents"]
    rig.apply(timer(500))
    assert rig.positions[0].lots == 10
    rig.apply(book_with(900, 20, at_ms=600, last=200))
    assert rig.lane["intents"] == placed + 1, "the exit, though the score asks for more"
    rig.apply(timer(700))
    assert rig.positions[0].lots == 0
    rig.apply(bullish(800, 201), timer(900))
    assert rig.positions[0].lots == 10, "done: the lane decides again"


def test_flatten_that_is_refused_is_tried_again_after_a_second():
    rig = held_position(gate={"max_reference_age_ns": 10**8}, policy={"position_lots": 40})
    refused, placed = rig.lane["refusals"], rig.lane["intents"]
    rig.apply(timer(300))  # the reference price is too old for any order
    rig.engine.control(int(ControlCode.CONTROL_FLATTEN))
    assert (rig.lane["refusals"], rig.positions[0].lots) == (refused + 1, 10)
    rig.apply(bullish(450, 101), timer(1_200))
    assert (rig.lane["refusals"], rig.lane["intents"]) == (refused + 1, placed), "nothing is opened meanwhile"
    rig.apply(timer(1_400))
    assert rig.lane["refusals"] == refused + 2
    rig.apply(depth(2_250, 102, 102, [(99_999, 21)], []), timer(2_400))
    assert rig.positions[0].lots == 0


def test_flatten_waits_for_an_exit_that_works_and_then_closes_what_it_left():
    rig = held_position(latency_ns=5_000_000)
    assert rig.engine.working_orders == 0
    reduce_only = int(IntentFlag.INTENT_REDUCE_ONLY)
    rig.engine.control(int(ControlCode.CONTROL_STOP))
    rig.engine.control(
        int(ControlCode.CONTROL_PLACE), value=100_500, side=1, qty_lots=4, flags=reduce_only, instrument=0
    )
    rig.apply(timer(100))
    rig.engine.control(int(ControlCode.CONTROL_FLATTEN))
    assert rig.lane["refusals"] == 0, "two exits of the whole position would turn it around"
    rig.apply(timer(3_000))
    assert (rig.positions[0].lots, rig.engine.working_orders) == (0, 0)


def test_flatten_of_less_than_the_venue_takes_ends_there():
    rig = held_position(policy={"qty_min_lots": 10, "order_lots": 10})
    rig.engine.control(int(ControlCode.CONTROL_PLACE), value=99_999, side=1, qty_lots=4, tif=1, instrument=0)
    rig.apply(timer(50))
    assert rig.positions[0].lots == 6
    refused, placed = rig.lane["refusals"], rig.lane["intents"]
    rig.engine.control(int(ControlCode.CONTROL_FLATTEN))
    rig.apply(depth(2_000, 101, 101, [(99_998, 60)], []), timer(3_000))
    assert (rig.lane["refusals"], rig.lane["intents"], rig.positions[0].lots) == (refused, placed, 6)
    decisions = rig.lane["decisions"]
    rig.apply(depth(3_100, 102, 102, [(99_998, 61)], []))
    assert rig.lane["decisions"] == decisions + 1, "dust is no reason to hold the lane"


PROBE_WASTERS = {
    "risk": {"qty_lots": 10**10, "value": 99_990},
    "account": {"qty_lots": 10**6, "value": 99_990},
}


@pytest.mark.parametrize("stage", PROBE_WASTERS)
def test_a_half_open_breakers_probe_is_not_spent_by_an_order_that_something_else_refuses(stage):
    rig = Rig(breaker={"probes": 1, "successes": 1, "cooldown_ns": 10**9}, cash=Decimal(1_000))
    rig.apply(book_with(20, 20))
    rig.breaker.trip(int(BreakerReason.TRIP_LATENCY), rig.engine.now_ns)
    rig.apply(timer(2_000))
    assert rig.breaker.phase == BreakerPhase.BREAKER_HALF_OPEN
    for _ in range(3):
        rig.engine.control(int(ControlCode.CONTROL_PLACE), instrument=0, **PROBE_WASTERS[stage])
    assert (rig.lane["refusals"], rig.lane["intents"]) == (3, 0)
    rig.engine.control(int(ControlCode.CONTROL_PLACE), instrument=0, value=99_990, qty_lots=5)
    assert rig.lane["intents"] == 1, "the probe is still there"


def test_the_state_hash_covers_the_breakers_word():
    hashes = set()
    for trip in (None, BreakerReason.TRIP_LATENCY, BreakerReason.TRIP_LOSS):
        rig = Rig()
        rig.apply(book_with(20, 20))
        if trip is not None:
            rig.breaker.trip(int(trip), rig.engine.now_ns)
        hashes.add(rig.engine.state_hash)
    assert len(hashes) == 3


def test_the_state_hash_covers_a_flatten_that_is_not_done():
    hashes = set()
    for code in (ControlCode.CONTROL_CANCEL_ALL, ControlCode.CONTROL_FLATTEN):
        rig = held_position()
        rig.apply(depth(20, 150, 151, [(99_999, 900)], []))
        rig.engine.control(int(code))
        hashes.add(rig.engine.state_hash)
    assert len(hashes) == 2


def test_drain_leaves_no_order_open():
    rig = Rig(policy={"take_score": 2.0}, latency_ns=700_000_000, engine={"jump_ns": 100_000_000})
    rig.apply(book_with(900, 10), timer(50))
    assert rig.engine.working_orders == 1
    assert rig.engine.drain() == 0
    assert rig.engine.view()["is_stopping"] == 1
    assert rig.account[1].locked == 0
