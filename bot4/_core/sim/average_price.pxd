"""Volume-weighted average price of the last minutes, in buckets of one second: the venue's avgPriceMins."""

from libc.stdint cimport int64_t

from bot4._core.types cimport money_t


ctypedef struct PriceBucket:
    money_t ticklots
    int64_t lots
    int64_t reserved


ctypedef struct AveragePrice:
    PriceBucket* buckets        # by second % seconds; NULL: off
    int64_t seconds
    int64_t newest              # second since 1970 of the newest bucket
    money_t ticklots            # sums over the window
    int64_t lots


cdef bint average_init(AveragePrice* average, int64_t minutes) noexcept       # 0 minutes: off. False: out of memory
cdef void average_release(AveragePrice* average) noexcept
cdef void average_trade(AveragePrice* average, int64_t now_ns, int64_t price_ticks, int64_t lots) noexcept nogil
# Average in ticks, to the nearest, ties to even; 0 where nothing traded in the window.
cdef int64_t average_ticks(AveragePrice* average, int64_t now_ns) noexcept nogil
