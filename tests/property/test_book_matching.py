"""Price-time matching against a sorted list: windows of 64 ticks and hashes of 16 slots, so that every edge is hit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.book_matching import DECREMENT, MatchingTwin

from bot4._core.book.matching_book import OP_DTYPE, MatchingBook

MAX_ORDERS, FAR = 16, 16
BASE = 100_000
# How far from the drifting centre a price may lie: one level, inside a word, around the window's edges, far beyond.
REACHES = (1, 1, 4, 40, 70, 300, 5_000)


def decode(codes: list[int]) -> list[dict[str, int]]:
    """Rows around a centre that drifts; half of them orders, the others cancels and amends of recent numbers."""
    rows, centre, placed = [], BASE, 0
    for code in codes:
        what, side, stp, tif = code & 7, (code >> 3) & 1, (code >> 4) % 5, (0, 0, 0, 0, 0, 0, 1, 2)[(code >> 8) & 7]
        reach, value = REACHES[(code >> 11) % 7], code >> 14
        row = dict.fromkeys(OP_DTYPE.names or (), 0)
        row |= {"side": side, "stp": stp, "tif": tif, "account": 1 + value % 4, "trade_group": (-1, -1, 5)[value % 3]}
        row["qty_lots"] = 1 + (value >> 3) % 20
        if what < 6:
            centre = max(centre + (value >> 8) % (2 * reach + 1) - reach, BASE // 2) if what == 4 else centre
            away = (value >> 4) % (2 * reach + 1) - reach // 2
            row["price_ticks"] = centre - away if side == 0 else centre + away
            row["iceberg_lots"] = (value >> 6) % 5 if (value >> 10) % 4 == 0 else 0
            placed += 1
        else:
            row["kind"] = 1 if what < 7 else 2 + (value % 31 == 0)
            row["order_id"] = max(placed - (value >> 5) % 24, 0)
        if value % 61 == 60:
            row[("side", "stp", "tif", "price_ticks", "qty_lots", "iceberg_lots")[value % 6]] = 9 - 9 * (value % 2)
        rows.append(row)
    return rows


codes = st.integers(1, 60).flatmap(lambda n: st.lists(st.integers(0, (1 << 32) - 1), min_size=n, max_size=n))


def new_book() -> MatchingBook:
    return MatchingBook(max_orders=MAX_ORDERS, max_events=1 << 12, window_ticks=64, far_capacity=FAR)


def check_against_twin(make_twin, rows: list[dict[str, int]], chunk: int) -> None:
    """Events, levels and the count of changes equal the twin's after every `chunk` rows."""
    book, twin = new_book(), make_twin(max_orders=MAX_ORDERS, level_limit=FAR * 3 // 4)
    for start in range(0, len(rows), chunk):
        part = rows[start : start + chunk]
        assert book.run(np.array([tuple(row.values()) for row in part], OP_DTYPE)) == len(part)
        expected = [event for row in part for event in twin.apply(row)]
        names = ("kind", "taker_id", "maker_id", "price_ticks", "lots", "taker_lots", "maker_left_lots", "account")
        assert [tuple(int(event[name]) for name in names) for event in book.take_events()] == expected
        for side in (0, 1):
            assert list(zip(*(column.tolist() for column in book.depth(side)), strict=True)) == twin.depth(side)
        assert (book.best_bid, book.best_ask) == tuple(next(iter(twin.depth(side)), (0,))[0] for side in (0, 1))
        assert (book.order_count, book.last_id, book.update_id) == (len(twin.book), twin.last_id, twin.update_id)


@given(codes, st.sampled_from((1, 7, 100)))
def test_any_rows_leave_the_book_equal_to_its_twin(codes, chunk):
    check_against_twin(MatchingTwin, decode(codes), chunk)


def test_a_cleared_book_is_as_good_as_a_new_one():
    used = new_book()
    for sample in samples():
        rows, fresh = np.array([tuple(row.values()) for row in sample], OP_DTYPE), new_book()
        used.clear()
        assert (used.order_count, used.best_bid, used.best_ask) == (0, 0, 0)
        for book in (used, fresh):
            book.run(rows)
        names = ["kind", "taker_id", "maker_id", "lots"]
        assert used.take_events()[names].tolist() == fresh.take_events()[names].tolist()


class IgnoresTime(MatchingTwin):
    """Serves the younger order first."""

    def to_end(self, order):
        super().to_end(order)
        order.place = -order.place


class KeepsIcebergsInPlace(MatchingTwin):
    """Refreshes an iceberg without sending it to the end."""

    def to_end(self, order):
        place = order.place
        super().to_end(order)
        order.place = place or order.place


class LosesPriorityOnAmend(MatchingTwin):
    def apply(self, row):
        events = super().apply(row)
        for order in self.book:
            if events and events[0][0] == 5 and order.order_id == row["order_id"]:
                self.clock += 1
                order.place = self.clock
        return events


class PreventsOneTooFew(MatchingTwin):
    def losses(self, taker, maker, stp):
        lost = super().losses(taker, maker, stp)
        return tuple(max(lots - 1, 1) for lots in lost) if stp == DECREMENT else lost


class IgnoresTradeGroups(MatchingTwin):
    def is_same(self, taker, maker, stp):
        return stp != 0 and taker.account == maker.account


class FillsOrKillsLoosely(MatchingTwin):
    """Takes what there is for a fill-or-kill order."""

    def fillable(self, _taker, _stp):
        return True


FAULTS = [
    *(IgnoresTime, KeepsIcebergsInPlace, LosesPriorityOnAmend, PreventsOneTooFew, IgnoresTradeGroups),
    FillsOrKillsLoosely,
]


def samples() -> list[list[dict[str, int]]]:
    rng = np.random.default_rng(5)
    return [decode(rng.integers(0, 1 << 32, 150).tolist()) for _ in range(80)]


def check_samples(make_twin) -> None:
    for rows in samples():
        check_against_twin(make_twin, rows, 50)


@pytest.mark.parametrize("broken", FAULTS)
def test_control_a_broken_book_is_caught(broken):
    with pytest.raises(AssertionError):
        check_samples(broken)


def test_the_rows_reach_every_edge():
    """Every kind of event, full pools and full sides: so the equality above means something."""
    kinds, full, sides = set(), 0, 0
    for rows in samples():
        book = new_book()
        for row in rows:
            book.run(np.array([tuple(row.values())], OP_DTYPE))
            full += book.order_count == MAX_ORDERS
            sides += len(book.depth(0)[0]) >= FAR * 3 // 4
        kinds |= set(book.take_events()["kind"].tolist())
    assert kinds == set(range(7))
    assert min(full, sides) > 20, (full, sides)
