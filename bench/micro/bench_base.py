"""Clocks and the histogram."""

from __future__ import annotations

import numpy as np
from harness import ns_per_operation

from bot4._core import clock
from bot4._core.histogram import HdrHistogram

READS = 20_000
LATENCIES_NS = np.random.default_rng(4).lognormal(6, 1, 100_000).astype(np.int64)
BINS = LATENCIES_NS >> 4
HISTOGRAM = HdrHistogram(highest=60_000_000_000, significant_digits=3)
HISTOGRAM.record_many(LATENCIES_NS)
COUNTERS = np.arange(27_000)
SUMS = np.zeros_like(COUNTERS)


def read_ticks() -> float:
    return clock.read_costs(READS)["ticks_ns"]


def read_monotonic() -> float:
    return clock.read_costs(READS)["monotonic_ns"]


def record() -> float:
    return ns_per_operation(lambda: HISTOGRAM.record_many(LATENCIES_NS), len(LATENCIES_NS))


def bincount() -> float:
    return ns_per_operation(lambda: np.bincount(BINS), len(BINS))


def percentile() -> float:
    return ns_per_operation(lambda: [HISTOGRAM.percentile(99.9) for _ in range(20)], 20)


def cumulate() -> float:
    return ns_per_operation(lambda: [np.cumsum(COUNTERS, out=SUMS) for _ in range(20)], 20)


KERNELS = [
    ("clock.ticks / clock_gettime", read_ticks, read_monotonic),
    ("histogram.record / numpy.bincount", record, bincount),
    ("histogram.percentile / numpy.cumsum", percentile, cumulate),
]


def bench_histogram_record(benchmark) -> None:
    benchmark(HISTOGRAM.record_many, LATENCIES_NS)
