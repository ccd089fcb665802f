"""A lane: what it is made of, what moves its touch, what stops it from trading."""

from __future__ import annotations

import numpy as np
import pytest
from builders.engine import Rig, book_with, depth, one, quote, timer
from builders.lane_events import bullish

from bot4._core.engine.decide import LinearPolicy
from bot4._core.engine.engine import Engine
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.types import EventKind

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
