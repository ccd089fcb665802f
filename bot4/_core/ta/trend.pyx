# cython: language_level=3
"""Trend family: moving averages of the close.

Simple averages are sums of integer ticks, so they cannot drift. Exponential ones follow TA-Lib: the seed is the simple
average of the first `period` closes.
"""

from libc.stdint cimport int64_t

from bot4._core.ta.averages cimport ema_start, ema_update
from bot4._core.ta.elementary cimport UNDEFINED
from bot4._core.ta.history cimport BarHistory, history_close
from bot4._core.ta.registry cimport FEATURE_EMA_12, FEATURE_EMA_26, FEATURE_SMA_10, FEATURE_SMA_20, FEATURE_SMA_50


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
