"""The rings seen from Python, one behaviour a test."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from bot4._core.mem.intent_ring import SpscIntentRing
from bot4._core.mem.lossy_ring import LossyRing
from bot4._core.mem.mpmc_ring import MpmcRing, MpmcWordRing
from bot4._core.mem.record_ring import RecordRing
from bot4._core.mem.records import CONTROL_DTYPE, EVENT_DTYPE, INTENT_DTYPE, TRADE_DTYPE, WORD_DTYPE
from bot4._core.mem.spsc_ring import SpscRing, SpscWordRing
from bot4._core.types import EventKind

RINGS = [
    (SpscRing, EVENT_DTYPE),
    (SpscIntentRing, INTENT_DTYPE),
    (SpscWordRing, WORD_DTYPE),
    (MpmcRing, EVENT_DTYPE),
    (MpmcWordRing, WORD_DTYPE),
]
any_ring = pytest.mark.parametrize(("make", "dtype"), RINGS, ids=lambda value: getattr(value, "__name__", ""))


def numbered(dtype: np.dtype, numbers: range) -> np.ndarray:
    """Records whose bytes are all different, by number."""
    records = np.zeros(len(numbers), dtype)
    raw = records.view(np.uint64).reshape(len(numbers), -1)
    raw[:] = np.array(numbers, np.uint64).reshape(-1, 1) * 1000 + np.arange(raw.shape[1], dtype=np.uint64)
    return records


@any_ring
def test_records_come_out_as_they_went_in_across_the_wrap(make, dtype):
    ring = make(8)
    for start in range(0, 60, 6):
        sent = numbered(dtype, range(start, start + 6))
        assert ring.push(sent) == 6
        assert ring.pop(6).tobytes() == sent.tobytes()
    assert ring.pop(1).size == 0


@any_ring
def test_a_ring_is_no_container_of_the_collector_whose_lists_would_hide_a_leak_of_it(make, dtype):
    ring = make(4)
    assert not gc.is_tracked(ring)
    assert ring.pop(1).dtype == dtype


@any_ring
def test_full_ring_takes_what_fits_and_counts_the_rest_as_rejected(make, dtype):
    ring = make(4)
    assert ring.push(numbered(dtype, range(6))) == 4
    assert ring.push(numbered(dtype, range(2))) == 0
    assert ring.pop(9).tobytes() == numbered(dtype, range(4)).tobytes()
    figures = ring.statistics()
    assert figures == {
        "capacity": 4,
        "held": 0,
        "pushed": 4,
        "popped": 4,
        "rejected": 4,
        "dropped": 0,
        "high_water": 4,
    }


@any_ring
@pytest.mark.parametrize("batch", [1_023, 1_024, 1_025, 3_000])
def test_batches_larger_than_one_look_at_the_other_side_never_overrun_it(make, dtype, batch):
    ring = make(8_192)
    pushed = popped = 0
    for _ in range(12):
        sent = numbered(dtype, range(pushed, pushed + batch))
        pushed += (took := ring.push(sent))
        assert took == min(batch, 8_192 - (pushed - took - popped))
        if pushed - popped > 5_000:
            got = ring.pop(2_000)
            assert got.tobytes() == numbered(dtype, range(popped, popped + 2_000)).tobytes()
            popped += 2_000
    rest = ring.pop(8_192)
    assert rest.tobytes() == numbered(dtype, range(popped, pushed)).tobytes()


@any_ring
def test_popped_array_has_the_dtype_of_the_ring(make, dtype):
    assert make(2).pop(1).dtype == dtype


@any_ring
def test_pop_into_fills_the_callers_array_and_leaves_its_tail(make, dtype):
    ring = make(4)
    ring.push(numbered(dtype, range(2)))
    mine = numbered(dtype, range(90, 93))
    assert ring.pop_into(mine) == 2
    assert mine.tobytes() == numbered(dtype, range(2)).tobytes() + numbered(dtype, range(92, 93)).tobytes()


@any_ring
def test_capacity_that_is_no_power_of_two_is_refused(make, dtype):
    for capacity in (0, -4, 3, 1000, 1 << 27):
        with pytest.raises(ValueError, match=f"capacity must be a power of two from . to .*, was {capacity}"):
            make(capacity)


@any_ring
def test_records_of_another_size_are_refused(make, dtype):
    with pytest.raises(ValueError, match=r"records must be \d+ bytes each, were 4"):
        make(4).push(np.zeros(2, np.int32))


@any_ring
def test_array_with_gaps_is_refused(make, dtype):
    with pytest.raises((ValueError, BufferError)):
        make(4).push(np.zeros(4, dtype)[::2])


def test_read_only_array_can_be_pushed_but_not_popped_into():
    ring = SpscWordRing(4)
    words = np.arange(2, dtype=np.uint64)
    words.flags.writeable = False
    assert ring.push(words) == 2
    with pytest.raises((ValueError, BufferError)):
        ring.pop_into(words)


def test_ring_of_one_slot_alternates():
    ring = SpscWordRing(1)
    for word in range(3):
        assert ring.push(np.array([word, 99], np.uint64)) == 1
        assert ring.pop(2).tolist() == [word]


def test_mpmc_ring_of_one_slot_is_refused():
    with pytest.raises(ValueError, match="was 1"):
        MpmcRing(1)


def test_trade_view_names_the_body_of_an_event():
    events = np.zeros(1, EVENT_DTYPE)
    events.view(TRADE_DTYPE)["qty_lots"] = 7
    ring = SpscRing(2)
    ring.push(events)
    assert ring.pop(1)["body"].tolist() == [[0, 7, 0, 0, 0]]


def lossy_with(capacity: int, count: int) -> tuple[LossyRing, object]:
    ring = LossyRing(capacity)
    cursor = ring.cursor()
    events = np.zeros(count, EVENT_DTYPE)
    events["recv_ns"] = range(1, count + 1)
    ring.push(events)
    return ring, cursor


def test_drop_oldest_ring_keeps_the_newest_and_marks_the_gap():
    _, cursor = lossy_with(4, 10)
    events = cursor.pop(10)
    assert events["kind"][0] == EventKind.EVENT_GAP_MARK
    assert events.view(CONTROL_DTYPE)["value"][0] == 6
    assert events["recv_ns"].tolist() == [7, 7, 8, 9, 10]  # the mark carries the stamp of the first survivor
    assert cursor.statistics() == {"held": 0, "popped": 4, "dropped": 6, "gaps": 1}


def test_drop_oldest_ring_without_loss_shows_no_mark():
    _, cursor = lossy_with(4, 4)
    assert cursor.pop(8)["recv_ns"].tolist() == [1, 2, 3, 4]


def test_each_cursor_sees_the_whole_stream():
    ring, first = lossy_with(8, 3)
    second = ring.cursor()
    assert first.pop(8)["recv_ns"].tolist() == second.pop(8)["recv_ns"].tolist() == [1, 2, 3]


def test_cursor_without_room_for_a_mark_is_refused():
    _, cursor = lossy_with(4, 4)
    with pytest.raises(ValueError, match="at least 2 records, were 1"):
        cursor.pop(1)


def test_cursor_keeps_its_ring_alive():
    _, cursor = lossy_with(4, 2)
    del _
    assert len(cursor) == 2


def test_events_have_the_layout_of_the_c_header():
    header = (EVENT_DTYPE.itemsize, INTENT_DTYPE.itemsize)
    assert header == (64, 64)
    assert {name: EVENT_DTYPE.fields[name][1] for name in EVENT_DTYPE.names} == {
        "kind": 0,
        "side": 1,
        "flags": 2,
        "instrument": 4,
        "reason": 6,
        "venue_ns": 8,
        "recv_ns": 16,
        "body": 24,
    }


def test_the_base_of_the_rings_is_no_ring_itself():
    with pytest.raises(TypeError, match="RecordRing has no records of its own"):
        RecordRing(8)
