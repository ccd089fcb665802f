# cython: language_level=3
"""Own impact: the recorded market shifted by what own takers did to it.

The permanent part moves the whole market, for good: bids, asks and prints. The temporary part is what a book that was
just eaten into asks more of the next own taker of the same side; it halves every half-life. The walk through the
displayed levels is what an order pays of it for itself: the temporary part is added only for orders after it, unless there
is no depth to walk through (quotes, prints, bars). The permanent part it always pays: else closing again would earn it.
"""

from libc.math cimport exp2, llround
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

from bot4._core.sim.impact cimport IMPACT_NONE, impact_permanent, impact_total
from bot4._core.types cimport SIDE_BUY, hash_mix

cdef double _SHIFT_MAX = 1e15    # ticks; far beyond any price, far below what an integer holds


cdef inline double _within(double shift) noexcept nogil:
    if shift > _SHIFT_MAX:
        return _SHIFT_MAX
    return -_SHIFT_MAX if shift < -_SHIFT_MAX else shift


cdef void own_impact_decay(OwnImpact* impact, int64_t now_ns) noexcept nogil:
    cdef double factor
    if impact.model.kind == IMPACT_NONE or now_ns <= impact.passing_ns:
        return
    factor = exp2(-<double>(now_ns - impact.passing_ns) / impact.half_life_ns)
    impact.passing[0] *= factor
    impact.passing[1] *= factor
    impact.passing_ns = now_ns


cdef void own_impact_took(OwnImpact* impact, int side, int64_t qty_lots, int64_t now_ns) noexcept nogil:
    cdef double lasting
    if impact.model.kind == IMPACT_NONE or qty_lots == 0:
        return
    own_impact_decay(impact, now_ns)
    lasting = impact_permanent(&impact.model, <double>qty_lots)
    impact.passing[side] = _within(impact.passing[side] + impact_total(&impact.model, <double>qty_lots, 1.0) - lasting)
    impact.lasting = _within(impact.lasting + (lasting if side == SIDE_BUY else -lasting))


cdef int64_t own_impact_taker_ticks(
    const OwnImpact* impact, int side, int64_t own_lots, bint has_depth
) noexcept nogil:
    cdef double more = impact.passing[0 if side == SIDE_BUY else 1]
    if has_depth:
        more += impact_permanent(&impact.model, <double>own_lots)
    else:
        more += impact_total(&impact.model, <double>own_lots, 1.0)
    return llround(_within(impact.lasting + more if side == SIDE_BUY else impact.lasting - more))


cdef int64_t own_impact_market_ticks(const OwnImpact* impact) noexcept nogil:
    return llround(impact.lasting)


cdef uint64_t own_impact_hash(uint64_t digest, const OwnImpact* impact) noexcept nogil:
    cdef uint64_t words[3]
    memcpy(&words[0], &impact.lasting, 8)
    memcpy(&words[1], &impact.passing[0], 16)
    digest = hash_mix(hash_mix(hash_mix(digest, words[0]), words[1]), words[2])
    return hash_mix(digest, <uint64_t>impact.passing_ns)
