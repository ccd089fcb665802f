"""What a venue reports about a lane's orders, applied."""

from libc.stdint cimport int64_t

from bot4._core.engine.lane_state cimport Lane
from bot4._core.types cimport Event


# Journal one EVENT_ORDER_* and apply it to order, account, position, risk and breaker.
cdef void reports_apply(Lane* lane, const Event* event, int64_t now_ns) noexcept nogil
