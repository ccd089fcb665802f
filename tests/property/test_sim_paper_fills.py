"""Queue position, partial fills, own impact and further latencies of the paper venue against a plain-Python twin."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import sim_paper as twin
from oracles.account_positions import LINEAR, Rules
from oracles.sim_paper_fills import BUYER_IS_MAKER, FillMarket, FillsTwin, QueueTwin
from oracles.sim_rng import RandomTwin

from bot4._core.account.contract import Contract
from bot4._core.book.order_book import Book
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.sim.fill_model import FillModel
from bot4._core.sim.impact import Impact
from bot4._core.sim.latency import Latency
from bot4._core.sim.paper import Paper
from bot4._core.sim.partial_fills import PartialFills
from bot4._core.sim.queue_position import Queue

QUEUES = [None, ("conservative",), ("probabilistic", "power", 1.0), ("probabilistic", "power", 2.5),
          ("probabilistic", "log", 0.7)]  # fmt: skip
PARTIALS = [None, (3.0, 2.0, 5.0), (0.4, 1.0, 1.0)]
IMPACTS = [None, ("linear", 0.15, 0.5), ("power", 6.0, 40.0, 1.0, 0.5, 0.25), ("ac", 0.08, 0.2, 0.1)]
LATENCIES = [("zero",), ("fixed", 7), ("lognormal", -11.0, 0.6)]
MODES = ["book", "quotes"]
HALF_LIFE_NS = 40
LIMITS = {"max_open": 6, "max_flight": 16, "max_levels": 8, "max_taken": 4}


class Scenario:
    """A market in which levels, quotes and prints come late and out of step, and orders on both sides of it."""

    def __init__(self, seed, mode):
        self.random = RandomTwin(seed, 5)
        self.mode, self.now = mode, 1
        self.events, self.intents = [], []
        for _ in range(8 + self.below(40)):
            self.now += (0, 1, 5, 30)[self.below(4)]
            (self.add_intent if self.below(10) < 3 else self.add_market)()

    def below(self, bound):
        return self.random.below(bound)

    def stamp(self):
        """Venue time of an event: often behind the one before."""
        return max(0, self.now - self.below(12))

    def add(self, kind, side, flags, *words):
        self.events.append(FillMarket(kind, side, flags, self.now, *words, self.stamp()))

    def add_market(self):
        if self.below(2):
            flags = 3 | (BUYER_IS_MAKER if self.below(2) else 0)
            self.add(twin.TRADE, 0, flags, 98 + self.below(5), 1 + self.below(9), 0, 0)
        elif self.mode == "quotes":
            bid = 97 + self.below(4)
            self.add(twin.QUOTE, 0, 3, bid, self.below(12), bid + 1 + self.below(2), self.below(12))
        else:
            self.add_depth()

    def add_depth(self):
        levels = []
        for _ in range(self.below(5)):
            side = self.below(2)
            levels.append((side, 97 + self.below(3) if side == 0 else 100 + self.below(3), self.below(12)))
        stamp = self.stamp()
        self.events.append(
            FillMarket(twin.DEPTH_BEGIN, 0, 1 | (0 if levels else twin.LAST), self.now, 0, 0, 0, len(levels), stamp)
        )
        for index, (side, price, lots) in enumerate(levels):
            flags = twin.LAST if index == len(levels) - 1 else 0
            self.events.append(FillMarket(twin.DEPTH_LEVEL, side, flags, self.now, price, lots, 0, index, stamp))

    def add_intent(self):
        order_id = len(self.intents) + 1
        if self.below(6) == 0:
            row = twin.Intent(1 + self.below(order_id), twin.CANCEL, 0, 0, 0, 0, 0, 0, self.now)
        else:
            flags = (0, 0, 0, twin.POST_ONLY, twin.REDUCE_ONLY)[self.below(5)]
            side, kind = self.below(2), int(self.below(6) == 0)
            tif = twin.IOC if self.below(6) == 0 and flags != twin.POST_ONLY else twin.GTC
            row = twin.Intent(
                order_id, twin.PLACE, side, kind, tif, flags, 97 + self.below(6), 1 + self.below(12), self.now
            )
        self.intents.append(row)

    def arrays(self):
        events = np.zeros(len(self.events), dtype=EVENT_DTYPE)
        for row, event in zip(events, self.events, strict=True):
            row["kind"], row["side"], row["flags"], row["recv_ns"] = event[:4]
            row["a"], row["b"], row["c"], row["d"], row["venue_ns"] = event[4:]
        intents = np.zeros(len(self.intents), dtype=INTENT_DTYPE)
        for row, intent in zip(intents, self.intents, strict=True):
            row["order_id"], row["action"], row["side"], row["type"] = intent[:4]
            row["tif"], row["flags"], row["price_ticks"], row["qty_lots"], row["ts_ns"] = intent[4:]
        return events, intents


def latency(spec):
    return {"zero": Latency.zero, "fixed": Latency.fixed, "lognormal": Latency.lognormal}[spec[0]](*spec[1:])


def queue_of(rule):
    if rule is None:
        return Queue.trade_through()
    return Queue.conservative() if rule[0] == "conservative" else Queue.probabilistic(*rule[1:])


def impact_of(spec):
    if spec is None:
        return Impact.none()
    kind, *figures = spec
    if kind == "linear":
        return Impact.linear(figures[0], permanent_share=figures[1])
    if kind == "power":
        volatility, volume, y, exponent, share = figures
        return Impact.power(
            volatility=volatility, daily_volume=volume, coefficient=y, exponent=exponent, permanent_share=share
        )
    return Impact.almgren_chriss(gamma=figures[0], eta=figures[1], epsilon=figures[2])


def run_compiled(scenario, seed, *, queue, partial, impact, cancel, data):
    fills = FillModel(
        queue=queue_of(queue),
        partial_fills=PartialFills(*partial) if partial else None,
        impact=impact_of(impact),
        impact_half_life_s=HALF_LIFE_NS / 1e9,
        cancel_latency=latency(cancel) if cancel else None,
        data_latency=latency(data),
    )
    venue = Paper(
        Contract(LINEAR, tick_size="0.1", lot_size="0.001", taker_fee="0.00037"),
        seed=seed,
        submit_latency=Latency.fixed(7),
        report_latency=Latency.fixed(9),
        max_open_orders=LIMITS["max_open"],
        max_in_flight=LIMITS["max_flight"],
        max_levels=LIMITS["max_levels"],
        max_taken_levels=LIMITS["max_taken"],
        fills=fills,
    )
    book = Book(64, 64) if scenario.mode == "book" else None
    reports, verdicts = venue.replay(*scenario.arrays(), book)
    names = ("kind", "side", "flags", "reason", "venue_ns", "recv_ns", *"abcde")
    rows = [twin.Report(*(int(row[name]) for name in names)) for row in reports]
    return rows, verdicts.tolist(), venue


def check_venue(twin_class, seed, mode, **options):
    scenario = Scenario(seed, mode)
    rows, verdicts, venue = run_compiled(scenario, seed, **options)
    oracle = twin_class(
        Rules(LINEAR, "0.1", "0.001"),
        maker=Fraction(0),
        taker=Fraction("0.00037"),
        seed=seed,
        submit=("fixed", 7),
        report=("fixed", 9),
        half_spread=-1,
        use_book=mode == "book",
        half_life_ns=float(HALF_LIFE_NS),
        **LIMITS,
        **options,
    )
    expected, expected_verdicts = oracle.replay(scenario.events, scenario.intents)
    assert verdicts == expected_verdicts
    assert rows == expected
    own = [
        (order["id"], order["side"], order["price"], order["left"]) for side in (0, 1) for order in oracle._own(side)
    ]
    assert venue.open_orders() == own
    assert venue.position_lots == oracle.position
    assert run_compiled(scenario, seed, **options)[2].state_hash == venue.state_hash
    check_prints(rows, scenario, options)


def check_prints(rows, scenario, options):
    """What holds whatever the twin says: the passive fills of one moment never exceed its prints."""
    if options["impact"] is None:
        printed, filled = Counter(), Counter()
        for event in scenario.events:
            if event.kind == twin.TRADE:
                printed[event.ts] += event.b
        for row in rows:
            if row.kind == twin.FILL and row.flags & twin.MAKER:
                filled[row.venue_ns] += row.qty
        assert all(lots <= printed[stamp] for stamp, lots in filled.items())


OPTIONS = st.fixed_dictionaries(
    {
        "queue": st.sampled_from(QUEUES),
        "partial": st.sampled_from(PARTIALS),
        "impact": st.sampled_from(IMPACTS),
        "cancel": st.sampled_from([None, *LATENCIES]),
        "data": st.sampled_from(LATENCIES),
    }
)


@given(st.integers(0, 2**32), st.sampled_from(MODES), OPTIONS)
def test_the_fill_models_equal_their_twin(seed, mode, options):
    check_venue(FillsTwin, seed, mode, **options)


STEPS = st.lists(
    st.tuples(st.sampled_from(["level", "print"]), st.integers(0, 40), st.integers(0, 60)), min_size=1, max_size=40
)


def play_twin(queue_class, rule, steps, seed):
    dice, place, told = RandomTwin(seed), None, []
    for what, lots, stamp in steps:
        reached = 0
        if what == "join":
            place = queue_class(rule, lots, stamp)
        elif what == "level":
            place.on_level(lots, stamp, dice)
        else:
            reached = place.on_print(lots, stamp)
        told.append((place.ahead, reached))
    return told


def check_queue(queue_class, rule, steps, seed):
    told = queue_of(rule).play(steps, seed=seed)
    assert told == play_twin(queue_class, rule, steps, seed)
    for (before, _), (after, reached), (what, lots, _) in zip(told, told[1:], steps[1:], strict=False):
        assert 0 <= after <= before  # nobody overtakes us
        assert after <= lots if what == "level" else reached <= lots
        assert reached == 0 or after == 0


@given(st.sampled_from(QUEUES[1:]), st.integers(0, 40), STEPS, st.integers(0, 2**32))
def test_a_place_in_the_queue_equals_its_twin(rule, joined, steps, seed):
    check_queue(QueueTwin, rule, [("join", joined, 5), *steps], seed)


@given(st.integers(0, 40), STEPS, st.integers(0, 2**32))
def test_the_conservative_place_is_never_ahead_of_the_probabilistic_one(joined, steps, seed):
    steps = [("join", joined, 5), *steps]
    careful = Queue.conservative().play(steps)
    hopeful = Queue.probabilistic().play(steps, seed=seed)
    assert all(ahead >= other for (ahead, _), (other, _) in zip(careful, hopeful, strict=True))


class CancelsAreAhead(QueueTwin):
    """Planted fault: every cancel moves us up."""

    def on_level(self, lots, stamp, dice):
        self.ahead = max(0, self.ahead - max(0, self.level - lots))
        super().on_level(lots, stamp, dice)


class CountsPrintsTwice(QueueTwin):
    """Planted fault: a print that the level already showed is counted again."""

    def on_print(self, lots, stamp):
        return super().on_print(lots, max(stamp, self.stamp + 1))


class ForgetsToClamp(QueueTwin):
    """Planted fault: more may be ahead of us than the level shows."""

    def on_level(self, lots, stamp, dice):
        ahead = self.ahead
        super().on_level(lots, stamp, dice)
        self.ahead = max(self.ahead, min(ahead, 1))


@pytest.mark.parametrize("broken", [CancelsAreAhead, CountsPrintsTwice, ForgetsToClamp])
def test_control_a_broken_queue_is_caught(broken):
    steps = [("join", 10, 5), ("level", 12, 6), ("print", 3, 6), ("level", 6, 9), ("print", 1, 8), ("level", 0, 10)]
    check_queue(QueueTwin, QUEUES[1], steps, 1)
    with pytest.raises(AssertionError):
        check_queue(broken, QUEUES[1], steps, 1)


class FillsTheTakersSide(FillsTwin):
    """Planted fault: a print fills orders of the taker's own side."""

    def _chance(self, order, price, lots, taker):
        return super()._chance(order, price, lots, 1 - taker)


class PassingNeverPasses(FillsTwin):
    """Planted fault: temporary impact stays."""

    def _place(self, intent, now):
        if self.impact:
            self.impact.now = now
        super()._place(intent, now)


class PaysNothingForItself(FillsTwin):
    """Planted fault: an order leaves its mark for others and pays nothing of it."""

    def _place(self, intent, now):
        if self.impact:
            real = self.impact.taker_ticks
            self.impact.taker_ticks = lambda side, _own, **_: real(side)
            super()._place(intent, now)
            self.impact.taker_ticks = real


class SharesOfTheWhole(FillsTwin):
    """Planted fault: a piece is a share of the chance, not of what remains."""

    def _split(self, order, take):
        return super()._split({**order, "left": take}, take)


class CancelsLikeOrders(FillsTwin):
    """Planted fault: cancels have no latency of their own."""

    def submit(self, intent):
        self.cancel_latency = None
        return super().submit(intent)


@pytest.mark.parametrize(
    "broken", [FillsTheTakersSide, PassingNeverPasses, PaysNothingForItself, SharesOfTheWhole, CancelsLikeOrders]
)
def test_control_a_broken_venue_is_caught(broken):
    options = {
        "queue": QUEUES[2], "partial": PARTIALS[1], "impact": IMPACTS[1], "cancel": LATENCIES[0], "data": LATENCIES[1],
    }  # fmt: skip
    caught = 0
    for seed in range(60):
        check_venue(FillsTwin, seed, MODES[0], **options)
        try:
            check_venue(broken, seed, MODES[0], **options)
        except AssertionError:
            caught += 1
    assert caught > 0


def test_the_scenarios_reach_queue_fills_and_every_model_changes_the_outcome():
    """A property test in which no model matters would prove nothing."""
    plain = {"queue": None, "partial": None, "impact": None, "cancel": None, "data": LATENCIES[0]}
    changed, passive = Counter(), Counter()
    for seed in range(120):
        scenario = Scenario(seed, MODES[seed % 2])
        base = run_compiled(scenario, seed, **plain)[0]
        for name, value in (
            ("queue", QUEUES[1]),
            ("queue", QUEUES[2]),
            ("partial", PARTIALS[1]),
            ("impact", IMPACTS[3]),
            ("cancel", ("fixed", 60)),
            ("data", LATENCIES[1]),
        ):
            rows, _, venue = run_compiled(scenario, seed, **(plain | {name: value}))
            passive[str(value)] += venue.counts["fills_passive"]
            changed[name, str(value)] += rows != base
    assert len(changed) == 6
    assert min(changed.values()) > 5, changed
    assert passive[str(QUEUES[2])] >= passive[str(QUEUES[1])] > 50
