# cython: language_level=3
"""The state machine of order lists (contract in order_lists.pxd).

OCO: two legs of one quantity, whose funds are locked once, by the leg that needs more. The first fill of either, or a
trigger of the stop leg, *resolves* the list: the other leg expires (OCO_TRIGGER) and the survivor locks what it needs
itself, which is no more. A leg that is canceled takes the other with it, and so does a leg that expires unresolved.

OTO, OTOCO: the pending orders wait, with nothing locked, until the working order is filled; then they are queued to be
placed. When the working order ends in any other way they end with it: canceled with a cancel, else expired
(OTO_PHASE_ONE_EXPIRED).

A list is done when its last leg is closed. Not seen from Python: the exchange follows its lists with it.
"""

from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.string cimport memset

from bot4._core.book.order_index cimport NO_SLOT
from bot4._core.sim.exchange_reports cimport report_list, report_order
from bot4._core.sim.exchange_state cimport OrderList, SymbolState, left_lots, open_orders_of
from bot4._core.sim.exchange_types cimport (
    EXECUTION_CANCELED, EXECUTION_EXPIRED, LIST_OCO, LIST_ORDER_ALL_DONE, LIST_OTO, LIST_STATUS_ALL_DONE,
    REASON_EXCHANGE_CANCELED, REASON_NONE, REASON_OCO_TRIGGER, REASON_OTO_PHASE_ONE_EXPIRED, STATUS_CANCELED,
    STATUS_EXPIRED, STATUS_FILLED, VERDICT_INSUFFICIENT_BALANCE, VERDICT_OK,
)
from bot4._core.sim.order_life cimport close_order
from bot4._core.sim.settlement cimport lock_exactly, lock_need
from bot4._core.types cimport BOT4_ASSERT


cdef void queue_push(ExchangeState* state, uint32_t slot) noexcept nogil:
    cdef uint32_t at = (state.queue_head + state.queue_count) % state.pool.capacity
    BOT4_ASSERT(state.queue_count < state.pool.capacity)     # an open order is queued at most once at a time
    state.queue[at] = slot
    state.queue_count += 1


cdef uint32_t queue_pop(ExchangeState* state) noexcept nogil:
    cdef uint32_t slot
    if state.queue_count == 0:
        return NO_SLOT
    slot = state.queue[state.queue_head]
    state.queue_head = (state.queue_head + 1) % state.pool.capacity
    state.queue_count -= 1
    return slot


cdef uint32_t lists_room(const ExchangeState* state) noexcept nogil:
    return state.free_list


cdef uint32_t list_open(ExchangeState* state, int kind, uint64_t client_key, const uint32_t* legs) noexcept nogil:
    cdef uint32_t index = state.free_list
    cdef OrderList* joined = &state.lists[index]
    cdef ExchangeOrder* order = &state.orders[legs[0]]
    cdef int i
    state.free_list = joined.next_free
    memset(joined, 0, sizeof(OrderList))
    state.last_list_id += 1
    joined.list_id = state.last_list_id
    joined.client_key = client_key
    joined.account = order.account
    joined.symbol = order.symbol
    joined.kind = kind
    for i in range(3):
        joined.legs[i] = legs[i]
        if legs[i] != NO_SLOT:
            joined.legs_open += 1
            state.orders[legs[i]].list_slot = <int32_t>index
            state.orders[legs[i]].list_id = joined.list_id
    state.list_count += 1
    state.accounts[joined.account].list_count += 1
    open_orders_of(state, joined.account, joined.symbol).list_count += 1
    return index


cdef int fund_pair(ExchangeState* state, ExchangeOrder* first, ExchangeOrder* second) noexcept nogil:
    cdef const SymbolState* symbol = &state.symbols[first.symbol]
    cdef ExchangeOrder* holder = first
    cdef ExchangeOrder* other = second
    if lock_need(symbol, second, left_lots(second)) > lock_need(symbol, first, left_lots(first)):
        holder, other = second, first
    if not lock_exactly(state, holder, lock_need(symbol, holder, left_lots(holder))):
        return VERDICT_INSUFFICIENT_BALANCE
    other.shares_lock = True
    return VERDICT_OK


cdef void _list_close(ExchangeState* state, OrderList* done) noexcept nogil:
    report_list(state, done, LIST_STATUS_ALL_DONE, LIST_ORDER_ALL_DONE)
    state.accounts[done.account].list_count -= 1
    open_orders_of(state, done.account, done.symbol).list_count -= 1
    state.list_count -= 1
    done.next_free = state.free_list
    state.free_list = <uint32_t>(done - state.lists)


cdef inline uint32_t _partner(const OrderList* joined, uint32_t slot) noexcept nogil:
    """The other leg of the pair that `slot` belongs to; NO_SLOT for a working order and a lone pending one."""
    cdef int first = 0 if joined.kind == LIST_OCO else 1
    if joined.kind == LIST_OTO:
        return NO_SLOT
    if joined.legs[first] == slot:
        return joined.legs[first + 1]
    return joined.legs[first] if joined.legs[first + 1] == slot else NO_SLOT


cdef void list_leg_started(ExchangeState* state, uint32_t slot) noexcept nogil:
    cdef ExchangeOrder* order = &state.orders[slot]
    cdef OrderList* joined
    cdef uint32_t other
    cdef bint kept
    if order.list_slot < 0:
        return
    joined = &state.lists[order.list_slot]
    other = _partner(joined, slot)
    if other == NO_SLOT or joined.is_resolved:
        return
    joined.is_resolved = True
    finish_order(state, other, EXECUTION_EXPIRED, STATUS_EXPIRED, REASON_OCO_TRIGGER)
    if order.shares_lock:
        order.shares_lock = False
        kept = lock_exactly(state, order, lock_need(&state.symbols[order.symbol], order, left_lots(order)))
        BOT4_ASSERT(kept)        # the other leg has just unlocked at least as much


cdef void _follow(ExchangeState* state, uint32_t slot, int32_t list_slot, int status) noexcept nogil:
    """What the end of a leg means for its list; the last leg to end closes it."""
    cdef OrderList* joined
    cdef uint32_t legs[3]
    cdef bint canceled = status == STATUS_CANCELED, was_working
    cdef int i, reason = REASON_EXCHANGE_CANCELED
    if list_slot < 0:
        return
    joined = &state.lists[list_slot]
    was_working = joined.kind != LIST_OCO and joined.legs[0] == slot
    for i in range(3):
        if joined.legs[i] == slot:
            joined.legs[i] = NO_SLOT
        legs[i] = joined.legs[i]
    joined.legs_open -= 1
    if was_working:
        reason = REASON_OTO_PHASE_ONE_EXPIRED
        if status == STATUS_FILLED:
            queue_push(state, joined.legs[1])
            return
    if joined.legs_open == 0:
        _list_close(state, joined)
        return
    if joined.is_resolved or status == STATUS_FILLED:
        return
    joined.is_resolved = True
    for i in range(3):
        if legs[i] == NO_SLOT:
            continue
        if canceled:
            finish_order(state, legs[i], EXECUTION_CANCELED, STATUS_CANCELED, REASON_NONE)
        else:
            finish_order(state, legs[i], EXECUTION_EXPIRED, STATUS_EXPIRED, reason)


cdef void finish_order(ExchangeState* state, uint32_t slot, int execution_type, int status, int reason) noexcept nogil:
    cdef ExchangeOrder* order = &state.orders[slot]
    cdef int32_t list_slot = order.list_slot
    order.status = status
    order.updated_ns = state.now_ns
    report_order(state, order, execution_type, reason)
    close_order(state, slot)
    _follow(state, slot, list_slot, status)


cdef void finish_reported(ExchangeState* state, uint32_t slot) noexcept nogil:
    cdef int32_t list_slot = state.orders[slot].list_slot
    cdef int status = state.orders[slot].status
    close_order(state, slot)
    _follow(state, slot, list_slot, status)
