"""Order-flow generator: background makers, takers and cancels on one symbol of a simulated exchange."""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.sim.exchange_state cimport ExchangeState
from bot4._core.sim.flow_state cimport FlowState


cpdef enum FlowVerdict:
    FLOW_DONE = 0               # the market stands at the time asked for
    FLOW_LOG_FULL = 1           # the exchange's log is full: take its reports and call again


# Everything that happens until `until_ns`, in order; a FlowVerdict. The exchange may serve others between two calls.
cdef int flow_advance(FlowState* flow, ExchangeState* exchange, int64_t until_ns) noexcept nogil
cdef int64_t flow_next_due(const FlowState* flow) noexcept nogil     # when something happens next
cdef uint64_t flow_hash(const FlowState* flow) noexcept nogil
# Once, before the first call of flow_advance: the orders that stand there already, and the time of the next event.
cdef void flow_prefill(FlowState* flow) noexcept nogil
