"""Latency of a message to or from the simulated venue."""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.sim.rng cimport Rng


cpdef enum LatencyKind:
    LATENCY_ZERO = 0
    LATENCY_FIXED = 1
    LATENCY_LOGNORMAL = 2


cpdef enum LatencyBound:
    LATENCY_MAX_S = 60   # a longer draw or setting is cut to this


ctypedef struct LatencyModel:
    int kind
    int64_t fixed_ns
    double mu_ms       # of the logarithm of milliseconds
    double sigma


cdef int64_t latency_sample(const LatencyModel* model, Rng* rng) noexcept nogil   # nanoseconds, 0 to LATENCY_MAX_S
cdef uint64_t latency_hash(const LatencyModel* model) noexcept nogil


cdef class Latency:
    cdef LatencyModel model
