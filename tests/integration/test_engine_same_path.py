"""One path: a lane whose orders leave through the link and whose reports come back ends where the paper lane ends.

The venue behind the link is the paper venue itself, driven from outside by a gateway of a few lines. What was decided,
what was filled, what is held and what it cost must be the same, as everything before and after the venue is one code.
"""

from __future__ import annotations

import numpy as np
import pytest
from builders.engine import Rig, one, quote, report, timer

from bot4._core.engine.control import ControlCode
from bot4._core.engine.link import VenueLink
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.journal.reader import JournalReader
from bot4._core.journal.record import JournalKind
from bot4._core.sim.latency import Latency
from bot4._core.sim.paper import Paper
from bot4._core.types import EventKind

POLICY = {"take_score": 0.7, "passive_ttl_ns": 400_000_000, "exit_score": 0.3}


def market(seed: int, messages: int) -> list[np.ndarray]:
    """Quotes that wander and lean, and prints through them, so that passive orders fill too."""
    rng = np.random.default_rng(seed)
    bid, stream = 100_000, []
    for i in range(messages):
        bid += int(rng.integers(-2, 3))
        lots = rng.integers(1, 400, 2).tolist()
        stream.append(quote(20 * i, i + 1, (bid, lots[0]), (bid + 2, lots[1])))
        if rng.random() < 0.3:
            price = bid + int(rng.integers(-2, 5))
            stream.append(one(20 * i + 5, EventKind.EVENT_TRADE, a=price, b=int(rng.integers(1, 60)), c=i, d=i, e=i))
    return [*stream, timer(20 * messages)]  # in which the venue answers what came last


class Gateway:
    """Carries intents to a paper venue and its reports back; `repeats` sends each fill again, as reconnects do."""

    def __init__(self, rig: Rig, *, repeats: bool = False) -> None:
        self.rig, self.repeats = rig, repeats
        zero = Latency.zero()
        self.venue = Paper(rig.contracts[0], seed=3, instrument=0, submit_latency=zero, report_latency=zero)

    def feed(self, event: np.ndarray) -> None:
        self.carry(self.venue.on_event(event))
        self.rig.engine.apply(event)
        for intent in self.rig.link.take_intents(64):
            fields = {name: int(intent[name]) for name in ("order_id", "action", "side", "type", "tif", "flags")}
            now_ns = self.rig.engine.now_ns
            refused = self.venue.submit(
                now_ns=now_ns, price_ticks=int(intent["price_ticks"]), qty_lots=int(intent["qty_lots"]), **fields
            )
            assert not refused
        # What the venue does at once it does on the market of this moment, not on the next one.
        self.carry(self.venue.step(self.rig.engine.now_ns))

    def carry(self, updates: np.ndarray) -> None:
        for update in updates:
            self.rig.engine.apply(self.reports(np.array([update], EVENT_DTYPE)))

    def reports(self, update: np.ndarray) -> np.ndarray:
        """The update, a fill with its total before it and, perhaps, itself behind it."""
        if update[0]["kind"] != EventKind.EVENT_ORDER_FILL:
            return update
        order = int(update[0]["a"])
        working = next(o for o in self.rig.engine.orders(0) if o["order_id"] == order)
        filled = working["filled_lots"] + int(update[0]["c"])
        total = report(EventKind.EVENT_ORDER_TOTAL, order, qty_lots=filled, trade_id=int(update[0]["d"]))
        return np.concatenate([total, update, update] if self.repeats else [total, update])


def outcome(rig: Rig) -> dict:
    """What was decided, without what depends on the place in the journal: ids; and what it came to."""
    with JournalReader(rig.journal.path) as reader:
        intents = np.frombuffer(reader.payloads(JournalKind.JOURNAL_INTENT), INTENT_DTYPE)
    names = ("action", "side", "type", "tif", "flags", "reason", "price_ticks", "qty_lots", "ts_ns", "score")
    counters = rig.lane
    return {
        "intents": [tuple(row[name].item() for name in names) for row in intents],
        "position": rig.positions[0],
        "balances": [rig.account[asset] for asset in range(2)],
        "counts": {name: counters[name] for name in ("intents", "cancels", "refusals", "acks", "fills", "rejects")},
        "working": [order | {"order_id": 0, "is_sent": False} for order in rig.engine.orders(0)],
    }


def on_paper(tmp_path, seed: int) -> dict:
    rig = Rig(journal=tmp_path / f"paper-{seed}", policy=POLICY)
    for event in market(seed, 1_500):
        rig.engine.apply(event)
    return outcome(rig)


def through_the_link(tmp_path, seed: int, **options) -> dict:
    rig = Rig(journal=tmp_path / f"link-{seed}", policy=POLICY, link=VenueLink())
    rig.engine.control(int(ControlCode.CONTROL_GATE_OPEN))
    gateway = Gateway(rig, **options)
    for event in market(seed, 1_500):
        gateway.feed(event)
    assert rig.lane["gate"] == []
    return outcome(rig)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("repeats", [False, True], ids=["once", "every fill twice"])
def test_orders_through_the_link_come_to_what_orders_on_paper_come_to(tmp_path, seed, repeats):
    paper, link = on_paper(tmp_path, seed), through_the_link(tmp_path, seed, repeats=repeats)
    assert paper["counts"]["fills"] > 40
    assert paper["counts"]["cancels"] > 5
    assert link == paper


def test_another_market_comes_to_something_else(tmp_path):
    assert through_the_link(tmp_path, 1) != on_paper(tmp_path, 2)
