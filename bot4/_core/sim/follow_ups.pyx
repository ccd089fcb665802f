# cython: language_level=3
"""Follow-ups of a request (contract in follow_ups.pxd).

An order that cannot start then (no funds, a LIMIT_MAKER that would take, a stop that is reached already) expires with
REASON_REJECTED. Every open order is queued at most once a request, so this ends.

Not seen from Python: requests end with it.
"""

from libc.stdint cimport uint32_t
from libc.string cimport memset

from bot4._core.book.order_index cimport NO_SLOT, index_find
from bot4._core.sim.exchange_state cimport PLACE_NOWHERE, ExchangeOrder, ExchangeRequest, OrderList, key_owner
from bot4._core.sim.exchange_types cimport (
    EXECUTION_EXPIRED, LIST_OTOCO, ORDER_MARK_PRICE, ORDER_PRICE_PROTECT, REASON_INSUFFICIENT_BALANCES, REASON_NONE, REASON_REDUCE_ONLY,
    REASON_REJECTED, REQUEST_PLACE, STATUS_EXPIRED, STATUS_PENDING_NEW, TYPE_LIMIT, TYPE_MARKET, TYPE_STOP_LOSS,
    VERDICT_OK, VERDICT_REDUCE_ONLY,
)
from bot4._core.sim.execution cimport check_entry, execute, fund_order, fund_market, start_order
from bot4._core.book.matching cimport FillPlan
from bot4._core.sim.margin cimport report_algo
from bot4._core.sim.margin_liquidation cimport liquidate_next
from bot4._core.sim.margin_orders cimport finish_algo, reducible_lots
from bot4._core.sim.margin_state cimport ALGO_EXPIRED, ALGO_REJECTED, ALGO_TRIGGERED
from bot4._core.sim.order_life cimport close_order, open_order
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


cdef void _place_of_algo(ExchangeState* state, const ExchangeOrder* algo, ExchangeRequest* request) noexcept nogil:
    """The order that an algo order places."""
    memset(request, 0, sizeof(ExchangeRequest))
    request.kind = REQUEST_PLACE
    request.account = algo.account
    request.symbol = algo.symbol
    request.side = algo.side
    request.type = TYPE_MARKET if algo.price_ticks == 0 else TYPE_LIMIT
    request.tif = algo.tif
    request.stp = algo.stp
    request.flags = algo.flags & ~(ORDER_MARK_PRICE | ORDER_PRICE_PROTECT)
    request.qty_lots = algo.orig_lots if algo.orig_lots != 0 else reducible_lots(state, algo)
    request.price_ticks = algo.price_ticks
    request.stop_ticks = algo.stop_ticks
    request.trailing_bips = algo.trailing_bips
    request.expire_ns = algo.expire_ns
    if index_find(&state.by_client, algo.client_key, key_owner(algo.account, False)) == NO_SLOT:
        request.client_key = algo.client_key


cdef void _execute_algo(ExchangeState* state, uint32_t slot) noexcept nogil:
    """An algo order whose price has come places its order, if there is margin for it or a position to reduce."""
    cdef ExchangeOrder algo = state.orders[slot]
    cdef ExchangeRequest request
    cdef ExchangeOrder* order
    cdef int verdict
    _place_of_algo(state, &algo, &request)
    if request.qty_lots == 0:
        finish_algo(state, slot, ALGO_EXPIRED, REASON_REDUCE_ONLY)
        return
    close_order(state, slot)
    slot = open_order(state, &request)
    order = &state.orders[slot]
    order.list_id = algo.list_id
    order.origin = algo.type
    verdict = fund_order(state, order)
    if verdict != VERDICT_OK:
        close_order(state, slot)
        state.last_order_id -= 1
        report_algo(
            state, &algo, ALGO_REJECTED,
            REASON_REDUCE_ONLY if verdict == VERDICT_REDUCE_ONLY else REASON_INSUFFICIENT_BALANCES,
        )
        return
    order.from_algo = True
    report_algo(state, order, ALGO_TRIGGERED, REASON_NONE)
    start_order(state, slot)


cdef void settle_queue(ExchangeState* state) noexcept nogil:
    cdef uint32_t slot = queue_pop(state)
    while slot != NO_SLOT or (state.margin.suspect_count != 0 and liquidate_next(state)):
        if slot == NO_SLOT:
            pass
        elif state.orders[slot].is_algo:
            _execute_algo(state, slot)
        elif state.orders[slot].status == STATUS_PENDING_NEW:
            _activate(state, slot)
        else:
            _execute_triggered(state, slot)
        slot = queue_pop(state)
