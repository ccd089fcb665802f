"""The feature bank of one instrument and one bar interval: inputs in, a vector of doubles and its ready bits out."""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.ta.bars cimport TimeBars
from bot4._core.ta.channels cimport ChannelState
from bot4._core.ta.history cimport BarHistory
from bot4._core.ta.microstructure cimport MicrostructureState
from bot4._core.ta.momentum cimport MomentumState
from bot4._core.ta.trend cimport TrendState
from bot4._core.ta.volatility cimport VolatilityState
from bot4._core.ta.volume cimport VolumeState
from bot4._core.types cimport Bar, TopOfBook


# No pointers: a copy of the bytes is a copy of the state.
ctypedef struct FeatureBank:
    double values[128]
    uint64_t ready[2]
    int64_t counts[8]           # accepted inputs by FeatureClock
    int64_t refused[8]          # refused inputs by InputVerdict
    int64_t warm_up[128]
    int64_t clock[128]
    int64_t longest[8]          # largest warm-up by FeatureClock: past it, no ready bit changes
    int64_t bar_boundary_ns     # end of the last bar taken in
    BarHistory history
    TrendState trend
    MomentumState momentum
    ChannelState channels
    VolatilityState volatility
    VolumeState volume
    MicrostructureState microstructure
    TimeBars bars


# Each returns an InputVerdict. A refused input changes nothing but its counter. One owner: no two threads at once.
cdef int bank_on_top(FeatureBank* bank, const TopOfBook* top, int64_t ts_ns) noexcept nogil
cdef int bank_on_trade(
    FeatureBank* bank, int64_t price_ticks, int64_t qty_lots, bint seller_is_taker, int64_t ts_ns
) noexcept nogil
cdef int bank_on_bar(FeatureBank* bank, const Bar* bar) noexcept nogil
# Finishes the bank's own open bar where `now_ns` is at or past its end; 1 where it did.
cdef bint bank_on_time(FeatureBank* bank, int64_t now_ns) noexcept nogil
cdef uint64_t bank_hash(const FeatureBank* bank) noexcept nogil


cdef inline const double* bank_values(const FeatureBank* bank) noexcept nogil:
    """FEATURE_COUNT doubles in the order of the registry; NaN where not ready."""
    return &bank.values[0]


cdef inline bint bank_is_ready(const FeatureBank* bank, int index) noexcept nogil:
    return (bank.ready[index >> 6] >> (index & 63)) & 1


cdef class Features:
    cdef FeatureBank* bank
    cdef int64_t _bars(self, const int64_t[:, ::1] rows, double[:, ::1] out)
    cdef int64_t _trades(self, const int64_t[:, ::1] rows, double[:, ::1] out)
    cdef int64_t _tops(self, const int64_t[:, ::1] rows, double[:, ::1] out)
    cdef str _meaning(self)
