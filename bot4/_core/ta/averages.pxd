"""Moving averages, one value at a time: simple, exponential (TA-Lib's seed), linearly weighted."""

from libc.stdint cimport int64_t

from bot4._core.ta.elementary cimport UNDEFINED, is_usable, quiet
from bot4._core.ta.window cimport RollingSum, rolling_sum_add, rolling_sum_slide, rolling_sum_value


# Seeded with the simple average of its first `period` values, as TA-Lib's is. No pointers: lives in any struct.
ctypedef struct Ema:
    double value
    double alpha
    double seed
    int64_t period
    int64_t count


# Ring of the last `period` values and their sum.
ctypedef struct Sma:
    double* values
    RollingSum sum
    double inverse
    int64_t period
    int64_t position
    int64_t count


# As Sma, and the sum of values weighted 1 (oldest) to period (newest).
ctypedef struct Wma:
    double* values
    RollingSum sum
    RollingSum weighted
    int64_t period
    int64_t position
    int64_t count


cdef inline void ema_start(Ema* e, int64_t period, double alpha) noexcept nogil:
    e.value = UNDEFINED
    e.alpha = alpha
    e.seed = 0.0
    e.period = period
    e.count = 0


cdef inline double ema_update(Ema* e, double x) noexcept nogil:
    """Average including x; NaN until `period` values have come."""
    if e.count >= e.period:
        e.value = quiet((x - e.value) * e.alpha + e.value)
        return e.value
    e.seed += x
    e.count += 1
    if e.count == e.period:
        e.value = e.seed / <double>e.period
    return e.value


cdef inline double sma_update(Sma* s, double x) noexcept nogil:
    """Average of the last `period` values including x; NaN until there are that many."""
    rolling_sum_slide(&s.sum, x, s.values[s.position])
    s.values[s.position] = x
    s.position += 1
    if s.position == s.period:
        s.position = 0
    if s.count < s.period:
        s.count += 1
        if s.count < s.period:
            return UNDEFINED
    return rolling_sum_value(&s.sum) * s.inverse


cdef inline void wma_resum(Wma* w) noexcept nogil:
    """Both sums from the ring, when its oldest value is at place 0."""
    cdef int64_t i
    w.sum.high = w.sum.low = w.weighted.high = w.weighted.low = 0.0
    for i in range(w.period):
        rolling_sum_add(&w.sum, w.values[i])
        rolling_sum_add(&w.weighted, w.values[i] * <double>(i + 1))


cdef inline double wma_update(Wma* w, double x) noexcept nogil:
    """Weighted average of the last `period` values including x; NaN until there are that many."""
    # Every weight falls by one, which takes the old plain sum off; the newest comes in with weight `period`.
    rolling_sum_add(&w.weighted, x * <double>w.period)
    rolling_sum_add(&w.weighted, -w.sum.high)
    rolling_sum_add(&w.weighted, -w.sum.low)
    rolling_sum_slide(&w.sum, x, w.values[w.position])
    w.values[w.position] = x
    w.position += 1
    if w.position == w.period:
        w.position = 0
        # x * period is rounded, what later leaves is not: taken afresh at each wrap, the difference cannot pile up.
        wma_resum(w)
    if w.count < w.period:
        w.count += 1
        if w.count < w.period:
            return UNDEFINED
    return rolling_sum_value(&w.weighted) / (0.5 * <double>w.period * <double>(w.period + 1))


cdef class SimpleAverage:
    cdef Sma state
    cdef readonly int64_t refused


cdef class ExponentialAverage:
    cdef Ema state
    cdef readonly int64_t refused


cdef class WeightedAverage:
    cdef Wma state
    cdef readonly int64_t refused
