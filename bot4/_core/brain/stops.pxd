"""The way out of a position: stops that only tighten, a ladder of targets, a longest time; whole ticks and lots."""

from libc.stdint cimport int32_t, int64_t


cdef enum:
    RUNGS_MAX = 4


# GuardVerdict
cdef enum:
    GUARD_FLAT = 0           # nothing is held
    GUARD_HOLD = 1
    GUARD_STOP = 2           # the stop was reached: close all
    GUARD_TIME = 3           # held longer than allowed: close all
    GUARD_TARGET = 4         # a rung of the ladder was reached: close a part


ctypedef struct Rung:
    int64_t reward_milli     # thousandths of the first risk (or of the present ATR)
    int64_t share_ppm        # of the largest position, closed here


# Immutable while a shard runs; 0 switches a rule off, but the first stop.
ctypedef struct GuardRules:
    int64_t stop_atr_milli       # first stop: thousandths of the ATR from the entry
    int64_t stop_min_ppm         # and never nearer than this
    int64_t chandelier_milli     # thousandths of the present ATR behind the best price since the entry
    int64_t trail_ppm            # of the best price, behind it
    int64_t breakeven_milli      # reward from which the stop is no worse than the entry
    int64_t hold_max_ns
    int64_t qty_step_lots
    int32_t rung_count
    bint is_dynamic              # rungs are multiples of the present ATR instead of the first risk
    Rung rungs[4]


ctypedef struct GuardState:
    int64_t lots                 # held at the last look, sign of the position
    int64_t largest_lots         # without sign
    int64_t entry_ticks
    int64_t opened_ns
    int64_t best_ticks           # best price since the entry at which it could have been closed
    int64_t stop_ticks
    int64_t risk_ticks           # distance of the first stop
    int32_t rungs_done
    int32_t exiting              # GuardVerdict that closes all, until nothing is held; 0: none


# Distance of a first stop at this price.
cdef int64_t guard_distance(const GuardRules* rules, int64_t price_ticks, int64_t atr_ticks) noexcept nogil
# What is held now; a new position begins a new guard, a larger one keeps its stop.
cdef void guard_apply(const GuardRules* rules, GuardState* state, int64_t lots, int64_t entry_ticks, int64_t atr_ticks,
                      int64_t now_ns) noexcept nogil
# Look at the price it could be closed at. `close_lots` without sign, on the venue's step, never above what is held.
cdef int guard_check(const GuardRules* rules, GuardState* state, int64_t exit_ticks, int64_t atr_ticks, int64_t now_ns,
                     int64_t* close_lots) noexcept nogil
