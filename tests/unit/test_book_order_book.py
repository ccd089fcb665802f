"""The order book, by hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest

from bot4._core.book.order_book import Book, BookVerdict
from bot4._core.types import Side

BUY, SELL = int(Side.SIDE_BUY), int(Side.SIDE_SELL)
OK, FULL, BAD = BookVerdict.BOOK_OK, BookVerdict.BOOK_FULL, BookVerdict.BOOK_BAD_LEVEL


def small_book() -> Book:
    """64 ticks of window, 8 far slots of which 6 may be used."""
    return Book(window_ticks=64, far_capacity=8)


def levels(book: Book, side: int, n: int | None = None) -> list[tuple[int, int]]:
    prices, lots = book.depth(side, n)
    return list(zip(prices.tolist(), lots.tolist(), strict=True))


def test_an_empty_book_has_no_best_level():
    book = Book()
    assert book.best_bid == book.best_ask == (0, 0)
    assert levels(book, BUY) == levels(book, SELL) == []
    assert (book.spread_ticks, book.mid, book.microprice, book.imbalance(5)) == (0, 0.0, 0.0, 0.0)
    assert not book.is_crossed
    assert book.hash() == 0


def test_a_quantity_replaces_the_level_and_zero_removes_it():
    book = Book()
    book.apply(BUY, 100, 5)
    book.apply(BUY, 100, 7)
    assert levels(book, BUY) == [(100, 7)]
    book.apply(BUY, 100, 0)
    assert levels(book, BUY) == []
    assert book.level_count(BUY) == 0


def test_removing_a_level_that_is_not_there_changes_nothing():
    book = small_book()
    book.apply(BUY, 1000, 1)
    before = book.hash()
    for price in (1, 999, 1001, 5000, 10**9):
        assert book.apply(BUY, price, 0) == OK
    assert book.hash() == before
    assert book.apply(SELL, 17, 0) == OK
    assert book.best_ask == (0, 0)


def test_bids_are_best_first_from_the_highest_and_asks_from_the_lowest():
    book = small_book()
    for price in (1000, 10, 100_000, 999, 50_000):
        book.apply(BUY, price, price)
        book.apply(SELL, 200_000 + price, price)
    assert [price for price, _ in levels(book, BUY)] == [100_000, 50_000, 1000, 999, 10]
    assert [price for price, _ in levels(book, SELL)] == [200_010, 200_999, 201_000, 250_000, 300_000]
    assert [price for price, _ in levels(book, BUY, 2)] == [100_000, 50_000]


def test_levels_millions_of_ticks_away_are_kept_and_become_the_best_when_the_rest_is_gone():
    book = small_book()
    book.apply(BUY, 60_000_000, 1)
    book.apply(BUY, 5, 2)
    book.apply(BUY, 30_000_000, 3)
    assert book.far_level_count(BUY) == 2
    book.apply(BUY, 60_000_000, 0)
    assert book.best_bid == (30_000_000, 3)
    book.apply(BUY, 30_000_000, 0)
    assert book.best_bid == (5, 2)
    book.apply(BUY, 5, 0)
    assert book.best_bid == (0, 0)


def test_far_levels_near_a_new_touch_move_into_the_window():
    book = small_book()
    book.apply(SELL, 1000, 1)
    for price in (1200, 1201, 1210):
        book.apply(SELL, price, price)
    assert book.far_level_count(SELL) == 3
    book.apply(SELL, 1000, 0)
    assert book.far_level_count(SELL) == 0
    assert levels(book, SELL) == [(1200, 1200), (1201, 1201), (1210, 1210)]


def test_the_window_follows_a_market_that_trends_through_many_windows():
    book = small_book()
    for price in range(1000, 9000):
        assert book.apply(BUY, price, 1) == OK
        if price >= 1040:
            assert book.apply(BUY, price - 40, 0) == OK
    assert book.best_bid == (8999, 1)
    assert book.level_count(BUY) == 40
    # 16 ticks of headroom: one move for each 16 ticks of travel, not one for each tick.
    assert book.recentres(BUY) <= 8000 / 16 + 1


@pytest.mark.parametrize("price", [0, -1, (1 << 61) + 1, (1 << 63) - 1, -(1 << 63)])
def test_a_price_outside_the_range_is_refused(price):
    book = Book()
    assert book.apply(BUY, price, 1) == BAD
    assert book.apply(SELL, price, 0) == BAD
    assert book.level_count(BUY) == 0


def test_the_ends_of_the_price_range_work():
    book = small_book()
    for price in (1, 1 << 61, 1 << 60):
        assert book.apply(BUY, price, 1) == OK
        assert book.apply(SELL, price, 1) == OK
    assert [price for price, _ in levels(book, BUY)] == [1 << 61, 1 << 60, 1]
    assert [price for price, _ in levels(book, SELL)] == [1, 1 << 60, 1 << 61]


@pytest.mark.parametrize(("side", "qty"), [(BUY, -1), (2, 1), (-1, 1)])
def test_a_negative_quantity_or_an_unknown_side_is_refused(side, qty):
    assert Book().apply(side, 100, qty) == BAD


def test_a_full_far_book_refuses_a_new_level_and_stays_as_it_was():
    book = small_book()
    book.apply(BUY, 100_000, 1)
    for price in range(10, 70, 10):
        assert book.apply(BUY, price, price) == OK
    before = book.hash()
    assert book.apply(BUY, 70, 1) == FULL
    assert book.hash() == before
    assert book.apply(BUY, 10, 99) == OK  # a level that is there may change
    assert book.apply(BUY, 99_990, 1) == OK  # and the window still takes levels
    assert book.apply(BUY, 20, 0) == OK
    assert book.apply(BUY, 70, 1) == OK  # room again


def test_a_new_best_whose_window_would_not_hold_the_old_levels_is_refused_when_the_far_book_is_full():
    book = small_book()
    for price in range(1000, 1007):
        assert book.apply(BUY, price, 1) == OK
    before = levels(book, BUY)
    assert book.apply(BUY, 5000, 1) == FULL
    assert levels(book, BUY) == before
    assert book.best_bid == (1006, 1)
    book.apply(BUY, 1000, 0)
    assert book.apply(BUY, 5000, 1) == OK
    assert book.best_bid == (5000, 1)
    assert book.level_count(BUY) == 7


def test_cost_to_trade_walks_the_other_side_up_to_the_limit():
    book = Book()
    for price, lots in ((101, 5), (102, 7), (110, 100)):
        book.apply(SELL, price, lots)
    assert book.cost_to_trade(BUY, 6) == (6, 5 * 101 + 102, 102)
    assert book.cost_to_trade(BUY, 50, 102) == (12, 5 * 101 + 7 * 102, 102)
    assert book.cost_to_trade(BUY, 50, 100) == (0, 0, 0)
    assert book.cost_to_trade(BUY, 1000) == (112, 5 * 101 + 7 * 102 + 100 * 110, 110)
    assert book.cost_to_trade(BUY, 0) == book.cost_to_trade(BUY, -3) == (0, 0, 0)
    assert book.cost_to_trade(SELL, 1) == (0, 0, 0)


def test_cost_to_trade_is_exact_beyond_64_bits():
    book = Book()
    lots = (1 << 63) - 1
    book.apply(SELL, 1 << 61, lots)
    assert book.cost_to_trade(BUY, lots) == (lots, lots << 61, 1 << 61)


def test_measures_of_the_touch():
    book = Book()
    book.apply(BUY, 100, 30)
    book.apply(BUY, 99, 10)
    book.apply(SELL, 104, 10)
    assert book.spread_ticks == 4
    assert book.mid == 102.0
    assert book.microprice == (100 * 10 + 104 * 30) / 40
    assert book.imbalance(1) == (30 - 10) / 40
    assert book.imbalance(2) == (40 - 10) / 50
    assert book.imbalance(0) == 0.0


def test_truncation_keeps_the_best_levels_near_and_far():
    book = small_book()
    for price in (1000, 990, 980, 500, 400, 300):
        book.apply(BUY, price, price)
    book.truncate(BUY, 5)
    assert [price for price, _ in levels(book, BUY)] == [1000, 990, 980, 500, 400]
    book.truncate(BUY, 2)
    assert [price for price, _ in levels(book, BUY)] == [1000, 990]
    assert book.far_level_count(BUY) == 0
    book.truncate(BUY, 0)
    assert levels(book, BUY) == []
    book.apply(BUY, 700, 1)
    assert book.best_bid == (700, 1)


def test_clearing_leaves_an_empty_book_that_can_be_used_again():
    book = small_book()
    for price in (1000, 990, 500, 2_000_000):
        book.apply(BUY, price, 1)
    book.clear()
    assert levels(book, BUY) == []
    assert book.hash() == 0
    book.apply(BUY, 990, 4)
    assert levels(book, BUY) == [(990, 4)]


def test_equal_content_hashes_equal_wherever_the_windows_stand():
    rising, falling = small_book(), small_book()
    for price in (10, 500, 1000):
        rising.apply(BUY, price, price)
        falling.apply(BUY, 1010 - price if price != 500 else 500, {10: 1000, 500: 500, 1000: 10}[price])
    assert rising.hash() == falling.hash() != 0
    falling.apply(BUY, 10, 11)
    assert rising.hash() != falling.hash()


def test_the_same_levels_on_the_other_side_hash_differently():
    bids, asks = Book(), Book()
    bids.apply(BUY, 100, 1)
    asks.apply(SELL, 100, 1)
    assert bids.hash() != asks.hash()


def test_a_batch_stops_at_the_first_refused_level():
    book = Book()
    sides = np.zeros(4, np.uint8)
    prices = np.array([100, 101, 0, 103])
    assert book.apply_many(sides, prices, np.ones(4, np.int64)) == 2
    assert [price for price, _ in levels(book, BUY)] == [101, 100]


def test_the_top_is_noted_after_every_level_of_a_batch():
    book, one_by_one = Book(), Book()
    sides = np.array([BUY, SELL, BUY, BUY, SELL], np.uint8)
    prices, lots = np.array([100, 105, 101, 101, 104]), np.array([5, 6, 7, 0, 8])
    tops = np.full((5, 20), -1, np.int64)
    assert book.apply_and_top(sides, prices, lots, tops) == 5
    for row, delta in zip(tops, zip(sides, prices, lots, strict=True), strict=True):
        one_by_one.apply(*delta)
        for side, start in ((BUY, 0), (SELL, 10)):
            found = levels(one_by_one, side, 5)
            assert row[start : start + 5].tolist() == [price for price, _ in found] + [0] * (5 - len(found))
            assert row[start + 5 : start + 10].tolist() == [qty for _, qty in found] + [0] * (5 - len(found))
    prices[1] = 0
    assert book.apply_and_top(sides, prices, lots, tops) == 1
    with pytest.raises(ValueError, match="must have 5 rows, the latter of 20, were 5, 5, 4 of 20"):
        book.apply_and_top(sides, prices, lots, tops[:4])


def test_a_batch_of_unequal_lengths_is_a_broken_call():
    with pytest.raises(ValueError, match="equally long, were 2, 3, 2"):
        Book().apply_many(np.zeros(2, np.uint8), np.ones(3, np.int64), np.ones(2, np.int64))


@pytest.mark.parametrize("size", [0, 32, 1000, -64, 1 << 31])
def test_a_window_that_is_not_a_power_of_two_is_a_broken_call(size):
    with pytest.raises(ValueError, match=f"window_ticks must be a power of two from 64 to 2\\*\\*30, was {size}"):
        Book(window_ticks=size)


def test_a_far_capacity_that_is_not_a_power_of_two_is_a_broken_call():
    with pytest.raises(ValueError, match="far_capacity must be a power of two from 8"):
        Book(far_capacity=12)


def test_reading_a_side_that_does_not_exist_is_a_broken_call():
    book = Book()
    for read in (book.depth, book.level_count, book.far_level_count, book.recentres):
        with pytest.raises(ValueError, match="side must be 0"):
            read(2)
    with pytest.raises(ValueError, match="side must be 0"):
        book.cost_to_trade(3, 1)
    with pytest.raises(ValueError, match="n must not be negative"):
        book.depth(BUY, -1)
    with pytest.raises(ValueError, match="depth must not be negative"):
        book.truncate(BUY, -1)


def test_every_window_size_gives_the_same_book():
    rng = np.random.default_rng(3)
    sides = rng.integers(0, 2, 5000).astype(np.uint8)
    offsets = (rng.pareto(1.0, 5000) * 10).astype(np.int64) % 100_000
    centre = 500_000 + np.cumsum(rng.integers(-30, 31, 5000))
    prices = np.where(sides == BUY, centre - offsets, centre + 1 + offsets)
    lots = rng.integers(0, 3, 5000)
    hashes = set()
    for exponent in range(6, 21):
        book = Book(window_ticks=1 << exponent)
        assert book.apply_many(sides, prices, lots) == 5000
        hashes.add(book.hash())
    assert len(hashes) == 1
