# cython: language_level=3
"""Latency: zero, fixed, or log-normal in milliseconds.

The default log-normal (mu 3.9, sigma 0.3) has its median at 49.4 ms and its 99th percentile at 99.3 ms: a plausible
retail REST round trip, not a measurement of any venue.
"""

from libc.math cimport isfinite
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

from bot4._core.sim.rng cimport Random, rng_lognormal
from bot4._core.types cimport hash_mix


cdef int64_t _MAX_NS = <int64_t>LATENCY_MAX_S * 1_000_000_000


cdef int64_t latency_sample(const LatencyModel* model, Rng* rng) noexcept nogil:
    cdef double sampled_ns
    if model.kind == LATENCY_ZERO:
        return 0
    if model.kind == LATENCY_FIXED:
        return model.fixed_ns
    sampled_ns = rng_lognormal(rng, model.mu_ms, model.sigma) * 1e6
    if not sampled_ns < <double>_MAX_NS:
        return _MAX_NS
    return <int64_t>(sampled_ns + 0.5)


cdef uint64_t latency_hash(const LatencyModel* model) noexcept nogil:
    cdef uint64_t words[2]
    memcpy(&words[0], &model.mu_ms, 8)
    memcpy(&words[1], &model.sigma, 8)
    return hash_mix(hash_mix(hash_mix(model.kind, <uint64_t>model.fixed_ns), words[0]), words[1])


cdef class Latency:
    """A latency model; make one with `zero`, `fixed` or `lognormal`.

    >>> Latency.fixed(250_000).samples(seed=1, count=2)
    [250000, 250000]
    """

    @staticmethod
    def zero() -> Latency:
        """No latency at all."""
        return Latency()

    @staticmethod
    def fixed(latency_ns: int) -> Latency:
        """The same latency always, 0 to 60 s."""
        if not 0 <= latency_ns <= _MAX_NS:
            raise ValueError(f"latency_ns must be 0 to {LATENCY_MAX_S} s, was {latency_ns}")
        cdef Latency latency = Latency()
        latency.model.kind, latency.model.fixed_ns = LATENCY_FIXED, latency_ns
        return latency

    @staticmethod
    def lognormal(mu_ms: float = 3.9, sigma: float = 0.3) -> Latency:
        """Log-normal milliseconds: exp(mu_ms + sigma * normal), cut at 60 s."""
        if not (isfinite(mu_ms) and isfinite(sigma)) or sigma < 0 or not -20 <= mu_ms <= 11:
            raise ValueError(f"mu_ms must be -20 to 11 and sigma at least 0, were {mu_ms} and {sigma}")
        cdef Latency latency = Latency()
        latency.model.kind, latency.model.mu_ms, latency.model.sigma = LATENCY_LOGNORMAL, mu_ms, sigma
        return latency

    def samples(self, *, seed: int, count: int) -> list[int]:
        """Latencies in nanoseconds drawn from a fresh generator."""
        cdef Random random = Random(seed)
        return [latency_sample(&self.model, &random.rng) for _ in range(count)]

    def __repr__(self):
        if self.model.kind == LATENCY_ZERO:
            return "Latency.zero()"
        if self.model.kind == LATENCY_FIXED:
            return f"Latency.fixed({self.model.fixed_ns})"
        return f"Latency.lognormal({self.model.mu_ms}, {self.model.sigma})"
