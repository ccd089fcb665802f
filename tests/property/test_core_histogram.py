"""The compiled histogram against a twin that keeps every value."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.core_histogram import SlowHistogram

from bot4._core.histogram import HdrHistogram

QUANTILES = ("0", "0.0001", "12.5", "50", "90", "99", "99.9", "99.99", "100")

# Bounds and values whose sizes are spread over all magnitudes, where the bucket arithmetic could slip.
sizes = st.integers(0, 62).flatmap(lambda bits: st.integers(2**bits - 1, min(2 ** (bits + 1), 2**62)))
layouts = st.tuples(sizes.map(lambda bound: max(bound, 2)), st.integers(1, 3))


def values_of(layout: tuple[int, int]) -> st.SearchStrategy[list[int]]:
    near_bound = st.integers(layout[0] - 3, layout[0] + 3)
    return st.lists(st.one_of(sizes, near_bound, st.integers(-5, 5)), max_size=60)


cases = layouts.flatmap(lambda layout: st.tuples(st.just(layout), values_of(layout)))


def check_against_twin(made: Callable[[int, int], HdrHistogram], layout: tuple[int, int], values: list[int]) -> None:
    histogram, twin = made(*layout), SlowHistogram(*layout)
    histogram.record_many(np.array(values, dtype=np.int64))
    for value in values:
        twin.record(value)
    assert (histogram.count, histogram.clipped) == (len(values), twin.clipped)
    assert histogram.minimum == min(twin.values, default=0)
    assert histogram.maximum == max(twin.values, default=0)
    assert [histogram.percentile(float(q)) for q in QUANTILES] == [twin.percentile(q) for q in QUANTILES]
    assert histogram.mean == pytest.approx(float(twin.mean()), rel=1e-12)


@given(cases)
def test_histogram_answers_like_a_sorted_list_of_all_values(case: tuple[tuple[int, int], list[int]]) -> None:
    check_against_twin(HdrHistogram, *case)


@given(cases, st.floats(0, 100))
def test_percentile_is_within_the_promised_precision_above_a_recorded_value(
    case: tuple[tuple[int, int], list[int]], q: float
) -> None:
    (highest, digits), values = case
    histogram = HdrHistogram(highest, digits)
    histogram.record_many(np.array(values, dtype=np.int64))
    found = histogram.percentile(q)
    inside = [min(max(value, 0), highest) for value in values]
    assert not inside or any(value <= found <= value + value // 10**digits for value in inside)


@given(cases, st.integers(0, 60))
def test_parts_merged_and_sent_as_bytes_equal_the_whole(case: tuple[tuple[int, int], list[int]], cut: int) -> None:
    layout, values = case
    whole, left, right = HdrHistogram(*layout), HdrHistogram(*layout), HdrHistogram(*layout)
    whole.record_many(np.array(values, dtype=np.int64))
    left.record_many(np.array(values[:cut], dtype=np.int64))
    right.record_many(np.array(values[cut:], dtype=np.int64))
    left.merge(HdrHistogram.from_bytes(right.to_bytes()))
    assert left == whole
    assert left.to_bytes() == whole.to_bytes()


class ForgetsClipped(HdrHistogram):
    """Drops what is out of range instead of counting it."""

    def record_many(self, values: np.ndarray) -> None:
        super().record_many(values[(values >= 0) & (values <= self.highest)])


class RanksTooLow(HdrHistogram):
    """Rounds the rank down, the usual off-by-one of percentiles."""

    def percentile(self, q: float) -> int:
        return super().percentile(max(q - 100 / max(self.count, 1), 0))


@pytest.mark.parametrize("broken", [ForgetsClipped, RanksTooLow])
def test_control_broken_histogram_is_caught(broken: type[HdrHistogram]) -> None:
    with pytest.raises(AssertionError):
        check_against_twin(broken, (1000, 2), [-1, 5, 10, 700, 2000])
