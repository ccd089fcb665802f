"""The gate of a lane on an external venue, its link to an event loop, and how it is drained."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest
from builders.engine import Rig, book_with, quote, report, timer
from builders.venue import LiveRig, fill, quiet
from builders.venue_reports import ABSENT, ACK, CANCELED, UNKNOWN

from bot4._core.engine.control import ControlCode
from bot4._core.engine.engine import Engine
from bot4._core.engine.lane_state import GateReason
from bot4._core.engine.link import VenueLink
from bot4._core.engine.runner import ShardRunner
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.journal.reader import JournalReader
from bot4._core.journal.record import JournalKind
from bot4._core.types import IntentAction, IntentFlag

# -- the gate ----------------------------------------------------------------------------------------------------------


def test_the_gate_is_closed_until_reconciliation_opens_it_and_lets_exits_and_cancels_through(tmp_path):
    rig = LiveRig(tmp_path, is_open=False)
    rig.apply(fill(77, 10, 1))  # of an earlier run: reconciliation brings it
    rig.apply(book_with(900, 10), timer(300))
    assert (rig.position, rig.lane["gate"], rig.lane["mismatch"]) == (10, ["start"], None)
    assert rig.lane["intents"] == 0
    assert rig.lane["gated"] > 0
    assert rig.refusals() == [], "a strategy held at the gate writes no record"
    exit_id = rig.place(side=1, qty_lots=4, price_ticks=99_999, flags=int(IntentFlag.INTENT_REDUCE_ONLY))
    rig.control(ControlCode.CONTROL_CANCEL, value=exit_id)
    assert rig.taken()["action"].tolist() == [IntentAction.ACTION_CANCEL]
    rig.apply(report(CANCELED, exit_id, side=1))
    rig.control(ControlCode.CONTROL_GATE_OPEN)
    rig.apply(quote(400, 900, (99_999, 950), (100_001, 10)))
    assert rig.lane["intents"] == 2


def test_the_gate_stays_closed_while_an_outcome_is_unknown(tmp_path):
    rig = quiet(tmp_path)
    order = rig.place()
    rig.apply(report(UNKNOWN, order))
    rig.control(ControlCode.CONTROL_GATE_CLOSE)
    rig.control(ControlCode.CONTROL_GATE_OPEN, value=int(GateReason.GATE_OPERATOR))
    assert rig.lane["gate"] == ["operator"]
    rig.apply(report(ABSENT, order))
    rig.control(ControlCode.CONTROL_GATE_OPEN, value=int(GateReason.GATE_OPERATOR))
    assert rig.lane["gate"] == []


def test_reconciliation_does_not_open_what_an_operator_closed(tmp_path):
    rig = quiet(tmp_path)
    rig.control(ControlCode.CONTROL_GATE_CLOSE)
    rig.control(ControlCode.CONTROL_GATE_OPEN)
    assert rig.lane["gate"] == ["operator"]


# -- putting together --------------------------------------------------------------------------------------------------


def test_an_external_venue_needs_a_journal():
    rig = Rig()
    with pytest.raises(ValueError, match="needs a journal"):
        Engine(rig.positions, rig.account, rig.breaker, link=VenueLink())


def test_a_lane_without_any_venue_is_refused():
    rig = Rig()
    rig.engine = Engine(rig.positions, rig.account, rig.breaker)
    parts = list(rig.make_parts(0))
    parts[2] = None
    with pytest.raises(ValueError, match="neither a paper venue nor a link"):
        rig.engine.add_lane("S0USDT", *parts)


def test_a_link_too_small_for_an_order_and_its_cancel_is_refused():
    with pytest.raises(ValueError, match="intents_capacity must be at least 4, was 2"):
        VenueLink(intents_capacity=2)


# -- the runner --------------------------------------------------------------------------------------------------------


@pytest.fixture
def running(tmp_path):
    rig = LiveRig(tmp_path)
    runner = ShardRunner(rig.engine, capacity=64)
    thread = threading.Thread(target=runner.run, daemon=True)
    thread.start()
    yield rig, runner
    runner.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_an_event_loop_is_woken_by_an_intent_and_its_report_reaches_the_shard(running):
    rig, runner = running

    async def trade() -> list[int]:
        loop = asyncio.get_running_loop()
        seen: list[int] = []
        done = loop.create_future()

        def drain() -> None:
            while not runner.arm_intents():
                for intent in runner.take_intents(8):
                    seen.append(int(intent["order_id"]))
                    assert runner.push_reports(np.concatenate([report(ACK, seen[-1]), fill(seen[-1], 10, 1)])) == 2
                    done.set_result(None)

        def on_readable() -> None:
            runner.acknowledge_intents()
            drain()

        loop.add_reader(runner.intents_fileno(), on_readable)
        drain()
        await asyncio.sleep(0)
        runner.ring.push(book_with(900, 10))
        runner.records.notify()
        await asyncio.wait_for(done, 10)
        loop.remove_reader(runner.intents_fileno())
        return seen

    ids = asyncio.run(trade())
    assert len(ids) == 1
    for _ in range(1_000):
        if rig.engine.view()["reports"] == 2:
            break
        threading.Event().wait(0.005)
    view = rig.engine.view()
    assert (view["reports"], view["lanes"][0]["position_lots"], view["lanes"][0]["working_orders"]) == (2, 10, 0)


def test_where_in_the_market_stream_reports_were_taken_is_journalled_before_them(tmp_path):
    rig = quiet(tmp_path)
    order = rig.place()
    rig.apply(report(ACK, order))
    events = rig.engine.counters()["events"]
    with JournalReader(rig.journal.path) as reader:
        rows = list(reader)
    at = next(i for i, row in enumerate(rows) if row.kind == JournalKind.JOURNAL_UPDATE)
    control = np.frombuffer(rows[at - 1].payload, EVENT_DTYPE)[0]
    assert rows[at - 1].kind == JournalKind.JOURNAL_CONTROL
    assert (control["a"], control["b"], control["venue_ns"]) == (ControlCode.CONTROL_REPORTS, 1, events)


def test_reports_a_shard_does_not_take_stay_with_the_gateway_and_stop_trading(tmp_path):
    rig = LiveRig(tmp_path)
    runner = ShardRunner(rig.engine)  # nobody runs it
    many = np.concatenate([report(ACK, 1) for _ in range(70)])
    assert runner.push_reports(many, timeout_s=0.05) == 64
    assert rig.breaker.killed
    runner.stop()
    runner.run()
    assert rig.engine.counters()["reports"] == 64
    assert runner.push_reports(many[64:]) == 6


def test_what_is_no_report_is_not_pushed(tmp_path):
    runner = ShardRunner(LiveRig(tmp_path).engine)
    with pytest.raises(ValueError, match="row 1 was of kind 32"):
        runner.push_reports(np.concatenate([report(ACK, 1), timer(1)]))
    assert runner.engine.link.statistics()["reports"]["pushed"] == 0


def test_a_runner_of_a_paper_engine_has_no_intents():
    with pytest.raises(ValueError, match="trade on paper"):
        ShardRunner(Rig().engine).take_intents()


def test_draining_cancels_at_the_venue_and_does_not_invent_its_answer(tmp_path):
    rig = quiet(tmp_path)
    order = rig.place()
    before = rig.engine.now_ns
    assert rig.engine.drain() == 1
    assert rig.engine.now_ns == before
    assert rig.taken()[0]["order_id"] == order
    rig.apply(report(CANCELED, order))
    assert rig.engine.working_orders == 0
