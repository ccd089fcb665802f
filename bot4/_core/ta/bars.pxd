"""Time bars from trades, or from shorter bars, with boundaries in event time."""

from libc.stdint cimport int64_t

from bot4._core.types cimport Bar


cpdef enum BarVerdict:
    BAR_OPEN = 0        # taken into the open bar
    BAR_CLOSED = 1      # taken in; a finished bar was written first
    BAR_LATE = 2        # the trade belongs before the open bar: refused, counted
    BAR_REFUSED = 3     # price, quantity or time out of range: refused, counted


ctypedef struct TimeBars:
    int64_t interval_ns
    int64_t boundary_ns       # start of the open bar, or end of the last finished one: earlier trades are late
    int64_t bars
    int64_t late_trades
    int64_t refused_trades
    int64_t is_open
    Bar open_bar


cdef void bars_start(TimeBars* b, int64_t interval_ns) noexcept nogil
cdef int bars_on_trade(
    TimeBars* b, int64_t price_ticks, int64_t qty_lots, bint seller_is_taker, int64_t ts_ns, Bar* closed
) noexcept nogil
cdef bint bars_on_time(TimeBars* b, int64_t now_ns, Bar* closed) noexcept nogil    # 1: the open bar ended, written
# Takes a bar of a shorter interval into the bar of the interval it opens in. Bars come in order of their times, and
# bars_on_time with the time a bar opens goes before.
cdef void bars_on_bar(TimeBars* b, const Bar* part) noexcept nogil


cdef class TimeBarBuilder:
    cdef TimeBars bars
