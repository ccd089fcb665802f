"""Queue positions step by step, and what they make of a resting order at the paper venue."""

from __future__ import annotations

import numpy as np
import pytest

from bot4._core.account.contract import Contract
from bot4._core.book.order_book import Book
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.sim.fill_model import FillModel
from bot4._core.sim.impact import Impact
from bot4._core.sim.latency import Latency
from bot4._core.sim.paper import Paper
from bot4._core.sim.partial_fills import PartialFills
from bot4._core.sim.queue_position import Queue

BUY, SELL = 0, 1
ACK, FILL = 16, 17
CAREFUL = Queue.conservative()


def test_prints_serve_those_ahead_before_us():
    assert CAREFUL.play([("join", 10, 0), ("print", 4, 1), ("print", 9, 2)]) == [(10, 0), (6, 0), (0, 3)]


def test_who_cancels_stood_behind_us_as_long_as_anyone_did():
    steps = [("join", 10, 0), ("level", 15, 1), ("level", 11, 2), ("level", 7, 3)]
    assert [ahead for ahead, _ in CAREFUL.play(steps)] == [10, 10, 10, 7]


def test_a_print_that_the_level_then_shows_is_no_cancel():
    steps = [("join", 10, 0), ("print", 4, 1), ("level", 6, 2)]
    assert [ahead for ahead, _ in Queue.probabilistic().play(steps)] == [10, 6, 6]


def test_a_print_told_after_the_level_that_shows_it_counts_once():
    steps = [("join", 10, 0), ("level", 6, 5), ("print", 4, 5), ("print", 3, 6)]
    assert [ahead for ahead, _ in CAREFUL.play(steps)] == [10, 6, 6, 3]


def test_a_print_older_than_our_joining_serves_nobody():
    assert CAREFUL.play([("join", 10, 5), ("print", 50, 4)]) == [(10, 0), (10, 0)]


def test_lots_cancelled_ahead_have_the_probability_of_their_share():
    """Half of the level is ahead: half of 20,000 cancels of one lot were."""
    steps = [("join", 50, 0), ("level", 100, 1), ("level", 99, 2)]
    moved = sum(Queue.probabilistic().play(steps, seed=seed)[-1][0] == 49 for seed in range(20_000))
    assert abs(moved / 20_000 - 0.5) < 5 * 0.5 / 20_000**0.5
    steep = [("join", 20, 0), ("level", 100, 1), ("level", 99, 2)]
    for queue, share in (
        (Queue.probabilistic(), 20 / 100),
        (Queue.probabilistic("power", 2.0), 20**2 / (20**2 + 80**2)),
        (Queue.probabilistic("log", 1.0), np.log(21) / (np.log(21) + np.log(81))),
    ):
        moved = sum(queue.play(steep, seed=seed)[-1][0] == 19 for seed in range(20_000))
        assert abs(moved / 20_000 - share) < 5 * (share * (1 - share) / 20_000) ** 0.5


def event(kind, **fields):
    row = np.zeros(1, EVENT_DTYPE)
    row["kind"], row["flags"] = kind, fields.pop("flags", 3)
    for name, value in fields.items():
        row[name] = value
    return row


def venue_with(fills, book):
    at_once = Latency.zero()
    contract = Contract(0, tick_size="1", lot_size="1")
    return Paper(contract, seed=1, submit_latency=at_once, report_latency=at_once, fills=fills), book


def book_of(*levels):
    book = Book()
    for side, price, lots in levels:
        book.apply(side, price, lots)
    return book


def fills_of(reports):
    return [(int(row["b"]), int(row["c"])) for row in reports if row["kind"] == FILL]


SELLER_TAKES = 3 | 8


def test_an_order_is_filled_by_what_a_print_leaves_of_its_queue():
    venue, book = venue_with(FillModel(queue=CAREFUL), book_of((BUY, 100, 7), (SELL, 101, 5)))
    venue.submit(order_id=1, side=BUY, price_ticks=100, qty_lots=4, now_ns=10)
    venue.step(10, book)
    print_at = {"a": 100, "venue_ns": 20, "recv_ns": 20, "flags": SELLER_TAKES}
    assert fills_of(venue.on_event(event(3, b=6, **print_at), book)) == []
    assert fills_of(venue.on_event(event(3, b=3, **print_at), book)) == [(100, 2)]
    assert fills_of(venue.on_event(event(3, b=9, **(print_at | {"flags": 3})), book)) == []  # a buyer took at our bid?
    assert fills_of(venue.on_event(event(3, b=9, **print_at), book)) == [(100, 2)]


def test_trade_through_is_the_default_and_ignores_prints_at_the_price():
    venue, book = venue_with(None, book_of((BUY, 100, 7), (SELL, 101, 5)))
    venue.submit(order_id=1, side=BUY, price_ticks=100, qty_lots=4, now_ns=10)
    venue.step(10, book)
    assert fills_of(venue.on_event(event(3, a=100, b=90, recv_ns=20, flags=SELLER_TAKES), book)) == []
    assert fills_of(venue.on_event(event(3, a=99, b=3, recv_ns=21, flags=SELLER_TAKES), book)) == [(100, 3)]


def test_an_order_deeper_than_the_book_is_seen_waits_for_a_trade_through():
    venue, book = venue_with(FillModel(queue=CAREFUL), book_of((BUY, 100, 7), (SELL, 101, 5)))
    venue.submit(order_id=1, side=BUY, price_ticks=90, qty_lots=4, now_ns=10)
    venue.step(10, book)
    assert fills_of(venue.on_event(event(3, a=90, b=900, venue_ns=20, recv_ns=20, flags=SELLER_TAKES), book)) == []
    assert fills_of(venue.on_event(event(3, a=89, b=900, venue_ns=21, recv_ns=21, flags=SELLER_TAKES), book))


def test_two_own_orders_at_a_price_share_a_print_in_their_order():
    venue, book = venue_with(FillModel(queue=CAREFUL), book_of((BUY, 100, 5), (SELL, 101, 5)))
    for order_id in (1, 2):
        venue.submit(order_id=order_id, side=BUY, price_ticks=100, qty_lots=3, now_ns=10)
    venue.step(10, book)
    reports = venue.on_event(event(3, a=100, b=10, venue_ns=20, recv_ns=20, flags=SELLER_TAKES), book)
    assert [(int(row["a"]), int(row["c"])) for row in reports if row["kind"] == FILL] == [(1, 3), (2, 2)]


def test_partial_fills_never_give_more_than_the_print_and_sometimes_nothing():
    totals = []
    for seed in range(400):
        at_once = Latency.zero()
        venue = Paper(
            Contract(0, tick_size="1", lot_size="1"), seed=seed, submit_latency=at_once, report_latency=at_once,
            fills=FillModel(partial_fills=PartialFills()),
        )  # fmt: skip
        book = book_of((BUY, 100, 7), (SELL, 101, 5))
        venue.submit(order_id=1, side=BUY, price_ticks=100, qty_lots=1_000, now_ns=10)
        venue.step(10, book)
        totals.append(sum(lots for _, lots in fills_of(venue.on_event(event(3, a=99, b=600, recv_ns=20), book))))
    assert max(totals) <= 600
    assert 5 <= totals.count(0) <= 45  # exp(-3) of 400 is 20
    assert len(set(totals)) > 100


def test_own_buys_make_later_own_buys_dearer_and_the_temporary_part_halves():
    impact = Impact.linear(1.0, permanent_share=0.5)
    venue, book = venue_with(
        FillModel(impact=impact, impact_half_life_s=1.0), book_of((BUY, 1_000, 99), (SELL, 1_010, 99))
    )

    def buy(order_id, now_ns, side=BUY):
        venue.submit(order_id=order_id, side=side, type=1, qty_lots=8, now_ns=now_ns)
        return fills_of(venue.step(now_ns, book))

    # Each pays its own 4 for good; the walk through the levels is what it pays of the rest.
    assert buy(1, 1_000_000_000) == [(1_014, 8)]
    assert buy(2, 1_000_000_000) == [(1_022, 8)]  # and what was before it: 4 for good, 4 for now
    assert buy(3, 2_000_000_000) == [(1_026, 8)]  # 8 for good, 8 / 2 for now
    assert buy(4, 2_000_000_000, SELL) == [(1_008, 8)]  # sells meet the lasting 12 only, less their own 4


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Queue.probabilistic("cubic"), "weight must be power or log, was 'cubic'"),
        (lambda: Queue.probabilistic("power", 0.0), "shape must be above 0 and at most 100, was 0.0"),
        (lambda: CAREFUL.play([("level", 1, 1)]), "the first step must be a join"),
        (lambda: CAREFUL.play([("join", -1, 1)]), "lots must be 0 to 2"),
        (lambda: CAREFUL.play([("join", 1, 1), ("leave", 1, 1)]), "a step must be join, level or print, was 'leave'"),
        (lambda: FillModel(impact_half_life_s=0.0), "impact_half_life_s must be a finite number above 0, was 0.0"),
    ],
)
def test_a_broken_parameter_is_named_with_its_rule(make, words):
    with pytest.raises(ValueError, match=words):
        make()
