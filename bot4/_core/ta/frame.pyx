# cython: language_level=3
"""The features of one timeframe.

The first features are computed always, the others by groups that the plan names; what a group computes beyond what was
asked for is made NaN again, so that a value is finite exactly where its ready bit is set.
"""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.ta.bars cimport bars_start
from bot4._core.ta.channels cimport channels_extra_on_bar, channels_extra_start, channels_on_bar
from bot4._core.ta.columns cimport columns_push
from bot4._core.ta.elementary cimport UNDEFINED
from bot4._core.ta.history cimport history_push
from bot4._core.ta.momentum cimport (
    momentum_extra_on_bar,
    momentum_extra_start,
    momentum_heavy_on_bar,
    momentum_on_bar,
    momentum_start,
)
from bot4._core.ta.registry cimport (
    CLOCK_BAR,
    CLOCK_REFERENCE,
    FEATURE_CAPACITY,
    FEATURE_COUNT,
    FEATURE_GARCH_VOL,
    GROUP_CHANNELS,
    GROUP_GARCH,
    GROUP_HEAVY,
    GROUP_MOMENTUM,
    GROUP_OF_BARS,
    GROUP_REFERENCE,
    GROUP_STATISTICS,
    GROUP_TREND,
    GROUP_VOLATILITY,
    GROUP_VOLUME,
)
from bot4._core.ta.statistics cimport (
    reference_on_bar,
    statistics_extra_on_bar,
    statistics_heavy_on_bar,
    statistics_on_bar,
)
from bot4._core.ta.trend cimport trend_extra_on_bar, trend_extra_start, trend_on_bar, trend_start
from bot4._core.ta.volatility cimport (
    garch_on_bar,
    volatility_extra_on_bar,
    volatility_extra_start,
    volatility_on_bar,
    volatility_start,
)
from bot4._core.ta.volume cimport volume_extra_on_bar, volume_extra_start, volume_on_bar
from bot4._core.types cimport Bar


cdef void frame_start(BarFrame* frame, double tick_size, double lot_size, int64_t interval_ns) noexcept nogil:
    cdef int i
    for i in range(FEATURE_CAPACITY):
        frame.values[i] = UNDEFINED
    frame.history.tick_size = tick_size
    frame.history.lot_size = lot_size
    trend_start(&frame.trend)
    momentum_start(&frame.momentum)
    volatility_start(&frame.volatility)
    bars_start(&frame.bars, interval_ns)


cdef void extra_start(BarExtra* extra) noexcept nogil:
    trend_extra_start(&extra.trend)
    momentum_extra_start(&extra.momentum)
    channels_extra_start(&extra.channels)
    volatility_extra_start(&extra.volatility)
    volume_extra_start(&extra.volume)


cdef void frame_mark_ready(BarFrame* frame, const FeaturePlan* plan, int clock, int64_t count) noexcept nogil:
    cdef int i
    for i in range(FEATURE_COUNT):
        # A filter without parameters stays undefined.
        if plan.clock[i] == clock and count >= plan.warm_up[i] and (
            i != FEATURE_GARCH_VOL or frame.values[i] == frame.values[i]
        ):
            frame.ready[i >> 6] |= <uint64_t>1 << (i & 63)


cdef void _extra_on_bar(
    BarFrame* frame, BarExtra* extra, const FeaturePlan* plan, int64_t reference_ticks
) noexcept nogil:
    cdef double* values = &frame.values[0]
    cdef int64_t groups = plan.groups
    columns_push(&extra.columns, &frame.history)
    if groups & GROUP_TREND:
        trend_extra_on_bar(&extra.trend, &frame.trend, &frame.history, &extra.columns, values)
    if groups & GROUP_MOMENTUM:
        momentum_extra_on_bar(
            &extra.momentum, &frame.momentum, &frame.trend, &frame.history, &extra.columns, values
        )
    if groups & GROUP_CHANNELS:
        channels_extra_on_bar(&extra.channels, &frame.history, &extra.columns, values)
    if groups & GROUP_VOLATILITY:
        volatility_extra_on_bar(&extra.volatility, &frame.volatility, &frame.history, &extra.columns, values)
    if groups & GROUP_VOLUME:
        volume_extra_on_bar(&extra.volume, &frame.history, &extra.columns, values)
    if groups & GROUP_STATISTICS:
        statistics_extra_on_bar(&extra.statistics, &frame.history, &extra.columns, values)
    if groups & GROUP_HEAVY:
        momentum_heavy_on_bar(&frame.history, &extra.columns, values)
        statistics_heavy_on_bar(&extra.heavy, &frame.history, &extra.columns, values)
    if groups & GROUP_GARCH and extra.garch.omega > 0.0:
        garch_on_bar(&extra.garch, &frame.history, values)
    if groups & GROUP_REFERENCE and reference_on_bar(&extra.reference, &frame.history, reference_ticks, values):
        frame_advance(frame, plan, CLOCK_REFERENCE, extra.reference.count)


cdef void frame_on_bar(
    BarFrame* frame, BarExtra* extra, const FeaturePlan* plan, const Bar* bar, int64_t reference_ticks
) noexcept nogil:
    cdef double* values = &frame.values[0]
    cdef int64_t i
    frame.bar_boundary_ns = bar.close_time_ns
    history_push(&frame.history, bar)
    trend_on_bar(&frame.trend, &frame.history, values)
    momentum_on_bar(&frame.momentum, &frame.history, values)
    channels_on_bar(&frame.channels, &frame.history, values)
    volatility_on_bar(&frame.volatility, &frame.history, values)
    volume_on_bar(&frame.volume, &frame.history, values)
    statistics_on_bar(&frame.history, values)
    if plan.groups & GROUP_OF_BARS:
        _extra_on_bar(frame, extra, plan, reference_ticks)
    for i in range(plan.hidden_bars):
        values[plan.hidden[i]] = UNDEFINED
    frame_advance(frame, plan, CLOCK_BAR, frame.history.count)
