# cython: language_level=3
"""Channel family: Bollinger bands (20, 2), z-score and standard deviation of the close, from one exact variance.

Deviations are population ones (ddof 0), as TA-Lib's. Where the close has not moved in 20 bars, the deviation is exactly 0
and the close counts as in the middle: z-score 0, %b 0.5, bandwidth 0.
"""

from libc.math cimport sqrt

from bot4._core.ta.history cimport BarHistory, history_close
from bot4._core.ta.registry cimport (
    FEATURE_BB_BANDWIDTH_20,
    FEATURE_BB_PERCENT_20,
    FEATURE_STDDEV_20,
    FEATURE_ZSCORE_20,
)
from bot4._core.ta.window cimport tick_moments_slide, tick_moments_variance


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
