"""A lane: jumps of time, a journal that refuses, and what its fills come to."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from builders.engine import CASH, START_NS, Rig, book_with, depth, timer
from builders.lane_events import bullish, records

from bot4._core.engine.shard import ControlCode
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.journal.record import JournalKind
from bot4._core.risk.circuit import BreakerReason
from bot4._core.types import EventKind

ROOT = Path(__file__).resolve().parents[2]


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
