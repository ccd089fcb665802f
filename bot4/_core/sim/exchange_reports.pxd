"""The exchange's output: one fixed-size record for every change of an order, a list or a balance."""

from libc.stdint cimport int32_t, int64_t

from bot4._core.sim.exchange_state cimport ExchangeOrder, ExchangeReport, ExchangeState, OrderList


# The log has room for what one request writes at most: the request asked before it began.
cdef ExchangeReport* report_order(
    ExchangeState* state, const ExchangeOrder* order, int execution_type, int reason
) noexcept nogil
# An empty record of this type, of now.
cdef ExchangeReport* report_new(ExchangeState* state, int execution_type) noexcept nogil
cdef void report_list(
    ExchangeState* state, const OrderList* order_list, int list_status, int list_order_status
) noexcept nogil
cdef void report_balances(ExchangeState* state) noexcept nogil      # of the cells this request touched


cdef inline int64_t log_room(const ExchangeState* state) noexcept nogil:
    return state.log.capacity - state.log.count
