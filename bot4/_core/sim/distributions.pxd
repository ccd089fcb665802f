"""Distributions beyond the normal, drawn from a seeded generator: exponential, gamma, beta, Poisson."""

from libc.stdint cimport int64_t

from bot4._core.sim.rng cimport Rng


cpdef enum DistributionBound:
    POISSON_MEAN_MAX = 1024    # the work of a Poisson draw grows with its mean


cdef double rng_exponential(Rng* rng, double mean) noexcept nogil           # mean > 0
cdef double rng_gamma(Rng* rng, double shape) noexcept nogil                # scale 1; shape > 0
cdef double rng_beta(Rng* rng, double alpha, double beta) noexcept nogil    # of [0, 1]; both > 0
cdef int64_t rng_poisson(Rng* rng, double mean) noexcept nogil              # 0 <= mean <= POISSON_MEAN_MAX


cdef class Draws:
    cdef Rng rng
