# cython: language_level=3
"""Trend family: moving averages of the close.

Simple and linearly weighted averages are sums of integer ticks, so they cannot drift. Exponential ones follow TA-Lib:
the seed is the simple average of the first `period` values, of averages of averages too.

Sources: KAMA, Kaufman (1995) "Smarter Trading"; T3, Tillson (1998) "Smoothing Techniques for More Accurate Signals";
HMA, Hull (2005). Each as TA-Lib computes it.
"""

from libc.stdint cimport int64_t

from bot4._core.ta.averages cimport ema_start, ema_update
from bot4._core.ta.columns cimport BarColumns
from bot4._core.ta.elementary cimport UNDEFINED, wide_to_double
from bot4._core.ta.history cimport BarHistory, history_close
from bot4._core.ta.registry cimport (
    FEATURE_DEMA_20,
    FEATURE_EMA_9,
    FEATURE_EMA_12,
    FEATURE_EMA_21,
    FEATURE_EMA_26,
    FEATURE_EMA_50,
    FEATURE_EMA_200,
    FEATURE_HMA_16,
    FEATURE_KAMA_10,
    FEATURE_LINREG_14,
    FEATURE_LINREG_SLOPE_14,
    FEATURE_SMA_5,
    FEATURE_SMA_10,
    FEATURE_SMA_20,
    FEATURE_SMA_50,
    FEATURE_SMA_100,
    FEATURE_SMA_200,
    FEATURE_T3_5,
    FEATURE_TEMA_20,
    FEATURE_TRIMA_20,
    FEATURE_VWMA_20,
    FEATURE_WMA_20,
)


cdef void trend_start(TrendState* s) noexcept nogil:
    ema_start(&s.ema_12, 12, 2.0 / 13)
    ema_start(&s.ema_26, 26, 2.0 / 27)


cdef inline double _average(const BarHistory* h, int64_t* sum_ticks, int64_t period) noexcept nogil:
    sum_ticks[0] += h.bar.close_ticks - history_close(h, period)
    return <double>sum_ticks[0] / <double>period * h.tick_size if h.count >= period else UNDEFINED


cdef void trend_on_bar(TrendState* s, const BarHistory* h, double* values) noexcept nogil:
    values[FEATURE_SMA_10] = _average(h, &s.sum_10, 10)
    values[FEATURE_SMA_20] = _average(h, &s.sum_20, 20)
    values[FEATURE_SMA_50] = _average(h, &s.sum_50, 50)
    values[FEATURE_EMA_12] = ema_update(&s.ema_12, h.close)
    values[FEATURE_EMA_26] = ema_update(&s.ema_26, h.close)


cdef void trend_extra_start(TrendExtra* s) noexcept nogil:
    cdef int i
    s.kama = UNDEFINED
    ema_start(&s.ema_9, 9, 2.0 / 10)
    ema_start(&s.ema_21, 21, 2.0 / 22)
    ema_start(&s.ema_50, 50, 2.0 / 51)
    ema_start(&s.ema_200, 200, 2.0 / 201)
    for i in range(3):
        ema_start(&s.twenty[i], 20, 2.0 / 21)
    for i in range(6):
        ema_start(&s.five[i], 5, 2.0 / 6)


cdef inline void _weigh(
    int64_t* sum_ticks, int64_t* weighted, int64_t period, const BarHistory* h
) noexcept nogil:
    """Slide both: every weight falls by one, which takes the old plain sum off, and the newest has the highest."""
    weighted[0] += period * h.bar.close_ticks - sum_ticks[0]
    sum_ticks[0] += h.bar.close_ticks - history_close(h, period)


cdef inline void _window_averages(
    TrendExtra* s, const TrendState* base, const BarHistory* h, const BarColumns* c, double* values
) noexcept nogil:
    cdef double tick = h.tick_size
    cdef int64_t place = h.count & 3
    cdef int64_t close = h.bar.close_ticks
    # What the sums of the first features held before this bar.
    cdef int64_t old_20 = base.sum_20 - close + history_close(h, 20)
    cdef int64_t old_10 = base.sum_10 - close + history_close(h, 10)
    values[FEATURE_SMA_5] = _average(h, &s.sum_5, 5)
    values[FEATURE_SMA_100] = _average(h, &s.sum_100, 100)
    _weigh(&s.sum_8, &s.weighted_8, 8, h)
    _weigh(&s.sum_14, &s.weighted_14, 14, h)
    _weigh(&s.sum_16, &s.weighted_16, 16, h)
    s.weighted_20 += 20 * close - old_20
    # Weights 1 to 10 and back to 1: the newest ten gain one each, the ten before them lose one each.
    s.triangle_20 += base.sum_10 - (old_20 - old_10)
    s.hull[place] = <double>s.weighted_8 / 18.0 - <double>s.weighted_16 / 136.0
    if h.count >= 14:
        values[FEATURE_LINREG_SLOPE_14] = <double>(2 * s.weighted_14 - 15 * s.sum_14) / 455.0 * tick
        values[FEATURE_LINREG_14] = <double>(s.weighted_14 - 5 * s.sum_14) / 35.0 * tick
    if h.count >= 19:
        values[FEATURE_HMA_16] = (
            4.0 * s.hull[place] + 3.0 * s.hull[(place + 3) & 3] + 2.0 * s.hull[(place + 2) & 3] + s.hull[(place + 1) & 3]
        ) / 10.0 * tick
    if h.count >= 20:
        values[FEATURE_WMA_20] = <double>s.weighted_20 / 210.0 * tick
        values[FEATURE_TRIMA_20] = <double>s.triangle_20 / 110.0 * tick
        values[FEATURE_VWMA_20] = tick * (
            wide_to_double(c.turnover_20) / <double>c.volume_20 if c.volume_20 else <double>base.sum_20 / 20.0
        )
    if h.count >= 200:
        values[FEATURE_SMA_200] = <double>c.sum_200 / 200.0 * tick


cdef inline void _adaptive(TrendExtra* s, const BarHistory* h, const BarColumns* c, double* values) noexcept nogil:
    cdef int64_t way = h.bar.close_ticks - history_close(h, 10)
    cdef double speed
    if h.count < 11:
        s.kama = h.close
        return
    speed = <double>(way if way >= 0 else -way) / <double>c.path_10 if c.path_10 else 1.0
    speed = speed * (2.0 / 3 - 2.0 / 31) + 2.0 / 31
    s.kama += (h.close - s.kama) * (speed * speed)
    values[FEATURE_KAMA_10] = s.kama


cdef inline void _chained(TrendExtra* s, const BarHistory* h, double* values) noexcept nogil:
    cdef double one = ema_update(&s.twenty[0], h.close)
    cdef double two = UNDEFINED
    cdef double x
    cdef int i
    if h.count >= 20:
        two = ema_update(&s.twenty[1], one)
    if h.count >= 39:
        values[FEATURE_DEMA_20] = 2.0 * one - two
        x = ema_update(&s.twenty[2], two)
        if h.count >= 58:
            values[FEATURE_TEMA_20] = 3.0 * one - 3.0 * two + x
    x = h.close
    for i in range(6):
        if h.count < 1 + 4 * i:
            return
        x = ema_update(&s.five[i], x)
    if h.count >= 25:
        # Weights of volume factor 0.7: -v^3, 3 v^2 + 3 v^3, -6 v^2 - 3 v - 3 v^3, 1 + 3 v + v^3 + 3 v^2.
        values[FEATURE_T3_5] = (
            -0.343 * s.five[5].value + 2.499 * s.five[4].value - 6.069 * s.five[3].value + 4.913 * s.five[2].value
        )


cdef void trend_extra_on_bar(
    TrendExtra* s, const TrendState* base, const BarHistory* h, const BarColumns* c, double* values
) noexcept nogil:
    values[FEATURE_EMA_9] = ema_update(&s.ema_9, h.close)
    values[FEATURE_EMA_21] = ema_update(&s.ema_21, h.close)
    values[FEATURE_EMA_50] = ema_update(&s.ema_50, h.close)
    values[FEATURE_EMA_200] = ema_update(&s.ema_200, h.close)
    _window_averages(s, base, h, c, values)
    _adaptive(s, h, c, values)
    _chained(s, h, values)
