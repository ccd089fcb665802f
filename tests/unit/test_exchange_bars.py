"""Bars of the exchange's markets: what a trade does to each interval, quiet times, zones, what is kept."""

from __future__ import annotations

from itertools import pairwise

import pytest

from bot4.adapters.simulator.market.bars import BARS_MAX, Bars

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
START = 1_800_000_000_000 // HOUR * HOUR  # on the hour


def bars_of(*trades: tuple[int, int]) -> Bars:
    """Bars of trades of one unit each: milliseconds after the start, and the price."""
    bars = Bars()
    for number, (after_ms, price) in enumerate(trades, 1):
        bars.add(START + after_ms, price, 1, price, number, taker_buys=number % 2 == 0)
    return bars


def shape(bar) -> tuple[int, int, int, int, int]:
    return bar.open, bar.high, bar.low, bar.close, bar.trades


def test_before_the_first_trade_there_is_nothing():
    bars = Bars()
    bars.advance(START)
    assert bars.latest("1m") is None
    assert bars.between("1m", None, None, 10, 0) == []
    assert bars.between("1h", None, None, 10, 8 * HOUR) == []
    assert bars.minutes_since(START) == []
    assert bars.finished("1m", START) is None


def test_a_second_has_the_first_and_last_price_and_its_extremes():
    bars = bars_of((0, 100), (1, 130), (2, 90), (3, 110))
    bar = bars.latest("1s")
    assert shape(bar) == (100, 130, 90, 110, 4)
    assert (bar.first_trade, bar.last_trade, bar.volume, bar.taker_volume) == (1, 4, 4, 2)
    assert (bar.quote_volume, bar.taker_quote_volume) == (430, 240)


def test_the_bar_of_a_longer_interval_holds_the_running_second_too():
    bars = bars_of((0, 100), (1_500, 130))
    assert shape(bars.latest("1m")) == (100, 130, 100, 130, 2)
    assert [shape(bar) for bar in bars.between("1s", None, None, 10, 0)] == [
        (100, 100, 100, 100, 1), (130, 130, 130, 130, 1),
    ]  # fmt: skip


def test_a_quiet_second_is_flat_at_the_last_price_and_opens_with_the_next_trade():
    bars = bars_of((0, 100), (2_000, 130))
    seconds = bars.between("1s", None, None, 10, 0)
    assert [shape(bar) for bar in seconds] == [(100,) * 4 + (1,), (100,) * 4 + (0,), (130,) * 4 + (1,)]
    assert seconds[1].first_trade == -1


def test_a_long_quiet_time_keeps_its_minutes_and_only_the_last_of_its_seconds():
    bars = bars_of((0, 100))
    bars.advance(START + 3 * HOUR)
    minutes = bars.between("1m", START, None, 1_000, 0)
    assert len(minutes) == 3 * 60 + 1
    assert {shape(bar)[:4] for bar in minutes} == {(100, 100, 100, 100)}
    assert [bar.trades for bar in minutes[:2]] == [1, 0]
    seconds = bars.between("1s", None, None, 10_000, 0)
    assert len(seconds) == BARS_MAX + 1
    assert seconds[-1].open_ms == START + 3 * HOUR
    steps = {later.open_ms - earlier.open_ms for earlier, later in pairwise(seconds[1:])}
    assert steps == {SECOND}


def test_time_that_stands_still_or_goes_back_closes_nothing():
    bars = bars_of((1_500, 100))
    bars.advance(START + 1_500)
    bars.advance(START)
    assert shape(bars.latest("1s")) == (100, 100, 100, 100, 1)
    assert bars.finished("1s", START + SECOND) is None


@pytest.mark.parametrize(
    ("start_min", "end_min", "limit", "opened"),
    [
        (None, None, 2, [3, 4]),
        (1, None, 2, [1, 2]),
        (None, 2, 10, [0, 1, 2]),
        (1, 3, 10, [1, 2, 3]),
        (9, None, 10, []),
    ],
)
def test_a_start_counts_from_there_and_without_one_the_latest_count(start_min, end_min, limit, opened):
    bars = bars_of(*((minute * MINUTE, 100 + minute) for minute in range(5)))
    bounds = (None if minute is None else START + minute * MINUTE for minute in (start_min, end_min))
    found = bars.between("1m", *bounds, limit, 0)
    assert [(bar.open_ms - START) // MINUTE for bar in found] == opened


def test_a_finished_bar_is_found_by_its_opening_while_it_is_kept():
    bars = bars_of((0, 100), (MINUTE, 130), (2 * MINUTE, 110))
    assert shape(bars.finished("1m", START)) == (100, 100, 100, 100, 1)
    assert bars.finished("1m", START + 7) is None
    assert bars.finished("1m", START - MINUTE) is None
    assert bars.finished("1s", START, 8 * HOUR).trades == 1, "seconds are the same in every zone"


def test_minutes_since_a_time_end_with_the_running_one():
    bars = bars_of((0, 100), (MINUTE, 130), (2 * MINUTE, 110), (2 * MINUTE + 1_500, 140))
    assert [shape(bar) for bar in bars.minutes_since(START + MINUTE)] == [
        (130, 130, 130, 130, 1), (110, 140, 110, 140, 2),
    ]  # fmt: skip
    assert len(bars_of((0, 100)).minutes_since(START)) == 1, "the first minute is not kept yet"
    assert bars.minutes_since(START + 3 * MINUTE) == []


def test_days_of_a_zone_begin_at_its_midnight():
    midnight_there = START // (24 * HOUR) * 24 * HOUR + 20 * HOUR  # 20:00 UTC is midnight of UTC+4
    first, second = midnight_there - START - HOUR, midnight_there - START + HOUR
    bars = bars_of((first, 100), (second, 130))
    days = bars.between("1d", None, None, 10, 4 * HOUR)
    assert [(bar.open_ms - midnight_there) // HOUR for bar in days] == [-24, 0]
    assert [shape(bar) for bar in days] == [(100,) * 4 + (1,), (100, 130, 100, 130, 1)]
    assert len(bars.between("1s", None, None, 5, 4 * HOUR)) == 5


def test_the_bars_of_utc_plus_eight_are_kept_for_their_stream():
    bars = bars_of((0, 100), (MINUTE, 130))
    assert shape(bars.latest("1h", 8 * HOUR)) == (100, 130, 100, 130, 2)
    assert bars.finished("1m", START, 8 * HOUR).open_ms == START
