"""A lane that trades on an external venue: what goes out, what comes back, what a contradiction does."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from builders.engine import Rig, book_with, depth, report, timer
from builders.venue import PRICE, LiveRig, fill, quiet, total
from builders.venue_reports import ABSENT, ACK, DROPPED, FILL, SENT, UNKNOWN

from bot4._core.engine.control import ControlCode
from bot4._core.engine.lane_state import GateReason, RefusalStage
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.journal.reader import JournalReader
from bot4._core.journal.record import JournalKind
from bot4._core.risk.rules import RiskVerdict
from bot4._core.types import EventKind, IntentAction

# -- out ---------------------------------------------------------------------------------------------------------------


def test_a_decided_intent_is_journalled_and_goes_out_with_the_id_of_its_record(tmp_path):
    rig = LiveRig(tmp_path)
    rig.apply(book_with(900, 10))
    taken = rig.taken()
    assert len(taken) == 1
    with JournalReader(rig.journal.path) as reader:
        record = next(record for record in reader if record.kind == JournalKind.JOURNAL_INTENT)
    assert record.payload == taken.tobytes()
    assert taken[0]["order_id"] == record.seq
    assert rig.breaker.readmit(int(taken[0]["generation"]))


def test_the_book_never_fills_an_order_of_an_external_venue(tmp_path):
    rig = LiveRig(tmp_path)
    rig.apply(book_with(900, 10), timer(500))
    assert (rig.lane["intents"], rig.lane["fills"], rig.engine.working_orders) == (1, 0, 1)


def test_every_working_order_keeps_a_slot_for_its_cancel_when_the_ring_is_full(tmp_path):
    rig = quiet(tmp_path, intents=4)
    for price in (99_990, 99_991, 99_992):
        rig.control(ControlCode.CONTROL_PLACE, value=price, qty_lots=1)
    assert rig.lane["intents"] == 2, "of four slots two hold orders, two are for their cancels"
    assert rig.refusals() == [(RefusalStage.REFUSED_BY_GATEWAY, 0)]
    rig.control(ControlCode.CONTROL_CANCEL_ALL)
    assert rig.lane["cancels"] == 2
    assert rig.taken()["action"].tolist() == [IntentAction.ACTION_PLACE] * 2 + [IntentAction.ACTION_CANCEL] * 2


def test_a_cancel_that_finds_the_ring_full_goes_when_there_is_room(tmp_path):
    rig = quiet(tmp_path, intents=4)
    ids = [rig.place(price_ticks=price, qty_lots=1) for price in (99_990, 99_991)]
    rig.control(ControlCode.CONTROL_CANCEL_ALL)
    rig.taken()
    # Both cancels are refused by the venue while four other intents fill the ring: the room they are owed is gone.
    rig.link.intents.push(np.zeros(4, INTENT_DTYPE))
    rig.apply(*(report(EventKind.EVENT_CANCEL_REJECTED, order_id) for order_id in ids))
    rig.apply(timer(1_500))
    rig.control(ControlCode.CONTROL_CANCEL_ALL)
    assert (rig.lane["cancels"], rig.lane["held_cancels"]) == (2, 2)
    rig.taken()
    rig.apply(timer(1_700))
    assert rig.taken()["order_id"].tolist() == ids
    assert rig.lane["cancels"] == 4


# -- back: the life of an order ----------------------------------------------------------------------------------------


def test_acknowledged_filled_in_two_parts_and_closed(tmp_path):
    rig = quiet(tmp_path)
    order = rig.place()
    rig.apply(report(SENT, order), report(ACK, order), total(order, 4, 1), fill(order, 4, 1))
    assert rig.engine.orders(0)[0] | {"sent_ns": 0} == {
        "order_id": order, "side": 0, "price_ticks": PRICE, "qty_lots": 10, "filled_lots": 4, "sent_ns": 0,
        "is_sent": True, "is_acked": True, "is_unknown": False, "cancel_pending": False,
    }  # fmt: skip
    rig.apply(total(order, 10, 2), fill(order, 6, 2))
    assert (rig.position, rig.engine.working_orders, rig.lane["gate"]) == (10, 0, [])
    assert rig.account[1].locked == 0


@pytest.mark.parametrize(
    "order_of_reports",
    [(SENT, ACK, FILL), (FILL, ACK, SENT), (FILL, SENT, ACK), (ACK, SENT, FILL), (ACK, FILL, SENT), (SENT, FILL, ACK)],
)
def test_reports_may_come_in_any_order(tmp_path, order_of_reports):
    rig = quiet(tmp_path)
    order = rig.place()
    made = {SENT: report(SENT, order), ACK: report(ACK, order), FILL: fill(order, 10, 1)}
    rig.apply(*(made[kind] for kind in order_of_reports))
    assert (rig.position, rig.engine.working_orders, rig.lane["gate"]) == (10, 0, [])


def test_an_order_dropped_at_the_socket_leaves_nothing_behind(tmp_path):
    rig = quiet(tmp_path)
    before = rig.account[1]
    order = rig.place()
    assert rig.account[1].locked > 0
    rig.apply(report(DROPPED, order))
    assert (rig.engine.working_orders, rig.lane["dropped"], rig.account[1]) == (0, 1, before)


def test_a_kill_between_decision_and_socket_is_seen_by_the_gateways_last_look(tmp_path):
    rig = quiet(tmp_path)
    rig.control(ControlCode.CONTROL_PLACE, instrument=0, value=PRICE, qty_lots=10)
    rig.control(ControlCode.CONTROL_KILL)
    place, cancel = rig.taken()
    assert not rig.breaker.readmit(int(place["generation"]))
    assert cancel["action"] == IntentAction.ACTION_CANCEL
    rig.apply(report(DROPPED, int(place["order_id"])), report(EventKind.EVENT_CANCEL_REJECTED, int(place["order_id"])))
    assert (rig.engine.working_orders, rig.lane["dropped"], rig.lane["gate"]) == (0, 1, [])


def test_an_unknown_outcome_counts_as_filled_and_bars_its_side_until_it_is_known(tmp_path):
    rig = quiet(tmp_path, gate={"max_long_lots": 15})
    order = rig.place()
    rig.apply(report(SENT, order), report(UNKNOWN, order), report(UNKNOWN, order))
    assert (rig.lane["unknowns"], rig.engine.view()["unknown_orders"]) == (1, 1)
    rig.control(ControlCode.CONTROL_PLACE, value=PRICE, qty_lots=1)
    assert rig.refusals()[-1] == (RefusalStage.REFUSED_BY_RISK, RiskVerdict.RISK_UNKNOWN_OUTCOME)
    rig.apply(report(ACK, order))
    assert rig.engine.view()["unknown_orders"] == 0
    rig.control(ControlCode.CONTROL_PLACE, value=PRICE - 1, qty_lots=6)
    assert rig.refusals()[-1] == (RefusalStage.REFUSED_BY_RISK, RiskVerdict.RISK_POSITION), "10 may still fill"


def test_an_unknown_order_that_never_was_gives_back_what_it_held(tmp_path):
    rig = quiet(tmp_path)
    before = rig.account[1]
    order = rig.place()
    rig.apply(report(SENT, order), report(UNKNOWN, order), report(ABSENT, order))
    assert (rig.engine.working_orders, rig.lane["absent"], rig.account[1]) == (0, 1, before)
    assert rig.engine.view()["unknown_orders"] == 0
    rig.place()


# -- back: fills -------------------------------------------------------------------------------------------------------


def test_a_fill_that_comes_twice_counts_once(tmp_path):
    rig = quiet(tmp_path)
    order = rig.place()
    rig.apply(total(order, 4, 1), fill(order, 4, 1), total(order, 4, 1), fill(order, 4, 1))
    assert (rig.position, rig.lane["duplicates"], rig.lane["gate"]) == (4, 1, [])
    rig.apply(fill(order, 6, 2), fill(order, 6, 2), fill(order, 4, 1))
    assert (rig.position, rig.lane["duplicates"], rig.lane["gate"]) == (10, 3, [])


def test_fills_of_an_earlier_run_are_known_where_they_were_remembered(tmp_path):
    rig = quiet(tmp_path)
    rig.engine.remember_trades(0, np.array([1, 2, 3], np.int64))
    rig.apply(fill(999, 4, 2))
    assert (rig.position, rig.lane["duplicates"]) == (0, 1)


CONTRADICTIONS = {
    "missing": lambda order: [total(order, 6, 1), fill(order, 4, 1)],
    "backwards": lambda order: [total(order, 3, 1), fill(order, 4, 1)],
    "overfill": lambda order: [fill(order, 11, 1)],
    "stray_fill": lambda _: [fill(12_345, 4, 1)],
    "afterlife": lambda order: [report(ACK, order), report(ABSENT, order)],
    "fields": lambda order: [fill(order, 4, -1)],
    "ledger": lambda order: [fill(order, 4, 1, reason=60)],
}
APPLIED_LOTS = {"missing": 4, "backwards": 4, "overfill": 11, "stray_fill": 4, "afterlife": 0, "fields": 0}


@pytest.mark.parametrize("mismatch", CONTRADICTIONS)
def test_a_contradiction_holds_the_lane_cancels_what_works_and_is_journalled(tmp_path, mismatch):
    rig = quiet(tmp_path)
    order = rig.place()
    other = rig.place(price_ticks=99_000, qty_lots=1)
    rig.apply(report(ACK, other), *CONTRADICTIONS[mismatch](order))
    assert (rig.lane["gate"], rig.lane["mismatch"]) == (["mismatch"], mismatch)
    assert not rig.engine.view()["lanes"][0]["is_gate_open"]
    assert other in rig.taken()["order_id"].tolist(), "of the cancels"
    if mismatch in APPLIED_LOTS:
        assert rig.position == APPLIED_LOTS[mismatch], "a fill there was moves the position, whatever else it says"
    with JournalReader(rig.journal.path) as reader:
        controls = np.frombuffer(reader.payloads(JournalKind.JOURNAL_CONTROL), EVENT_DTYPE)
    closing = controls[controls["a"] == ControlCode.CONTROL_GATE_CLOSE]
    assert closing["b"].tolist() == [GateReason.GATE_MISMATCH]
    rig.control(ControlCode.CONTROL_PLACE, value=99_000, qty_lots=1)
    assert rig.refusals()[-1] == (RefusalStage.REFUSED_BY_GATE, GateReason.GATE_MISMATCH)
    rig.control(ControlCode.CONTROL_GATE_OPEN)
    assert (rig.lane["gate"], rig.lane["mismatch"]) == ([], None)


def test_a_total_of_a_query_that_is_older_than_a_fill_holds_nothing(tmp_path):
    rig = quiet(tmp_path)
    order = rig.place()
    rig.apply(fill(order, 4, 1), total(order, 0))
    assert rig.lane["gate"] == []
    rig.apply(total(order, 5))
    assert rig.lane["mismatch"] == "missing"


def test_reports_of_another_instrument_or_to_a_paper_lane_are_strays():
    rig = Rig()
    rig.apply(
        book_with(20, 20), report(FILL, 1, price_ticks=PRICE, qty_lots=5, trade_id=1), report(ACK, 1, instrument=9)
    )
    assert (rig.engine.counters()["strays"], rig.positions[0].lots) == (2, 0)


# -- fees --------------------------------------------------------------------------------------------------------------


def test_a_fee_is_taken_from_the_asset_the_venue_took_it_from(tmp_path):
    lots = 10**5  # atoms of base in one lot of 0.001
    for reason, paid in ((1, (10 * lots - 700, 0, 0)), (2, (10 * lots, 700, 0)), (3, (10 * lots, 0, 700))):
        (tmp_path / str(reason)).mkdir()
        rig = quiet(tmp_path / str(reason), asset_count=3)
        rig.account.credit(2, Decimal(1))
        cash = rig.account[1].available
        rig.apply(fill(rig.place(), 10, 1, reason=reason, fee=700))
        base, quote_fee, other_fee = paid
        assert rig.account[0].available == base
        assert rig.account[1].available == cash - 10 * PRICE * 1_000 - quote_fee
        assert rig.account[2].available == 10**8 - other_fee
        assert rig.account[reason - 1].fees == 700


def test_an_exit_sells_no_more_than_a_fee_in_base_has_left(tmp_path):
    rig = LiveRig(tmp_path)
    rig.apply(book_with(900, 10))
    entry = rig.taken()[0]
    assert (entry["side"], entry["qty_lots"]) == (0, 10)
    rig.apply(fill(int(entry["order_id"]), 10, 1, reason=1, fee=1))  # 9.99999 lots are left
    rig.apply(depth(5_000, 101, 101, [(99_999, 10)], [(100_001, 900)]))
    exit_ = rig.taken()[0]
    assert (exit_["side"], exit_["qty_lots"]) == (1, 9)
