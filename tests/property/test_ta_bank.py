"""The feature bank against its plain-Python twins, over seeded markets of every kind."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import ta_walks
from oracles.ta_bar_features import TWINS, scales
from oracles.ta_flow_features import TOP_TWINS, TRADE_TWINS
from oracles.ta_walks import SCALES, Row, Scale

from bot4._core.ta.bank import Features
from bot4._core.ta.registry import FEATURES, feature_index

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Matrix = np.ndarray
INTERVAL_NS = 10**15

SEEDS = st.integers(0, 2**32)
REGIMES = st.sampled_from(ta_walks.REGIMES)
SIZES = st.sampled_from(SCALES)
KINDS = st.sampled_from(("bar", "top", "trade"))


def new_bank(scale: Scale) -> Features:
    return Features(scale.tick_size, scale.lot_size, INTERVAL_NS)


def bars_matrix(bars: Sequence[Row], scale: Scale) -> Matrix:
    return new_bank(scale).on_bars(list(bars))


def tops_matrix(tops: Sequence[Row], scale: Scale) -> Matrix:
    return new_bank(scale).on_tops(list(tops))


def trades_matrix(trades: Sequence[Row], tops: Sequence[Row | None], scale: Scale) -> Matrix:
    """Vector after each trade; before it comes the top beside it, where that is a new one."""
    bank = new_bank(scale)
    rows = []
    for at, top in enumerate(tops):
        if top is not None and (at == 0 or top is not tops[at - 1]):
            bank.apply_tops([top])
        rows.append(bank.on_trades([trades[at]])[0])
    return np.array(rows)


def check(got: Matrix, twins: dict[str, list[float]], size: dict[str, float]) -> None:
    """Each column within 1e-9 of its twin's scale, and NaN exactly where the twin is."""
    for name, expected in twins.items():
        column = got[:, feature_index(name)]
        wanted = np.array(expected)
        assert (np.isnan(column) == np.isnan(wanted)).all(), f"{name} is ready at other places than its twin"
        allowed = 1e-9 * np.maximum(np.abs(wanted), size.get(name, 1e-6))
        apart = np.nan_to_num(np.abs(column - wanted)) > np.nan_to_num(allowed, nan=1.0)
        assert not apart.any(), f"{name}: {column[apart][:3]} where its twin has {wanted[apart][:3]}"


def check_bars(run: Callable[[Sequence[Row], Scale], Matrix], bars: Sequence[Row], scale: Scale) -> None:
    check(run(bars, scale), {name: twin(bars, scale) for name, twin in TWINS.items()}, scales(bars, scale))


def check_tops(run: Callable[[Sequence[Row], Scale], Matrix], tops: Sequence[Row], scale: Scale) -> None:
    size = {"microprice_offset": scale.tick_size, "ofi_50": scale.lot_size}
    check(run(tops, scale), {name: twin(tops, scale) for name, twin in TOP_TWINS.items()}, size)


def check_trades(
    run: Callable[[Sequence[Row], Sequence[Row | None], Scale], Matrix],
    trades: Sequence[Row],
    tops: Sequence[Row | None],
    scale: Scale,
) -> None:
    size = {"kyle_lambda_50": 1e-9 * scale.tick_size / scale.lot_size, "roll_spread_20": scale.tick_size}
    check(run(trades, tops, scale), {name: twin(trades, tops, scale) for name, twin in TRADE_TWINS.items()}, size)


def prevailing_tops(regime: str, length: int, seed: int, without: int) -> list[Row | None]:
    """The top in force at each trade: none for the first `without`, then one for three trades each."""
    tops = ta_walks.tops(regime, length // 3 + 1, seed)
    return [None if i < without else tops[i // 3] for i in range(length)]


@given(regime=REGIMES, length=st.integers(0, 75), seed=SEEDS, scale=SIZES)
def test_bar_features_equal_their_twins(regime: str, length: int, seed: int, scale: Scale) -> None:
    check_bars(bars_matrix, ta_walks.bars(regime, length, seed), scale) if length else None


@given(regime=REGIMES, length=st.integers(1, 160), seed=SEEDS, scale=SIZES)
def test_quote_features_equal_their_twins(regime: str, length: int, seed: int, scale: Scale) -> None:
    check_tops(tops_matrix, ta_walks.tops(regime, length, seed), scale)


@given(regime=REGIMES, length=st.integers(1, 90), seed=SEEDS, scale=SIZES, without=st.integers(0, 20))
def test_trade_features_equal_their_twins(regime: str, length: int, seed: int, scale: Scale, without: int) -> None:
    tops = prevailing_tops(regime, length, seed, without)
    check_trades(trades_matrix, ta_walks.trades(regime, length, seed), tops, scale)


@pytest.mark.parametrize("name", [*TWINS, *TOP_TWINS, *TRADE_TWINS])
@pytest.mark.parametrize("fault", ["one_late", "scaled", "ready_too_soon"])
def test_checks_fail_for_a_bank_with_a_fault_in_one_feature(name: str, fault: str) -> None:
    column = feature_index(name)

    def broken(matrix: Matrix) -> Matrix:
        if fault == "one_late":
            matrix[1:, column] = matrix[:-1, column].copy()
        elif fault == "scaled":
            matrix[:, column] *= 1.0 + 1e-6
        else:
            first = FEATURES[column].warm_up - 2
            matrix[first, column] = 0.0 if first >= 0 else math.nan
        return matrix

    scale = SCALES[0]
    bars, tops = ta_walks.bars("calm", 60, 7), ta_walks.tops("calm", 200, 7)
    trades, beside = ta_walks.trades("calm", 70, 7), prevailing_tops("calm", 70, 7, 0)

    def check_broken() -> None:
        if name in TWINS:
            check_bars(lambda *a: broken(bars_matrix(*a)), bars, scale)
        elif name in TOP_TWINS:
            check_tops(lambda *a: broken(tops_matrix(*a)), tops, scale)
        else:
            check_trades(lambda *a: broken(trades_matrix(*a)), trades, beside, scale)

    with pytest.raises(AssertionError, match=name):
        check_broken()


def test_every_feature_of_the_registry_has_a_twin() -> None:
    assert {feature.name for feature in FEATURES} == {*TWINS, *TOP_TWINS, *TRADE_TWINS}


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
    check_restored(lambda: Features(scale.tick_size, scale.lot_size, 10**9), market, int(share * length))


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
        bank = Features(0.01, 0.01, 10**9)
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
    bank, clean = new_bank(SCALES[0]), new_bank(SCALES[0])
    assert bank.apply_bars(mixed) == length == clean.apply_bars(good)
    assert sum(bank.refused.values()) == refused
    assert bank.values().tobytes() == clean.values().tobytes()
