"""What several families beyond the first features read: columns of the last bars and the sums over shared windows."""

from libc.stdint cimport int64_t

from bot4._core.ta.history cimport BarHistory, history_close
from bot4._core.types cimport Bar, money_t, mul_wide


cdef enum:
    COLUMN_BARS = 64       # a power of two above the longest window of the columns (30)
    RETURN_BARS = 128      # of the log returns (100), twice in a row so that a window is never cut


# Places not yet written are zero. Rings are read by lag: 0 is the newest bar.
ctypedef struct BarColumns:
    Bar before                      # the bar before the newest; zero before the second
    Bar newest
    int64_t true_range              # of the newest bar, ticks; 0 for the first
    int64_t typical                 # high + low + close, ticks
    int64_t sum_200                 # of closes
    int64_t path_10                 # of the sizes of the last 10 changes of the close
    int64_t volume_20
    money_t turnover_20             # close * volume
    money_t typical_turnover_20
    int64_t typical_ring[64]
    int64_t volume_ring[64]
    double returns[256]             # place k and k + 128 hold the same log return


cdef inline int64_t column_typical(const BarColumns* c, const BarHistory* h, int64_t lag) noexcept nogil:
    return c.typical_ring[(h.count - lag) & (COLUMN_BARS - 1)]


cdef inline int64_t column_volume(const BarColumns* c, const BarHistory* h, int64_t lag) noexcept nogil:
    return c.volume_ring[(h.count - lag) & (COLUMN_BARS - 1)]


cdef inline const double* column_returns(const BarColumns* c, const BarHistory* h, int64_t n) noexcept nogil:
    """The last n log returns, oldest first, in one piece."""
    return &c.returns[((h.count - n + 1) & (RETURN_BARS - 1))]


cdef inline double column_return(const BarColumns* c, const BarHistory* h, int64_t lag) noexcept nogil:
    return c.returns[(h.count - lag) & (RETURN_BARS - 1)]


cdef inline int64_t distance(int64_t a, int64_t b) noexcept nogil:
    return a - b if a > b else b - a


cdef inline void columns_push(BarColumns* c, const BarHistory* h) noexcept nogil:
    """Take the newest bar of the history in."""
    cdef const Bar* bar = &h.bar
    cdef const Bar* before = &c.before
    cdef int64_t place = h.count & (COLUMN_BARS - 1)
    cdef int64_t high = bar.high_ticks
    cdef int64_t low = bar.low_ticks
    c.before = c.newest
    c.newest = h.bar
    if h.count > 1:
        high = high if high > before.close_ticks else before.close_ticks
        low = low if low < before.close_ticks else before.close_ticks
        c.true_range = high - low
        c.path_10 += distance(bar.close_ticks, before.close_ticks)
        if h.count > 11:
            c.path_10 -= distance(history_close(h, 10), history_close(h, 11))
    c.typical = bar.high_ticks + bar.low_ticks + bar.close_ticks
    c.typical_ring[place] = c.typical
    c.volume_ring[place] = bar.volume_lots
    c.sum_200 += bar.close_ticks - history_close(h, 200)
    c.volume_20 += bar.volume_lots - column_volume(c, h, 20)
    c.turnover_20 += mul_wide(bar.close_ticks, bar.volume_lots)
    c.turnover_20 -= mul_wide(history_close(h, 20), column_volume(c, h, 20))
    c.typical_turnover_20 += mul_wide(c.typical, bar.volume_lots)
    c.typical_turnover_20 -= mul_wide(column_typical(c, h, 20), column_volume(c, h, 20))
    c.returns[h.count & (RETURN_BARS - 1)] = h.log_return
    c.returns[(h.count & (RETURN_BARS - 1)) + RETURN_BARS] = h.log_return
