"""The last bars in columns: one ring that every bar feature reads, whatever its period."""

from libc.stdint cimport int64_t

from bot4._core.ta.elementary cimport log_ratio
from bot4._core.types cimport Bar


cdef enum:
    HISTORY_BARS = 256    # a power of two above the longest window (200)


# Places not yet written are zero. `count` is the number of bars taken in; the newest has lag 0.
ctypedef struct BarHistory:
    double tick_size
    double lot_size
    int64_t count
    Bar bar
    double close
    double log_return                   # of the newest bar; 0 for the first
    int64_t close_ticks[256]
    double squared_return[256]


cdef inline int64_t history_close(const BarHistory* h, int64_t lag) noexcept nogil:
    """Close `lag` bars ago, in ticks; 0 before the first bar."""
    return h.close_ticks[(h.count - lag) & (HISTORY_BARS - 1)]


cdef inline double history_squared_return(const BarHistory* h, int64_t lag) noexcept nogil:
    return h.squared_return[(h.count - lag) & (HISTORY_BARS - 1)]


cdef inline void history_push(BarHistory* h, const Bar* bar) noexcept nogil:
    cdef int64_t place = (h.count + 1) & (HISTORY_BARS - 1)
    h.log_return = log_ratio(bar.close_ticks, history_close(h, 0)) if h.count else 0.0
    h.count += 1
    h.bar = bar[0]
    h.close = <double>bar.close_ticks * h.tick_size
    h.close_ticks[place] = bar.close_ticks
    h.squared_return[place] = h.log_return * h.log_return
