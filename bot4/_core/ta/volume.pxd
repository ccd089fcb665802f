"""Volume family: cumulative lines, money flow and average prices by volume."""

from libc.stdint cimport int64_t

from bot4._core.ta.averages cimport Ema
from bot4._core.ta.columns cimport BarColumns
from bot4._core.ta.history cimport BarHistory
from bot4._core.ta.window cimport RollingSum
from bot4._core.types cimport money_t


ctypedef struct VolumeState:
    money_t obv_lots        # 128 bits: a sum over the whole session cannot overflow


# Sums of typical price (three times it, in ticks) by volume.
ctypedef struct VolumeExtra:
    money_t rising_14
    money_t falling_14
    money_t session_turnover
    money_t session_lots
    int64_t session
    RollingSum accumulation     # of money flow, lots
    RollingSum flow_20
    RollingSum trend_lots
    double line_fast
    double line_slow
    double negative
    Ema force_13
    double flow_ring[32]


cdef void volume_on_bar(VolumeState* s, const BarHistory* h, double* values) noexcept nogil
cdef void volume_extra_start(VolumeExtra* s) noexcept nogil
cdef void volume_extra_on_bar(VolumeExtra* s, const BarHistory* h, const BarColumns* c, double* values) noexcept nogil
