# cython: language_level=3
"""Simple, exponential and weighted moving averages of a series of doubles.

Values agree with TA-Lib's SMA, EMA and WMA: the exponential average starts from the simple average of its first
`period` values. Unlike TA-Lib's, the simple average keeps its sum in two doubles and does not drift.
"""

import numpy as np

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free

from bot4._core.ta.elementary cimport UNDEFINED, is_usable

_MAX_PERIOD = 1 << 20


cdef int64_t _checked(int64_t period) except -1:
    if not 1 <= period <= _MAX_PERIOD:
        raise ValueError(f"period must be 1 to {_MAX_PERIOD}, was {period}")
    return period


cdef class SimpleAverage:
    """Average of the last `period` values. Not thread-safe: one owner.

    Parameters
    ----------
    period : int
        1 to 1,048,576; ValueError outside.

    >>> average = SimpleAverage(3)
    >>> average.apply_many([1.0, 2.0, 3.0, 7.0]).tolist()
    [nan, nan, 2.0, 4.0]
    """

    def __cinit__(self, int64_t period):
        self.state.period = _checked(period)
        self.state.inverse = 1.0 / period
        self.state.values = <double*>calloc(period, sizeof(double))
        if self.state.values is NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.state.values)

    def update(self, double x):
        """Average including x, NaN before `period` values; an x that is not finite is refused, counted, gives NaN."""
        if not is_usable(x):
            self.refused += 1
            return UNDEFINED
        return sma_update(&self.state, x)

    def apply_many(self, values):
        """Return the average after each value.

        Parameters
        ----------
        values : array_like[float64], shape (n,), oldest first

        Returns
        -------
        ndarray[float64], shape (n,)
            NaN before `period` values and where the value was refused (not finite; counted, changes nothing).
        """
        cdef const double[::1] x = np.ascontiguousarray(values, dtype=np.float64)
        averages = np.empty(x.shape[0])
        cdef double[::1] out = averages
        # A local copy stays in registers: the compiler cannot know that `out` is not the state itself.
        cdef Sma state = self.state
        cdef Py_ssize_t i
        with nogil:
            for i in range(x.shape[0]):
                if is_usable(x[i]):
                    out[i] = sma_update(&state, x[i])
                else:
                    self.refused += 1
                    out[i] = UNDEFINED
            self.state = state
        return averages


cdef class ExponentialAverage:
    """Exponential average with alpha = 2 / (period + 1), seeded as TA-Lib does. Not thread-safe: one owner.

    Parameters
    ----------
    period : int
        1 to 1,048,576; ValueError outside.

    >>> ExponentialAverage(3).apply_many([1.0, 2.0, 3.0, 4.0]).tolist()
    [nan, nan, 2.0, 3.0]
    """

    def __cinit__(self, int64_t period):
        ema_start(&self.state, _checked(period), 2.0 / (period + 1.0))

    def update(self, double x):
        """Average including x, NaN before `period` values; an x that is not finite is refused, counted, gives NaN."""
        if not is_usable(x):
            self.refused += 1
            return UNDEFINED
        return ema_update(&self.state, x)

    def apply_many(self, values):
        """Return the average after each value, as `SimpleAverage.apply_many`."""
        cdef const double[::1] x = np.ascontiguousarray(values, dtype=np.float64)
        averages = np.empty(x.shape[0])
        cdef double[::1] out = averages
        # A local copy stays in registers: the compiler cannot know that `out` is not the state itself.
        cdef Ema state = self.state
        cdef Py_ssize_t i
        with nogil:
            for i in range(x.shape[0]):
                if is_usable(x[i]):
                    out[i] = ema_update(&state, x[i])
                else:
                    self.refused += 1
                    out[i] = UNDEFINED
            self.state = state
        return averages


cdef class WeightedAverage:
    """Average with weights 1 (oldest) to `period` (newest). Not thread-safe: one owner.

    Parameters
    ----------
    period : int
        1 to 1,048,576; ValueError outside.

    >>> WeightedAverage(2).apply_many([1.0, 4.0, 7.0]).tolist()
    [nan, 3.0, 6.0]
    """

    def __cinit__(self, int64_t period):
        self.state.period = _checked(period)
        self.state.values = <double*>calloc(period, sizeof(double))
        if self.state.values is NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.state.values)

    def update(self, double x):
        """Average including x, NaN before `period` values; an x that is not finite is refused, counted, gives NaN."""
        if not is_usable(x):
            self.refused += 1
            return UNDEFINED
        return wma_update(&self.state, x)

    def apply_many(self, values):
        """Return the average after each value, as `SimpleAverage.apply_many`."""
        cdef const double[::1] x = np.ascontiguousarray(values, dtype=np.float64)
        averages = np.empty(x.shape[0])
        cdef double[::1] out = averages
        # A local copy stays in registers: the compiler cannot know that `out` is not the state itself.
        cdef Wma state = self.state
        cdef Py_ssize_t i
        with nogil:
            for i in range(x.shape[0]):
                if is_usable(x[i]):
                    out[i] = wma_update(&state, x[i])
                else:
                    self.refused += 1
                    out[i] = UNDEFINED
            self.state = state
        return averages
