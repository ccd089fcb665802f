"""Synchronisation: what has no room, is malformed, torn, or no depth at all."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from builders.depth_messages import BUY, V, diff, live_sync, snapshot, take
from oracles.book_sync import FLAG_LAST, message_events, stream_events

from bot4._core.book.book_sync import SyncRule
from bot4._core.book.depth_sync import DepthSync
from bot4._core.book.order_book import Book, BookView
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.types import EventKind


def test_a_level_without_room_makes_the_book_invalid():
    sync = live_sync(1000, window_ticks=64, far_capacity=8)
    far = tuple((BUY, price, 1) for price in range(10, 17))
    assert take(sync, diff(1001, 1001, *far, (BUY, 101, 1))) == [V.SYNC_FULL, V.SYNC_STALE]
    assert not sync.is_live
    assert sync.counters["full"] == 1
    assert take(sync, diff(1002, 1002, *far)) == [V.SYNC_BUFFERED]
    assert take(sync, snapshot(1002)) == [V.SYNC_SNAPSHOT]
    take(sync, diff(1003, 1003, (BUY, 17, 1), *far))
    assert not sync.is_live


def test_a_buffered_level_without_room_makes_the_snapshot_fail():
    sync = DepthSync(window_ticks=64, far_capacity=8)
    take(sync, diff(1000, 1001, *((BUY, price, 1) for price in range(10, 17))))
    assert take(sync, snapshot(1000)) == [V.SYNC_FULL]
    assert not sync.is_live
    assert sync.book.level_count(BUY) == 0


def test_a_snapshot_without_room_is_no_book():
    sync = DepthSync(window_ticks=64, far_capacity=8)
    levels = tuple((BUY, price, 1) for price in (1000, *range(10, 20)))
    assert take(sync, snapshot(1000, levels)) == [V.SYNC_FULL, V.SYNC_STALE]
    assert (sync.is_live, sync.needs_snapshot) == (False, True)


def test_a_diff_whose_ids_run_backwards_is_malformed():
    sync = live_sync(1000)
    assert take(sync, diff(1002, 1001, (BUY, 101, 1))) == [V.SYNC_MALFORMED, V.SYNC_STALE]
    assert not sync.is_live


def test_an_impossible_level_is_malformed():
    sync = live_sync(1000)
    assert take(sync, diff(1001, 1001, (BUY, -5, 1), (BUY, 101, 1))) == [V.SYNC_MALFORMED, V.SYNC_STALE]
    assert (sync.is_live, sync.counters["malformed"]) == (False, 1)


@pytest.mark.parametrize("lost", [0, 1, 3])
def test_a_message_that_lost_an_event_is_never_applied(lost):
    """0: its head, 1: a level, 3: its last event."""
    sync = live_sync(1000)
    events = message_events(diff(1001, 1001, (BUY, 98, 1), (BUY, 97, 1), (BUY, 101, 1)))
    sync.apply(np.delete(events, lost))
    take(sync, diff(1002, 1002, (BUY, 96, 1)))
    assert not sync.is_live
    assert sync.counters["malformed"] == 1
    assert take(sync, snapshot(1002)) == [V.SYNC_SNAPSHOT]


def test_a_torn_message_leaves_the_buffer_whole():
    sync = DepthSync()
    take(sync, diff(1000, 1001, (BUY, 101, 1)))
    sync.apply(message_events(diff(1002, 1002, (BUY, 101, 2), (BUY, 98, 9)))[:2])
    take(sync, diff(1002, 1002, (BUY, 101, 3)))
    assert sync.buffered_messages == 2
    assert take(sync, snapshot(1000)) == [V.SYNC_SNAPSHOT]
    assert (sync.book.best_bid, sync.book.level_count(BUY)) == ((101, 3), 3)


def test_a_head_that_promises_levels_but_ends_its_message_is_malformed():
    sync = live_sync(1000)
    events = message_events(diff(1001, 1001))
    events["d"] = 3
    assert sync.apply(events) == V.SYNC_MALFORMED
    assert not sync.is_live
    events["d"] = -1
    assert sync.apply(events) == V.SYNC_MALFORMED


def test_an_empty_diff_moves_the_id_on():
    sync = live_sync(1000)
    assert take(sync, diff(1001, 1007)) == [V.SYNC_APPLIED]
    assert (sync.is_live, sync.last_id) == (True, 1007)


def gap_mark() -> np.ndarray:
    events = np.zeros(1, EVENT_DTYPE)
    events["kind"] = EventKind.EVENT_GAP_MARK
    return events


def test_a_gap_mark_tears_the_message_it_falls_into():
    sync = live_sync(1000)
    events = message_events(diff(1001, 1001, (BUY, 98, 1), (BUY, 101, 1)))
    sync.apply(events[:2])
    assert sync.apply(gap_mark()) == V.SYNC_MALFORMED
    assert sync.apply(events[2:]) == V.SYNC_STALE
    assert not sync.is_live


def test_a_gap_mark_between_messages_is_left_to_the_ids_where_there_are_any():
    sync = live_sync(1000)
    assert sync.apply(gap_mark()) == V.SYNC_IGNORED
    assert sync.is_live
    in_band = live_sync(-1, SyncRule.SYNC_RULE_IN_BAND)
    assert in_band.apply(gap_mark()) == V.SYNC_GAP
    assert not in_band.is_live


def test_events_that_are_not_depth_are_ignored():
    sync = live_sync(1000)
    trade = np.zeros(1, EVENT_DTYPE)
    trade["kind"] = EventKind.EVENT_TRADE
    assert sync.apply(trade) == V.SYNC_IGNORED
    assert sync.is_live
    assert sync.apply(np.zeros(0, EVENT_DTYPE)) == V.SYNC_IGNORED


def test_a_reset_forgets_book_buffer_and_half_message_but_not_the_counters():
    sync = live_sync(1000)
    sync.apply(message_events(diff(1001, 1001, (BUY, 101, 1), (BUY, 98, 1)))[:2])
    sync.reset()
    assert (sync.is_live, sync.needs_snapshot, sync.buffered_messages) == (False, True, 0)
    assert sync.book.level_count(BUY) == 0
    assert sync.generation == 1
    assert (sync.counters["snapshots"], sync.counters["gaps"]) == (1, 0)
    assert take(sync, diff(5001, 5001, (BUY, 101, 1))) == [V.SYNC_BUFFERED]
    assert take(sync, snapshot(5001)) == [V.SYNC_SNAPSHOT]
    assert sync.counters["resyncs"] == 1


def test_a_stream_split_anywhere_gives_the_same_book():
    stream = stream_events(
        [
            diff(990, 1001, (BUY, 101, 2)),
            snapshot(1000),
            diff(1002, 1002, (BUY, 101, 0), (BUY, 98, 3)),
            diff(1003, 1003),
        ]
    )
    whole = DepthSync()
    whole.apply(stream)
    for cut in range(len(stream)):
        parts = DepthSync()
        parts.apply(stream[:cut])
        parts.apply(stream[cut:])
        assert parts.book.hash() == whole.book.hash()
        assert parts.counters == whole.counters


def test_stamps_are_those_of_the_last_message_applied():
    sync = live_sync(1000)
    events = message_events(diff(1001, 1001, (BUY, 101, 1)))
    events["venue_ns"], events["recv_ns"] = 17, 19
    sync.apply(events)
    assert sync.last_stamps_ns == (17, 19)
    take(sync, diff(900, 901))
    assert sync.last_stamps_ns == (17, 19)


def test_the_book_of_a_synchronisation_can_only_be_read():
    book = live_sync(1000).book
    gc.collect()
    assert book.best_bid == (100, 5)  # the view keeps the synchronisation alive
    assert isinstance(book, BookView)
    for change in ("apply", "apply_many", "apply_and_top", "clear", "truncate"):
        assert not hasattr(book, change)
        assert hasattr(Book, change)
    with pytest.raises(RuntimeError, match="made by the book's owner"):
        _ = BookView().best_bid


def test_only_a_live_book_can_be_truncated():
    sync = DepthSync()
    with pytest.raises(RuntimeError, match="only a live book"):
        sync.truncate(10)
    with pytest.raises(ValueError, match="depth must be at least 1, was 0"):
        live_sync(1000).truncate(0)


def test_broken_calls_name_the_value_and_the_rule():
    with pytest.raises(ValueError, match="rule must be a SyncRule, was 9"):
        DepthSync(9)
    with pytest.raises(ValueError, match="buffer_levels must be a power of two from 1 to 2\\*\\*30, was 3"):
        DepthSync(buffer_levels=3)
    with pytest.raises(ValueError, match="64-byte items"):
        DepthSync().apply(np.zeros(4, np.int64))
    with pytest.raises(ValueError, match="verdicts must be 2 bytes, was 3"):
        DepthSync().apply(np.zeros(2, EVENT_DTYPE), np.zeros(3, np.uint8))


def test_the_last_flag_alone_does_not_end_a_message_early():
    sync = live_sync(1000)
    events = message_events(diff(1001, 1001, (BUY, 98, 1), (BUY, 101, 1)))
    events["flags"][1] |= FLAG_LAST
    verdicts = np.zeros(3, np.uint8)
    sync.apply(events, verdicts)
    assert verdicts.tolist()[1] == V.SYNC_MALFORMED
    assert not sync.is_live
