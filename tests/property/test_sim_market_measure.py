"""MarketMeasure against a plain-Python twin over random markets in which prints and levels come out of step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import sim_market_measure as twin
from oracles.sim_rng import RandomTwin

from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.sim.market_measure import MarketMeasure

START = 5 * twin.SECOND


class Scenario:
    """A snapshot, then diffs and prints, from one seed."""

    def __init__(self, seed):
        self.random = RandomTwin(seed, 9)
        self.now, self.update_id = START, 100
        self.events, self.ids = [], []
        sides = [(0, 1_000 - self.below(3) - 7 * i, 1 + self.below(50)) for i in range(4)]
        sides += [(1, 1_002 + self.below(3) + 7 * i, 1 + self.below(50)) for i in range(4)]
        self.add_depth(sides, twin.SNAPSHOT)
        for _ in range(5 + self.below(30)):
            self.now += (1, 40_000_000, 300_000_000, 1_400_000_000, 30 * twin.SECOND)[min(self.below(14), 4)]
            self.add_print() if self.below(2) else self.add_depth(self.levels(), 0)

    def below(self, bound):
        return self.random.below(bound)

    def levels(self):
        found = []
        for _ in range(self.below(6)):
            side = self.below(2)
            price = 1_000 - self.below(40) if side == 0 else 1_002 + self.below(40)
            found.append((side, price, self.below(4) and 1 + self.below(60)))
        return found

    def stamp(self):
        return self.now - self.below(100_000_000)

    def add_depth(self, levels, snapshot):
        first, self.update_id = self.update_id + 1, self.update_id + 1 + self.below(3)
        venue, last = self.stamp(), twin.LAST if not levels else 0
        # kind, side, flags, venue, recv, then the two words the twin reads
        self.events.append((twin.DEPTH_BEGIN, 0, 1 | last | snapshot, venue, self.now, 0, 0))
        self.ids.append((first, self.update_id, -1, len(levels)))
        for index, (side, price, lots) in enumerate(levels):
            flags = snapshot | (twin.LAST if index == len(levels) - 1 else 0)
            self.events.append((twin.DEPTH_LEVEL, side, flags, venue, self.now, price, lots))
            self.ids.append((price, lots, self.update_id, index))

    def add_print(self):
        flags = 3 | (twin.BUYER_IS_MAKER if self.below(2) else 0)
        venue = self.stamp() if self.below(3) else (self.events[-1][3])
        price, lots = 995 + self.below(12), 1 + self.below(20)
        self.events.append((twin.TRADE, 0, flags, venue, self.now, price, lots))
        self.ids.append((price, lots, 0, 0))

    def array(self):
        rows = np.zeros(len(self.events), EVENT_DTYPE)
        for row, event, words in zip(rows, self.events, self.ids, strict=True):
            row["kind"], row["side"], row["flags"], row["venue_ns"], row["recv_ns"] = event[:5]
            row["a"], row["b"], row["c"], row["d"] = words
        return rows


def counts(counter, size):
    return [counter[index] for index in range(size)]


def check_measure(twin_class, seed):
    scenario = Scenario(seed)
    measure, oracle = MarketMeasure(), twin_class()
    assert measure.events_many(scenario.array()) == len(scenario.events)
    measure.finish()
    for event in scenario.events:
        oracle.feed(event)
    oracle.finish()
    totals = measure.totals
    for name, counter, size in (
        ("adds", oracle.adds, 20), ("added_lots", oracle.added, 20), ("cancels", oracle.cancels, 20),
        ("cancelled_lots", oracle.cancelled, 20), ("add_sizes", oracle.add_sizes, 1_280),
        ("depth_lots", oracle.depth_lots, 20), ("depth_levels", oracle.depth_levels, 20),
        ("spread_ns", oracle.spreads, 4_096),
    ):  # fmt: skip
        assert totals[name].tolist() == counts(counter, size), name
    assert totals["live_ns"] == sum(oracle.spreads.values())
    assert (totals["prints"], totals["prints_late"]) == (oracle.prints, oracle.late)
    assert (totals["depth_messages"], totals["depth_samples"]) == (oracle.depth_messages, oracle.depth_samples)
    records = [tuple(int(word) for word in row)[:7] for row in measure.take_records()]
    assert records == oracle.records
    assert len(measure.take_records()) == 0
    return totals, records


@given(st.integers(0, 2**32))
def test_the_measure_equals_its_twin(seed):
    check_measure(twin.MeasureTwin, seed)


class ForgetsPrints(twin.MeasureTwin):
    """Planted fault: what was traded counts as cancelled."""

    def _change(self, side, price, change):
        self.printed = []
        super()._change(side, price, change)


class MeasuresFromTheOtherSide(twin.MeasureTwin):
    """Planted fault: distances are taken from the opposite best price."""

    def _change(self, side, price, change):
        self.best = self.best[::-1]
        super()._change(side, price, change)
        self.best = self.best[::-1]


class EveryPrintIsATaker(twin.MeasureTwin):
    """Planted fault: prints of one taker are not joined."""

    def _print(self, flags, venue, recv, price, lots):
        self.finish()
        super()._print(flags, venue, recv, price, lots)


class LivesThroughSilence(twin.MeasureTwin):
    """Planted fault: a gap in the feed counts as time at the last spread."""

    def _after(self, now):
        since, spread = self.spread_since, self.spread
        super()._after(now)
        if since and now - since >= twin.SILENCE:
            self.spreads[spread] += now - since


@pytest.mark.parametrize("broken", [ForgetsPrints, MeasuresFromTheOtherSide, EveryPrintIsATaker, LivesThroughSilence])
def test_control_a_broken_measure_is_caught(broken):
    caught = 0
    for seed in range(40):
        check_measure(twin.MeasureTwin, seed)
        try:
            check_measure(broken, seed)
        except AssertionError:
            caught += 1
    assert caught > 0


def test_the_scenarios_reach_every_kind_of_record():
    kinds, late = set(), 0
    for seed in range(60):
        totals, records = check_measure(twin.MeasureTwin, seed)
        kinds |= {record[0] for record in records}
        late += totals["prints_late"]
    assert kinds == {1, 2, 3, 4}
    assert late > 50


@pytest.mark.untraced
def test_a_full_log_of_records_holds_the_caller_back_and_loses_nothing():
    rows = Scenario(1).array()
    trade = rows[rows["kind"] == twin.TRADE][:1]
    many = np.repeat(trade, 70_000)
    many["venue_ns"] = np.arange(len(many)) + START + 10**12
    many["recv_ns"] = many["venue_ns"]
    measure = MarketMeasure()
    measure.events_many(rows[rows["kind"] != twin.TRADE][:9])
    used, records = 0, []
    while used < len(many):
        used += measure.events_many(many[used:])
        records.append(measure.take_records())
    measure.finish()
    records.append(measure.take_records())
    assert len(records) > 2
    assert (np.concatenate(records)["kind"] == twin.TAKER).sum() == 70_000
