"""Volatility family: true range, and volatilities from ranges and from log returns."""

from libc.stdint cimport int64_t

from bot4._core.ta.averages cimport Ema
from bot4._core.ta.columns cimport BarColumns
from bot4._core.ta.history cimport BarHistory
from bot4._core.ta.window cimport RollingSum


ctypedef struct VolatilityState:
    double atr_ticks        # Wilder average; the sum of true ranges while it is being seeded
    RollingSum squared_20
    Ema variance


# Four logarithms of one bar.
ctypedef struct BarLogs:
    double width            # high over low
    double body             # close over open
    double satchell         # ln(high/close) ln(high/open) + ln(low/close) ln(low/open)
    double jump             # open over the close before


# Sums over the last 20 bars.
ctypedef struct RangeSums:
    RollingSum width2
    RollingSum body
    RollingSum body2
    RollingSum satchell
    RollingSum jump
    RollingSum jump2
    BarLogs ring[32]


ctypedef struct VolatilityExtra:
    RollingSum squared_10
    RollingSum squared_60
    RollingSum products_20  # of the sizes of neighbouring returns, 19 of them
    RollingSum mass_25
    RangeSums ranges
    Ema range_9
    Ema range_9_9
    Ema range_10
    double mass_ring[32]
    double range_ring[16]   # of range_10


# Parameters of a fitted GARCH(1,1) of log returns; the volatility is of the bar to come.
ctypedef struct GarchFilter:
    double mean
    double omega
    double alpha
    double beta
    double variance


cdef void volatility_start(VolatilityState* s) noexcept nogil
cdef void volatility_on_bar(VolatilityState* s, const BarHistory* h, double* values) noexcept nogil
cdef void volatility_extra_start(VolatilityExtra* s) noexcept nogil
# After volatility_on_bar.
cdef void volatility_extra_on_bar(
    VolatilityExtra* s, const VolatilityState* base, const BarHistory* h, const BarColumns* c, double* values
) noexcept nogil
cdef void garch_on_bar(GarchFilter* g, const BarHistory* h, double* values) noexcept nogil
