# cython: language_level=3
"""Channel family: Bollinger bands (20, 2), z-score and standard deviation of the close, from one exact variance.

Deviations are population ones (ddof 0), as TA-Lib's. Where the close has not moved in 20 bars, the deviation is exactly 0
and the close counts as in the middle: z-score 0, %b 0.5, bandwidth 0. So do the other bands without a width.

Sources: parabolic stop and reverse, Wilder (1978); Keltner's channel and the supertrend as TA-Lib computes them.
"""

from libc.math cimport sqrt
from libc.stdint cimport int64_t

from bot4._core.ta.averages cimport ema_start, ema_update
from bot4._core.ta.columns cimport BarColumns
from bot4._core.ta.elementary cimport quiet
from bot4._core.ta.extremes cimport extreme_start, extreme_update
from bot4._core.ta.history cimport BarHistory, history_close
from bot4._core.ta.registry cimport (
    FEATURE_BB_BANDWIDTH_20,
    FEATURE_BB_PERCENT_20,
    FEATURE_DONCHIAN_PLACE_20,
    FEATURE_DONCHIAN_WIDTH_20,
    FEATURE_DRAWDOWN_100,
    FEATURE_KELTNER_PLACE_20,
    FEATURE_SAR,
    FEATURE_SMA_200_DISTANCE,
    FEATURE_STDDEV_20,
    FEATURE_SUPERTREND_10,
    FEATURE_ZSCORE_20,
)
from bot4._core.ta.window cimport tick_moments_slide, tick_moments_variance
from bot4._core.types cimport Bar


cdef void channels_on_bar(ChannelState* s, const BarHistory* h, double* values) noexcept nogil:
    cdef double deviation_ticks, above_mean, z
    tick_moments_slide(&s.close_20, h.bar.close_ticks, history_close(h, 20))
    if h.count < 20:
        return
    deviation_ticks = sqrt(tick_moments_variance(&s.close_20, 20))
    # 20 times (close - mean) is an integer: no digits lost in the difference.
    above_mean = <double>(20 * h.bar.close_ticks - s.close_20.sum) / 20.0
    z = above_mean / deviation_ticks if deviation_ticks > 0.0 else 0.0
    values[FEATURE_STDDEV_20] = deviation_ticks * h.tick_size
    values[FEATURE_ZSCORE_20] = z
    values[FEATURE_BB_PERCENT_20] = 0.5 + 0.25 * z
    values[FEATURE_BB_BANDWIDTH_20] = 80.0 * deviation_ticks / <double>s.close_20.sum


cdef void channels_extra_start(ChannelExtra* s) noexcept nogil:
    ema_start(&s.typical_20, 20, 2.0 / 21)
    extreme_start(&s.high_20, s.high_block, 20)
    extreme_start(&s.low_20, s.low_block, 20)
    extreme_start(&s.close_100, s.close_block, 100)


cdef inline double _place(double above_low, double width) noexcept nogil:
    return above_low / width if width > 0.0 else 0.5


cdef inline double _wilder_10(double average, double x, int64_t count) noexcept nogil:
    """Average of true ranges with the count-th one; their sum before the tenth."""
    if count <= 10:
        return (average + x) / 10.0 if count == 10 else average + x
    return quiet((average * 9.0 + x) / 10.0)


cdef inline double _trough(double side, const Bar* bar) noexcept nogil:
    return <double>bar.low_ticks if side > 0.0 else -<double>bar.high_ticks


cdef inline double _peak(double side, const Bar* bar) noexcept nogil:
    return <double>bar.high_ticks if side > 0.0 else -<double>bar.low_ticks


cdef inline void _parabolic_start(Parabolic* p, const Bar* first, const Bar* second) noexcept nogil:
    cdef int64_t rise = second.high_ticks - first.high_ticks
    cdef int64_t fall = first.low_ticks - second.low_ticks
    p.side = -1.0 if fall > 0 and fall > rise else 1.0
    p.stop = _trough(p.side, first)
    p.extreme = _peak(p.side, second)
    p.speed = 0.02


cdef inline void _parabolic(Parabolic* p, const BarHistory* h, const BarColumns* c, double* values) noexcept nogil:
    # TA-Lib takes the second bar for the one before itself.
    cdef const Bar* before = &c.before if h.count > 2 else &h.bar
    cdef double peak, shown
    if h.count < 2:
        return
    if h.count == 2:
        _parabolic_start(p, &c.before, &h.bar)
    peak = _peak(p.side, &h.bar)
    if _trough(p.side, &h.bar) <= p.stop:
        shown = max(p.extreme, _peak(p.side, before), peak)
        values[FEATURE_SAR] = shown * p.side * h.tick_size
        p.side = -p.side
        p.stop = -shown
        p.extreme = _peak(p.side, &h.bar)
        p.speed = 0.02
    else:
        values[FEATURE_SAR] = p.stop * p.side * h.tick_size
        if peak > p.extreme:
            p.extreme = peak
            p.speed = min(p.speed + 0.02, 0.2)
    p.stop = min(p.stop + p.speed * (p.extreme - p.stop), _trough(p.side, before), _trough(p.side, &h.bar))


cdef inline void _supertrend(Supertrend* s, const BarHistory* h, const BarColumns* c, double* values) noexcept nogil:
    cdef double middle = 0.5 * <double>(h.bar.high_ticks + h.bar.low_ticks)
    cdef double close = <double>h.bar.close_ticks
    cdef double before = <double>c.before.close_ticks
    cdef double high, low
    if h.count < 2:
        return
    s.range = _wilder_10(s.range, <double>c.true_range, h.count - 1)
    if h.count < 11:
        return
    high = middle + 3.0 * s.range
    low = middle - 3.0 * s.range
    if h.count == 11 or high < s.upper or before > s.upper:
        s.upper = high
    if h.count == 11 or low > s.lower or before < s.lower:
        s.lower = low
    if h.count == 11:
        s.side = 1.0
    if s.side > 0.0:
        s.side = 1.0 if close >= s.lower else -1.0
    else:
        s.side = 1.0 if close > s.upper else -1.0
    values[FEATURE_SUPERTREND_10] = (s.lower if s.side > 0.0 else s.upper) * h.tick_size


cdef void channels_extra_on_bar(ChannelExtra* s, const BarHistory* h, const BarColumns* c, double* values) noexcept nogil:
    cdef double close = <double>h.bar.close_ticks
    cdef double high = extreme_update(&s.high_20, s.high_block, <double>h.bar.high_ticks, 20)
    cdef double low = -extreme_update(&s.low_20, s.low_block, -<double>h.bar.low_ticks, 20)
    cdef double peak = extreme_update(&s.close_100, s.close_block, close, 100)
    cdef double above_middle
    # Counted from where it began, so that a price that has hardly moved keeps its digits.
    if h.count == 1:
        s.origin = c.typical
    above_middle = <double>(3 * h.bar.close_ticks - s.origin) / 3.0 - ema_update(
        &s.typical_20, <double>(c.typical - s.origin) / 3.0
    )
    if h.count > 10:
        s.range_10 = _wilder_10(s.range_10, <double>c.true_range, h.count - 10)
    if h.count >= 20:
        values[FEATURE_DONCHIAN_PLACE_20] = _place(close - low, high - low)
        values[FEATURE_DONCHIAN_WIDTH_20] = 2.0 * (high - low) / (high + low)
        values[FEATURE_KELTNER_PLACE_20] = _place(above_middle + 2.0 * s.range_10, 4.0 * s.range_10)
    _parabolic(&s.parabolic, h, c, values)
    _supertrend(&s.supertrend, h, c, values)
    if h.count >= 100:
        values[FEATURE_DRAWDOWN_100] = (close - peak) / peak
    if h.count >= 200:
        values[FEATURE_SMA_200_DISTANCE] = <double>(200 * h.bar.close_ticks - c.sum_200) / <double>c.sum_200
