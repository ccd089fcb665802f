"""Rolling sums that do not drift: exact integers over ticks and lots, compensated pairs of doubles over the rest.

A leaf never owns its ring: it is told what enters and what leaves, so that many windows share one history. Before a
window has filled, the history gives zeros, and zero leaves a sum unchanged.
"""

from libc.stdint cimport int64_t

from bot4._core.ta.elementary cimport wide_to_double
from bot4._core.types cimport money_t, mul_wide


# Sum and sum of squares of integers within +-2**53 over at most 256 places: exact, so a value depends on what is in
# the window and on nothing before it.
ctypedef struct TickMoments:
    money_t squares
    int64_t sum
    int64_t reserved


# The five sums of a covariance over pairs of such integers.
ctypedef struct TickCross:
    money_t xx
    money_t yy
    money_t xy
    int64_t x
    int64_t y


# Unevaluated sum of two doubles, about 106 bits.
ctypedef struct RollingSum:
    double high
    double low


cdef inline void tick_moments_slide(TickMoments* m, int64_t entering, int64_t leaving) noexcept nogil:
    m.sum += entering - leaving
    # x^2 - y^2 as one product: exact, and one multiplication fewer.
    m.squares += mul_wide(entering - leaving, entering + leaving)


cdef inline double tick_moments_variance(const TickMoments* m, int64_t n) noexcept nogil:
    """Population variance in ticks^2; exactly 0 for equal values."""
    return wide_to_double(m.squares * n - mul_wide(m.sum, m.sum)) / (<double>n * <double>n)


cdef inline void tick_cross_slide(
    TickCross* c, int64_t x, int64_t y, int64_t leaving_x, int64_t leaving_y
) noexcept nogil:
    c.x += x - leaving_x
    c.y += y - leaving_y
    c.xx += mul_wide(x - leaving_x, x + leaving_x)
    c.yy += mul_wide(y - leaving_y, y + leaving_y)
    c.xy += mul_wide(x, y) - mul_wide(leaving_x, leaving_y)


cdef inline double tick_cross_covariance(const TickCross* c, int64_t n) noexcept nogil:
    """n^2 times the population covariance."""
    return wide_to_double(c.xy * n - mul_wide(c.x, c.y))


cdef inline double tick_cross_variance_x(const TickCross* c, int64_t n) noexcept nogil:
    """n^2 times the population variance of x."""
    return wide_to_double(c.xx * n - mul_wide(c.x, c.x))


cdef inline double tick_cross_variance_y(const TickCross* c, int64_t n) noexcept nogil:
    """n^2 times the population variance of y."""
    return wide_to_double(c.yy * n - mul_wide(c.y, c.y))


cdef inline void rolling_sum_add(RollingSum* s, double x) noexcept nogil:
    # Knuth's two-sum: the rounding error of s + x is itself a double; no branch on which is larger.
    cdef double total = s.high + x
    cdef double part = total - s.high
    s.low += (s.high - (total - part)) + (x - part)
    s.high = total


cdef inline void rolling_sum_slide(RollingSum* s, double entering, double leaving) noexcept nogil:
    # The difference first, as an exact pair too: it does not wait for the sum of the value before.
    cdef double change = entering - leaving
    cdef double part = change - entering
    cdef double lost = (entering - (change - part)) - (leaving + part)
    cdef double total = s.high + change
    part = total - s.high
    s.low += lost + ((s.high - (total - part)) + (change - part))
    s.high = total


cdef inline double rolling_sum_value(const RollingSum* s) noexcept nogil:
    return s.high + s.low


# A window of doubles with its own ring, for series that do not come in ticks.
ctypedef struct Window:
    double* values
    int64_t period
    int64_t position
    int64_t count
    double reference      # what the sums are shifted by; moved to the newest value at each wrap of the ring
    RollingSum sum        # of value - reference
    RollingSum squares    # of (value - reference)^2
    int64_t refused


cdef inline bint window_is_full(const Window* w) noexcept nogil:
    return w.count >= w.period


cdef bint window_push(Window* w, double x) noexcept nogil             # 0: x is not finite, refused and counted
cdef double window_mean(const Window* w) noexcept nogil
cdef double window_variance(const Window* w) noexcept nogil           # population


cdef class RollingWindow:
    cdef Window* window
