# cython: language_level=3
"""Random: xoshiro256** with splitmix64 seeding, and the distributions the simulation needs.

Methods
-------
uniform
    The upper 53 bits times 2^-53.
normal
    Marsaglia's polar method (exact, by rejection in the unit disc); values come in pairs and the second is kept.
lognormal
    ``exp(mu + sigma * normal)``.
below
    Lemire's multiplication with rejection: unbiased.

The bits and the uniform and bounded values are the same everywhere. Normals pass through the C library's ``log``, ``sqrt``
and ``exp``, so that another library may differ in the last bit.

Source: Blackman and Vigna, Scrambled linear pseudorandom number generators (2021), xoshiro256**; Marsaglia and Bray, A
convenient method for generating normal variables (1964); Lemire, Fast random integer generation in an interval (2019).
"""

from libc.math cimport exp, log, sqrt
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from bot4._core.types cimport BOT4_ASSERT, hash_mix


cdef extern from *:
    """
    static inline uint64_t bot4_multiply_high(uint64_t a, uint64_t b, uint64_t *low) {
        unsigned __int128 product = (unsigned __int128)a * b;
        *low = (uint64_t)product;
        return (uint64_t)(product >> 64);
    }
    """
    uint64_t bot4_multiply_high(uint64_t a, uint64_t b, uint64_t* low) noexcept nogil


cdef void rng_seed(Rng* rng, uint64_t seed, uint64_t stream) noexcept nogil:
    cdef uint64_t state = hash_mix(seed, stream * <uint64_t>0xD1342543DE82EF95)
    cdef int i
    # hash_mix(x, 0) is splitmix64's output for the state x, and the four states differ: the words cannot all be zero.
    for i in range(4):
        rng.words[i] = hash_mix(state, 0)
        state += <uint64_t>0x9E3779B97F4A7C15
    rng.has_spare = False
    rng.spare_normal = 0.0


cdef double rng_normal(Rng* rng) noexcept nogil:
    cdef double x
    cdef double y
    cdef double square
    cdef double factor
    if rng.has_spare:
        rng.has_spare = False
        return rng.spare_normal
    while True:
        x = 2.0 * rng_uniform(rng) - 1.0
        y = 2.0 * rng_uniform(rng) - 1.0
        square = x * x + y * y
        if 0.0 < square < 1.0:
            break
    factor = sqrt(-2.0 * log(square) / square)
    rng.spare_normal = y * factor
    rng.has_spare = True
    return x * factor


cdef double rng_lognormal(Rng* rng, double mu, double sigma) noexcept nogil:
    return exp(mu + sigma * rng_normal(rng))


cdef uint64_t rng_below(Rng* rng, uint64_t bound) noexcept nogil:
    cdef uint64_t low
    cdef uint64_t high
    BOT4_ASSERT(bound > 0)
    high = bot4_multiply_high(rng_next(rng), bound, &low)
    while low < bound and low < (0 - bound) % bound:
        high = bot4_multiply_high(rng_next(rng), bound, &low)
    return high


cdef uint64_t rng_hash(const Rng* rng) noexcept nogil:
    cdef uint64_t digest = rng.has_spare
    cdef uint64_t bits
    cdef int i
    for i in range(4):
        digest = hash_mix(digest, rng.words[i])
    memcpy(&bits, &rng.spare_normal, 8)
    return hash_mix(digest, bits if rng.has_spare else 0)


cdef class Random:
    """A stream of random numbers.

    Parameters
    ----------
    seed, stream : int
        64-bit numbers; the same pair gives the same numbers, two streams of one seed are independent.

    One thread.

    >>> [Random(7).below(100) for _ in range(2)] == [Random(7).below(100)] * 2
    True
    """

    def __init__(self, seed, stream=0):
        rng_seed(&self.rng, seed, stream)

    def next(self) -> int:
        """64 random bits."""
        return rng_next(&self.rng)

    def below(self, bound: int) -> int:
        """Unbiased integer of 0 to bound - 1."""
        if not 0 < bound < 1 << 64:
            raise ValueError(f"bound must be 1 to 2^64 - 1, was {bound}")
        return rng_below(&self.rng, bound)

    def fill_uniform(self, out) -> None:
        """Fill ndarray[float64], shape (n,), with uniform numbers of [0, 1)."""
        cdef double[::1] view = out
        cdef Py_ssize_t i
        with nogil:
            for i in range(view.shape[0]):
                view[i] = rng_uniform(&self.rng)

    def fill_normal(self, out) -> None:
        """Fill ndarray[float64], shape (n,), with standard normal numbers."""
        cdef double[::1] view = out
        cdef Py_ssize_t i
        with nogil:
            for i in range(view.shape[0]):
                view[i] = rng_normal(&self.rng)

    def fill_lognormal(self, out, mu: float, sigma: float) -> None:
        """Fill ndarray[float64], shape (n,), with log-normal numbers: exp(mu + sigma * normal)."""
        cdef double[::1] view = out
        cdef double c_mu = mu
        cdef double c_sigma = sigma
        cdef Py_ssize_t i
        with nogil:
            for i in range(view.shape[0]):
                view[i] = rng_lognormal(&self.rng, c_mu, c_sigma)

    @property
    def state_hash(self) -> int:
        """Hash of the generator's state."""
        return rng_hash(&self.rng)
