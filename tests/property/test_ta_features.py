"""Every feature against its plain-Python twin, over seeded markets of every kind; and faults that must be found."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import ta_walks
from oracles.ta_bar_features import TWINS
from oracles.ta_checks import (
    BAR_TWINS,
    EXTRA_TWINS,
    Matrix,
    bars_matrix,
    check_bars,
    check_references,
    check_tops,
    check_trades,
    first_bank,
    full_bank,
    tops_matrix,
    trades_matrix,
)
from oracles.ta_flow_features import TOP_TWINS, TRADE_TWINS
from oracles.ta_statistic_features import REFERENCE_TWINS
from oracles.ta_walks import SCALES, Row, Scale

from bot4._core.ta.registry import FEATURES, feature_index

if TYPE_CHECKING:
    from collections.abc import Sequence

SEEDS = st.integers(0, 2**32)
REGIMES = st.sampled_from(ta_walks.REGIMES)
SIZES = st.sampled_from(SCALES)


def prevailing_tops(regime: str, length: int, seed: int, without: int) -> list[Row | None]:
    """The top in force at each trade: none for the first `without`, then one for three trades each."""
    tops = ta_walks.tops(regime, length // 3 + 1, seed)
    return [None if i < without else tops[i // 3] for i in range(length)]


def references_matrix(bars: Sequence[Row], references: Sequence[int], scale: Scale) -> Matrix:
    return full_bank(scale).on_bars(list(bars), list(references))


def references(regime: str, length: int, seed: int, without: int) -> list[int]:
    """Prices of another instrument, none for the first bars."""
    return [0] * min(without, length) + ta_walks.closes(regime, length, seed + 7)[without:]


@given(regime=REGIMES, length=st.integers(0, 75), seed=SEEDS, scale=SIZES)
def test_first_bar_features_equal_their_twins(regime: str, length: int, seed: int, scale: Scale) -> None:
    bars = ta_walks.bars(regime, length, seed)
    check_bars(lambda *_: first_bank(scale).on_bars(bars), bars, scale, TWINS) if length else None


@given(regime=REGIMES, length=st.integers(0, 42), seed=SEEDS, scale=SIZES)
def test_bar_features_equal_their_twins(regime: str, length: int, seed: int, scale: Scale) -> None:
    check_bars(bars_matrix, ta_walks.bars(regime, length, seed), scale, EXTRA_TWINS) if length else None


@settings(max_examples=40)
@given(regime=REGIMES, length=st.integers(100, 280), seed=SEEDS, scale=SIZES)
def test_bar_features_of_long_windows_equal_their_twins(regime: str, length: int, seed: int, scale: Scale) -> None:
    check_bars(bars_matrix, ta_walks.bars(regime, length, seed), scale)


@given(regime=REGIMES, length=st.integers(60, 100), seed=SEEDS, scale=SIZES, without=st.integers(0, 20))
def test_reference_features_equal_their_twins(regime: str, length: int, seed: int, scale: Scale, without: int) -> None:
    beside = references(regime, length, seed, without)
    check_references(references_matrix, ta_walks.bars(regime, length, seed), beside, scale)


@given(regime=REGIMES, length=st.integers(1, 160), seed=SEEDS, scale=SIZES)
def test_quote_features_equal_their_twins(regime: str, length: int, seed: int, scale: Scale) -> None:
    check_tops(tops_matrix, ta_walks.tops(regime, length, seed), scale)


@given(regime=REGIMES, length=st.integers(1, 90), seed=SEEDS, scale=SIZES, without=st.integers(0, 20))
def test_trade_features_equal_their_twins(regime: str, length: int, seed: int, scale: Scale, without: int) -> None:
    tops = prevailing_tops(regime, length, seed, without)
    check_trades(trades_matrix, ta_walks.trades(regime, length, seed), tops, scale)


@pytest.mark.parametrize("name", [*BAR_TWINS, *REFERENCE_TWINS, *TOP_TWINS, *TRADE_TWINS])
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
    length = FEATURES[column].warm_up + 15
    bars, tops = ta_walks.bars("calm", length, 7), ta_walks.tops("calm", 200, 7)
    trades, flow = ta_walks.trades("calm", 70, 7), prevailing_tops("calm", 70, 7, 0)

    def check_broken() -> None:
        if name in BAR_TWINS:
            check_bars(lambda *a: broken(bars_matrix(*a)), bars, scale, {name: BAR_TWINS[name]})
        elif name in REFERENCE_TWINS:
            beside = references("calm", length, 7, 0)
            check_references(lambda *a: broken(references_matrix(*a)), bars, beside, scale)
        elif name in TOP_TWINS:
            check_tops(lambda *a: broken(tops_matrix(*a)), tops, scale)
        else:
            check_trades(lambda *a: broken(trades_matrix(*a)), trades, flow, scale)

    with pytest.raises(AssertionError, match=name):
        check_broken()


def test_every_feature_of_the_registry_has_a_twin() -> None:
    assert {feature.name for feature in FEATURES} == {*BAR_TWINS, *REFERENCE_TWINS, *TOP_TWINS, *TRADE_TWINS}
