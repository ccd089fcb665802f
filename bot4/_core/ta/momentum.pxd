"""Momentum family: RSI, MACD, ROC, MOM of the close."""

from bot4._core.ta.averages cimport Ema
from bot4._core.ta.history cimport BarHistory


ctypedef struct MomentumState:
    double gain_ticks       # Wilder averages; sums while they are being seeded
    double loss_ticks
    Ema macd_fast
    Ema macd_slow
    Ema macd_signal


cdef void momentum_start(MomentumState* s) noexcept nogil
cdef void momentum_on_bar(MomentumState* s, const BarHistory* h, double* values) noexcept nogil
