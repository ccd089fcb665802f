"""The pre-trade predicate: one order against limits and state."""

from libc.stdint cimport int64_t

from bot4._core.risk.state cimport RiskLimits, RiskState
from bot4._core.types cimport OrderIntent


cpdef enum RiskVerdict:
    RISK_OK = 0
    RISK_MALFORMED = 1           # a field out of its range
    RISK_WRONG_INSTRUMENT = 2
    RISK_REJECT_LATCH = 3        # too many venue rejects of one code in a row
    RISK_DRAWDOWN_LATCH = 4
    RISK_NO_EQUITY = 5           # a drawdown limit is set and no equity was ever applied
    RISK_REDUCE_ONLY = 6         # would not reduce, or would with open orders pass through zero
    RISK_UNKNOWN_OUTCOME = 7     # an order of the same side has an unknown outcome
    RISK_ORDER_QTY = 8           # fat finger, absolute
    RISK_UNUSUAL_QTY = 9         # fat finger, against the running mean
    RISK_NO_REFERENCE = 10
    RISK_STALE_REFERENCE = 11
    RISK_PRICE_BAND = 12
    RISK_ORDER_NOTIONAL = 13
    RISK_POSITION = 14
    RISK_OPEN_ORDERS = 15
    RISK_DUPLICATE = 16
    RISK_ORDER_RATE = 17


cdef int risk_check(
    const RiskLimits* limits, const RiskState* state, const OrderIntent* intent, int64_t now_ns
) noexcept nogil
