"""What one event of the generated market asks of the exchange, put into the generator's list of requests to send."""

from libc.stdint cimport int32_t, uint64_t

from bot4._core.book.matching cimport L3Book
from bot4._core.sim.exchange_state cimport ExchangeState
from bot4._core.sim.flow_state cimport FlowState


cdef void flow_add(FlowState* flow, int side, int bucket) noexcept nogil
cdef void flow_cancel(FlowState* flow, uint64_t order_id, int32_t account) noexcept nogil
cdef void flow_take(FlowState* flow) noexcept nogil
cdef void flow_move(FlowState* flow, const L3Book* book) noexcept nogil
# Quote an anchor level that is empty.
cdef void flow_requote(FlowState* flow, const L3Book* book) noexcept nogil
# Forget orders that are open no more.
cdef void flow_compact(FlowState* flow, const ExchangeState* exchange) noexcept nogil
