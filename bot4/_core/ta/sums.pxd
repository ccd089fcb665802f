"""Compensated sums over windows of small numbers that a huge one may pass through.

Powers are summed of differences from a shift near most of the numbers. A mean would not do: a jump moves it, and the sums of
a window that the jump is not in, or no longer, would cancel.
"""

from bot4._core.ta.window cimport RollingSum, rolling_sum_add


cdef enum:
    RESUM_BARS = 64     # sums over windows are taken afresh this often, a power of two


cdef inline bint must_resum(long long count, double leaving, double staying) noexcept nogil:
    """Whether to take a sum of squares afresh: its turn, or what leaves hides all the digits of what stays."""
    return (count & (RESUM_BARS - 1)) == 0 or leaving > 1e9 * staying


cdef inline void sum_clear(RollingSum* s) noexcept nogil:
    s.high = s.low = 0.0


cdef inline double middle_of(const double* values, long long count) noexcept nogil:
    """Median of 15 of `count` values, evenly spread: near the mean of most of them, whatever the few others are."""
    cdef double kept[15]
    cdef double x
    cdef int i, place
    for i in range(15):
        x = values[i * (count - 1) // 14]
        place = i
        while place > 0 and kept[place - 1] > x:
            kept[place] = kept[place - 1]
            place -= 1
        kept[place] = x
    return kept[7]
