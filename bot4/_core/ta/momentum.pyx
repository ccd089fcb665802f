# cython: language_level=3
"""Momentum family, with TA-Lib's conventions.

RSI's Wilder averages start from the simple mean of the first 14 changes; with no movement it is 0.0. MACD gives its three
outputs together, from bar 34 on, and its fast average is seeded late: from bars 15 to 26, where the slow one is seeded.
"""

from libc.stdint cimport int64_t

from bot4._core.ta.averages cimport ema_start, ema_update
from bot4._core.ta.elementary cimport UNDEFINED, quiet
from bot4._core.ta.history cimport BarHistory, history_close
from bot4._core.ta.registry cimport (
    FEATURE_MACD_HIST,
    FEATURE_MACD_LINE,
    FEATURE_MACD_SIGNAL,
    FEATURE_MOM_10,
    FEATURE_ROC_10,
    FEATURE_RSI_14,
)


cdef void momentum_start(MomentumState* s) noexcept nogil:
    ema_start(&s.macd_fast, 12, 2.0 / 13)
    ema_start(&s.macd_slow, 26, 2.0 / 27)
    ema_start(&s.macd_signal, 9, 2.0 / 10)


cdef inline double _rsi(MomentumState* s, const BarHistory* h) noexcept nogil:
    cdef double change, gain, loss, moved
    if h.count < 2:
        return UNDEFINED
    change = <double>(h.bar.close_ticks - history_close(h, 1))
    gain = change if change > 0.0 else 0.0
    loss = -change if change < 0.0 else 0.0
    if h.count <= 15:
        s.gain_ticks += gain
        s.loss_ticks += loss
        if h.count < 15:
            return UNDEFINED
        s.gain_ticks /= 14.0
        s.loss_ticks /= 14.0
    else:
        s.gain_ticks = quiet((s.gain_ticks * 13.0 + gain) / 14.0)
        s.loss_ticks = quiet((s.loss_ticks * 13.0 + loss) / 14.0)
    moved = s.gain_ticks + s.loss_ticks
    return 100.0 * (s.gain_ticks / moved) if moved > 0.0 else 0.0


cdef void momentum_on_bar(MomentumState* s, const BarHistory* h, double* values) noexcept nogil:
    cdef double line, signal
    cdef int64_t before

    values[FEATURE_RSI_14] = _rsi(s, h)

    line = ema_update(&s.macd_slow, h.close)
    if h.count >= 15:
        line = ema_update(&s.macd_fast, h.close) - line
    if h.count >= 26:
        signal = ema_update(&s.macd_signal, line)
        if h.count >= 34:
            values[FEATURE_MACD_LINE] = line
            values[FEATURE_MACD_SIGNAL] = signal
            values[FEATURE_MACD_HIST] = line - signal

    if h.count > 10:
        before = history_close(h, 10)
        values[FEATURE_ROC_10] = 100.0 * <double>(h.bar.close_ticks - before) / <double>before
        values[FEATURE_MOM_10] = <double>(h.bar.close_ticks - before) * h.tick_size
