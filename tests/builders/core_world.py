"""The compiled core in a world made of one seed: a market, a venue, a gateway, crashes; every fault by chance.

Time is what events carry, chance is one generator, so that a seed gives the same life again, record by record. Judged
while it lives: nothing is sent twice, nothing that adds risk passes a closed gate or a killed breaker, nothing is sold
that is not held. Judged at its end: balances and position are those of the venue's trades to the last atom, nothing is
open, and the journal gives the engine's state again.
"""

from __future__ import annotations

import heapq
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np

from bot4._core.engine.control import ControlCode
from bot4._core.engine.link import VenueLink
from bot4._core.engine.recovery import Recovery, RecoveryError
from bot4._core.engine.runner import ShardRunner
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.journal.files import segment_path
from bot4._core.journal.reader import JournalReader
from bot4._core.types import EventKind, Flag, IntentAction, IntentFlag
from builders.engine import START_NS, Rig, depth, one

POLICY = {"enter_score": 0.2, "take_score": 0.7, "exit_score": 0.05, "passive_ttl_ns": 250_000_000, "cooldown_ns": 0}
GATE = {
    "orders_per_period": 50, "burst": 50, "max_open_orders": 8, "max_reject_run": 1_000, "max_exit_reject_run": 1_000,
}  # fmt: skip
BREAKER = {"reject_run": 10**6, "error_ppm": 10**6, "flood_limit": 10**5}
MESSAGE = 5  # events of one
CHUNK = 10  # messages between two looks at the rings
CASH_ATOMS = 1_000_000 * 10**8
TICKLOT_ATOMS = 1_000  # 0.01 times 0.001 in atoms of 1e-8
FEE = 7
KINDS = {kind.name.removeprefix("EVENT_ORDER_").removeprefix("EVENT_").lower(): int(kind) for kind in EventKind}
MARKET_FAULTS = frozenset({"gap", "crossed", "repeated_message", "old_stamp", "clock_jump"})
VENUE_FAULTS = frozenset(
    {"rejected", "dropped", "lost_answer_absent", "lost_answer_there", "fill_before_ack", "repeated_fill"}
    | {"partial_fill", "cancel_race", "cancel_lost", "late_report", "stalled_gateway"}
)
OWN_FAULTS = frozenset({"killed", "torn_tail", "snapshot_used", "kill_switch", "gate_closed", "flatten"})
FAULTS = MARKET_FAULTS | VENUE_FAULTS | OWN_FAULTS
STATES = frozenset(
    {"sent", "ack", "fill", "canceled", "rejected", "expired", "cancel_rejected", "dropped", "unknown", "total"}
    | {"resolved_absent"}
)


def market(rng: Random, messages: int, reached: Counter[str]) -> tuple[np.ndarray, set[int]]:
    """Messages of one level a side whose touch walks; and the chunks behind which a snapshot is owed."""
    noise = np.random.default_rng(rng.getrandbits(32))
    events = np.zeros((messages, MESSAGE), EVENT_DTYPE)
    events["kind"] = EventKind.EVENT_DEPTH_LEVEL
    events["kind"][:, 0] = EventKind.EVENT_DEPTH_BEGIN
    events["flags"][:, 0], events["flags"][:, -1] = Flag.FLAG_FIRST, Flag.FLAG_LAST
    mid = 100_000 + np.cumsum(noise.integers(-3, 4, messages))
    old = np.concatenate([[100_000], mid[:-1]])
    ids = np.arange(101, 101 + messages)
    events["recv_ns"] = (START_NS + np.arange(1, messages + 1) * 10_000_000)[:, None]
    lots = noise.integers(1, 300, (messages, 2))
    # What was the touch goes, then the new one comes.
    events["side"][:, 2], events["side"][:, 4] = 1, 1
    events["a"][:, 1], events["a"][:, 2], events["a"][:, 3], events["a"][:, 4] = old - 1, old + 1, mid - 1, mid + 1
    events["b"][:, 3:] = lots
    owed: set[int] = set()
    for fault, share in (("gap", 0.001), ("crossed", 0.0007), ("repeated_message", 0.001), ("old_stamp", 0.01)):
        hit = np.flatnonzero(noise.random(messages) < share)
        reached[fault] += len(hit)
        if fault == "gap":
            for at in hit:
                ids[at:] += 1
        elif fault == "crossed":
            events["a"][hit, 3] = mid[hit] + 50
        elif fault == "repeated_message":
            hit = hit[hit > 0]
            ids[hit] = ids[hit - 1]
        else:
            events["recv_ns"][hit] -= 2_000_000_000
        if fault != "old_stamp":
            owed |= {int(at) // CHUNK for at in hit}
    if noise.random() < 0.3:
        events["recv_ns"][noise.integers(messages) :] += 120_000_000_000
        reached["clock_jump"] += 1
    events["a"][:, 0] = events["b"][:, 0] = ids
    events["c"][:, 0], events["d"][:, 0], events["e"][:, 0] = -1, MESSAGE - 1, -1
    return events, owed


class World:
    """One seed's life. `plant` names a fault of the bot that the judges have to notice."""

    def __init__(self, seed: int, folder: Path, *, events: int = 10_000, plant: str = "") -> None:
        self.rng, self.seed, self.plant = Random(seed), seed, plant
        self.reached: Counter[str] = Counter()
        self.path = folder / f"{seed}.journal"
        self.path.unlink(missing_ok=True)
        self.market, self.owed = market(self.rng, events // MESSAGE, self.reached)
        self.left: dict[int, list[int]] = {}  # open at the venue: lots left, side, price
        self.seen: set[int] = set()  # every order that reached the gateway
        self.filled: dict[int, int] = {}
        self.ordered: dict[int, int] = {}
        self.trades: list[tuple[int, int, int]] = []  # side, price, lots
        self.due: list[tuple[int, int, tuple[int, ...]]] = []
        self.last_due: dict[int, int] = {}
        self.turn = self.stalled_until = self.said = 0
        self.is_killed = False
        self.hashes: list[str] = []
        self.begin()

    def begin(self) -> None:
        self.rig = Rig(
            journal=self.path, link=VenueLink(intents_capacity=256, reports_capacity=64), policy=POLICY, gate=GATE,
            breaker=BREAKER, journal_args={"segment_bytes": 1 << 15, "block_bytes": 1 << 16, "reserve_bytes": 1 << 12},
        )  # fmt: skip
        self.runner = ShardRunner(self.rig.engine)
        self.is_open = False

    def wrong(self, what: str) -> None:
        raise AssertionError(f"seed {self.seed}, chunk {self.turn}: {what}")

    # -- living

    def live(self) -> str:
        """Live through the market and wind down; returns the hash of all it came to."""
        chunks = len(self.market) // CHUNK
        self.resync(0)
        for self.turn in range(chunks):
            self.rig.engine.apply(self.market[self.turn * CHUNK : (self.turn + 1) * CHUNK].reshape(-1))
            self.step()
            if self.turn - 2 in self.owed:
                self.resync((self.turn + 1) * CHUNK - 1)
            chance = self.rng.random()
            if chance < 0.004:
                self.crash()
            elif chance < 0.03:
                self.operate()
        self.wind_down()
        return self.judge()

    def resync(self, at: int) -> None:
        begin = self.market[at][0]
        touch = int(self.market[at]["a"][3]) if at else 99_999
        touch = min(touch, int(self.market[at]["a"][4]) - 2) if at else touch
        bids, asks = [(touch, 50), (touch - 20_000, 50)], [(touch + 2, 50), (touch + 20_000, 50)]
        at_ms = (int(begin["recv_ns"]) - START_NS) / 1e6 if at else 0
        self.rig.engine.apply(depth(at_ms, 0, int(begin["b"]) if at else 100, bids, asks, snapshot=True))

    def step(self) -> None:
        self.take_intents()
        self.trade()
        rows = []
        while self.due and self.due[0][0] <= self.turn:
            rows.append(heapq.heappop(self.due)[2])
        if rows:
            self.rig.engine.apply(np.array(rows, EVENT_DTYPE))
        if not self.is_open and not self.is_killed and self.turn % 7 == 0:
            self.control(ControlCode.CONTROL_GATE_OPEN, value=7)
            self.is_open = "start" not in self.rig.engine.lane_counters(0)["gate"]

    def control(self, code: int, value: int = 0) -> None:
        self.rig.engine.control(int(code), value=value)

    def operate(self) -> None:
        """What an operator does."""
        act = self.rng.randrange(4)
        if act == 0:
            self.control(ControlCode.CONTROL_FLATTEN)
            self.reached["flatten"] += 1
        elif act == 1:
            self.control(ControlCode.CONTROL_GATE_CLOSE)
            self.is_open = False
            self.reached["gate_closed"] += 1
        elif act == 2 and not self.is_killed:
            self.control(ControlCode.CONTROL_KILL)
            self.is_killed = True
            self.reached["kill_switch"] += 1
        else:
            self.control(ControlCode.CONTROL_RESET)
            self.is_killed = False
            self.stalled_until = self.turn + self.rng.randrange(4)
            self.reached["stalled_gateway"] += self.stalled_until > self.turn

    # -- the gateway and the venue

    def say(self, kind: str, order: int, side: int, *, delay: int | None = None, reason: int = 0, **body: int) -> None:
        """Put a report on its way; those of one order keep their order, as a gateway's do."""
        late = self.rng.randrange(4) if delay is None else delay
        self.reached["late_report"] += late > 1
        due = max(self.turn + late, self.last_due.get(order, 0))
        if delay is None:
            self.last_due[order] = due
        row = (KINDS[kind], side, 0, 0, reason, 0, START_NS, order, body.get("price", 0), body.get("lots", 0),
               body.get("trade", -1), body.get("fee", 0))  # fmt: skip
        self.said += 1
        heapq.heappush(self.due, (due, self.said, row))
        self.reached[kind] += 1

    def take_intents(self) -> None:
        if self.turn < self.stalled_until:
            return
        for intent in self.runner.take_intents(64):
            order, side = int(intent["order_id"]), int(intent["side"])
            if intent["action"] == IntentAction.ACTION_CANCEL:
                self.cancel(order, side)
                continue
            if order in self.seen:
                self.wrong(f"order {order} was sent twice")
            self.seen.add(order)
            if not self.rig.breaker.readmit(int(intent["generation"])):
                self.say("dropped", order, side)
            else:
                self.place(intent, order, side)

    def place(self, intent: np.void, order: int, side: int) -> None:
        reduces = int(intent["flags"]) & IntentFlag.INTENT_REDUCE_ONLY
        lots, price = int(intent["qty_lots"]), int(intent["price_ticks"])
        if self.is_killed and not reduces:
            self.wrong(f"order {order} passed a killed breaker")
        if side == 1 and lots > self.held():
            self.wrong(f"order {order} sells {lots} lots of {self.held()}")
        chance = self.rng.random()
        if chance < 0.03:
            self.reached["dropped"] += 1
            self.say("dropped", order, side)
            return
        self.say("sent", order, side)
        if chance < 0.08:
            self.say("rejected", order, side, reason=self.rng.randrange(1, 4))
            return
        if chance < 0.2:
            self.say("unknown", order, side)
            if chance < 0.12:
                self.reached["lost_answer_absent"] += 1
                self.say("resolved_absent", order, side)
                return
            self.reached["lost_answer_there"] += 1
        self.ordered[order] = lots
        resent = self.plant == "resends" and 0.12 <= chance < 0.2  # an answer that was lost, and the order sent again
        self.left[order] = [2 * lots if resent else lots, side, price]
        self.answer(order, side, lots, is_ioc=int(intent["tif"]) == 1)

    def answer(self, order: int, side: int, lots: int, *, is_ioc: bool) -> None:
        """The venue has it."""
        overtakes = self.rng.random() < 0.1
        if not overtakes:
            self.say("ack", order, side)
        if is_ioc:
            self.fill(order, self.rng.randint(0, lots))
            self.end(order, "expired")
        elif overtakes:
            self.reached["fill_before_ack"] += 1
            self.fill(order, self.rng.randint(1, lots))
        if overtakes:
            self.say("ack", order, side)

    def held(self) -> int:
        return sum(lots if side == 0 else -lots for side, _, lots in self.trades)

    def fill(self, order: int, lots: int) -> None:
        left, side, price = self.left[order]
        lots = min(lots, left)
        if lots == 0:
            return
        trade = len(self.trades)
        self.trades.append((side, price, lots))
        self.left[order][0] -= lots
        self.reached["partial_fill"] += lots < left
        self.filled[order] = self.filled.get(order, 0) + lots
        if self.filled[order] > self.ordered[order]:
            self.wrong(f"{self.filled[order]} lots were traded for an order of {self.ordered[order]}")
        body = {"price": price, "lots": lots, "trade": trade, "fee": FEE}
        if self.rng.random() < 0.5:
            self.say("total", order, side, trade=trade, lots=self.filled[order])
        self.say("fill", order, side, reason=2, **body)
        if self.rng.random() < 0.2:
            again = trade if self.plant != "trade_id_changes" else trade + 1_000_000
            self.reached["repeated_fill"] += 1
            self.say("fill", order, side, reason=2, delay=self.rng.randrange(5, 40), **(body | {"trade": again}))
        if self.left[order][0] == 0:
            del self.left[order]

    def end(self, order: int, kind: str) -> None:
        if order in self.left:
            side = self.left.pop(order)[1]
            self.say(kind, order, side)

    def trade(self) -> None:
        """The market comes to what rests."""
        for order in list(self.left):
            if self.rng.random() < 0.3:
                self.fill(order, self.rng.randint(1, self.left[order][0]))

    def cancel(self, order: int, side: int) -> None:
        chance = self.rng.random()
        if order in self.left and chance < 0.2:
            self.reached["cancel_race"] += 1
            self.fill(order, self.left[order][0])
        if order not in self.left or chance > 0.93:
            self.reached["cancel_lost"] += order in self.left
            self.say("cancel_rejected", order, side)
        else:
            self.end(order, "canceled")

    # -- crashes

    def crash(self) -> None:
        """The process is gone; the next one reads the journal, and reconciles."""
        before = Recovery(self.rig.engine)
        lived, image = before.state_hash, before.save(self.rig.journal.next_seq - 1, self.rig.journal.epoch)
        self.rig.journal.close()
        if self.rng.random() < 0.5:
            self.reached["torn_tail"] += 1
            self.tear()
        self.reached["killed"] += 1
        self.begin()
        recovery = Recovery(self.rig.engine)
        if self.rng.random() < 0.5:
            self.reached["snapshot_used"] += 1
            recovery.load(image)
        with JournalReader(self.path) as reader:
            rows = list(reader)
        if self.plant == "forgets_an_update":
            rows = [row for row in rows if row.kind != 3 or row.seq % 5]
        try:
            recovery.replay(rows)
        except RecoveryError as error:
            self.wrong(str(error))
        if recovery.state_hash != lived and recovery.seq >= len(rows):
            self.wrong(f"the journal gives {recovery.state_hash}, the engine had {lived}")
        self.reconcile()
        self.resync((self.turn + 1) * CHUNK - 1)

    def tear(self) -> None:
        """A record that was begun: half of what a power cut leaves."""
        parts = len(list(self.path.parent.glob(f"{self.path.name}*")))
        last = Path(segment_path(str(self.path), parts - 1))
        with last.open("ab") as file:
            file.write(self.rng.randbytes(self.rng.randrange(1, 40)))

    def reconcile(self) -> None:
        """What a gateway tells after a restart: orders nobody took were never sent, those that rest are canceled."""
        for order in self.rig.engine.orders(0):
            number, side = order["order_id"], order["side"]
            if number not in self.seen:
                self.seen.add(number)
                self.say("unknown", number, side)
                self.say("resolved_absent", number, side)
            elif number in self.left:
                self.end(number, "canceled")

    # -- the end

    def wind_down(self) -> None:
        self.control(ControlCode.CONTROL_STOP)
        self.control(ControlCode.CONTROL_CANCEL_ALL)
        at_ms = (int(self.market[-1][0]["recv_ns"]) - START_NS) / 1e6
        for more in range(1, 400):
            self.turn += 1
            self.rig.engine.apply(one(at_ms + 100.0 * more, EventKind.EVENT_TIMER, flags=0))
            self.step()
            if more % 20 == 0:
                self.control(ControlCode.CONTROL_CANCEL_ALL)
            if not self.due and not self.rig.engine.working_orders and not self.left:
                return
        here, there = self.rig.engine.working_orders, len(self.left)
        self.wrong(f"{here} orders work here, {there} there, {len(self.due)} reports wait")

    def judge(self) -> str:
        engine, account = self.rig.engine, self.rig.account
        base = sum(lots if side == 0 else -lots for side, _, lots in self.trades)
        quote = sum((-1 if side == 0 else 1) * price * lots * TICKLOT_ATOMS - FEE for side, price, lots in self.trades)
        if engine.view()["lanes"][0]["position_lots"] != base:
            self.wrong(f"the engine holds {engine.view()['lanes'][0]['position_lots']} lots, its trades make {base}")
        balances = [account[asset].available + account[asset].locked for asset in (0, 1)]
        if balances != [base * 10**5, CASH_ATOMS + quote]:
            self.wrong(f"the account has {balances}, its trades make {[base * 10**5, CASH_ATOMS + quote]}")
        risk = self.rig.gates[0].snapshot()
        if risk["open_orders"] or risk["open_buy_lots"] or risk["open_sell_lots"] or risk["unknown_buys"]:
            self.wrong(f"risk counts what is not there: {risk}")
        lived = Recovery(engine).state_hash
        self.rig.journal.close()
        fresh = Rig(journal=self.path.with_suffix(".look"), link=VenueLink(), policy=POLICY, gate=GATE, breaker=BREAKER)
        with JournalReader(self.path) as reader:
            recovery = Recovery(fresh.engine)
            recovery.replay(reader)
        fresh.journal.close()
        for file in self.path.parent.glob(f"{self.seed}.*"):
            file.unlink()
        if recovery.state_hash != lived:
            self.wrong(f"the whole journal gives {recovery.state_hash}, the engine has {lived}")
        return f"{lived} {engine.state_hash} {len(self.trades)}"
