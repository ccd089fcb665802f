"""Rows of a CSV dump through the feed: bad ones are counted with their place, and change nothing else."""

from __future__ import annotations

import pytest
from builders.engine import assembled
from builders.recordings import START_MS, trades_csv

from bot4._core.engine.feed import Feed
from bot4._core.wire.csv_rows import CsvKind

GRID = (1, 2, 1, 8, 0)  # tick 0.01, lot 0.00000001, lane 0
ROWS = trades_csv(50).splitlines(keepends=True)


def fed(data: bytes, *, first_line: bool = False, **feed_args: object):
    assembly, _ = assembled()
    feed = Feed(assembly.scanner, assembly.engine, **feed_args)
    used = feed.rows(data, int(CsvKind.CSV_TRADES), GRID, first_line=first_line)
    return assembly.engine, feed, used


def test_every_row_is_an_event_and_an_unfinished_one_waits_for_its_rest():
    data = b"".join(ROWS)
    engine, feed, used = fed(data[:-5])
    assert used == len(data) - len(ROWS[-1])
    assert feed.counters()["messages"] == engine.counters()["events"] == 49
    assert feed.rows(data[used:], int(CsvKind.CSV_TRADES), GRID) == len(ROWS[-1])
    assert engine.state_hash == fed(data)[0].state_hash


def test_a_header_and_line_ends_of_windows_change_nothing():
    whole, _, _ = fed(b"".join(ROWS))
    header = b"id,price,qty,quote_qty,time,is_buyer_maker,is_best_match\n"
    engine, feed, _ = fed(header + b"".join(ROWS), first_line=True)
    assert feed.counters()["skipped_lines"] == 1
    assert engine.state_hash == whole.state_hash
    windows, _, _ = fed(b"".join(ROWS).replace(b"\n", b"\r\n"))
    assert windows.state_hash == whole.state_hash


def test_bad_rows_are_counted_by_reason_with_the_place_of_the_first():
    damaged = [*ROWS[:10], b"1,2\n", *ROWS[10:20], ROWS[20].replace(b"61837", b"-1837"), b"3,4\n", *ROWS[21:]]
    engine, feed, used = fed(b"".join(damaged))
    counters = feed.counters()
    assert counters["bad_lines"] == 3
    assert counters["bad_line_at"] == sum(map(len, ROWS[:10]))
    assert sum(counters["rejected"].values()) == 3
    assert len(counters["rejected"]) == 2, "too few columns, and a price below 0"
    assert counters["bytes"] == used == sum(map(len, damaged))
    assert engine.state_hash == fed(b"".join([*ROWS[:20], *ROWS[21:]]))[0].state_hash


@pytest.mark.parametrize("duration_ms", [0, 7, 30])
def test_a_duration_ends_the_rows_at_its_last_one(duration_ms):
    engine, feed, used = fed(b"".join(ROWS), duration_ns=duration_ms * 1_000_000 + 1)
    counters = feed.counters()
    assert feed.is_stopped
    assert counters["messages"] == engine.counters()["events"] == duration_ms + 1
    assert counters["last_ns"] == (START_MS + duration_ms) * 1_000_000
    assert used == sum(map(len, ROWS[: duration_ms + 1]))
