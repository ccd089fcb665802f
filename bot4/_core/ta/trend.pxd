"""Trend family: moving averages of the close."""

from libc.stdint cimport int64_t

from bot4._core.ta.averages cimport Ema
from bot4._core.ta.columns cimport BarColumns
from bot4._core.ta.history cimport BarHistory


ctypedef struct TrendState:
    int64_t sum_10        # of closes, ticks: exact
    int64_t sum_20
    int64_t sum_50
    Ema ema_12
    Ema ema_26


# Sums of closes in ticks; `weighted` ones count the oldest once and the newest as often as the window is long.
ctypedef struct TrendExtra:
    int64_t sum_5
    int64_t sum_8
    int64_t sum_14
    int64_t sum_16
    int64_t sum_100
    int64_t weighted_8
    int64_t weighted_14
    int64_t weighted_16
    int64_t weighted_20
    int64_t triangle_20
    double hull[4]        # of the last bars, ticks
    double kama
    Ema ema_9
    Ema ema_21
    Ema ema_50
    Ema ema_200
    Ema twenty[3]         # an average of the average of the average
    Ema five[6]


cdef void trend_start(TrendState* s) noexcept nogil
cdef void trend_on_bar(TrendState* s, const BarHistory* h, double* values) noexcept nogil
cdef void trend_extra_start(TrendExtra* s) noexcept nogil
# After trend_on_bar.
cdef void trend_extra_on_bar(
    TrendExtra* s, const TrendState* base, const BarHistory* h, const BarColumns* c, double* values
) noexcept nogil
