# cython: language_level=3
"""The average price (contract in average_price.pxd).

The window is whole seconds: the one of `now_ns` and as many before it as the minutes hold, so a trade counts for up to
one second less than the minutes say. A second long gone costs one step once.

Not seen from Python: a symbol of an exchange owns one.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport free
from libc.string cimport memset

from bot4._core.account.money cimport money_add, money_div_half_even, money_sub
from bot4._core.types cimport aligned_zalloc, mul_wide


cdef bint average_init(AveragePrice* average, int64_t minutes) noexcept:
    memset(average, 0, sizeof(AveragePrice))
    average.seconds = minutes * 60
    if minutes == 0:
        return True
    average.buckets = <PriceBucket*>aligned_zalloc(<size_t>average.seconds * sizeof(PriceBucket))
    return average.buckets != NULL


cdef void average_release(AveragePrice* average) noexcept:
    free(average.buckets)
    memset(average, 0, sizeof(AveragePrice))


cdef void _advance(AveragePrice* average, int64_t now_ns) noexcept nogil:
    """Empty the buckets of the seconds that have left the window."""
    cdef int64_t second = now_ns // 1000000000
    cdef PriceBucket* bucket
    if second - average.newest >= average.seconds:
        if average.lots != 0:
            memset(average.buckets, 0, <size_t>average.seconds * sizeof(PriceBucket))
            average.ticklots = 0
            average.lots = 0
        average.newest = second
        return
    while average.newest < second:
        average.newest += 1
        bucket = &average.buckets[average.newest % average.seconds]
        average.ticklots = money_sub(average.ticklots, bucket.ticklots)
        average.lots -= bucket.lots
        bucket.ticklots = 0
        bucket.lots = 0


cdef void average_trade(AveragePrice* average, int64_t now_ns, int64_t price_ticks, int64_t lots) noexcept nogil:
    cdef PriceBucket* bucket
    cdef money_t ticklots = mul_wide(price_ticks, lots)
    if average.buckets == NULL:
        return
    _advance(average, now_ns)
    bucket = &average.buckets[average.newest % average.seconds]
    bucket.ticklots = money_add(bucket.ticklots, ticklots)
    bucket.lots += lots
    average.ticklots = money_add(average.ticklots, ticklots)
    average.lots += lots


cdef int64_t average_ticks(AveragePrice* average, int64_t now_ns) noexcept nogil:
    if average.buckets == NULL:
        return 0
    _advance(average, now_ns)
    if average.lots == 0:
        return 0
    return <int64_t>money_div_half_even(average.ticklots, average.lots)
