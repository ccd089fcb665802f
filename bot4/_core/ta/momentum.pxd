"""Momentum family: strength, oscillators and directional movement."""

from libc.stdint cimport int64_t

from bot4._core.ta.averages cimport Ema
from bot4._core.ta.columns cimport BarColumns
from bot4._core.ta.extremes cimport AgedExtreme, Extreme
from bot4._core.ta.history cimport BarHistory
from bot4._core.ta.trend cimport TrendState


ctypedef struct MomentumState:
    double gain_ticks       # Wilder averages; sums while they are being seeded
    double loss_ticks
    Ema macd_fast
    Ema macd_slow
    Ema macd_signal


# Buying pressure and true range of the ultimate oscillator, in ticks: sums over 7, 14 and 28 bars.
ctypedef struct Pressure:
    int64_t bought[3]
    int64_t path[3]
    int64_t bought_ring[32]
    int64_t path_ring[32]


# Wilder sums of directional movement, and the average of the index over them.
ctypedef struct Directional:
    double up_ticks
    double down_ticks
    double path_ticks
    double average


ctypedef struct MomentumExtra:
    double gain_7
    double loss_7
    double trix_before
    Ema triple[3]
    Ema change_25
    Ema change_13
    Ema distance_25
    Ema distance_13
    Pressure pressure
    Directional directional
    double raw_k[4]         # by bar
    double slow_k[4]
    Extreme high_14
    Extreme low_14          # of minus the low
    Extreme strong_14       # of RSI 14
    Extreme weak_14         # of minus RSI 14
    AgedExtreme aroon_up
    AgedExtreme aroon_down
    double high_block[14]
    double low_block[14]
    double strong_block[14]
    double weak_block[14]
    double up_block[26]
    double down_block[26]
    int64_t up_at[26]
    int64_t down_at[26]


cdef void momentum_start(MomentumState* s) noexcept nogil
cdef void momentum_on_bar(MomentumState* s, const BarHistory* h, double* values) noexcept nogil
cdef void momentum_extra_start(MomentumExtra* s) noexcept nogil
# After momentum_on_bar and trend_on_bar.
cdef void momentum_extra_on_bar(
    MomentumExtra* s, const MomentumState* base, const TrendState* trend, const BarHistory* h, const BarColumns* c,
    double* values
) noexcept nogil
# O(20) an update.
cdef void momentum_heavy_on_bar(const BarHistory* h, const BarColumns* c, double* values) noexcept nogil
