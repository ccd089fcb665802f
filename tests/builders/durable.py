"""Lives of an engine on a venue by chance, kept in a journal: what recovery is judged by."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from bot4._core.engine.control import ControlCode
from bot4._core.engine.link import VenueLink
from bot4._core.engine.recovery import Recovery
from bot4._core.engine.runner import ShardRunner
from bot4._core.journal.reader import JournalReader
from bot4._core.types import EventKind, IntentAction
from builders.engine import Rig, depth, one, report

POLICY = {"take_score": 0.9, "passive_ttl_ns": 300_000_000, "cooldown_ns": 0}
GATE = {"orders_per_period": 20, "burst": 30, "max_open_orders": 10}


def market(seed: int, messages: int, lanes: int) -> list[np.ndarray]:
    """Books whose touch leans to and fro and walks, 10 ms a message."""
    rng = np.random.default_rng(seed)
    out = []
    for lane in range(lanes):
        bids, asks = [(99_999 - i, 50) for i in range(5)], [(100_001 + i, 50) for i in range(5)]
        out.append(depth(0, 0, 100, bids, asks, snapshot=True, instrument=lane))
    lots = rng.integers(1, 300, (messages, 2)).tolist()
    for i, (bid, ask) in enumerate(lots):
        lane, step = i % lanes, 101 + i // lanes
        out.append(depth(10 * i + 10, step, step, [(99_999, bid)], [(100_001, ask)], instrument=lane))
    return out


class RandomVenue:
    """Answers intents by chance: whole and partial fills, refusals, lost answers, absences, repeats, late ends."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.open: dict[int, list[int]] = {}
        self.trade_id = 0
        self.said: set[str] = set()
        self.late: list[np.ndarray] = []

    @staticmethod
    def new_link() -> VenueLink:
        return VenueLink(intents_capacity=256, reports_capacity=64)

    def answer(self, intent: np.void) -> list[np.ndarray]:
        order, lane, side = int(intent["order_id"]), int(intent["instrument"]), int(intent["side"])
        lots, price = int(intent["qty_lots"]), int(intent["price_ticks"])
        chance = self.rng.random()

        def say(kind: str, **fields: int) -> np.ndarray:
            self.said.add(kind)
            number = EventKind[f"EVENT_{kind.upper()}" if kind == "cancel_rejected" else f"EVENT_ORDER_{kind.upper()}"]
            return report(number, order, instrument=lane, side=side, **fields)

        if intent["action"] == IntentAction.ACTION_CANCEL:
            if self.open.pop(order, None) is None or chance < 0.1:
                return [say("cancel_rejected")]
            return [say("canceled" if chance < 0.8 else "expired")]
        said = [say("sent")]
        if chance < 0.08:
            return [*said, say("rejected", reason=int(self.rng.integers(1, 3)))]
        if chance < 0.2:
            said.append(say("unknown"))
            if chance < 0.14:
                self.late.append(say("resolved_absent"))
                return said
        said.append(say("ack"))
        left = lots
        while left and self.rng.random() < 0.6:
            part = int(self.rng.integers(1, left + 1))
            self.trade_id += 1
            left -= part
            said.append(say("total", qty_lots=lots - left, trade_id=self.trade_id))
            fill = say("fill", qty_lots=part, trade_id=self.trade_id, price_ticks=price, fee_atoms=7, reason=2)
            said += [fill] * (2 if self.rng.random() < 0.2 else 1)
        if left:
            self.open[order] = [left]
        return said


def live_once(
    path: Path, seed: int, *, lanes: int, messages: int, snapshot_share: float = 0.0
) -> tuple[Rig, RandomVenue, list[tuple[int, int, bytes]]]:
    """Live one life; returns the engine, its venue and the snapshots taken on the way (one where a share is given)."""
    rng = np.random.default_rng(seed)
    venue = RandomVenue(rng)
    policy = POLICY | {"passive_ttl_ns": int(rng.integers(20, 400)) * 1_000_000}
    rig = Rig(lanes=lanes, journal=path, policy=policy, gate=GATE, link=venue.new_link())
    runner = ShardRunner(rig.engine)
    rig.engine.control(int(ControlCode.CONTROL_GATE_OPEN))
    snapshots = []
    parts = market(seed, messages, lanes)
    for number, part in enumerate(parts):
        rig.engine.apply(part)
        if number == int(snapshot_share * (len(parts) - 1)):
            seq, epoch = rig.journal.next_seq - 1, rig.journal.epoch
            snapshots.append((seq, epoch, Recovery(rig.engine).save(seq, epoch)))
        said = [row for intent in runner.take_intents(64) for row in venue.answer(intent)]
        if venue.late and rng.random() < 0.3:
            said.append(venue.late.pop(0))
        if said:
            rig.engine.apply(np.concatenate(said))
        if rng.random() < 0.02:
            code = ControlCode.CONTROL_GATE_CLOSE if rng.random() < 0.5 else ControlCode.CONTROL_FLATTEN
            rig.engine.control(int(code))
        elif rng.random() < 0.05:  # what risk, account or gate refuses now and then
            price, lots = (int(rng.integers(90_000, 110_000)), int(10 ** rng.integers(1, 8)))
            rig.engine.control(int(ControlCode.CONTROL_PLACE), instrument=0, value=price, qty_lots=lots)
        elif rng.random() < 0.1:
            rig.engine.control(int(ControlCode.CONTROL_GATE_OPEN), value=7)
    rig.engine.apply(one(10 * messages + 2_000, EventKind.EVENT_TIMER, flags=0))
    return rig, venue, snapshots


def recovered(rows: list, *, lanes: int) -> Recovery:
    """Read records into a fresh engine."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Rig(lanes=lanes, link=RandomVenue.new_link(), journal=Path(folder) / "j", policy=POLICY, gate=GATE)
    recovery = Recovery(fresh.engine)
    recovery.replay(rows)
    return recovery


def main(journal: str, snapshot: str, lanes: str) -> None:
    """Print the hash of a full replay and of snapshot and tail."""
    with JournalReader(journal) as reader:
        rows = list(reader)
    full = recovered(rows, lanes=int(lanes)).state_hash
    fresh = recovered([], lanes=int(lanes))
    fresh.load(Path(snapshot).read_bytes())
    fresh.replay(rows)
    sys.stdout.write(f"{full} {fresh.state_hash}\n")
