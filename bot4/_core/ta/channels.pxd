"""Channel family: where the close stands in the bands, stops and extremes of its last bars."""

from libc.stdint cimport int64_t

from bot4._core.ta.averages cimport Ema
from bot4._core.ta.columns cimport BarColumns
from bot4._core.ta.extremes cimport Extreme
from bot4._core.ta.history cimport BarHistory
from bot4._core.ta.window cimport TickMoments


ctypedef struct ChannelState:
    TickMoments close_20


# Seen from its side, so that a falling trend is a rising one of the mirrored prices. In ticks.
ctypedef struct Parabolic:
    double side             # 1 rising, -1 falling
    double stop
    double extreme
    double speed


ctypedef struct Supertrend:
    double range            # Wilder average of the true range over 10; its sum while it is being seeded
    double upper
    double lower
    double side


ctypedef struct ChannelExtra:
    int64_t origin          # typical price of the first bar, thirds of a tick: what the next is counted from
    Ema typical_20
    double range_10         # as Supertrend's, but begun ten bars late
    Parabolic parabolic
    Supertrend supertrend
    Extreme high_20
    Extreme low_20          # of minus the low
    Extreme close_100
    double high_block[20]
    double low_block[20]
    double close_block[100]


cdef void channels_on_bar(ChannelState* s, const BarHistory* h, double* values) noexcept nogil
cdef void channels_extra_start(ChannelExtra* s) noexcept nogil
cdef void channels_extra_on_bar(ChannelExtra* s, const BarHistory* h, const BarColumns* c, double* values) noexcept nogil
