"""What a score was worth so far: the return that followed it, measured as it comes, with its error."""

from libc.stdint cimport int32_t, int64_t


cdef enum:
    PENDING_MAX = 64         # scores whose horizon has not passed


# Immutable while a shard runs.
ctypedef struct EdgeRules:
    int64_t horizon_ns       # the return that a score is held against
    int64_t step_ns          # time between two scores that are kept; horizon / step is at most 63
    double keep              # share of the past that each new sample leaves
    double prior_slope       # return of a score of 1 before anything was measured
    double prior_weight      # how many samples of a score of 1 the prior counts as


ctypedef struct PendingScore:
    int64_t ts_ns
    int64_t mid2_ticks       # bid plus ask
    double score


ctypedef struct EdgeState:
    PendingScore pending[64]
    int32_t head             # oldest
    int32_t count
    int64_t last_ns          # of the newest pending score
    bint has_last
    double weight            # decayed number of samples
    double score_square      # decayed sums
    double product
    double return_square
    int64_t resolved
    int64_t lapsed           # scores whose horizon fell into a silence, or that found the ring full: not counted


ctypedef struct Edge:
    double slope             # expected log return of a score of 1 over the horizon
    double error             # its standard error
    double deviation         # of what the score does not explain, over the horizon
    double samples           # independent ones: overlapping horizons count once


cdef void edge_apply(const EdgeRules* rules, EdgeState* state, int64_t now_ns, int64_t mid2_ticks,
                     double score) noexcept nogil
cdef void edge_read(const EdgeRules* rules, const EdgeState* state, Edge* out) noexcept nogil
