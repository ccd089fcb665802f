# cython: language_level=3
"""Volatility family: ATR (Wilder, seeded as TA-Lib by the mean of the first 14 true ranges), realised and EWMA volatility.

Volatilities are per bar, of log returns, not annualised. Source of the EWMA: RiskMetrics Technical Document (1996),
lambda 0.94; seeded by the mean of the first 20 squared returns.
"""

from libc.math cimport sqrt
from libc.stdint cimport int64_t

from bot4._core.ta.averages cimport ema_start, ema_update
from bot4._core.ta.elementary cimport quiet
from bot4._core.ta.history cimport BarHistory, history_close, history_squared_return
from bot4._core.ta.registry cimport FEATURE_ATR_14, FEATURE_EWMA_VOL_94, FEATURE_REALISED_VOL_20
from bot4._core.ta.window cimport rolling_sum_slide, rolling_sum_value


cdef void volatility_start(VolatilityState* s) noexcept nogil:
    ema_start(&s.variance, 20, 0.06)


cdef inline int64_t _true_range(const BarHistory* h) noexcept nogil:
    cdef int64_t before = history_close(h, 1)
    cdef int64_t high = h.bar.high_ticks if h.bar.high_ticks > before else before
    cdef int64_t low = h.bar.low_ticks if h.bar.low_ticks < before else before
    return high - low


cdef void volatility_on_bar(VolatilityState* s, const BarHistory* h, double* values) noexcept nogil:
    cdef double square, variance, realised
    if h.count < 2:
        return
    if h.count <= 15:
        s.atr_ticks += <double>_true_range(h)
        if h.count == 15:
            s.atr_ticks /= 14.0
    else:
        s.atr_ticks = quiet((s.atr_ticks * 13.0 + <double>_true_range(h)) / 14.0)
    if h.count >= 15:
        values[FEATURE_ATR_14] = s.atr_ticks * h.tick_size

    square = history_squared_return(h, 0)
    rolling_sum_slide(&s.squared_20, square, history_squared_return(h, 20))
    variance = ema_update(&s.variance, square)
    if h.count >= 21:
        realised = rolling_sum_value(&s.squared_20)
        values[FEATURE_REALISED_VOL_20] = sqrt(realised) if realised > 0.0 else 0.0
        values[FEATURE_EWMA_VOL_94] = sqrt(variance)
