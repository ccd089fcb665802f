"""Snapshot and diff synchronisation, by hand-made messages."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from oracles.book_sync import FLAG_LAST, Message, message_events, stream_events

from bot4._core.book.book_sync import SyncRule, SyncState, SyncVerdict
from bot4._core.book.depth_sync import DepthSync
from bot4._core.book.order_book import Book, BookView
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.types import EventKind

BUY, SELL = 0, 1
V = SyncVerdict
TOP = ((BUY, 100, 5), (BUY, 99, 6), (SELL, 102, 7), (SELL, 103, 8))


def take(sync: DepthSync, message: Message) -> list[SyncVerdict]:
    """The verdicts a message gives, SYNC_PENDING left out."""
    events = message_events(message)
    verdicts = np.zeros(len(events), np.uint8)
    sync.apply(events, verdicts)
    return [V(verdict) for verdict in verdicts.tolist() if verdict != V.SYNC_PENDING]


def snapshot(last_id: int, levels=TOP, **flags) -> Message:
    return Message(last_id, last_id, levels=levels, snapshot=True, **flags)


def diff(first_id: int, last_id: int, *levels: tuple[int, int, int]) -> Message:
    return Message(first_id, last_id, levels=levels)


def futures_diff(first_id: int, last_id: int, prev_id: int, *levels: tuple[int, int, int]) -> Message:
    return Message(first_id, last_id, prev_id, levels=levels, futures=True)


def live_sync(last_id: int = 1000, rule: SyncRule = SyncRule.SYNC_RULE_AUTO, **sizes: int) -> DepthSync:
    sync = DepthSync(rule, **sizes)
    assert take(sync, snapshot(last_id)) == [V.SYNC_SNAPSHOT]
    return sync


def test_a_new_synchronisation_waits_for_a_snapshot():
    sync = DepthSync()
    assert (sync.is_live, sync.needs_snapshot, sync.last_id) == (False, True, -1)
    assert sync.state == SyncState.STATE_WAITING
    assert sync.book.best_bid == (0, 0)
    assert set(sync.counters.values()) == {0}


def test_spot_diffs_before_the_snapshot_are_kept_and_replayed_after_it():
    sync = DepthSync()
    assert take(sync, diff(990, 995, (BUY, 98, 1))) == [V.SYNC_BUFFERED]  # all of it is in the snapshot
    assert take(sync, diff(996, 1003, (BUY, 101, 3))) == [V.SYNC_BUFFERED]  # straddles it
    assert take(sync, diff(1004, 1004, (SELL, 102, 0))) == [V.SYNC_BUFFERED]
    assert not sync.is_live
    assert take(sync, snapshot(1000)) == [V.SYNC_SNAPSHOT]
    assert sync.is_live
    assert sync.last_id == 1004
    assert (sync.book.best_bid, sync.book.best_ask) == ((101, 3), (103, 8))
    assert (sync.counters["stale"], sync.counters["applied"], sync.counters["buffered"]) == (1, 2, 3)
    assert sync.buffered_messages == 0


def test_a_snapshot_older_than_the_first_kept_diff_is_refused_and_another_is_needed():
    sync = DepthSync()
    take(sync, diff(1002, 1005, (BUY, 101, 3)))
    assert take(sync, snapshot(1000)) == [V.SYNC_SNAPSHOT_OLD]
    assert take(sync, snapshot(1001)) == [V.SYNC_SNAPSHOT_OLD]  # lastUpdateId < U, to the letter
    assert (sync.is_live, sync.needs_snapshot) == (False, True)
    assert take(sync, snapshot(1002)) == [V.SYNC_SNAPSHOT]
    assert sync.last_id == 1005
    assert sync.counters["snapshots_old"] == 2


def test_the_next_spot_diff_begins_one_after_the_last():
    sync = live_sync(1000)
    assert take(sync, diff(1001, 1005, (BUY, 101, 1))) == [V.SYNC_APPLIED]
    assert take(sync, diff(1006, 1006, (BUY, 101, 2))) == [V.SYNC_APPLIED]
    assert sync.book.best_bid == (101, 2)
    assert sync.last_id == 1006


def test_a_spot_diff_that_overlaps_is_applied_and_an_old_one_dropped():
    sync = live_sync(1000)
    assert take(sync, diff(900, 1000, (BUY, 101, 9))) == [V.SYNC_STALE]
    assert take(sync, diff(990, 1001, (BUY, 101, 1))) == [V.SYNC_APPLIED]
    assert take(sync, diff(990, 1001, (BUY, 101, 9))) == [V.SYNC_STALE]
    assert sync.book.best_bid == (101, 1)


def test_a_missing_spot_diff_empties_the_book_at_once_and_begins_a_new_buffer():
    sync = live_sync(1000)
    events = message_events(diff(1002, 1003, (BUY, 101, 1)))
    assert sync.apply(events[:1]) == V.SYNC_GAP
    assert not sync.is_live
    assert sync.needs_snapshot
    assert sync.generation == 1
    assert sync.book.level_count(BUY) == 0
    assert sync.apply(events[1:]) == V.SYNC_BUFFERED
    assert take(sync, snapshot(1001)) == [V.SYNC_SNAPSHOT_OLD]
    assert take(sync, snapshot(1002)) == [V.SYNC_SNAPSHOT]
    assert sync.book.best_bid == (101, 1)
    assert (sync.counters["gaps"], sync.counters["resyncs"]) == (1, 1)


def test_a_gap_inside_the_buffer_is_found_when_it_is_replayed():
    sync = DepthSync()
    take(sync, diff(1000, 1001, (BUY, 101, 1)))
    take(sync, diff(1005, 1006, (BUY, 101, 2)))
    assert take(sync, snapshot(1000)) == [V.SYNC_GAP]
    assert not sync.is_live
    assert sync.buffered_messages == 1  # what comes after the gap is still of use
    assert take(sync, snapshot(1005)) == [V.SYNC_SNAPSHOT]
    assert sync.book.best_bid == (101, 2)


def test_the_first_futures_diff_holds_the_snapshots_id_and_the_others_name_their_predecessor():
    sync = live_sync(1000)
    assert take(sync, futures_diff(980, 999, 970, (BUY, 101, 9))) == [V.SYNC_STALE]
    assert take(sync, futures_diff(990, 1010, 985, (BUY, 101, 1))) == [V.SYNC_APPLIED]
    assert take(sync, futures_diff(1050, 1060, 1010, (BUY, 101, 2))) == [V.SYNC_APPLIED]  # ids may jump
    assert sync.last_id == 1060
    assert take(sync, futures_diff(1061, 1070, 1060, (BUY, 101, 3))) == [V.SYNC_APPLIED]
    assert take(sync, futures_diff(1061, 1070, 1060, (BUY, 101, 9))) == [V.SYNC_STALE]  # a repetition
    assert take(sync, futures_diff(1071, 1080, 1065, (BUY, 101, 4))) == [V.SYNC_GAP, V.SYNC_BUFFERED]


def test_a_futures_diff_that_continues_the_snapshot_exactly_is_its_first():
    sync = live_sync(1000)
    assert take(sync, futures_diff(1020, 1030, 1000, (BUY, 101, 1))) == [V.SYNC_APPLIED]


def test_a_first_futures_diff_that_begins_after_the_snapshot_is_a_gap():
    sync = live_sync(1000)
    assert take(sync, futures_diff(1001, 1030, 999, (BUY, 101, 1))) == [V.SYNC_GAP, V.SYNC_BUFFERED]


def test_the_futures_rule_can_be_set_for_an_instrument_whose_events_do_not_say():
    message = Message(1050, 1060, 1000, levels=((BUY, 101, 1),))
    assert take(live_sync(1000, SyncRule.SYNC_RULE_FUTURES), message) == [V.SYNC_APPLIED]
    assert take(live_sync(1000, SyncRule.SYNC_RULE_SPOT), message) == [V.SYNC_GAP, V.SYNC_BUFFERED]


def test_a_book_that_comes_out_crossed_is_never_live():
    sync = live_sync(1000)
    assert take(sync, diff(1001, 1001, (BUY, 102, 1))) == [V.SYNC_CROSSED]
    assert not sync.is_live
    assert sync.book.best_bid == (0, 0)
    assert (sync.generation, sync.counters["crossed"]) == (1, 1)
    assert take(sync, diff(1002, 1002, (BUY, 102, 1))) == [V.SYNC_BUFFERED]
    assert take(sync, snapshot(1003, ((BUY, 102, 1), (SELL, 102, 1)))) == [V.SYNC_CROSSED]


def test_a_book_crossed_only_inside_a_message_is_fine():
    sync = live_sync(1000)
    assert take(sync, diff(1001, 1002, (BUY, 102, 1), (SELL, 102, 0))) == [V.SYNC_APPLIED]
    assert (sync.book.best_bid, sync.book.best_ask) == ((102, 1), (103, 8))


def test_half_a_message_is_never_to_be_seen():
    sync = live_sync(1000)
    book = sync.book
    events = message_events(diff(1001, 1001, (BUY, 101, 1), (SELL, 102, 0)))
    assert sync.apply(events[:2]) == V.SYNC_PENDING
    assert not sync.is_live
    for read in (lambda: book.best_bid, lambda: book.depth(BUY), book.hash, lambda: book.mid):
        with pytest.raises(RuntimeError, match="part of a message"):
            read()
    assert sync.apply(events[2:]) == V.SYNC_APPLIED
    assert sync.is_live
    assert book.best_bid == (101, 1)


def test_a_newer_snapshot_replaces_a_live_book_and_an_older_one_is_dropped():
    sync = live_sync(1000)
    assert take(sync, snapshot(1000, ((BUY, 50, 1),))) == [V.SYNC_STALE]
    assert sync.book.best_bid == (100, 5)
    assert take(sync, snapshot(1010, ((BUY, 50, 1), (SELL, 60, 1)))) == [V.SYNC_SNAPSHOT]
    assert (sync.book.best_bid, sync.last_id, sync.generation) == ((50, 1), 1010, 0)
    assert take(sync, diff(1005, 1010, (BUY, 51, 1))) == [V.SYNC_STALE]
    assert take(sync, diff(1011, 1011, (BUY, 51, 1))) == [V.SYNC_APPLIED]


def test_a_full_buffer_drops_the_oldest_whole_messages():
    sync = DepthSync(buffer_messages=2, buffer_levels=4)
    take(sync, diff(1001, 1001, (BUY, 90, 1), (BUY, 91, 1)))
    take(sync, diff(1002, 1002, (BUY, 92, 1)))
    take(sync, diff(1003, 1003, (BUY, 93, 1)))
    assert (sync.buffered_messages, sync.counters["dropped"]) == (2, 1)
    take(sync, diff(1004, 1004, (BUY, 94, 1), (BUY, 95, 1), (BUY, 96, 1)))
    assert (sync.buffered_messages, sync.counters["dropped"]) == (2, 2)
    assert take(sync, snapshot(1002)) == [V.SYNC_SNAPSHOT_OLD]
    assert take(sync, snapshot(1003)) == [V.SYNC_SNAPSHOT]
    assert sync.last_id == 1004


def test_a_message_larger_than_the_buffer_empties_it_and_is_dropped():
    sync = DepthSync(buffer_messages=4, buffer_levels=2)
    take(sync, diff(1001, 1001, (BUY, 90, 1)))
    assert take(sync, diff(1002, 1002, (BUY, 91, 1), (BUY, 92, 1), (BUY, 93, 1))) == [V.SYNC_BUFFERED]
    assert (sync.buffered_messages, sync.counters["dropped"]) == (0, 2)
    take(sync, diff(1003, 1003, (BUY, 94, 1)))
    assert take(sync, snapshot(1001)) == [V.SYNC_SNAPSHOT_OLD]


def test_top_n_messages_replace_the_book_each_and_need_no_snapshot():
    sync = DepthSync()
    assert take(sync, Message(10, 10, levels=TOP, partial=True)) == [V.SYNC_SNAPSHOT]
    assert sync.state == SyncState.STATE_LIVE_PARTIAL
    assert (sync.is_live, sync.needs_snapshot) == (True, False)
    assert take(sync, Message(20, 20, levels=((BUY, 98, 1), (SELL, 99, 1)), partial=True)) == [V.SYNC_SNAPSHOT]
    assert sync.book.level_count(BUY) == 1
    assert take(sync, Message(15, 15, levels=TOP, partial=True)) == [V.SYNC_STALE]


def test_top_n_messages_serve_until_the_diffs_have_their_snapshot_and_do_not_touch_the_book_then():
    sync = DepthSync()
    take(sync, Message(1000, 1000, levels=TOP, partial=True))
    assert take(sync, diff(999, 1003, (BUY, 101, 1))) == [V.SYNC_BUFFERED]
    assert (sync.is_live, sync.needs_snapshot) == (True, True)
    assert take(sync, snapshot(1000)) == [V.SYNC_SNAPSHOT]
    assert (sync.state, sync.book.best_bid) == (SyncState.STATE_LIVE, (101, 1))
    assert take(sync, Message(2000, 2000, levels=TOP, partial=True)) == [V.SYNC_STALE]
    assert sync.book.best_bid == (101, 1)


def test_in_band_feeds_bring_their_own_snapshot_and_need_no_ids():
    sync = DepthSync(SyncRule.SYNC_RULE_IN_BAND)
    assert take(sync, diff(-1, -1, (BUY, 1, 1))) == [V.SYNC_STALE]  # of an older subscription
    assert take(sync, snapshot(-1)) == [V.SYNC_SNAPSHOT]
    assert take(sync, diff(-1, -1, (BUY, 101, 1), (BUY, 99, 0))) == [V.SYNC_APPLIED]
    sync.truncate(1)
    assert (sync.book.level_count(BUY), sync.book.level_count(SELL)) == (1, 1)
    assert take(sync, snapshot(-1)) == [V.SYNC_SNAPSHOT]
    assert sync.book.best_bid == (100, 5)


def test_in_band_feeds_with_a_previous_id_are_held_to_it():
    sync = DepthSync(SyncRule.SYNC_RULE_IN_BAND)
    take(sync, snapshot(50))
    assert take(sync, Message(60, 60, 50, levels=((BUY, 101, 1),))) == [V.SYNC_APPLIED]
    assert take(sync, Message(60, 60, 60)) == [V.SYNC_APPLIED]  # a heartbeat
    assert take(sync, Message(70, 70, 65, levels=((BUY, 101, 2),))) == [V.SYNC_GAP, V.SYNC_STALE]
    assert sync.needs_snapshot


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
