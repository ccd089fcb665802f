# cython: language_level=3
"""Draws from a seeded generator.

Methods
-------
exponential
    Inversion: ``-mean * log(1 - uniform)``, finite since a uniform number is below 1.
gamma
    Marsaglia and Tsang's squeeze for shapes of at least 1; below, a draw of shape + 1 times ``uniform ** (1 / shape)``.
beta
    ``x / (x + y)`` of two gammas.
poisson
    Inversion by sequential search of one uniform number, in pieces of mean 16 at most: the sum of independent Poisson
    numbers is one of the summed mean. ``exp(-16)`` is far from underflow, so that the search is exact to rounding.

Source: Marsaglia and Tsang, A simple method for generating gamma variables (2000); Devroye, Non-uniform random variate
generation (1986), X.3.
"""

from libc.math cimport exp, isfinite, log, log1p, pow, sqrt
from libc.stdint cimport int64_t

from bot4._core.sim.rng cimport rng_hash, rng_normal, rng_seed, rng_uniform

cdef double _PIECE_MEAN = 16.0
# Of a Poisson of mean 16, 200 is 46 standard deviations away: only a rounding residue of the sum ever gets there.
cdef int64_t _PIECE_MAX = 200


cdef double rng_exponential(Rng* rng, double mean) noexcept nogil:
    return -mean * log1p(-rng_uniform(rng))


cdef double rng_gamma(Rng* rng, double shape) noexcept nogil:
    cdef double boost = 1.0
    cdef double d, c, x, v, u
    if shape < 1.0:
        # 1 - uniform is of (0, 1]: its power is never of zero.
        boost = pow(1.0 - rng_uniform(rng), 1.0 / shape)
        shape += 1.0
    d = shape - 1.0 / 3.0
    c = 1.0 / sqrt(9.0 * d)
    while True:
        x = rng_normal(rng)
        v = 1.0 + c * x
        if v <= 0.0:
            continue
        v = v * v * v
        u = 1.0 - rng_uniform(rng)
        if u < 1.0 - 0.0331 * (x * x) * (x * x):
            return d * v * boost
        if log(u) < 0.5 * x * x + d * (1.0 - v + log(v)):
            return d * v * boost


cdef double rng_beta(Rng* rng, double alpha, double beta) noexcept nogil:
    cdef double x = rng_gamma(rng, alpha)
    cdef double y = rng_gamma(rng, beta)
    # Both underflow to zero only for shapes near zero, where the law is a coin between 0 and 1.
    if x + y == 0.0:
        return 1.0 if rng_uniform(rng) * (alpha + beta) < alpha else 0.0
    return x / (x + y)


cdef int64_t _poisson_piece(Rng* rng, double mean) noexcept nogil:
    cdef double left = rng_uniform(rng)
    cdef double share = exp(-mean)
    cdef int64_t count = 0
    while left >= share and count < _PIECE_MAX:
        left -= share
        count += 1
        share *= mean / <double>count
    return count


cdef int64_t rng_poisson(Rng* rng, double mean) noexcept nogil:
    cdef int64_t count = 0
    while mean > _PIECE_MEAN:
        count += _poisson_piece(rng, _PIECE_MEAN)
        mean -= _PIECE_MEAN
    return count + (_poisson_piece(rng, mean) if mean > 0.0 else 0)


cdef class Draws:
    """A stream of draws; the numbers are those the simulation itself would get.

    Parameters
    ----------
    seed, stream : int
        64-bit numbers, as of `Random`.

    One thread.

    >>> import numpy as np
    >>> counts = np.zeros(4, np.int64)
    >>> Draws(7).fill_poisson(counts, 3.0)
    >>> bool((counts >= 0).all())
    True
    """

    def __init__(self, seed, stream=0):
        rng_seed(&self.rng, seed, stream)

    def fill_exponential(self, out, mean: float) -> None:
        """Fill ndarray[float64], shape (n,), with exponential numbers of this mean."""
        cdef double[::1] view = out
        cdef double c_mean = _positive("mean", mean)
        cdef Py_ssize_t i
        with nogil:
            for i in range(view.shape[0]):
                view[i] = rng_exponential(&self.rng, c_mean)

    def fill_gamma(self, out, shape: float) -> None:
        """Fill ndarray[float64], shape (n,), with gamma numbers of this shape and scale 1."""
        cdef double[::1] view = out
        cdef double c_shape = _positive("shape", shape)
        cdef Py_ssize_t i
        with nogil:
            for i in range(view.shape[0]):
                view[i] = rng_gamma(&self.rng, c_shape)

    def fill_beta(self, out, alpha: float = 2.0, beta: float = 5.0) -> None:
        """Fill ndarray[float64], shape (n,), with beta numbers."""
        cdef double[::1] view = out
        cdef double c_alpha = _positive("alpha", alpha)
        cdef double c_beta = _positive("beta", beta)
        cdef Py_ssize_t i
        with nogil:
            for i in range(view.shape[0]):
                view[i] = rng_beta(&self.rng, c_alpha, c_beta)

    def fill_poisson(self, out, mean: float = 3.0) -> None:
        """Fill ndarray[int64], shape (n,), with Poisson numbers."""
        cdef int64_t[::1] view = out
        cdef double c_mean = mean
        cdef Py_ssize_t i
        if not 0.0 <= c_mean <= <int>POISSON_MEAN_MAX:
            raise ValueError(f"mean must be 0 to {POISSON_MEAN_MAX}, was {mean}")
        with nogil:
            for i in range(view.shape[0]):
                view[i] = rng_poisson(&self.rng, c_mean)

    @property
    def state_hash(self) -> int:
        """Hash of the generator's state."""
        return rng_hash(&self.rng)


cdef double _positive(str name, double value) except? -1:
    if not (isfinite(value) and value > 0.0):
        raise ValueError(f"{name} must be a finite number above 0, was {value}")
    return value
