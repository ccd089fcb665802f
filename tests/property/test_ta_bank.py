"""The feature bank as a whole: snapshots, no look-ahead, refusals, over seeded markets of every kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import ta_walks
from oracles.ta_checks import GARCH, first_bank
from oracles.ta_walks import SCALES, Row, Scale

from bot4._core.ta.features import Features

if TYPE_CHECKING:
    from collections.abc import Callable

Matrix = np.ndarray

SEEDS = st.integers(0, 2**32)
REGIMES = st.sampled_from(ta_walks.REGIMES)
SIZES = st.sampled_from(SCALES)
KINDS = st.sampled_from(("bar", "top", "trade"))


def whole_bank(tick_size: float = 0.01, lot_size: float = 0.01) -> Features:
    """Everything, over bars of one, two and ten seconds."""
    return Features(
        tick_size, lot_size, 10**9, select="all", longer_intervals_ns=(2 * 10**9, 10**10), garch=GARCH,
        vpin_bucket_lots=700,
    )  # fmt: skip


def feed(bank: Features, market: tuple[list[Row], list[Row], list[Row]], part: slice) -> None:
    bars, tops, trades = market
    bank.apply_bars(bars[part])
    bank.apply_tops(tops[part])
    bank.apply_trades(trades[part])


def check_restored(new: Callable[[], Features], market: tuple[list[Row], list[Row], list[Row]], cut: int) -> None:
    """A bank that goes on from a snapshot ends bit for bit where one that never stopped does."""
    straight, first, second = new(), new(), new()
    feed(straight, market, slice(None, cut))
    feed(straight, market, slice(cut, None))
    feed(first, market, slice(None, cut))
    second.restore(first.snapshot())
    feed(second, market, slice(cut, None))
    assert second.snapshot() == straight.snapshot()
    assert second.state_hash() == straight.state_hash()


@given(regime=REGIMES, length=st.integers(1, 130), seed=SEEDS, scale=SIZES, share=st.floats(0, 1))
def test_restored_bank_continues_bit_for_bit(regime: str, length: int, seed: int, scale: Scale, share: float) -> None:
    market = (
        ta_walks.bars(regime, length, seed), ta_walks.tops(regime, length, seed), ta_walks.trades(regime, length, seed)
    )  # fmt: skip
    check_restored(lambda: whole_bank(scale.tick_size, scale.lot_size), market, int(share * length))


def test_restore_check_fails_for_a_bank_that_forgets_one_trade() -> None:
    class Forgetful(Features):
        def restore(self, snapshot: bytes) -> None:
            super().restore(snapshot)
            self.apply_trades([[5, 5, 0, 0]])

    market = (ta_walks.bars("calm", 60, 1), ta_walks.tops("calm", 60, 1), ta_walks.trades("calm", 60, 1))
    with pytest.raises(AssertionError):
        check_restored(lambda: Forgetful(0.01, 0.01, 10**9), market, 30)


def check_no_look_ahead(
    run: Callable[[list[Row]], Matrix], past: list[Row], future: list[Row], other_future: list[Row]
) -> None:
    """Whatever comes after, the rows of the past are the same bits."""
    one, other = run(past + future), run(past + other_future)
    assert one[: len(past)].tobytes() == other[: len(past)].tobytes()


def late_bars(bars: list[Row], after: int) -> list[Row]:
    return [(*bar[:7], bar[7] + after, bar[8] + after) for bar in bars]


@given(regime=REGIMES, other=REGIMES, length=st.integers(1, 80), seed=SEEDS, kind=KINDS)
def test_the_future_does_not_change_the_past(regime: str, other: str, length: int, seed: int, kind: str) -> None:
    make = {"bar": ta_walks.bars, "top": ta_walks.tops, "trade": ta_walks.trades}[kind]
    past, future, other_future = make(regime, length, seed), make(regime, 20, seed + 9), make(other, 20, seed + 99)
    if kind == "bar":
        future, other_future = late_bars(future, past[-1][8]), late_bars(other_future, past[-1][8])
    if kind == "trade":
        # Every trade of the past ends inside some bar of one second: each boundary is tried.
        future = [(*trade[:3], trade[3] + past[-1][3]) for trade in future]
        other_future = [(*trade[:3], trade[3] + past[-1][3] + 1) for trade in other_future]

    def run(rows: list[Row]) -> Matrix:
        bank = whole_bank()
        return {"bar": bank.on_bars, "top": bank.on_tops, "trade": bank.on_trades}[kind](rows)

    check_no_look_ahead(run, past, future, other_future)


def test_look_ahead_check_fails_for_a_bank_that_peeks_one_bar_ahead() -> None:
    def peeking(rows: list[Row]) -> Matrix:
        return Features(0.01, 0.01, 10**9).on_bars([*rows[1:], late_bars(rows[-1:], 60)[0]])

    past = ta_walks.bars("calm", 60, 1)
    with pytest.raises(AssertionError):
        check_no_look_ahead(
            peeking, past, late_bars(ta_walks.bars("calm", 5, 2), 3600), late_bars(ta_walks.bars("jumps", 5, 3), 3600)
        )


BAD_BARS = [
    (0, 1, 1, 1, 1, 0, 1, 10**12, 10**12 + 1),
    (5, 4, 3, 3, 1, 0, 1, 10**12, 10**12 + 1),
    (5, 6, 3, 2, 1, 0, 1, 10**12, 10**12 + 1),
    (5, 2**53 + 1, 3, 4, 1, 0, 1, 10**12, 10**12 + 1),
    (5, 5, 5, 5, -1, 0, 1, 10**12, 10**12 + 1),
    (5, 5, 5, 5, 1, 2, 1, 10**12, 10**12 + 1),
    (5, 5, 5, 5, 1, 1, -1, 10**12, 10**12 + 1),
    (5, 5, 5, 5, 1, 1, 1, 10**12, 10**12),
    (5, 5, 5, 5, 1, 1, 1, -5, 10),
    (5, 5, 5, 5, 1, 1, 1, 0, 10),
    tuple([-(2**63)] * 9),
    tuple([2**63 - 1] * 9),
]


@given(data=st.data(), regime=REGIMES, length=st.integers(2, 40), seed=SEEDS)
def test_refused_bars_change_nothing_and_are_counted(data: st.DataObject, regime: str, length: int, seed: int) -> None:
    good = ta_walks.bars(regime, length, seed)
    places = sorted(data.draw(st.lists(st.integers(1, length), max_size=10)))
    mixed, refused = list(good), 0
    for place in reversed(places):
        mixed.insert(place, data.draw(st.sampled_from(BAD_BARS)))
        refused += 1
    bank, clean = first_bank(SCALES[0]), first_bank(SCALES[0])
    assert bank.apply_bars(mixed) == length == clean.apply_bars(good)
    assert sum(bank.refused.values()) == refused
    assert bank.values().tobytes() == clean.values().tobytes()
