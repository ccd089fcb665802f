"""The compiled book against a dict: windows of 64 ticks and hashes of 8 slots, so that every edge is hit often."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.book_order_book import BUY, FULL, OK, SELL, OrderBookTwin

from bot4._core.book.order_book import Book

BASE = 1 << 40
# How far from the drifting centre a price may lie: inside a word, around the window's edges, and far beyond.
REACHES = (3, 40, 70, 200, 1 << 13, 1 << 22, 1 << 30, 1 << 39)


def decode(codes: list[int]) -> list[tuple[int, int, int]]:
    """Deltas around a centre that drifts: (side, price, quantity), a third of them removals of earlier prices."""
    deltas: list[tuple[int, int, int]] = []
    used: tuple[list[int], list[int]] = ([], [])
    centre = BASE
    for code in codes:
        side, action, reach = code & 1, (code >> 1) & 3, REACHES[(code >> 3) & 7]
        value = code >> 6
        if action == 0 and used[side]:
            deltas.append((side, used[side][value % len(used[side])], 0))
            continue
        if action == 1:
            centre = min(max(centre + value % (2 * reach + 1) - reach, BASE // 2), BASE * 2)
        offset = value % reach
        price = centre - offset if side == BUY else centre + 1 + offset
        used[side].append(price)
        deltas.append((side, price, value % 7 if action == 2 else value % 1000 + 1))
    return deltas


# Long enough to fill the small hashes: hypothesis on its own prefers lists of a handful.
codes = st.integers(1, 120).flatmap(lambda n: st.lists(st.integers(0, (1 << 22) - 1), min_size=n, max_size=n))
windows = st.sampled_from((64, 128, 4096, 8192))
capacities = st.sampled_from((8, 16, 64, 1024))


def compare(book, twin: OrderBookTwin) -> None:
    for side in (BUY, SELL):
        prices, lots = book.depth(side)
        assert list(zip(np.asarray(prices).tolist(), np.asarray(lots).tolist(), strict=True)) == twin.depth(side)
        assert book.level_count(side) == len(twin.sides[side])
        some, _ = book.depth(side, 3)
        assert np.asarray(some).tolist() == [price for price, _ in twin.depth(side, 3)]
    assert book.hash() == twin.hash()
    assert book.is_crossed == twin.is_crossed()


def check_against_twin(make_book, deltas: list[tuple[int, int, int]], level_limit: int) -> None:
    """After every delta the touch, now and then the whole book, equals the twin's.

    A level may be refused only where the side holds `level_limit` levels, and changes nothing then.
    """
    book, twin = make_book(), OrderBookTwin()
    for step, (side, price, qty) in enumerate(deltas):
        verdict = book.apply(side, price, qty)
        if verdict == FULL:
            assert price not in twin.sides[side]
            assert len(twin.sides[side]) >= level_limit
            compare(book, twin)
        else:
            assert verdict == OK
            twin.apply(side, price, qty)
        assert book.best_bid == twin.best(BUY)
        assert book.best_ask == twin.best(SELL)
        if step % 16 == 15:
            compare(book, twin)
    compare(book, twin)


def check_walks(make_book, deltas: list[tuple[int, int, int]], lots: int, levels: int) -> None:
    """What is computed by walking (cost, imbalance, truncation) equals the twin's."""
    book, twin = make_book(), OrderBookTwin()
    for side, price, qty in deltas:
        if book.apply(side, price, qty) == OK:
            twin.apply(side, price, qty)
    for taker_side in (BUY, SELL):
        reference = twin.best(1 - taker_side)[0]
        for limit in (0, reference, max(reference - 50, 1), reference + 50):
            assert book.cost_to_trade(taker_side, lots, limit) == twin.cost_to_trade(taker_side, lots, limit)
    assert book.imbalance(levels) == pytest.approx(twin.imbalance(levels), rel=1e-12, abs=0)
    assert book.spread_ticks == twin.spread_ticks()
    assert book.mid == twin.mid()
    assert book.microprice == pytest.approx(twin.microprice(), rel=1e-12, abs=0)
    for side in (BUY, SELL):
        book.truncate(side, levels)
        twin.truncate(side, levels)
    compare(book, twin)
    for side, price, qty in deltas[:20]:  # a truncated book goes on working
        if book.apply(side, price, qty) == OK:
            twin.apply(side, price, qty)
    compare(book, twin)


@given(codes, windows, capacities)
def test_any_deltas_leave_the_book_equal_to_its_twin(codes, window, capacity):
    check_against_twin(
        lambda: Book(window_ticks=window, far_capacity=capacity), decode(codes), level_limit=capacity * 3 // 4
    )


@given(codes, windows, capacities, st.integers(1, 20_000), st.integers(0, 60))
def test_any_walk_over_the_book_equals_its_twin(codes, window, capacity, lots, levels):
    check_walks(lambda: Book(window_ticks=window, far_capacity=capacity), decode(codes), lots, levels)


@given(codes, windows)
def test_a_batch_equals_its_levels_one_by_one(codes, window):
    deltas = decode(codes)
    one_by_one, batch = (Book(window_ticks=window, far_capacity=1024) for _ in range(2))
    for side, price, qty in deltas:
        one_by_one.apply(side, price, qty)
    sides, prices, lots = (np.array(column) for column in zip(*deltas, strict=True))
    assert batch.apply_many(sides.astype(np.uint8), prices, lots) == len(deltas)
    assert batch.hash() == one_by_one.hash()


class TwinAsBook(OrderBookTwin):
    """The twin in the shape of a Book, to plant faults in."""

    best_bid = property(lambda self: self.best(BUY))
    best_ask = property(lambda self: self.best(SELL))
    is_crossed = property(OrderBookTwin.is_crossed)
    spread_ticks = property(OrderBookTwin.spread_ticks)
    mid = property(OrderBookTwin.mid)
    microprice = property(OrderBookTwin.microprice)

    def depth(self, side, n=None):
        levels = super().depth(side, n)
        return [price for price, _ in levels], [qty for _, qty in levels]

    def level_count(self, side):
        return len(self.sides[side])

    def best(self, side):
        prices, lots = self.depth(side, 1)
        return (prices[0], lots[0]) if prices else (0, 0)

    def truncate(self, side, depth):
        for price in self.depth(side)[0][depth:]:
            del self.sides[side][price]

    def imbalance(self, levels):
        bid_lots, ask_lots = (sum(self.depth(side, levels)[1]) for side in (BUY, SELL))
        return (bid_lots - ask_lots) / (bid_lots + ask_lots) if bid_lots + ask_lots else 0.0

    def cost_to_trade(self, taker_side, qty_lots, limit_ticks=0):
        whole = OrderBookTwin()
        whole.sides = self.sides
        return whole.cost_to_trade(taker_side, qty_lots, limit_ticks)


class LosesFarLevels(TwinAsBook):
    """Forgets what lies beyond the window."""

    def apply(self, side, price_ticks, qty_lots):
        best = self.best(side)[0]
        if qty_lots and best and abs(best - price_ticks) > 4096:
            return OK
        return super().apply(side, price_ticks, qty_lots)


class KeepsEmptiedBest(TwinAsBook):
    """Does not look for the next best when the best is emptied."""

    def apply(self, side, price_ticks, qty_lots):
        if qty_lots == 0 and price_ticks == self.best(side)[0] and len(self.sides[side]) > 2:
            return OK
        return super().apply(side, price_ticks, qty_lots)


class RefusesTooEarly(TwinAsBook):
    """Says FULL while there is room."""

    def apply(self, side, price_ticks, qty_lots):
        if len(self.sides[side]) >= 5 and price_ticks not in self.sides[side] and qty_lots:
            return FULL
        return super().apply(side, price_ticks, qty_lots)


class TruncatesOneTooMany(TwinAsBook):
    def truncate(self, side, depth):
        super().truncate(side, max(depth - 1, 0))


class PaysBeyondTheLimit(TwinAsBook):
    def cost_to_trade(self, taker_side, qty_lots, _limit_ticks=0):
        return super().cost_to_trade(taker_side, qty_lots)


def samples() -> list[list[tuple[int, int, int]]]:
    rng = np.random.default_rng(7)
    return [decode(rng.integers(0, 1 << 22, 120).tolist()) for _ in range(40)]


def check_samples(check) -> None:
    for deltas in samples():
        check(deltas)


@pytest.mark.parametrize("broken", [LosesFarLevels, KeepsEmptiedBest, RefusesTooEarly])
def test_control_a_broken_book_is_caught(broken):
    with pytest.raises(AssertionError):
        check_samples(lambda deltas: check_against_twin(broken, deltas, level_limit=6))


@pytest.mark.parametrize("broken", [TruncatesOneTooMany, PaysBeyondTheLimit])
def test_control_a_broken_walk_is_caught(broken):
    with pytest.raises(AssertionError):
        check_samples(lambda deltas: check_walks(broken, deltas, lots=5000, levels=5))


def test_the_sequences_reach_every_edge():
    """Refusals, far levels, moved windows and emptied sides all occur, so the properties above mean something."""
    refused = far = moved = emptied = 0
    for deltas in samples():
        book = Book(window_ticks=64, far_capacity=8)
        for side, price, qty in deltas:
            held = book.level_count(side)
            refused += book.apply(side, price, qty) == FULL
            emptied += held > 0 and book.level_count(side) == 0
            far += book.far_level_count(side) > 0
        moved += book.recentres(BUY) + book.recentres(SELL)
    assert min(refused, far, moved, emptied) > 20, (refused, far, moved, emptied)


def test_control_the_sound_twin_passes():
    check_samples(lambda deltas: check_against_twin(TwinAsBook, deltas, level_limit=6))
    check_samples(lambda deltas: check_walks(TwinAsBook, deltas, lots=5000, levels=5))
