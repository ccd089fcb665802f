"""Random numbers of the simulation: xoshiro256** from one seed, the same on every machine."""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.types cimport hash_mix


ctypedef struct Rng:
    uint64_t words[4]
    double spare_normal
    bint has_spare


cdef void rng_seed(Rng* rng, uint64_t seed, uint64_t stream) noexcept nogil   # streams of one seed are independent
cdef double rng_normal(Rng* rng) noexcept nogil
cdef double rng_lognormal(Rng* rng, double mu, double sigma) noexcept nogil
cdef uint64_t rng_below(Rng* rng, uint64_t bound) noexcept nogil               # 0 to bound - 1, unbiased; bound > 0
cdef uint64_t rng_hash(const Rng* rng) noexcept nogil


cdef inline uint64_t _rotate_left(uint64_t word, int bits) noexcept nogil:
    return (word << bits) | (word >> (64 - bits))


cdef inline uint64_t rng_next(Rng* rng) noexcept nogil:
    """64 random bits."""
    cdef uint64_t* s = rng.words
    cdef uint64_t result = _rotate_left(s[1] * 5, 7) * 9
    cdef uint64_t shifted = s[1] << 17
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= shifted
    s[3] = _rotate_left(s[3], 45)
    return result


cdef inline double rng_uniform(Rng* rng) noexcept nogil:
    """Uniform double of [0, 1), a multiple of 2^-53."""
    return <double>(rng_next(rng) >> 11) * (1.0 / 9007199254740992.0)


cdef class Random:
    cdef Rng rng
