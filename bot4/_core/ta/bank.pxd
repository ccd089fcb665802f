"""The feature bank of one instrument, over several bar intervals: inputs in, vectors of doubles and their ready bits out."""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.ta.frame cimport BarExtra, BarFrame, FeaturePlan
from bot4._core.ta.microstructure cimport DepthState, MicrostructureState, VpinState
from bot4._core.types cimport Bar, TopOfBook


cdef enum:
    FRAMES_MAX = 16
    STATE_VERSION = 2       # raised whenever a change of a kernel gives an old state a new meaning


# No pointers: a copy of the bytes is a copy of the state. In one piece with it lie the frames of the longer intervals,
# then, where the plan has a group of bars, the extra state of every frame.
ctypedef struct FeatureBank:
    BarFrame base               # the shortest interval; features of quotes and trades are in its vector
    int64_t counts[8]           # accepted inputs by FeatureClock
    int64_t refused[8]          # refused inputs by InputVerdict
    FeaturePlan plan
    int64_t size                # bytes of the whole
    int64_t frames              # intervals, 1 to FRAMES_MAX
    int64_t extras              # frames, or 0 where the plan has no group of bars
    int64_t next_end_ns         # earliest end of an open bar of a longer interval; past it, a stamp finishes bars
    int64_t reference_ticks     # 0 before the first
    int64_t has_more_of_tops    # beyond the first features: groups, or places to hide
    int64_t has_more_of_trades
    MicrostructureState microstructure
    DepthState depth
    VpinState vpin


# Each returns an InputVerdict. A refused input changes nothing but its counter. One owner: no two threads at once.
cdef int bank_on_top(FeatureBank* bank, const TopOfBook* top, int64_t ts_ns) noexcept nogil
cdef int bank_on_trade(
    FeatureBank* bank, int64_t price_ticks, int64_t qty_lots, bint seller_is_taker, int64_t ts_ns
) noexcept nogil
cdef int bank_on_bar(FeatureBank* bank, const Bar* bar) noexcept nogil
# The price of another instrument, in its own ticks: in force for the bars that end after it.
cdef int bank_on_reference(FeatureBank* bank, int64_t price_ticks) noexcept nogil
# Finishes the open bars whose end `now_ns` has reached; 1 where one of the shortest interval did.
cdef bint bank_on_time(FeatureBank* bank, int64_t now_ns) noexcept nogil
cdef uint64_t bank_hash(const FeatureBank* bank) noexcept nogil


cdef inline const double* bank_values(const FeatureBank* bank) noexcept nogil:
    """FEATURE_COUNT doubles in the order of the registry; NaN where not ready. Longer intervals: see bank_place."""
    return &bank.base.values[0]


cdef inline BarFrame* bank_frame(FeatureBank* bank, int64_t frame) noexcept nogil:
    """Frame 0 is the shortest interval; the others follow the bank in memory."""
    return &bank.base if frame == 0 else <BarFrame*>(bank + 1) + (frame - 1)


cdef inline BarExtra* bank_extra(FeatureBank* bank, int64_t frame) noexcept nogil:
    return <BarExtra*>(<BarFrame*>(bank + 1) + (bank.frames - 1)) + frame if bank.extras else NULL


cdef inline int64_t bank_place(int64_t frame, int64_t feature) noexcept nogil:
    """Index of a feature of a frame from `bank_values`, in doubles."""
    if frame == 0:
        return feature
    return <int64_t>((sizeof(FeatureBank) + (frame - 1) * sizeof(BarFrame)) // sizeof(double)) + feature


cdef inline bint bank_is_ready(const FeatureBank* bank, int index) noexcept nogil:
    return (bank.base.ready[index >> 6] >> (index & 63)) & 1


# A bank of whole cache lines, started; NULL where there is no memory. The plan says what is computed.
cdef FeatureBank* bank_new(
    const FeaturePlan* plan, double tick_size, double lot_size, const int64_t* intervals_ns, int64_t frames
) noexcept nogil
