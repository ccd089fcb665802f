"""A lane: what moves its touch, what stops it from trading, and what its guards do."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from builders.engine import CASH, START_NS, Rig, book_with, depth, one, quote, timer

from bot4._core.engine.decide import LinearPolicy
from bot4._core.engine.engine import Engine
from bot4._core.engine.lane_state import RefusalStage
from bot4._core.engine.shard import ControlCode
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.journal.reader import JournalReader
from bot4._core.journal.record import JournalKind
from bot4._core.risk.circuit import BreakerPhase, BreakerReason
from bot4._core.types import EventKind, IntentFlag

ROOT = Path(__file__).resolve().parents[2]
REFUSAL_DTYPE = np.dtype([("intent", INTENT_DTYPE), ("stage", "i8"), ("verdict", "i8")])


def records(path: Path, kind: int, dtype: np.dtype) -> np.ndarray:
    with JournalReader(path) as reader:
        return np.frombuffer(reader.payloads(kind), dtype)


def bullish(at_ms: float, last: int) -> np.ndarray:
    """A diff that leaves nearly all of the touch on the bid."""
    return depth(at_ms, last, last, [(99_999, 900)], [(100_001, 10)])


# -- putting together --------------------------------------------------------------------------------------------------


def test_more_lanes_than_positions_are_refused():
    rig = Rig(lanes=1)
    with pytest.raises(ValueError, match="positions for 1 instruments only"):
        rig.engine.add_lane("MORE", *rig.make_parts(0))


def unfilled(lanes: int = 1) -> Rig:
    """A rig with an engine that has positions and no lane yet."""
    rig = Rig(lanes=lanes)
    rig.engine = Engine(rig.positions, rig.account, rig.breaker)
    return rig


def test_a_policy_that_reads_a_feature_there_is_not_is_refused():
    rig = unfilled()
    wide = LinearPolicy(  # 127 is a legal index of a policy, not of the features there are
        [(127, 1.0, 1.0)],
        enter_score=0.4,
        take_score=0.5,
        exit_score=0.2,
        order_lots=1,
        position_lots=1,
        qty_max_lots=9,
    )
    with pytest.raises(ValueError, match="reads feature 127"):
        rig.engine.add_lane("S0USDT", *rig.make_parts(0)[:4], wide)


def test_the_same_part_twice_is_refused():
    for place in range(4):
        rig = unfilled(2)
        first, second = rig.make_parts(0), list(rig.make_parts(1))
        rig.engine.add_lane("A", *first)
        second[place] = first[place]
        with pytest.raises(ValueError, match="serves another lane"):
            rig.engine.add_lane("B", *second)


def test_a_gate_of_another_instrument_is_refused():
    rig = unfilled()
    parts = list(rig.make_parts(0))
    parts[3] = Rig(lanes=2).make_parts(1)[3]
    with pytest.raises(ValueError, match="its risk gate is that of 1"):
        rig.engine.add_lane("S0USDT", *parts)


@pytest.mark.parametrize("wrong", [np.zeros(4, np.int64), np.zeros(6, EVENT_DTYPE)[::2]])
def test_apply_takes_contiguous_events_only(wrong):
    rig = Rig()
    with pytest.raises((ValueError, TypeError, BufferError)):
        rig.engine.apply(wrong)
    rig.apply(book_with(10, 10))  # the engine is still usable
    assert rig.engine.counters()["messages"] == 1


def test_an_event_of_an_unknown_instrument_is_counted_and_changes_nothing():
    rig = Rig()
    rig.apply(book_with(10, 10))
    before = rig.engine.state_hash
    rig.apply(book_with(900, 1, instrument=7))
    assert rig.engine.counters()["strays"] == 11
    assert rig.engine.state_hash == before


# -- the touch ---------------------------------------------------------------------------------------------------------


def test_a_newer_quote_moves_the_touch_and_an_older_one_does_not():
    rig = Rig()
    rig.apply(book_with(20, 20, last=100), quote(1, 101, (99_997, 7), (99_998, 8)))
    assert rig.engine.top(0)[0][0] == (99_997, 7)
    assert rig.engine.top(0)[1][:2] == [(99_998, 8), (100_001, 20)]
    rig.apply(quote(2, 101, (99_990, 1), (99_991, 1)))
    assert rig.engine.top(0)[0][0] == (99_997, 7)


def test_a_quote_older_than_the_depth_is_ignored():
    rig = Rig()
    rig.apply(book_with(20, 20, last=100), quote(1, 100, (99_997, 7), (100_000, 8)))
    assert rig.engine.top(0)[0][0] == (99_999, 20)


def test_depth_older_than_the_quote_does_not_take_the_touch_back():
    rig = Rig()
    rig.apply(book_with(20, 20), quote(1, 110, (99_998, 7), (100_003, 8)), depth(2, 101, 105, [(99_995, 3)], []))
    bids, asks = rig.engine.top(0)
    assert (bids[0], asks[0]) == ((99_998, 7), (100_003, 8))
    assert (99_995, 3) in bids
    rig.apply(depth(3, 106, 111, [(99_994, 3)], []))
    bids, asks = rig.engine.top(0)
    assert (bids[0], asks[0]) == ((99_999, 20), (100_001, 20)), "newer depth wins again"


@pytest.mark.parametrize(
    ("bid", "ask"), [((0, 0), (100_001, 5)), ((99_999, 0), (100_001, 5)), ((99_999, 5), (100_001, 0)), ((7, 1), (7, 1))]
)
def test_a_quote_with_an_empty_side_or_none_between_its_sides_is_not_taken(bid, ask):
    rig = Rig(kind=1, gate={"max_short_lots": 10**6}, policy={"short_allowed": True})
    rig.apply(quote(0, 1, bid, ask), quote(1, 2, bid, ask))
    assert rig.lane["source"] == "none"
    assert rig.lane["quotes"] == 2
    assert rig.lane["decisions"] == 0


def test_a_gap_cancels_what_works_and_stops_decisions_until_a_snapshot():
    rig = Rig(policy={"take_score": 2.0}, latency_ns=5_000_000)
    rig.apply(book_with(900, 10), bullish(50, 101), timer(100))
    assert rig.engine.working_orders == 1
    decisions = rig.lane["decisions"]
    rig.apply(depth(200, 150, 151, [(99_999, 900)], []), timer(400))
    assert (rig.lane["gaps"], rig.lane["cancels"], rig.lane["needs_snapshot"]) == (1, 1, True)
    assert rig.engine.working_orders == 0
    rig.apply(bullish(410, 152), quote(420, 10_000, (99_999, 900), (100_001, 1)), timer(600))
    assert rig.lane["decisions"] == decisions
    assert rig.engine.top(0) == ([], [])
    rig.apply(book_with(900, 10, at_ms=700, last=200), bullish(800, 201))
    assert rig.lane["decisions"] > decisions
    assert not rig.lane["needs_snapshot"]


def test_a_crossed_book_is_not_traded_on():
    rig = Rig()
    rig.apply(book_with(20, 20), depth(10, 101, 101, [(100_003, 900)], []))
    assert rig.lane["crossed"] == 1
    assert rig.engine.top(0) == ([], [])
    assert rig.lane["intents"] == 0


def test_a_gap_mark_of_a_lane_without_a_book_leaves_it_tradable():
    rig = Rig(policy={"take_score": 0.45})
    rig.apply(quote(0, 1, (99_999, 10), (100_001, 10)), one(1, EventKind.EVENT_GAP_MARK, a=5))
    assert not rig.lane["needs_snapshot"]
    rig.apply(quote(2, 2, (99_999, 900), (100_001, 10)), timer(100))
    assert rig.lane["source"] == "quote"
    assert rig.lane["acks"] + rig.lane["fills"] >= 1


# -- the guards --------------------------------------------------------------------------------------------------------


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


# -- time --------------------------------------------------------------------------------------------------------------


def test_timers_inside_a_clock_jump_change_nothing():
    hashes = []
    for extra in ([], [timer(200), timer(900), timer(5_000)]):
        rig = Rig(engine={"jump_ns": 300_000_000}, policy={"take_score": 2.0}, latency_ns=5_000_000)
        rig.apply(book_with(900, 10), *extra, bullish(9_000, 101), bullish(9_100, 102))
        assert rig.engine.counters()["clock_jumps"] == 1
        assert rig.engine.counters()["marks"] <= 1, "nine seconds of marks would mean they were lived through"
        hashes.append(rig.engine.state_hash)
    assert hashes[0] == hashes[1]


def test_an_older_stamp_does_not_turn_time_back():
    rig = Rig()
    rig.apply(book_with(10, 10, at_ms=100), bullish(50, 101))
    assert rig.engine.now_ns == START_NS + 100_000_000
    assert rig.engine.counters()["clock_backs"] == 2 + 1  # every event of the message: begin and two levels


# -- the journal -------------------------------------------------------------------------------------------------------

FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from builders.engine import Rig, book_with, depth, timer
from bot4._core.engine.shard import ControlCode
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
where = Path(sys.argv[1])
rig = Rig(lanes=2, policy={"take_score": 2.0, "passive_ttl_ns": 10**15}, journal=where, latency_ns=5_000_000,
          journal_args={"reserve_bytes": 4096})
rig.apply(book_with(20, 20, instrument=1), book_with(900, 10), timer(100))
assert rig.engine.working_orders == 1
resource.setrlimit(resource.RLIMIT_FSIZE, (rig.journal.size_bytes, resource.RLIM_INFINITY))
rig.apply(book_with(900, 10, at_ms=150, last=200, instrument=1))
view = rig.engine.view()
other = rig.engine.lane_counters(1)
print(view["journal_errno"], other["intents"], other["dropped"], rig.engine.working_orders, rig.account[1].locked)
rig.engine.control(int(ControlCode.CONTROL_PLACE), instrument=0, value=99_990, qty_lots=5)
rig.engine.control(int(ControlCode.CONTROL_CANCEL_ALL))
rig.apply(timer(200))
print(rig.lane["cancels"], rig.engine.working_orders, rig.lane["intents"], rig.breaker.admit(rig.engine.now_ns))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)  # a traced process saves what it covered
"""


def test_a_journal_that_cannot_be_written_stops_new_orders_and_lets_cancels_through(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL_DISK), str(tmp_path / "j")],
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    errno_, intents, dropped, working, locked = (int(word) for word in first.split())
    assert errno_ == errno.EFBIG
    assert (intents, dropped, working) == (1, 1, 1), "an order that is in no journal does not reach the venue"
    assert locked > 0, "of the order that works"
    cancels, left, intents, admitted = (int(word) for word in second.split())
    assert (cancels, left) == (1, 0)
    assert (intents, admitted) == (1, 0)


@pytest.mark.parametrize("what", ["mark", "control"])
def test_a_mark_or_a_control_the_journal_refuses_stops_new_orders_and_shows(tmp_path, what):
    rig = Rig(journal=tmp_path / "j")
    rig.apply(book_with(20, 20))
    rig.journal.close()
    assert rig.engine.view()["journal_errno"] == 0
    if what == "mark":
        rig.apply(timer(1_500))
    else:
        rig.engine.control(int(ControlCode.CONTROL_CANCEL_ALL))
    assert rig.engine.view()["journal_errno"] == errno.EBADF
    assert rig.breaker.reason == BreakerReason.TRIP_JOURNAL
    rig.engine.control(int(ControlCode.CONTROL_PLACE), instrument=0, value=99_990, qty_lots=5)
    assert rig.lane["intents"] == 0


def test_an_order_the_journal_refuses_never_reaches_the_venue_and_holds_nothing_back(tmp_path):
    rig = Rig(journal=tmp_path / "j")
    rig.apply(book_with(20, 20))
    rig.journal.close()
    rig.apply(bullish(10, 101), timer(50))
    assert (rig.lane["intents"], rig.lane["dropped"], rig.lane["fills"]) == (1, 1, 0)
    assert (rig.engine.working_orders, rig.account[1].locked) == (0, 0)


# -- money -------------------------------------------------------------------------------------------------------------


def test_position_and_fees_follow_from_the_journals_fills(tmp_path):
    rig = Rig(journal=tmp_path / "j", policy={"short_allowed": False})
    rng = np.random.default_rng(4)
    messages = [book_with(20, 20)]
    for i in range(400):
        bid_lots, ask_lots = rng.integers(1, 900, 2)
        messages.append(depth(10 * i + 5, 101 + i, 101 + i, [(99_999, bid_lots)], [(100_001, ask_lots)]))
    rig.apply(*messages)
    updates = records(tmp_path / "j", JournalKind.JOURNAL_UPDATE, EVENT_DTYPE)
    fills = updates[updates["kind"] == EventKind.EVENT_ORDER_FILL]
    assert len(fills) > 20
    assert set(fills["side"].tolist()) == {0, 1}
    lots = sum(int(f["c"]) * (1 if f["side"] == 0 else -1) for f in fills)
    fees = sum(int(f["e"]) for f in fills)
    # Spot: atoms of the quote are tick 0.01 x lot 0.001 = 1e-5, at 8 decimals 1,000 atoms.
    spent = sum(int(f["b"]) * int(f["c"]) * 1_000 * (1 if f["side"] == 0 else -1) for f in fills)
    assert rig.positions[0].lots == lots
    assert rig.positions[0].fees_atoms == fees
    balance = rig.account[1]
    assert balance.available + balance.locked == int(CASH) * 10**8 - spent - fees
    assert rig.account[0].available + rig.account[0].locked == lots * 10**5
