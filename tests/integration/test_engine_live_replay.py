"""A run on an external venue, with threads: nothing is lost, and its market and its journal alone give it again.

A feeder pushes a market, a gateway in a thread of its own answers every intent when it gets to it, so that where in the
market stream its reports are taken is different in every run. The journal says where it was. Applied in one thread in
that order, a fresh engine writes the same journal, record by record, and ends in the same state.
"""

from __future__ import annotations

import threading
import time
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from builders.engine import START_NS, Rig, depth, one, report

from bot4._core.engine.control import ControlCode
from bot4._core.engine.link import VenueLink
from bot4._core.engine.runner import ShardRunner
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.journal.reader import JournalReader
from bot4._core.journal.record import JournalKind
from bot4._core.types import EventKind, IntentAction

POLICY = {"take_score": 0.9, "passive_ttl_ns": 300_000_000, "cooldown_ns": 0}
MESSAGES = 4_000
SNAPSHOT = 11  # events of the first message; the others have three


def market(seed: int) -> np.ndarray:
    """A book whose touch leans to and fro, 10 ms a message."""
    rng = np.random.default_rng(seed)
    start = depth(0, 0, 100, [(99_999 - i, 50) for i in range(5)], [(100_001 + i, 50) for i in range(5)], snapshot=True)
    lots = rng.integers(1, 300, (MESSAGES, 2)).tolist()
    diffs = [
        depth(10 * i + 10, 101 + i, 101 + i, [(99_999, bid)], [(100_001, ask)]) for i, (bid, ask) in enumerate(lots)
    ]
    return np.concatenate([start, *diffs])


class Gateway:
    """Answers each intent: places are acknowledged and filled, in parts or not at all; some outcomes are not known."""

    def __init__(self, runner: ShardRunner) -> None:
        self.runner = runner
        self.trade_ids, self.places = count(1), count(1)
        self.open: dict[int, int] = {}
        self.stopping = threading.Event()
        self.taken = 0

    def run(self) -> None:
        while True:
            stopping = self.stopping.is_set()
            intents = self.runner.take_intents(16)
            for intent in intents:
                self.taken += 1
                answer = np.concatenate(self.answer(intent))
                assert self.runner.push_reports(answer, timeout_s=30.0) == len(answer)
            if not len(intents) and stopping:
                return
            if not len(intents):
                self.runner.engine.link.intents.wait(self.runner.engine.link.intents_waiter, 0.005)

    def answer(self, intent: np.void) -> list[np.ndarray]:
        order, side, lots = int(intent["order_id"]), int(intent["side"]), int(intent["qty_lots"])
        if intent["action"] == IntentAction.ACTION_CANCEL:
            kind = EventKind.EVENT_ORDER_CANCELED if self.open.pop(order, 0) else EventKind.EVENT_CANCEL_REJECTED
            return [report(kind, order, side=side)]
        said, number = [report(EventKind.EVENT_ORDER_SENT, order, side=side)], next(self.places)
        if number % 5 == 0:
            said.append(report(EventKind.EVENT_ORDER_UNKNOWN, order, side=side))
        if number % 10 == 0:
            return [*said, report(EventKind.EVENT_ORDER_RESOLVED_ABSENT, order, side=side)]
        said.append(report(EventKind.EVENT_ORDER_ACK, order, side=side))
        filled = (lots // 2, lots)[number % 2] if number % 3 else 0
        if filled:
            trade = next(self.trade_ids)
            said.append(report(EventKind.EVENT_ORDER_TOTAL, order, side=side, qty_lots=filled, trade_id=trade))
            said += [
                report(
                    EventKind.EVENT_ORDER_FILL, order, side=side, qty_lots=filled, trade_id=trade, fee_atoms=7,
                    price_ticks=int(intent["price_ticks"]),
                )
            ] * 2  # fmt: skip
        if filled < lots:
            self.open[order] = lots - filled
        return said


def until(condition) -> None:
    deadline = time.monotonic() + 60.0
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def live(folder: Path, seed: int) -> tuple[Rig, Gateway, int]:
    """Run a market with two threads beside it; returns what it ended in, timers pushed now and then."""
    rig = Rig(journal=folder / "live", policy=POLICY, link=VenueLink(intents_capacity=64, reports_capacity=16))
    runner = ShardRunner(rig.engine, capacity=64)
    gateway = Gateway(runner)
    threads = [threading.Thread(target=work, daemon=True) for work in (runner.run, gateway.run)]
    for thread in threads:
        thread.start()
    assert runner.control(int(ControlCode.CONTROL_GATE_OPEN))
    events, last_ns = market(seed), 0
    # Whole messages: a timer in the middle of one would be input that neither the market nor the journal holds.
    for number, part in enumerate(np.split(events, range(SNAPSHOT, len(events), 60))):
        assert runner.ring.push_wait(part, runner.room, runner.records, 30.0) == len(part)
        last_ns = max(last_ns, int(part[-1]["recv_ns"]))
        while number % 2 and (len(runner.ring) or len(rig.link.intents)):
            threading.Event().wait(0.0005)  # a market that ran ahead of its gateway would see few answers
        if number % 10 == 0:
            later = one((int(part[-1]["recv_ns"]) - START_NS) / 1e6 + 3, EventKind.EVENT_TIMER, flags=0)
            runner.ring.push_wait(later, runner.room, runner.records, 30.0)
            last_ns = max(last_ns, int(later[0]["recv_ns"]))
    view = rig.engine.view
    # The journal says what was taken with reports and controls: nothing of the market may come after them.
    until(lambda: (view()["events"], view()["now_ns"]) == (len(events), last_ns))
    assert runner.control(int(ControlCode.CONTROL_STOP))
    assert runner.control(int(ControlCode.CONTROL_CANCEL_ALL))
    until(lambda: (view()["controls"], view()["lanes"][0]["working_orders"]) == (3, 0))
    gateway.stopping.set()
    threads[1].join(30)
    runner.stop()
    threads[0].join(30)
    assert not any(thread.is_alive() for thread in threads)
    return rig, gateway, len(events)


def records(rig: Rig) -> list[tuple[int, int, bytes]]:
    with JournalReader(rig.journal.path) as reader:
        return [(record.seq, record.kind, bytes(record.payload)) for record in reader]


def replayed(folder: Path, seed: int, journal: list[tuple[int, int, bytes]]) -> Rig:
    """Apply the market, and from the journal the controls and reports where it says they were taken."""
    rig = Rig(journal=folder / "replay", policy=POLICY, link=VenueLink(intents_capacity=64, reports_capacity=16))
    events, at = market(seed), 0
    for place, (_, kind, payload) in enumerate(journal):
        if kind != JournalKind.JOURNAL_CONTROL:
            continue
        control = np.frombuffer(payload, EVENT_DTYPE)
        until = int(control[0]["venue_ns"])
        rig.engine.apply(events[at:until])
        at = until
        if control[0]["recv_ns"] > rig.engine.now_ns:
            rig.engine.apply(one((int(control[0]["recv_ns"]) - START_NS) / 1e6, EventKind.EVENT_TIMER, flags=0))
        if control[0]["a"] == ControlCode.CONTROL_REPORTS:
            updates = [p for _, k, p in journal[place + 1 :] if k == JournalKind.JOURNAL_UPDATE][: int(control[0]["b"])]
            rig.engine.apply(np.frombuffer(b"".join(updates), EVENT_DTYPE))
        else:
            rig.engine.apply(control)
        rig.link.take_intents(64)
    rig.engine.apply(events[at:])
    return rig


@pytest.mark.parametrize("seed", [1, 2])
def test_a_live_run_loses_nothing_and_its_journal_gives_it_again(tmp_path, seed):
    rig, gateway, events = live(tmp_path, seed)
    lane = rig.lane
    assert rig.engine.counters()["events"] == events
    assert gateway.taken == lane["intents"] + lane["cancels"]
    assert lane["fills"] == next(gateway.trade_ids) - 1
    assert lane["duplicates"] == lane["fills"]
    assert min(lane["fills"], lane["unknowns"], lane["absent"], lane["cancels"]) > 0
    assert (rig.engine.working_orders, lane["gate"], rig.account[1].locked) == (0, [], 0)

    journal = records(rig)
    again = replayed(tmp_path, seed, journal)
    assert again.engine.state_hash == rig.engine.state_hash
    assert records(again) == journal


def test_reports_taken_elsewhere_give_another_run(tmp_path):
    rig, _, _ = live(tmp_path, 1)
    journal = records(rig)
    moved = []
    for seq, kind, payload in journal:
        event = np.frombuffer(payload, EVENT_DTYPE).copy() if kind == JournalKind.JOURNAL_CONTROL else None
        if event is not None and event[0]["a"] == ControlCode.CONTROL_REPORTS:
            event[0]["venue_ns"] += 40
            event[0]["recv_ns"] = 0
        moved.append((seq, kind, payload if event is None else event.tobytes()))
    assert records(replayed(tmp_path, 1, moved)) != journal
