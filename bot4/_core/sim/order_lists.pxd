"""Order lists: OCO, OTO and OTOCO, and the one way in which an order ends, which a list may have to follow."""

from libc.stdint cimport uint32_t, uint64_t

from bot4._core.sim.exchange_state cimport ExchangeOrder, ExchangeState


# End an order that is not filled: report it, close it, and let its list follow.
cdef void finish_order(ExchangeState* state, uint32_t slot, int execution_type, int status, int reason) noexcept nogil
# End an order whose last report said it: FILLED, or EXPIRED_IN_MATCH.
cdef void finish_reported(ExchangeState* state, uint32_t slot) noexcept nogil
# A leg of an OCO is about to trade, or has triggered: the other leg expires and the leg keeps its own lock.
cdef void list_leg_started(ExchangeState* state, uint32_t slot) noexcept nogil
# Lock the funds of an OCO once, by the leg that needs more: a verdict.
cdef int fund_pair(ExchangeState* state, ExchangeOrder* first, ExchangeOrder* second) noexcept nogil
# Join open orders to a list; three slots, NO_SLOT where there is none. There is a free list.
cdef uint32_t list_open(ExchangeState* state, int kind, uint64_t client_key, const uint32_t* legs) noexcept nogil
cdef uint32_t lists_room(const ExchangeState* state) noexcept nogil
# Put a slot at the end of what the request in work still has to do.
cdef void queue_push(ExchangeState* state, uint32_t slot) noexcept nogil
cdef uint32_t queue_pop(ExchangeState* state) noexcept nogil          # NO_SLOT: empty
