"""Circuit breaker on one atomic word: admission, kill and trip cannot interleave.

The contract of the room's breaker: bot4._core.risk.circuit is cimported here so that callers need this file alone.
"""

from libc.stdint cimport int64_t, uint8_t

from bot4._core.risk.circuit cimport (
    BreakerAction, BreakerPhase, BreakerReason, BreakerState, breaker_action, breaker_admit, breaker_admit_reduce,
    breaker_is_killed, breaker_kill, breaker_readmit, breaker_record_failure, breaker_record_journal_failure,
    breaker_record_latency, breaker_record_loss, breaker_record_market, breaker_record_reject, breaker_record_success,
    breaker_reset, breaker_tick, breaker_trip,
)


cpdef enum BreakerOpKind:
    BREAKER_OP_ADMIT = 0
    BREAKER_OP_ADMIT_REDUCE = 1
    BREAKER_OP_READMIT = 2        # value: index of the row whose ticket is shown
    BREAKER_OP_SUCCESS = 3
    BREAKER_OP_FAILURE = 4
    BREAKER_OP_REJECT = 5
    BREAKER_OP_LATENCY = 6        # value: ns
    BREAKER_OP_LOSS = 7           # value: atoms
    BREAKER_OP_MARKET = 8
    BREAKER_OP_TRIP = 9           # value: reason
    BREAKER_OP_KILL = 10
    BREAKER_OP_RESET = 11         # value: 0 with the word as it is, else with a word from before
    BREAKER_OP_TICK = 12


# One row of Breaker.run.
ctypedef packed struct BreakerOp:
    uint8_t kind
    uint8_t reserved[7]
    int64_t now_ns
    int64_t value


cdef class Breaker:
    cdef BreakerState* state
