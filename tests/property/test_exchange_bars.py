"""Bars and statistics of the served exchange against sums over the bare list of trades."""

from __future__ import annotations

import calendar as month_calendar
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot4.adapters.simulator.market.bars import Bars
from bot4.adapters.simulator.market.calendar import window_of
from bot4.adapters.simulator.market.tickers import statistics_since
from bot4.adapters.simulator.wire.kinds import INTERVALS

START_MS = 1_709_251_140_000  # a minute before a leap year's March
LENGTHS_MS = {"1s": 1_000, "1m": 60_000, "5m": 300_000, "1h": 3_600_000}

trades = st.lists(
    st.tuples(st.integers(0, 40_000), st.integers(1, 1_000), st.integers(1, 1_000), st.booleans()),
    min_size=1,
    max_size=40,
)


def plain_bar(rows, opened: int, closed: int):
    """What a bar must be, from all trades up to its end: None before the first."""
    inside = [row for row in rows if opened <= row[0] <= closed]
    before = [row for row in rows if row[0] < opened]
    if not inside:
        return (before[-1][1],) * 4 + (0, 0, 0) if before else None
    prices = [row[1] for row in inside]
    # A window that is wider than a second begins flat where its first second has no trade, and the market has begun.
    began = inside[0][0] // 1_000 * 1_000
    first = before[-1][1] if before and began > opened else prices[0]
    return (
        first,
        max(*prices, first),
        min(*prices, first),
        prices[-1],
        sum(row[2] for row in inside),
        sum(row[1] * row[2] for row in inside),
        len(inside),
    )


def check_bars(make, steps) -> None:
    at, rows = START_MS, []
    for step, price, qty, buys in steps:
        at += step
        rows.append((at, price, qty, buys))
    bars = make()
    for number, (moment, price, qty, buys) in enumerate(rows):
        bars.add(moment, price, qty, price * qty, number, taker_buys=buys)
    bars.advance(at + 2_000)
    for interval, length in LENGTHS_MS.items():
        for bar in bars.between(interval, None, None, 1_500, 0):
            assert bar.close_ms - bar.open_ms + 1 == length
            assert bar.open_ms % length == 0
            found = (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.quote_volume, bar.trades)
            assert found == plain_bar(rows, bar.open_ms, bar.close_ms), (interval, bar.open_ms)
    stats = statistics_since(bars, START_MS // 60_000 * 60_000, at)
    assert (stats.volume, stats.trades, stats.last) == (sum(row[2] for row in rows), len(rows), rows[-1][1])


@given(trades)
def test_bars_of_every_length_are_the_sums_of_their_trades(steps):
    check_bars(Bars, steps)


def test_control_a_bar_that_forgets_a_second_is_found_out():
    class Forgetful(Bars):
        def _fold(self, bar) -> None:
            if bar.trades != 2:
                super()._fold(bar)

    steps = [(0, 5, 1, True), (10, 6, 1, True), (70_000, 7, 1, False)]
    check_bars(Bars, steps)
    with pytest.raises(AssertionError):
        check_bars(Forgetful, steps)


@given(st.integers(0, 4_000_000_000_000), st.integers(-12 * 60, 14 * 60), st.sampled_from(INTERVALS))
def test_windows_hold_their_moment_and_begin_at_local_midnights(at_ms, shift_minutes, interval):
    shift = shift_minutes * 60_000
    opened, closed = window_of(interval, at_ms, shift)
    assert opened <= at_ms <= closed
    assert window_of(interval, opened, shift) == (opened, closed)
    assert window_of(interval, closed + 1, shift).open_ms == closed + 1
    local = datetime.fromtimestamp((opened + shift) / 1_000, UTC)
    if interval in {"1d", "3d", "1w", "1M"}:
        assert (local.hour, local.minute, local.second) == (0, 0, 0)
    if interval == "1w":
        assert local.weekday() == month_calendar.MONDAY
    if interval == "1M":
        assert local.day == 1
