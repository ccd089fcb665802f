"""Snapshot and diff synchronisation, by hand-made messages."""

from __future__ import annotations

import pytest
from builders.depth_messages import BUY, SELL, TOP, V, diff, live_sync, snapshot, take
from oracles.book_sync import Message, message_events

from bot4._core.book.book_sync import SyncRule, SyncState
from bot4._core.book.depth_sync import DepthSync


def futures_diff(first_id: int, last_id: int, prev_id: int, *levels: tuple[int, int, int]) -> Message:
    return Message(first_id, last_id, prev_id, levels=levels, futures=True)


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
