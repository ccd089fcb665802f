# cython: language_level=3
"""Follow-ups of a request (contract in follow_ups.pxd).

An order that cannot start then (no funds, a LIMIT_MAKER that would take, a stop that is reached already) expires with
REASON_REJECTED. Every open order is queued at most once a request, so this ends.

Not seen from Python: requests end with it.
"""

from libc.stdint cimport uint32_t

from bot4._core.book.order_index cimport NO_SLOT
from bot4._core.sim.exchange_state cimport PLACE_NOWHERE, ExchangeOrder, OrderList
from bot4._core.sim.exchange_types cimport (
    EXECUTION_EXPIRED, LIST_OTOCO, REASON_REJECTED, STATUS_EXPIRED, STATUS_PENDING_NEW, TYPE_STOP_LOSS, VERDICT_OK,
)
from bot4._core.sim.execution cimport check_entry, execute, fund_order, fund_market, start_order
from bot4._core.book.matching cimport FillPlan
from bot4._core.sim.order_lists cimport finish_order, fund_pair, queue_pop
from bot4._core.sim.settlement cimport lock_exactly


cdef void _execute_triggered(ExchangeState* state, uint32_t slot) noexcept nogil:
    """A market order pays what the book asks now, not what it locked for its stop price."""
    cdef FillPlan plan
    cdef ExchangeOrder* order = &state.orders[slot]
    if order.price_ticks == 0:
        lock_exactly(state, order, 0)
        if fund_market(state, order, &plan) != VERDICT_OK:
            finish_order(state, slot, EXECUTION_EXPIRED, STATUS_EXPIRED, REASON_REJECTED)
            return
    execute(state, slot)


cdef void _activate_pair(ExchangeState* state, const OrderList* joined) noexcept nogil:
    """Both legs of an OTOCO, or neither. The stop leg first: the other one may rest, not trade."""
    cdef uint32_t legs[2]
    cdef ExchangeOrder* first
    cdef ExchangeOrder* second
    cdef int verdict
    legs[0] = joined.legs[1]
    legs[1] = joined.legs[2]
    first = &state.orders[legs[0]]
    second = &state.orders[legs[1]]
    verdict = check_entry(state, first)
    if verdict == VERDICT_OK:
        verdict = check_entry(state, second)
    if verdict == VERDICT_OK:
        verdict = fund_pair(state, first, second)
    if verdict != VERDICT_OK:
        finish_order(state, legs[0], EXECUTION_EXPIRED, STATUS_EXPIRED, REASON_REJECTED)
        return
    first.place = second.place = PLACE_NOWHERE
    if first.type < TYPE_STOP_LOSS:
        legs[0], legs[1] = legs[1], legs[0]
    start_order(state, legs[0])
    start_order(state, legs[1])


cdef void _activate(ExchangeState* state, uint32_t slot) noexcept nogil:
    """Start what waited for a working order that is filled now."""
    cdef ExchangeOrder* order = &state.orders[slot]
    cdef const OrderList* joined = &state.lists[order.list_slot]
    cdef int verdict
    if joined.kind == LIST_OTOCO:
        _activate_pair(state, joined)
        return
    verdict = check_entry(state, order)
    if verdict == VERDICT_OK:
        verdict = fund_order(state, order)
    if verdict != VERDICT_OK:
        finish_order(state, slot, EXECUTION_EXPIRED, STATUS_EXPIRED, REASON_REJECTED)
        return
    order.place = PLACE_NOWHERE
    start_order(state, slot)


cdef void settle_queue(ExchangeState* state) noexcept nogil:
    cdef uint32_t slot = queue_pop(state)
    while slot != NO_SLOT:
        if state.orders[slot].status == STATUS_PENDING_NEW:
            _activate(state, slot)
        else:
            _execute_triggered(state, slot)
        slot = queue_pop(state)
