"""What makes a new order acceptable before any money is looked at: its shape, and the venue's filters."""

from bot4._core.sim.exchange_state cimport ExchangeRequest, ExchangeState


cdef int check_shape(const ExchangeState* state, const ExchangeRequest* request) noexcept nogil
cdef int check_filters(ExchangeState* state, const ExchangeRequest* request) noexcept nogil
cdef int check_counts(
    const ExchangeState* state, const ExchangeRequest* legs, int count, bint is_list
) noexcept nogil


cdef inline bint is_stop(int order_type) noexcept nogil:
    """STOP_LOSS, STOP_LOSS_LIMIT, TAKE_PROFIT and TAKE_PROFIT_LIMIT wait for a price."""
    return order_type >= 3


cdef inline bint is_priced(int order_type) noexcept nogil:
    """Types with a limit price."""
    return order_type in (0, 2, 4, 6)
