"""Trend family: moving averages of the close."""

from libc.stdint cimport int64_t

from bot4._core.ta.averages cimport Ema
from bot4._core.ta.history cimport BarHistory


ctypedef struct TrendState:
    int64_t sum_10        # of closes, ticks: exact
    int64_t sum_20
    int64_t sum_50
    Ema ema_12
    Ema ema_26


cdef void trend_start(TrendState* s) noexcept nogil
cdef void trend_on_bar(TrendState* s, const BarHistory* h, double* values) noexcept nogil
