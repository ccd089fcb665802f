# cython: language_level=3
"""Partial fills: a Poisson number of pieces, each a Beta share of the lots that remain.

A share is rounded to whole lots, halves up, and raised to one lot: small orders are filled in fewer, larger pieces
than the Beta would say. The share is drawn in double precision; beyond 2^53 lots it is that coarse, and never above
what remains.
"""

from libc.math cimport isfinite
from libc.stdint cimport int64_t

from bot4._core.sim.distributions cimport POISSON_MEAN_MAX, rng_beta, rng_poisson
from bot4._core.sim.rng cimport Random


cdef int64_t partial_fill_count(const PartialFillModel* model, Rng* rng) noexcept nogil:
    cdef int64_t count = rng_poisson(rng, model.count_mean)
    return PARTIAL_FILLS_MAX if count > PARTIAL_FILLS_MAX else count


cdef int64_t partial_fill_lots(const PartialFillModel* model, Rng* rng, int64_t remaining_lots) noexcept nogil:
    cdef double rounded = rng_beta(rng, model.alpha, model.beta) * <double>remaining_lots + 0.5
    if rounded < 2.0:
        return 1
    if rounded >= <double>remaining_lots:
        return remaining_lots
    return <int64_t>rounded


cdef class PartialFills:
    """The partial-fill model.

    Parameters
    ----------
    count_mean : float
        Mean of the Poisson number of pieces; 0 is no fill.
    alpha, beta : float
        Of the Beta share each piece takes of the remaining lots.

    >>> sum(PartialFills().pieces(1_000, seed=3)) <= 1_000
    True
    """

    def __init__(self, count_mean: float = 3.0, alpha: float = 2.0, beta: float = 5.0):
        if not 0.0 <= count_mean <= <int>POISSON_MEAN_MAX:
            raise ValueError(f"count_mean must be 0 to {POISSON_MEAN_MAX}, was {count_mean}")
        for name, value in (("alpha", alpha), ("beta", beta)):
            if not (isfinite(value) and 0.01 <= value <= 1e6):
                raise ValueError(f"{name} must be 0.01 to 1e6, was {value}")
        self.model.is_on = True
        self.model.count_mean, self.model.alpha, self.model.beta = count_mean, alpha, beta

    def pieces(self, remaining_lots: int, *, seed: int, stream: int = 0) -> list[int]:
        """Lots of each piece of one opportunity on an order of `remaining_lots`, from a fresh generator."""
        if not 0 < remaining_lots < 1 << 63:
            raise ValueError(f"remaining_lots must be 1 to 2^63 - 1, was {remaining_lots}")
        cdef Random random = Random(seed, stream)
        cdef int64_t left = remaining_lots
        cdef int64_t taken
        pieces = []
        for _ in range(partial_fill_count(&self.model, &random.rng)):
            if left == 0:
                break
            taken = partial_fill_lots(&self.model, &random.rng, left)
            left -= taken
            pieces.append(taken)
        return pieces

    def __repr__(self):
        return f"PartialFills({self.model.count_mean}, {self.model.alpha}, {self.model.beta})"
