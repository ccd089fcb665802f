"""Parameters of the order-flow generator: what `bot4 calibrate` measures, in the units of the measured market."""

from libc.stdint cimport int64_t


cpdef enum FlowBound:
    FLOW_REGIMES = 8
    FLOW_BUCKETS = 20           # of the distance from the anchor price: 0, 1, 2-3, 4-7, ... ticks
    FLOW_QUANTILES = 65         # of a size, from the least to the greatest, evenly spaced
    FLOW_SPREADS = 64


ctypedef struct FlowRegime:
    double share                # of the time
    double mean_s               # how long it lasts
    double moves_per_s
    double takers_per_s
    double quoting              # factor of the makers' rates


# Sizes are doubles here: laws of lots and ticks, which a draw rounds to whole ones.
ctypedef struct FlowModel:
    FlowRegime regimes[8]
    int regime_count
    double adds_per_s[20]       # of one side
    double add_mu[20]           # of the logarithm of the lots
    double add_sigma[20]
    double life_s[20]           # mean time until an order is cancelled
    double taker_size[65]
    double taker_persistence    # probability that a taker is of the last one's side
    double move_size[65]        # of the mid, without its sign, in half ticks
    double move_follows         # probability that a move goes the last taker's way
    int64_t spread_ticks[64]
    double spread_share[64]     # cumulative
    int spread_count


cdef class FlowParameters:
    cdef FlowModel model
