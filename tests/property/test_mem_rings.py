"""The rings against their plain twins: random sequences of batch pushes and pops."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.mem_rings import GAP, LossyTwin, RingTwin

from bot4._core.mem.lossy_ring import LossyRing
from bot4._core.mem.mpmc_ring import MpmcRing, MpmcWordRing
from bot4._core.mem.records import CONTROL_DTYPE, EVENT_DTYPE
from bot4._core.mem.spsc_ring import SpscRing, SpscWordRing
from bot4._core.types import EventKind

CAPACITIES = st.sampled_from([2, 4, 8, 16])
# Positive: push so many. Negative: pop so many (zero is a pop of none).
STEPS = st.lists(st.integers(-20, 20), max_size=40)


def as_events(numbers: list[int]) -> np.ndarray:
    """Events that carry their number in every word of the body."""
    events = np.zeros(len(numbers), EVENT_DTYPE)
    events["body"] = np.array(numbers, np.int64).reshape(-1, 1) * np.arange(1, 6)
    events["recv_ns"] = numbers
    return events


def from_events(events: np.ndarray) -> list[int]:
    numbers = events["recv_ns"]
    assert (events["body"] == numbers.reshape(-1, 1) * np.arange(1, 6)).all(), "an event was torn"
    return [int(number) for number in numbers]


def as_words(numbers: list[int]) -> np.ndarray:
    return np.array(numbers, np.uint64)


def from_words(words: np.ndarray) -> list[int]:
    return [int(word) for word in words]


def check_ring(ring, twin, to_records, from_records, steps):
    """The compiled ring and its twin answer alike at every step and agree on every counter at the end."""
    number = 0
    peak = 0
    for step in steps:
        if step > 0:
            records = list(range(number, number + step))
            number += step
            assert ring.push(to_records(records)) == twin.push(records)
        else:
            assert from_records(ring.pop(-step)) == twin.pop(-step)
        peak = max(peak, len(twin.held))
        assert len(ring) == len(twin.held)
    figures = ring.statistics()
    assert (figures["pushed"], figures["popped"], figures["rejected"], figures["dropped"]) == (
        twin.pushed,
        twin.popped,
        twin.rejected,
        0,
    )
    assert figures["high_water"] <= peak
    if twin.rejected:
        assert figures["high_water"] == twin.capacity


@pytest.mark.parametrize(
    ("make", "to_records", "from_records"),
    [
        (SpscRing, as_events, from_events),
        (SpscWordRing, as_words, from_words),
        (MpmcRing, as_events, from_events),
        (MpmcWordRing, as_words, from_words),
    ],
)
def test_ring_answers_as_its_twin(make, to_records, from_records):
    @given(CAPACITIES, STEPS)
    def run(capacity, steps):
        check_ring(make(capacity), RingTwin(capacity), to_records, from_records, steps)

    run()


def check_lossy(ring, twin, steps):
    """The compiled drop-oldest ring pops what its twin pops, gap marks in the same places."""
    cursor = ring.cursor()
    number = 1
    for step in steps:
        if step > 0:
            records = list(range(number, number + step))
            number += step
            ring.push(as_events(records))
            twin.push(records)
        elif step < -1:
            events = cursor.pop(-step)
            marks = events["kind"] == EventKind.EVENT_GAP_MARK
            values = np.where(marks, events.view(CONTROL_DTYPE)["value"], events["recv_ns"])
            popped = [(GAP, int(v)) if mark else int(v) for mark, v in zip(marks, values, strict=True)]
            assert popped == twin.pop(-step)
    figures = cursor.statistics()
    assert (figures["dropped"], figures["gaps"]) == (twin.dropped, twin.gaps)
    assert len(cursor) == min(len(twin.stream) - twin.position, twin.capacity)


@given(CAPACITIES, STEPS)
def test_drop_oldest_ring_answers_as_its_twin(capacity, steps):
    check_lossy(LossyRing(capacity), LossyTwin(capacity), steps)


class ForgetfulTwin(RingTwin):
    """A deliberately broken twin: loses the newest record of a push that just fills the ring."""

    def push(self, records):
        taken = super().push(records)
        if taken and len(self.held) == self.capacity:
            self.held.pop()
        return taken


def test_control_a_broken_twin_is_noticed():
    steps = [3, 3, -8]
    check_ring(SpscWordRing(4), RingTwin(4), as_words, from_words, steps)
    with pytest.raises(AssertionError):
        check_ring(SpscWordRing(4), ForgetfulTwin(4), as_words, from_words, steps)


class LateTwin(LossyTwin):
    """A deliberately broken twin: keeps one record too many."""

    def __init__(self, capacity):
        super().__init__(capacity + 1)


def test_control_a_broken_drop_oldest_twin_is_noticed():
    check = partial(check_lossy, steps=[9, -6])
    check(LossyRing(4), LossyTwin(4))
    with pytest.raises(AssertionError):
        check(LossyRing(4), LateTwin(4))
