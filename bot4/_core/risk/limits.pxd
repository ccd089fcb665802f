"""Pre-trade risk of one instrument: immutable limits, the state they are checked against, one pure predicate.

The contract of the room: rules and state are cimported here so that callers need this file alone.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t

from bot4._core.risk.rules cimport RISK_OK, RiskVerdict, risk_check
from bot4._core.risk.state cimport (
    RiskLatch, RiskLimits, RiskState, risk_apply_accepted, risk_apply_closed, risk_apply_equity, risk_apply_fill,
    risk_apply_known, risk_apply_reference, risk_apply_refused, risk_apply_reset, risk_apply_sent,
    risk_apply_stray_fill, risk_apply_unknown, risk_hash,
)


cpdef enum RiskOpKind:
    OP_CHECK = 0
    OP_SUBMIT = 1       # check, then apply sent or refused
    OP_FILL = 2         # side, value: lots
    OP_STRAY_FILL = 3   # side, value: lots
    OP_CLOSED = 4       # side, value: unfilled lots, by_reject, code
    OP_ACCEPTED = 5
    OP_UNKNOWN = 6      # side
    OP_KNOWN = 7        # side
    OP_REFERENCE = 8    # now_ns: its stamp, value: ticks
    OP_EQUITY = 9       # value: atoms
    OP_RESET = 10       # code: latches
    OP_SENT = 11        # the order went out unchecked


# One row of RiskGate.run.
ctypedef packed struct RiskOp:
    uint8_t kind
    uint8_t side
    uint8_t by_reject
    uint8_t reserved
    int32_t code
    int64_t now_ns
    int64_t value


cdef class RiskGate:
    cdef RiskLimits* limits
    cdef RiskState* state
    cdef int _apply(
        self, uint8_t kind, uint8_t side, bint by_reject, int32_t code, int64_t now_ns, int64_t value
    ) except -1
