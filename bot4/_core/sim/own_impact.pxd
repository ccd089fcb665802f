"""What own taking has moved the market by so far: a permanent part, and a temporary one that decays."""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.sim.impact cimport ImpactModel


ctypedef struct OwnImpact:
    ImpactModel model          # in ticks and lots
    double half_life_ns        # of the temporary part
    double lasting             # ticks the whole market is up (down below zero) by own trading
    double passing[2]          # ticks more that own buys (0), and less that own sells (1), meet; never below zero
    int64_t passing_ns         # when `passing` was last brought up to date


cdef void own_impact_decay(OwnImpact* impact, int64_t now_ns) noexcept nogil
# An own taker of a side took this many lots.
cdef void own_impact_took(OwnImpact* impact, int side, int64_t qty_lots, int64_t now_ns) noexcept nogil
# Ticks to add to the recorded prices: those a taker of a side meets, and those of prints and of own passive orders.
# A taker pays for its own lots: the permanent part, and the temporary one where there is no depth to walk through.
cdef int64_t own_impact_taker_ticks(
    const OwnImpact* impact, int side, int64_t own_lots, bint has_depth) noexcept nogil
cdef int64_t own_impact_market_ticks(const OwnImpact* impact) noexcept nogil
cdef uint64_t own_impact_hash(uint64_t digest, const OwnImpact* impact) noexcept nogil
