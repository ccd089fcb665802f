from __future__ import annotations

import threading

import numpy as np
import pytest

from bot4._core.histogram import HdrHistogram


def filled(*values: int) -> HdrHistogram:
    histogram = HdrHistogram(highest=1_000_000, significant_digits=2)
    for value in values:
        histogram.record(value)
    return histogram


def test_empty_histogram_answers_zero_everywhere() -> None:
    empty = HdrHistogram()
    assert (empty.count, empty.minimum, empty.maximum, empty.mean, empty.percentile(99.0)) == (0, 0, 0, 0.0, 0)
    assert repr(empty) == "HdrHistogram(count=0, p50=0, p90=0, p99=0, p99.9=0, p99.99=0)"


def test_rank_of_a_percentile_does_not_suffer_from_binary_fractions() -> None:
    # 99.9 / 100 * 1000 is above 999 in binary floating point: a rank of 1000 would be wrong.
    histogram = HdrHistogram(highest=10_000, significant_digits=4)
    histogram.record_many(np.arange(1, 1001, dtype=np.int64))
    assert histogram.percentile(99.9) == 999


def test_value_out_of_range_is_clipped_and_counted_not_dropped() -> None:
    histogram = filled(-7, 2_000_000, 10)
    assert (histogram.count, histogram.clipped, histogram.minimum, histogram.maximum) == (3, 2, 0, 1_000_000)


def test_reset_forgets_everything() -> None:
    histogram = filled(1, 2, 10**9)
    histogram.reset()
    assert histogram == HdrHistogram(highest=1_000_000, significant_digits=2)


def test_histograms_of_different_layout_do_not_merge() -> None:
    with pytest.raises(ValueError, match=r"layouts must be equal to merge, were \(1000000, 2\) and \(1000000, 3\)"):
        filled(1).merge(HdrHistogram(highest=1_000_000, significant_digits=3))


@pytest.mark.parametrize(
    ("highest", "digits", "rule"),
    [
        (1, 3, "highest must be between 2 and"),
        (2**63, 3, "highest must be between 2 and"),
        (100, 0, "significant_digits must be between 1 and 5, was 0"),
        (100, 6, "significant_digits must be between 1 and 5, was 6"),
    ],
)
def test_impossible_layout_is_refused(highest: int, digits: int, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        HdrHistogram(highest=highest, significant_digits=digits)


@pytest.mark.parametrize("q", [-0.1, 100.1, float("nan")])
def test_percentile_outside_0_to_100_is_refused(q: float) -> None:
    with pytest.raises(ValueError, match="q must be between 0 and 100 percent"):
        filled(1).percentile(q)


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        (lambda data: data[:20], "at least 56 bytes, was 20"),
        (lambda data: b"X" + data[1:], "begins with b'B4HG'"),
        (lambda data: data[:-1], "counters take"),
        (lambda data: data[:-8] + bytes(8), "counters must be positive"),
        (lambda data: data[:-16] + data[-32:-16], "in rising order"),
        (lambda data: data[:16] + b"\x09" + data[17:], "the header says 9"),
    ],
)
def test_damaged_bytes_are_refused_by_name(damage: object, rule: str) -> None:
    data = filled(3, 500, 70_000).to_bytes()
    with pytest.raises(ValueError, match=rule):
        HdrHistogram.from_bytes(damage(data))


def test_histogram_is_equal_by_content_and_not_hashable() -> None:
    assert filled(1, 2) == filled(2, 1)
    assert filled(1) != filled(2)
    assert filled(1) != 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(filled(1))


def test_reader_beside_a_recording_thread_sees_a_sane_state() -> None:
    histogram = HdrHistogram(highest=1_000_000, significant_digits=2)
    values = np.random.default_rng(7).integers(100, 10_000, 200_000)
    stop = threading.Event()

    def record() -> None:
        while not stop.is_set():
            histogram.record_many(values)

    writer = threading.Thread(target=record)
    writer.start()
    try:
        seen = [histogram.percentile(50.0) for _ in range(300)]
    finally:
        stop.set()
        writer.join()
    assert all(value == 0 or 100 <= value <= 10_100 for value in seen)
    assert histogram.count % len(values) == 0
