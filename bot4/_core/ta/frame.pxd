"""The features of one timeframe: the bars of one interval in, a vector and its ready bits out."""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.ta.bars cimport TimeBars
from bot4._core.ta.channels cimport ChannelExtra, ChannelState
from bot4._core.ta.columns cimport BarColumns
from bot4._core.ta.history cimport BarHistory
from bot4._core.ta.momentum cimport MomentumExtra, MomentumState
from bot4._core.ta.statistics cimport ReferenceSums, StatisticsExtra, StatisticsHeavy
from bot4._core.ta.trend cimport TrendExtra, TrendState
from bot4._core.ta.volatility cimport GarchFilter, VolatilityExtra, VolatilityState
from bot4._core.ta.volume cimport VolumeExtra, VolumeState
from bot4._core.types cimport Bar


# Which features a bank was asked for, the same for all its timeframes.
ctypedef struct FeaturePlan:
    int64_t groups              # bits of the registry
    int64_t warm_up[128]        # beyond reach for a feature that was not asked for
    int64_t clock[128]
    int64_t longest[8]          # largest warm-up by FeatureClock: past it, no ready bit changes
    int64_t hidden[128]         # places that kernels write and nobody asked for: of bars, then of tops, then of trades
    int64_t hidden_bars         # ends of those three in `hidden`
    int64_t hidden_tops
    int64_t hidden_trades


# `values` first: the vectors of all timeframes are read from one base address.
ctypedef struct BarFrame:
    double values[128]
    uint64_t ready[2]
    int64_t bar_boundary_ns     # end of the last bar taken in
    BarHistory history
    TrendState trend
    MomentumState momentum
    ChannelState channels
    VolatilityState volatility
    VolumeState volume
    TimeBars bars               # what the bars are made of: trades, or the bars of the shortest timeframe


# State of all groups beyond the first features; there is one for each timeframe, or none at all.
ctypedef struct BarExtra:
    BarColumns columns
    TrendExtra trend
    MomentumExtra momentum
    ChannelExtra channels
    VolatilityExtra volatility
    VolumeExtra volume
    StatisticsExtra statistics
    StatisticsHeavy heavy
    ReferenceSums reference
    GarchFilter garch           # omega 0: no parameters for this timeframe


cdef void frame_start(BarFrame* frame, double tick_size, double lot_size, int64_t interval_ns) noexcept nogil
cdef void extra_start(BarExtra* extra) noexcept nogil
# `extra` may be NULL where the plan has no group of bars. `reference_ticks` 0: no reference price yet.
cdef void frame_on_bar(
    BarFrame* frame, BarExtra* extra, const FeaturePlan* plan, const Bar* bar, int64_t reference_ticks
) noexcept nogil
cdef void frame_mark_ready(BarFrame* frame, const FeaturePlan* plan, int clock, int64_t count) noexcept nogil


cdef inline void frame_advance(BarFrame* frame, const FeaturePlan* plan, int clock, int64_t count) noexcept nogil:
    """Take note that `count` inputs of this clock have been accepted."""
    if count <= plan.longest[clock]:
        frame_mark_ready(frame, plan, clock, count)
