# cython: language_level=3
"""Where the engine's time goes, by stage."""

from libc.stdint cimport uint64_t

from bot4._core.clock cimport tsc_now, tsc_to_ns
from bot4._core.histogram cimport histogram_free, histogram_new, histogram_percentile, histogram_record

STAGE_NAMES = ("scan", "book", "features", "decide", "order", "message")
_PERCENTILES = (("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99_9", 99.9), ("p99_99", 99.99))
_HIGHEST_NS = 10_000_000_000
_DIGITS = 3


cdef void stage_record(Stages* stages, int stage, uint64_t start_ticks) noexcept nogil:
    histogram_record(stages.histograms[stage], tsc_to_ns(tsc_now() - start_ticks))


cdef class StageTimes:
    """One histogram for each stage; the engine's thread writes, any thread may read.

    Values are in nanoseconds from 0 to 10 s at three significant digits. Reading the clock twice is part of each value
    (some 20 ns on most machines).
    """

    def __cinit__(self):
        cdef int stage
        for stage in range(STAGES):
            self.stages.histograms[stage] = histogram_new(_HIGHEST_NS, _DIGITS)
            if self.stages.histograms[stage] == NULL:
                raise MemoryError("no memory for a latency histogram")

    def __dealloc__(self):
        cdef int stage
        for stage in range(STAGES):
            if self.stages.histograms[stage] != NULL:
                histogram_free(self.stages.histograms[stage])

    def percentiles(self) -> dict:
        """Return ``{stage: {"count": n, "p50": ns, ..., "max": ns}}`` for the stages that were measured."""
        cdef int stage
        found = {}
        for stage in range(STAGES):
            if self.stages.histograms[stage].count == 0:
                continue
            row = {"count": self.stages.histograms[stage].count}
            for name, q in _PERCENTILES:
                row[name] = histogram_percentile(self.stages.histograms[stage], q)
            row["max"] = self.stages.histograms[stage].maximum
            found[STAGE_NAMES[stage]] = row
        return found
