"""Highest and lowest of the last n values: one comparison an update, and one pass over n values each n updates.

The window is cut into blocks of n. Of the block before, the array keeps the best from each place to its end; of the open
block, the values themselves and the best so far. The best of the window is the better of the two (van Herk 1992, Gil and
Werman 1993), so nothing is searched for and no branch depends on the prices. A lowest is minus the highest of minus x.
"""

from libc.stdint cimport int64_t


cdef extern from *:
    """
    #define BOT4_NOWHERE (-__builtin_inf())
    """
    const double NOWHERE "BOT4_NOWHERE"


# The array of n values lies beside it, in the struct that owns both.
ctypedef struct Extreme:
    double open_best
    int64_t place


# As Extreme, and the number of the bar that the highest was seen at; of equal ones the newest.
ctypedef struct AgedExtreme:
    double open_best
    int64_t open_at
    int64_t place


cdef inline void extreme_start(Extreme* e, double* block, int64_t period) noexcept nogil:
    cdef int64_t i
    e.open_best = NOWHERE
    e.place = 0
    for i in range(period):
        block[i] = NOWHERE


cdef inline double extreme_update(Extreme* e, double* block, double x, int64_t period) noexcept nogil:
    """Highest of the last `period` values including x; of all there are, before there are so many."""
    cdef double best = x if x > e.open_best else e.open_best
    cdef int64_t i
    block[e.place] = x
    e.place += 1
    if e.place < period:
        e.open_best = best
        return best if best > block[e.place] else block[e.place]
    for i in range(period - 2, -1, -1):
        if block[i + 1] > block[i]:
            block[i] = block[i + 1]
    e.open_best = NOWHERE
    e.place = 0
    return best


cdef inline void aged_start(AgedExtreme* e, double* block, int64_t period) noexcept nogil:
    cdef int64_t i
    e.open_best = NOWHERE
    e.open_at = 0
    e.place = 0
    for i in range(period):
        block[i] = NOWHERE


cdef inline int64_t aged_update(
    AgedExtreme* e, double* block, int64_t* seen_at, double x, int64_t now, int64_t period
) noexcept nogil:
    """When the highest of the last `period` values was seen; x is seen `now`."""
    cdef int64_t i, at
    if x >= e.open_best:
        e.open_best = x
        e.open_at = now
    at = e.open_at
    block[e.place] = x
    seen_at[e.place] = now
    e.place += 1
    if e.place < period:
        return seen_at[e.place] if block[e.place] > e.open_best else at
    for i in range(period - 2, -1, -1):
        if block[i + 1] >= block[i]:
            block[i] = block[i + 1]
            seen_at[i] = seen_at[i + 1]
    e.open_best = NOWHERE
    e.place = 0
    return at
