"""Features of several bar intervals at once: each is what a bank of its own gives, and none sees the future."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import ta_walks
from oracles.ta_checks import GARCH
from oracles.ta_intervals import longer_bars
from oracles.ta_walks import Row

from bot4._core.ta.bars import TimeBarBuilder
from bot4._core.ta.features import Features

Matrix = np.ndarray
Run = Callable[[list[Row], int], Matrix]
SECOND_NS = 10**9
INTERVALS_NS = (SECOND_NS, 3 * SECOND_NS, 12 * SECOND_NS)

SEEDS = st.integers(0, 2**32)
REGIMES = st.sampled_from(ta_walks.REGIMES)


def bank_of(intervals_ns: tuple[int, ...]) -> Features:
    first, *longer = intervals_ns
    return Features(0.01, 0.001, first, select="all", longer_intervals_ns=longer, garch={first: GARCH})


def spaced(bars: list[Row], seed: int) -> list[Row]:
    """Bars of one second with intervals missing between them."""
    skips = np.random.default_rng(seed).integers(0, 4, len(bars)) // 2
    starts = (np.arange(len(bars)) + np.cumsum(skips)) * SECOND_NS
    return [(*bar[:7], int(start), int(start) + SECOND_NS) for bar, start in zip(bars, starts, strict=True)]


def trades_of(regime: str, length: int, seed: int) -> list[Row]:
    """Trades whose times rise, some exactly at the end of an interval."""
    rng = np.random.default_rng(seed)
    steps = rng.choice([0, 1, SECOND_NS // 3, SECOND_NS, 5 * SECOND_NS], length, p=[0.1, 0.1, 0.4, 0.3, 0.1])
    steps[rng.random(length) < 0.2] = 0
    stamps = np.cumsum(steps) // (SECOND_NS // 3) * (SECOND_NS // 3)
    walk = ta_walks.trades(regime, length, seed)
    return [(*trade[:3], int(stamp)) for trade, stamp in zip(walk, stamps, strict=True)]


def check_intervals(run: Run, bars: list[Row], interval_ns: int) -> None:
    """The longer interval's vector moves with the right input, to what a bank fed with its bars alone has."""
    ended = longer_bars(bars, interval_ns)
    alone = Features(0.01, 0.001, interval_ns, select="all", garch={interval_ns: GARCH})
    values = alone.on_bars([bar for _, bar in ended])
    # The filter has parameters for the shortest interval only.
    values[:, alone.names.index("garch_vol")] = np.nan
    got = run(bars, interval_ns)
    for i in range(len(bars)):
        done = sum(by <= i for by, _ in ended)
        wanted = values[done - 1] if done else np.full(got.shape[1], np.nan)
        assert np.array_equal(got[i], wanted, equal_nan=True), f"after input {i} of {len(bars)}"


def run_bars(bars: list[Row], interval_ns: int) -> Matrix:
    return bank_of(INTERVALS_NS).on_bars(bars, None, interval_ns)


@given(regime=REGIMES, length=st.integers(1, 60), seed=SEEDS, interval_ns=st.sampled_from(INTERVALS_NS[1:]))
def test_longer_interval_is_a_bank_of_its_own(regime: str, length: int, seed: int, interval_ns: int) -> None:
    check_intervals(run_bars, spaced(ta_walks.bars(regime, length, seed), seed), interval_ns)


def test_interval_check_fails_for_a_bank_one_bar_late() -> None:
    def late(bars: list[Row], interval_ns: int) -> Matrix:
        matrix = run_bars(bars, interval_ns)
        return np.vstack([matrix[:1], matrix[:-1]])

    with pytest.raises(AssertionError, match="after input"):
        check_intervals(late, spaced(ta_walks.bars("calm", 40, 1), 1), INTERVALS_NS[1])


# Not of huge quantities: where a bar's volume would pass its bound, trades are left out one by one, shorter bars whole.
BOUNDED = st.sampled_from([regime for regime in ta_walks.REGIMES if regime != "huge"])


@given(regime=BOUNDED, length=st.integers(1, 90), seed=SEEDS, interval_ns=st.sampled_from(INTERVALS_NS))
def test_bars_of_trades_end_with_the_first_trade_past_them(
    regime: str, length: int, seed: int, interval_ns: int
) -> None:
    """Of trades, a longer interval's bars are those that the trades themselves make."""
    trades = trades_of(regime, length, seed)
    got = bank_of(INTERVALS_NS).on_trades(trades, interval_ns)
    builder = TimeBarBuilder(interval_ns)
    alone = Features(0.01, 0.001, interval_ns, select="all", garch={interval_ns: GARCH})
    for i, trade in enumerate(trades):
        for bar in builder.on_trades([trade]).tolist():
            alone.apply_bars([bar])
        place = alone.names.index("nvi")
        assert np.array_equal(got[i, place], alone.values()[place], equal_nan=True)
        assert np.array_equal(got[i, :22], alone.values()[:22], equal_nan=True)


def run_trades(trades: list[Row], interval_ns: int) -> Matrix:
    return bank_of(INTERVALS_NS).on_trades(trades, interval_ns)


def boundaries(trades: list[Row]) -> list[int]:
    """Cuts of the list around every end of an interval: before, at, and after the trade that passes it."""
    found = set()
    for i in range(1, len(trades)):
        for interval_ns in INTERVALS_NS:
            if trades[i - 1][3] // interval_ns != trades[i][3] // interval_ns:
                found |= {i - 1, i, i + 1}
    return sorted(cut for cut in found if 0 < cut < len(trades))


def check_no_look_ahead(run: Run, trades: list[Row], cut: int) -> None:
    """With prices, times and sizes after the cut changed, the past is the same bits in every interval."""
    past, future = trades[:cut], trades[cut:]
    other = [(price + 7, lots + 3, 1 - side, stamp + SECOND_NS) for price, lots, side, stamp in future]
    for interval_ns in INTERVALS_NS:
        one, two = run(past + future, interval_ns), run(past + other, interval_ns)
        assert one[:cut].tobytes() == two[:cut].tobytes(), (
            f"the future after {cut} changes the past of {interval_ns} ns"
        )


@pytest.mark.untraced
@pytest.mark.parametrize("regime", ta_walks.REGIMES)
def test_the_future_past_every_boundary_does_not_change_the_past(regime: str) -> None:
    trades = trades_of(regime, 160, 5)
    cuts = boundaries(trades)
    assert len(cuts) > 90
    for cut in cuts:
        check_no_look_ahead(run_trades, trades, cut)


@pytest.mark.untraced
@pytest.mark.parametrize("leaking_ns", INTERVALS_NS)
def test_look_ahead_check_finds_a_leak_of_one_trade_in_one_feature_of_one_interval(leaking_ns: int) -> None:
    place = bank_of(INTERVALS_NS).names.index("sma_5")

    def leaking(trades: list[Row], interval_ns: int) -> Matrix:
        matrix = run_trades(trades, interval_ns)
        if interval_ns == leaking_ns:
            matrix[:-1, place] = matrix[1:, place]
        return matrix

    trades = trades_of("calm", 160, 5)
    found = 0
    for cut in boundaries(trades):
        try:
            check_no_look_ahead(leaking, trades, cut)
        except AssertionError as error:
            found += f"the past of {leaking_ns} ns" in str(error)
    assert found > 0


def test_a_timer_ends_the_bars_of_every_interval_it_has_passed() -> None:
    bank = bank_of(INTERVALS_NS)
    bank.apply_trades([(500, 3, 0, 0), (600, 1, 0, SECOND_NS)])
    assert bank.on_time(2 * SECOND_NS)
    assert not bank.on_time(3 * SECOND_NS - 1)
    assert np.isnan(bank.value("obv", INTERVALS_NS[1]))
    # No bar of the shortest interval is open any more, and yet one of a longer one ends.
    assert not bank.on_time(3 * SECOND_NS)
    assert bank.value("obv", INTERVALS_NS[1]) == pytest.approx(0.004)
    assert np.isnan(bank.value("obv", INTERVALS_NS[2]))
