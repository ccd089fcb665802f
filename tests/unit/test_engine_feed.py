"""The feed, the view and the shard's own thread."""

from __future__ import annotations

import threading
import time

import pytest
from builders.engine import START_NS, Rig, assembled, book_with, synthetic_capture

from bot4._core.engine.feed import Feed
from bot4._core.engine.runner import ShardRunner
from bot4._core.engine.shard import ControlCode

STAMPED, CRYPTOFEED = 0, 1
CAPTURE = synthetic_capture(400)
SECOND = 1_000_000_000


def fed(data: bytes, *, feed_args: dict | None = None, chunk: int | None = None):
    assembly, _ = assembled()
    feed = Feed(assembly.scanner, assembly.engine, **(feed_args or {}))
    rest = b""
    for start in range(0, len(data), chunk or len(data)):
        rest += data[start : start + (chunk or len(data))]
        rest = rest[feed.lines(rest, STAMPED, default_instrument=0) :]
    return assembly.engine, feed, rest


# -- lines -------------------------------------------------------------------------------------------------------------


def test_an_unfinished_last_line_waits_for_its_rest():
    whole, _, _ = fed(CAPTURE)
    engine, feed, rest = fed(CAPTURE[:-30])
    assert rest == CAPTURE[:-30].rpartition(b"\n")[2]
    assert feed.counters()["messages"] == 399
    assert engine.state_hash != whole.state_hash
    assert feed.lines(rest + CAPTURE[-30:], STAMPED, default_instrument=0) == len(rest) + 30
    assert engine.state_hash == whole.state_hash


def test_a_bad_line_is_counted_with_the_place_of_the_first():
    lines = CAPTURE.splitlines(keepends=True)
    damaged = b"".join([*lines[:10], b"no stamp here\n", *lines[10:20], b"nor here\n", *lines[20:]])
    for chunk in (None, 777):
        engine, feed, _ = fed(damaged, chunk=chunk)
        counters = feed.counters()
        assert counters["bad_lines"] == 2
        assert counters["bad_line_at"] == sum(map(len, lines[:10]))
        assert counters["rejected"] == {"bad_line": 2}
        assert counters["bytes"] == len(damaged)
        assert engine.state_hash == fed(CAPTURE)[0].state_hash


def test_a_frame_the_scanner_refuses_is_counted_by_reason_and_changes_nothing():
    lines = CAPTURE.splitlines(keepends=True)
    broken = b'%d {"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT","p":"1.0e5"}}\n' % (START_NS + 1)
    engine, feed, _ = fed(b"".join([*lines[:10], broken, *lines[10:]]))
    assert sum(feed.counters()["rejected"].values()) == 1
    assert engine.state_hash == fed(CAPTURE)[0].state_hash


def rest_line(symbol: str) -> bytes:
    return (
        b"https://api.binance.com/api/v3/depth?symbol=%s&limit=1000 -> 1700000000.5: "
        b'{"lastUpdateId":7,"bids":[["10.00","1.000"]],"asks":[["11.00","1.000"]]}\n' % symbol.encode()
    )


def test_a_recorded_rest_snapshot_goes_to_the_instrument_its_url_names():
    rig = Rig(lanes=2)
    feed = Feed(rig.scanner, rig.engine)
    feed.lines(rest_line("S1USDT"), CRYPTOFEED)
    counters = feed.counters()
    if counters["messages"] == 0:
        pytest.fail(f"the REST line was not taken: {counters}")
    assert rig.engine.top(1) == ([(1_000, 1_000)], [(1_100, 1_000)])
    assert rig.engine.top(0) == ([], [])
    feed.lines(rest_line("OTHER"), CRYPTOFEED)
    assert feed.counters()["skipped_lines"] == counters["skipped_lines"] + 1


def test_duration_ends_the_feed_at_the_same_message_whatever_the_chunks():
    found = set()
    for chunk in (100, 4_096, None):
        engine, feed, _ = fed(CAPTURE, feed_args={"duration_ns": SECOND}, chunk=chunk)
        assert feed.is_stopped
        counters = feed.counters()
        assert counters["last_ns"] - counters["first_ns"] <= SECOND
        found.add((engine.state_hash, counters["messages"], counters["last_ns"]))
    assert len(found) == 1
    stamps = [int(line.split(b" ")[0]) for line in CAPTURE.splitlines()]
    assert next(iter(found))[1] == sum(stamp - stamps[0] <= SECOND for stamp in stamps)


def test_a_stopped_feed_takes_nothing_more():
    assembly, _ = assembled()
    feed = Feed(assembly.scanner, assembly.engine)
    feed.stop()
    assert feed.lines(CAPTURE, STAMPED, default_instrument=0) == 0
    assert assembly.engine.counters()["events"] == 0


@pytest.mark.parametrize("wrong", [{"speed": -1.0}, {"speed": float("nan")}, {"duration_ns": -1}])
def test_a_feed_out_of_range_is_refused(wrong):
    rig = Rig()
    with pytest.raises(ValueError, match="must not be negative"):
        Feed(rig.scanner, rig.engine, **wrong)


def test_the_last_stamp_never_goes_back():
    lines = CAPTURE.splitlines(keepends=True)
    stamps = [int(line.split(b" ")[0]) for line in lines]
    older = lines[50].replace(b"%d" % stamps[50], b"%d" % (stamps[50] - SECOND), 1)
    _, feed, _ = fed(b"".join([*lines[:50], older]))
    assert feed.counters()["last_ns"] == stamps[49]


def test_time_without_a_message_shows_in_the_view():
    engine, feed, _ = fed(CAPTURE)
    later_ns = engine.now_ns + SECOND
    feed.time(later_ns)
    assert engine.view()["now_ns"] == later_ns


# -- the runner --------------------------------------------------------------------------------------------------------


def through_ring(data: bytes, *, capacity: int, wait: str = "park", **feed_args: object):
    assembly, _ = assembled()
    runner = ShardRunner(assembly.engine, capacity=capacity, wait=wait)
    feed = Feed(
        assembly.scanner, assembly.engine, ring=runner.ring, room=runner.room, records=runner.records, **feed_args
    )
    thread = threading.Thread(target=runner.run, daemon=True)
    thread.start()
    try:
        feed.lines(data, STAMPED, default_instrument=0)
    finally:
        runner.stop()
        thread.join(30)
    assert not thread.is_alive()
    return assembly.engine, feed


@pytest.mark.parametrize("capacity", [2, 64, 65_536])
def test_a_full_ring_holds_the_feed_back_and_loses_nothing(capacity):
    data = b"".join(CAPTURE.splitlines(keepends=True)[: 60 if capacity == 2 else 400])
    inline, _, _ = fed(data)
    engine, feed = through_ring(data, capacity=capacity)
    assert feed.counters()["undelivered"] == 0
    assert engine.counters()["events"] == inline.counters()["events"]
    assert engine.state_hash == inline.state_hash


def test_stop_right_after_the_last_push_loses_no_event():
    """Many short runs: what was pushed before `stop` is applied, however the two threads meet."""
    message = book_with(20, 20)
    for turn in range(300):
        rig = Rig()
        runner = ShardRunner(rig.engine, capacity=64, wait="spin" if turn % 2 else "park")
        thread = threading.Thread(target=runner.run, daemon=True)
        thread.start()
        if turn % 3:
            time.sleep(0)
        runner.ring.push(message)
        runner.stop()
        thread.join(10)
        assert rig.engine.counters()["messages"] == 1


def test_a_full_control_ring_says_so():
    rig = Rig()
    runner = ShardRunner(rig.engine)
    taken = [runner.control(int(ControlCode.CONTROL_CANCEL_ALL)) for _ in range(1_030)]
    assert taken == [True] * 1_024 + [False] * 6
    runner.stop()
    runner.run()
    assert rig.engine.counters()["controls"] == 1_024


def test_a_stopped_feed_counts_what_the_ring_had_no_room_for():
    assembly, _ = assembled()
    runner = ShardRunner(assembly.engine, capacity=2)  # nobody empties it
    feed = Feed(assembly.scanner, assembly.engine, ring=runner.ring, room=runner.room, records=runner.records)

    def stop_once_it_is_full() -> None:
        while len(runner.ring) < 2:
            time.sleep(0.01)
        time.sleep(0.1)
        feed.stop()

    threading.Thread(target=stop_once_it_is_full, daemon=True).start()
    feed.lines(CAPTURE, STAMPED, default_instrument=0)
    assert feed.counters()["undelivered"] > 0


def test_a_core_that_is_not_ours_is_refused():
    runner = ShardRunner(Rig().engine, cpu=4_000)
    with pytest.raises(ValueError, match="core 4000 is not one of"):
        runner.run()
