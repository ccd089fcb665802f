# cython: language_level=3
"""A rolling window of doubles: mean, variance and sum that stay right after any number of updates.

Two things keep it exact to rounding. The sums are of differences from a reference value, so a series of 10,000,000.2 does
not lose its decimals in the squares; and each time the ring wraps, the reference moves to the newest value and the sums
are taken afresh, so nothing is left of values long gone. In between they are compensated (Knuth's two-sum).
The fresh sums cost one pass over the window every `period` updates: O(1) amortised, O(period) at worst.
"""

import numpy as np

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free

from bot4._core.ta.elementary cimport UNDEFINED, is_usable

_MAX_PERIOD = 1 << 20


cdef void _recentre(Window* w, double reference) noexcept nogil:
    cdef int64_t i
    cdef double d
    w.reference = reference
    w.sum.high = w.sum.low = w.squares.high = w.squares.low = 0.0
    for i in range(w.period):
        d = w.values[i] - reference
        rolling_sum_add(&w.sum, d)
        rolling_sum_add(&w.squares, d * d)


cdef bint window_push(Window* w, double x) noexcept nogil:
    cdef double entering, leaving
    if not is_usable(x):
        w.refused += 1
        return 0
    if w.count == 0:
        w.reference = x
    entering = x - w.reference
    rolling_sum_add(&w.sum, entering)
    rolling_sum_add(&w.squares, entering * entering)
    if w.count >= w.period:
        leaving = w.values[w.position] - w.reference
        rolling_sum_add(&w.sum, -leaving)
        rolling_sum_add(&w.squares, -(leaving * leaving))
    w.values[w.position] = x
    w.position += 1
    w.count += 1
    if w.position == w.period:
        w.position = 0
        _recentre(w, x)
    return 1


cdef double window_mean(const Window* w) noexcept nogil:
    cdef int64_t n = w.count if w.count < w.period else w.period
    return w.reference + rolling_sum_value(&w.sum) / n if n else UNDEFINED


cdef double window_variance(const Window* w) noexcept nogil:
    cdef int64_t n = w.count if w.count < w.period else w.period
    cdef double mean, variance
    if n == 0:
        return UNDEFINED
    mean = rolling_sum_value(&w.sum) / n
    variance = rolling_sum_value(&w.squares) / n - mean * mean
    return variance if variance > 0.0 else 0.0


cdef class RollingWindow:
    """The last `period` values of a series, with their mean and population variance.

    Not thread-safe: one owner.

    Parameters
    ----------
    period : int
        Values in the window, 1 to 1,048,576.

    Raises
    ------
    ValueError
        Where the period is outside that range.

    >>> window = RollingWindow(3)
    >>> window.apply_many([1.0, 2.0, 3.0, float("nan"), 7.0])
    4
    >>> window.mean(), window.refused
    (4.0, 1)
    """

    def __cinit__(self, int64_t period):
        if not 1 <= period <= _MAX_PERIOD:
            raise ValueError(f"period must be 1 to {_MAX_PERIOD}, was {period}")
        self.window = <Window*>calloc(1, sizeof(Window))
        if self.window is NULL:
            raise MemoryError
        self.window.values = <double*>calloc(period, sizeof(double))
        if self.window.values is NULL:
            raise MemoryError
        self.window.period = period

    def __dealloc__(self):
        if self.window is not NULL:
            free(self.window.values)
            free(self.window)

    def update(self, double x):
        """Take one value in; False where it is not finite (or beyond 1e100), which changes nothing but `refused`."""
        return window_push(self.window, x)

    def apply_many(self, values):
        """Take values in, oldest first, and return how many were accepted.

        Parameters
        ----------
        values : array_like[float64], shape (n,)
        """
        cdef const double[::1] x = np.ascontiguousarray(values, dtype=np.float64)
        cdef Py_ssize_t i
        cdef int64_t accepted = 0
        with nogil:
            for i in range(x.shape[0]):
                accepted += window_push(self.window, x[i])
        return accepted

    def mean(self):
        """Return the mean of what is in the window; NaN while it is empty."""
        return window_mean(self.window)

    def variance(self):
        """Return the population variance (ddof 0) of what is in the window; NaN while it is empty."""
        return window_variance(self.window)

    @property
    def count(self):
        """Values accepted so far."""
        return self.window.count

    @property
    def refused(self):
        """Values refused so far."""
        return self.window.refused

    @property
    def is_full(self):
        """Whether `period` values have been accepted."""
        return window_is_full(self.window)
