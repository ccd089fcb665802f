"""Partial fills: how many pieces an opportunity fills, and how much of what remains each piece takes."""

from libc.stdint cimport int64_t

from bot4._core.sim.rng cimport Rng


cpdef enum PartialFillBound:
    PARTIAL_FILLS_MAX = 32      # pieces of one opportunity; a larger draw is cut (of Poisson(3): less than 1e-20)


ctypedef struct PartialFillModel:
    bint is_on           # off: one fill of everything the opportunity gives
    double count_mean    # Poisson
    double alpha         # Beta
    double beta


cdef int64_t partial_fill_count(const PartialFillModel* model, Rng* rng) noexcept nogil   # 0: no fill at all
# Whole lots of the next piece: at least 1, at most `remaining_lots`, which is above 0.
cdef int64_t partial_fill_lots(const PartialFillModel* model, Rng* rng, int64_t remaining_lots) noexcept nogil


cdef class PartialFills:
    cdef PartialFillModel model
