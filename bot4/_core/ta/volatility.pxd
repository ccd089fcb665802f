"""Volatility family: average true range and volatilities of the log return."""

from libc.stdint cimport int64_t

from bot4._core.ta.averages cimport Ema
from bot4._core.ta.history cimport BarHistory
from bot4._core.ta.window cimport RollingSum


ctypedef struct VolatilityState:
    double atr_ticks        # Wilder average; the sum of true ranges while it is being seeded
    RollingSum squared_20
    Ema variance


cdef void volatility_start(VolatilityState* s) noexcept nogil
cdef void volatility_on_bar(VolatilityState* s, const BarHistory* h, double* values) noexcept nogil
