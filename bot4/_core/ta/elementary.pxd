"""Elementary functions whose results do not depend on the machine's C library, and exact 128-bit sums as doubles.

The libm of one machine may use fused multiply-adds where another does not, so its log and exp can differ in the last
bit; a journal replayed elsewhere would then give another state. These use only IEEE basic operations.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.math cimport ldexp

from bot4._core.types cimport money_double, money_high, money_low, money_t


cdef extern from *:
    """
    /* Not NAN of math.h, whose sign the compiler may choose: one bit pattern, so that state hashes agree. */
    #define BOT4_UNDEFINED __builtin_nan("")
    /* 2^53: integers up to here are doubles without loss, and 256 of their squares still fit 128 bits. */
    #define BOT4_QUANTITY_MAX ((int64_t)1 << 53)

    /* Exponent of a positive normal x, and in *part what is left of it, 1 to 2. */
    static inline int bot4_split(double x, double *part) {
        uint64_t bits;
        int exponent;
        __builtin_memcpy(&bits, &x, 8);
        exponent = (int)(bits >> 52) - 1023;
        bits = (bits & 0x000FFFFFFFFFFFFFull) | 0x3FF0000000000000ull;
        __builtin_memcpy(part, &bits, 8);
        return exponent;
    }
    """
    int split_double "bot4_split"(double x, double* part) noexcept nogil
    const double UNDEFINED "BOT4_UNDEFINED"
    const int64_t QUANTITY_MAX "BOT4_QUANTITY_MAX"


cdef inline bint is_usable(double x) noexcept nogil:
    """Finite, and small enough that no square or sum of squares can overflow."""
    return -1e100 <= x <= 1e100


cdef inline double quiet(double x) noexcept nogil:
    """x, or 0 where a recursion has decayed so far that denormal numbers (some 100 times slower) are near."""
    return x if x > 1e-280 or x < -1e-280 else 0.0


cdef inline double wide_to_double(money_t m) noexcept nogil:
    """Nearest double of a 128-bit integer; the common case of 64 bits avoids the library call."""
    cdef int64_t low = <int64_t>money_low(m)
    if money_high(m) == (low >> 63):
        return <double>low
    return money_double(m)


cdef inline double log_near(double a, double b) noexcept nogil:
    """ln(a / b) where neither is above 1.42 times the other."""
    cdef double s = (a - b) / (a + b)
    cdef double z = s * s
    cdef double tail
    if z < 1e-4:
        tail = 1.0 / 3 + z * (1.0 / 5 + z * (1.0 / 7 + z * (1.0 / 9)))
    else:
        tail = 1.0 / 15 + z * (1.0 / 17 + z * (1.0 / 19 + z * (1.0 / 21 + z * (1.0 / 23))))
        tail = 1.0 / 9 + z * (1.0 / 11 + z * (1.0 / 13 + z * tail))
        tail = 1.0 / 3 + z * (1.0 / 5 + z * (1.0 / 7 + z * tail))
    return 2.0 * (s + s * z * tail)


cdef inline double log_ratio(int64_t new, int64_t old) noexcept nogil:
    """ln(new / old) of integers in 1..2**53, as 2 atanh((new - old) / (new + old)).

    The difference of two integers is exact, so a small return keeps all its digits, which log(new / old) does not.
    """
    cdef double a = <double>new
    cdef double b = <double>old
    cdef double halvings = 0.0
    while a > 1.4142135623730951 * b:
        b *= 2.0
        halvings += 1.0
    while b > 1.4142135623730951 * a:
        a *= 2.0
        halvings -= 1.0
    return halvings * 0.6931471805599453 + log_near(a, b)


cdef inline double natural_log(double x) noexcept nogil:
    """ln x of a positive, finite, normal number."""
    cdef double part
    cdef int doublings = split_double(x, &part)
    if part > 1.4142135623730951:
        part *= 0.5
        doublings += 1
    return <double>doublings * 0.6931471805599453 + log_near(part, 1.0)


cdef inline double decay(double x) noexcept nogil:
    """exp(-x) for x >= 0; 0 beyond 700."""
    if x <= 0.0:
        return 1.0
    if x > 700.0:
        return 0.0
    cdef int halvings = <int>(x * 1.4426950408889634 + 0.5)
    # The high part of ln 2 has 21 bits, so its multiples are exact.
    cdef double f = (halvings * 0.6931467056274414 - x) + halvings * 4.7493250390316726e-07
    cdef double p = 1.0 / 479001600.0 + f * (1.0 / 6227020800.0)
    p = 1.0 / 3628800 + f * (1.0 / 39916800 + f * p)
    p = 1.0 / 40320 + f * (1.0 / 362880 + f * p)
    p = 1.0 / 720 + f * (1.0 / 5040 + f * p)
    p = 1.0 / 24 + f * (1.0 / 120 + f * p)
    p = 0.5 + f * (1.0 / 6 + f * p)
    return ldexp(1.0 + f + f * f * p, -halvings)
