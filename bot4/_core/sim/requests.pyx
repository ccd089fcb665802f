# cython: language_level=3
"""Requests of single orders (contract in requests.pxd).

Every request first makes sure that the log has room for all it can possibly write, so that none is cut short. A book
order can be filled once a shown part, and each order can start, trigger and close once; see `check_log`.

Not seen from Python: `Exchange` calls it.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from bot4._core.book.conditional cimport conditional_count
from bot4._core.book.matching cimport l3_has_room, l3_reduce
from bot4._core.book.order_index cimport NO_SLOT, index_find
from bot4._core.book.slot_heap cimport heap_top_key
from bot4._core.sim.exchange_reports cimport log_room, report_balances, report_order
from bot4._core.sim.exchange_state cimport (
    PLACE_BOOK, ExchangeOrder, OpenOrders, SymbolState, left_lots, open_orders_of, parts_of,
)
from bot4._core.sim.exchange_types cimport (
    EXECUTION_CANCELED, EXECUTION_EXPIRED, EXECUTION_REJECTED, EXECUTION_REPLACED, ORDER_ALLOW_FAILURE, ORDER_ONLY_NEW,
    ORDER_ONLY_PARTIALLY_FILLED, REASON_EXCHANGE_CANCELED, REASON_INSUFFICIENT_BALANCES, REASON_NONE,
    REASON_OCO_BAD_PRICES, REQUEST_PLACE, REASON_STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY,
    REASON_WOULD_MATCH_IMMEDIATELY, STATUS_CANCELED,
    STATUS_EXPIRED, STATUS_REJECTED, SYMBOL_HALT, VERDICT_AMEND_NOT_RESTING, VERDICT_AMEND_QUANTITY, VERDICT_BOOK_FULL,
    VERDICT_CANCEL_RESTRICTED, VERDICT_DUPLICATE_ORDER, VERDICT_INSUFFICIENT_BALANCE, VERDICT_LIST_PRICES,
    VERDICT_LOG_FULL, VERDICT_LOT_SIZE, VERDICT_MAX_NUM_ORDER_AMENDS, VERDICT_NO_CHANGE, VERDICT_NOT_ATTEMPTED,
    VERDICT_NOT_TRADING, VERDICT_OK, VERDICT_ORDERS_FULL, VERDICT_UNKNOWN_ACCOUNT, VERDICT_UNKNOWN_ORDER,
    VERDICT_UNKNOWN_SYMBOL, VERDICT_WOULD_MATCH, VERDICT_WOULD_TRIGGER,
)
from bot4._core.sim.execution cimport check_entry, fund_order, start_order, would_take
from bot4._core.sim.follow_ups cimport settle_queue
from bot4._core.sim.margin_orders cimport end_orders, finish_algo, margin_records, margin_records_later, run_countdown
from bot4._core.sim.margin_state cimport ALGO_EXPIRED, NEVER_NS
from bot4._core.sim.order_life cimport close_order, note_left, open_order
from bot4._core.sim.order_lists cimport finish_order
from bot4._core.sim.request_check cimport check_counts, check_filters, check_shape, is_priced, is_stop
from bot4._core.sim.settlement cimport lock_exactly, lock_need

# Records that a request may write beside those of trades: its own orders, their list, some balances.
cdef int64_t _ROOM = 64


cdef int64_t _records_at_most(int64_t orders, int64_t parts) noexcept nogil:
    """Bound on the records of one request on a symbol with so many open orders, its own among them.

    Every fill uses up a shown part or ends its taker and writes 2: 2 (parts + orders). Every prevention ends an order
    and writes at most 2. An order closes once, starts at most twice (as pending, as triggered), ends half a list and
    touches three balances: 2 + 1 + 2 + 0.5 + 3 an order.
    """
    return 2 * parts + 11 * orders + _ROOM


cdef bint _takes_alone(
    const ExchangeState* state, const SymbolState* symbol, const ExchangeRequest* row
) noexcept nogil:
    """Whether nothing waits on this symbol that trades could set off, and the request is one order."""
    return conditional_count(&symbol.waiting) == 0 and state.list_count == 0 and row.kind == REQUEST_PLACE


cdef int _check_margin_log(const ExchangeState* state, const ExchangeRequest* row) noexcept nogil:
    """A fill may liquidate whom it touches, and that others: the bound is over all perpetuals."""
    cdef int64_t room = log_room(state)
    if margin_records_later(state, 1) > state.log.capacity:
        return VERDICT_ORDERS_FULL
    if room >= margin_records(state, 1) or (
        room >= _ROOM and is_priced(row.type) and not would_take(state, row.symbol, row.side, row.price_ticks)
    ):
        return VERDICT_OK
    return VERDICT_LOG_FULL


cdef int check_log(const ExchangeState* state, const ExchangeRequest* rows, int count) noexcept nogil:
    """ORDERS_FULL where an empty log could not hold what the open orders may then set off, LOG_FULL where this can't.

    So no order is ever stuck: whatever is open, a request finds room once the log has been taken.
    """
    cdef const SymbolState* symbol = &state.symbols[rows.symbol]
    cdef int64_t parts = symbol.open_parts, room = log_room(state), most
    cdef int i
    if symbol.perpetual != NULL:
        return _check_margin_log(state, rows)
    for i in range(count):
        parts += parts_of(rows[i].qty_lots, rows[i].iceberg_lots)
    most = _records_at_most(symbol.open_orders + count, parts)
    if most > state.log.capacity:
        return VERDICT_ORDERS_FULL
    if room >= most:
        return VERDICT_OK
    if room < _ROOM:
        return VERDICT_LOG_FULL
    if _takes_alone(state, symbol, rows) and not is_stop(rows.type):
        if is_priced(rows.type) and not would_take(state, rows.symbol, rows.side, rows.price_ticks):
            return VERDICT_OK
        # One taker: 2 a part and 3 balances a maker, or 2 of a prevention and 3 balances.
        parts = symbol.book.parts[1 - rows.side]
        if rows.qty_lots != 0 and rows.stp == 0:
            parts = min(parts, rows.qty_lots)
        if room >= 5 * parts + _ROOM:
            return VERDICT_OK
    return VERDICT_LOG_FULL


cdef void report_rejection(ExchangeState* state, const ExchangeRequest* request, int verdict) noexcept nogil:
    """Tell of an order that the engine refused for a reason the venue reports; it has no number."""
    cdef ExchangeOrder order
    cdef int reason = REASON_NONE
    if verdict == VERDICT_INSUFFICIENT_BALANCE:
        reason = REASON_INSUFFICIENT_BALANCES
    elif verdict == VERDICT_WOULD_TRIGGER:
        reason = REASON_STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY
    elif verdict == VERDICT_WOULD_MATCH:
        reason = REASON_WOULD_MATCH_IMMEDIATELY
    elif verdict == VERDICT_LIST_PRICES:
        reason = REASON_OCO_BAD_PRICES
    if reason == REASON_NONE or state.symbols[request.symbol].perpetual != NULL:
        return
    order.order_id = 0
    order.client_key = request.client_key
    order.list_id = order.working_ns = -1
    order.price_ticks = request.price_ticks
    order.stop_ticks = request.stop_ticks
    order.orig_lots = request.qty_lots
    order.executed_lots = order.prevented_lots = 0
    order.cumulative_quote_atoms = 0
    order.iceberg_lots = request.iceberg_lots
    order.created_ns = state.now_ns
    order.side = request.side
    order.type = request.type
    order.tif = request.tif
    order.status = STATUS_REJECTED
    order.stp = request.stp
    order.symbol = request.symbol
    order.account = request.account
    order.trailing_bips = request.trailing_bips
    order.flags = order.origin = 0
    report_order(state, &order, EXECUTION_REJECTED, reason)


cdef int check_admission(const ExchangeState* state, const ExchangeRequest* request) noexcept nogil:
    """Rules of the engine that need no order yet: duplicates and room."""
    if request.client_key != 0 and index_find(
        &state.by_client, request.client_key, <uint32_t>request.account
    ) != NO_SLOT:
        return VERDICT_DUPLICATE_ORDER
    if is_priced(request.type) and not l3_has_room(
        &state.symbols[request.symbol].book, request.side, request.price_ticks
    ):
        return VERDICT_BOOK_FULL
    return VERDICT_ORDERS_FULL if state.pool.free_count <= state.margin.reserved_slots else VERDICT_OK


cdef int admit_order(ExchangeState* state, const ExchangeRequest* request, uint64_t* order_id) noexcept nogil:
    """Open, fund and start an order; one that is refused has never had a number."""
    cdef uint32_t slot
    cdef ExchangeOrder* order
    cdef int verdict = check_admission(state, request)
    if verdict != VERDICT_OK:
        return verdict
    slot = open_order(state, request)
    order = &state.orders[slot]
    verdict = check_entry(state, order)
    if verdict == VERDICT_OK:
        verdict = fund_order(state, order)
    if verdict != VERDICT_OK:
        close_order(state, slot)
        state.last_order_id -= 1
        return verdict
    order_id[0] = order.order_id
    start_order(state, slot)
    return VERDICT_OK


cdef void place_order(ExchangeState* state, const ExchangeRequest* request, RequestResult* result) noexcept nogil:
    cdef int verdict = check_shape(state, request)
    if verdict == VERDICT_OK:
        verdict = check_log(state, request, 1)
    if verdict == VERDICT_OK:
        verdict = check_filters(state, request)
    if verdict == VERDICT_OK:
        verdict = check_counts(state, request, 1, False)
    if verdict == VERDICT_OK:
        state.request_key = request.client_key
        verdict = admit_order(state, request, &result.order_id)
        if verdict == VERDICT_OK:
            settle_queue(state)
        else:
            report_rejection(state, request, verdict)
        report_balances(state)
        state.request_key = 0
    result.verdict = verdict


cdef uint32_t find_order(const ExchangeState* state, const ExchangeRequest* request) noexcept nogil:
    """Slot of an open order of this account on this symbol."""
    cdef uint32_t slot = index_find(&state.by_id, request.order_id, 0)
    if slot == NO_SLOT or state.orders[slot].account != request.account or (
        state.orders[slot].symbol != request.symbol
    ):
        return NO_SLOT
    return slot


cdef int _check_cancel(const ExchangeState* state, const ExchangeRequest* request, uint32_t slot) noexcept nogil:
    cdef const ExchangeOrder* order
    if slot == NO_SLOT:
        return VERDICT_UNKNOWN_ORDER
    order = &state.orders[slot]
    if state.symbols[order.symbol].status == SYMBOL_HALT:
        return VERDICT_NOT_TRADING
    if (request.flags & ORDER_ONLY_NEW and order.executed_lots != 0) or (
        request.flags & ORDER_ONLY_PARTIALLY_FILLED and order.executed_lots == 0
    ):
        return VERDICT_CANCEL_RESTRICTED
    return VERDICT_OK


cdef int cancel_order(ExchangeState* state, const ExchangeRequest* request) noexcept nogil:
    """Cancel an order, and with it its list."""
    cdef uint32_t slot = find_order(state, request)
    cdef int verdict = _check_cancel(state, request, slot)
    if verdict != VERDICT_OK:
        return verdict
    if log_room(state) < _ROOM:
        return VERDICT_LOG_FULL
    state.request_key = request.client_key
    finish_order(state, slot, EXECUTION_CANCELED, STATUS_CANCELED, REASON_NONE)
    report_balances(state)
    state.request_key = 0
    return VERDICT_OK


cdef int cancel_all_orders(ExchangeState* state, int32_t account, int symbol) noexcept nogil:
    """Cancel every order of an account on a symbol, oldest first; UNKNOWN_ORDER where there is none."""
    cdef OpenOrders* held
    if not 0 <= symbol < state.symbol_count:
        return VERDICT_UNKNOWN_SYMBOL
    if not 0 < account < state.account_count:
        return VERDICT_UNKNOWN_ACCOUNT
    held = open_orders_of(state, account, symbol)
    if held.head == NO_SLOT:
        return VERDICT_UNKNOWN_ORDER
    if state.symbols[symbol].status == SYMBOL_HALT:
        return VERDICT_NOT_TRADING
    if log_room(state) < _ROOM + 2 * <int64_t>held.count:
        return VERDICT_LOG_FULL
    if state.symbols[symbol].perpetual != NULL:
        return VERDICT_OK if end_orders(state, account, symbol, False, STATUS_CANCELED, REASON_NONE) != 0 else (
            VERDICT_UNKNOWN_ORDER
        )
    while held.head != NO_SLOT:
        finish_order(state, held.head, EXECUTION_CANCELED, STATUS_CANCELED, REASON_NONE)
    report_balances(state)
    return VERDICT_OK


cdef void cancel_replace(ExchangeState* state, const ExchangeRequest* request, RequestResult* result) noexcept nogil:
    """Cancel one order and place another; the new one's shape, filters and counts are checked before the cancel."""
    cdef uint32_t slot
    cdef int verdict = check_shape(state, request)
    result.cancel_verdict = VERDICT_NOT_ATTEMPTED
    if verdict == VERDICT_OK:
        verdict = check_log(state, request, 1)
    if verdict == VERDICT_OK:
        verdict = check_filters(state, request)
    if verdict == VERDICT_OK:
        verdict = check_counts(state, request, 1, False)
    result.verdict = verdict
    if verdict != VERDICT_OK:
        return
    slot = find_order(state, request)
    result.cancel_verdict = _check_cancel(state, request, slot)
    if result.cancel_verdict != VERDICT_OK and not request.flags & ORDER_ALLOW_FAILURE:
        result.verdict = VERDICT_NOT_ATTEMPTED
        return
    state.request_key = request.client_key
    if result.cancel_verdict == VERDICT_OK:
        finish_order(state, slot, EXECUTION_CANCELED, STATUS_CANCELED, REASON_NONE)
    result.verdict = admit_order(state, request, &result.order_id)
    if result.verdict == VERDICT_OK:
        settle_queue(state)
    else:
        report_rejection(state, request, result.verdict)
    report_balances(state)
    state.request_key = 0


cdef int _check_amend(const ExchangeState* state, const ExchangeRequest* request, uint32_t slot) noexcept nogil:
    cdef const SymbolState* symbol = &state.symbols[request.symbol]
    cdef const ExchangeOrder* order
    if slot == NO_SLOT:
        return VERDICT_UNKNOWN_ORDER
    order = &state.orders[slot]
    if symbol.status == SYMBOL_HALT:
        return VERDICT_NOT_TRADING
    if order.place != PLACE_BOOK or order.list_slot >= 0 or symbol.perpetual != NULL:
        return VERDICT_AMEND_NOT_RESTING
    if request.qty_lots == order.orig_lots:
        return VERDICT_NO_CHANGE
    if request.qty_lots > order.orig_lots or request.qty_lots <= order.executed_lots + order.prevented_lots:
        return VERDICT_AMEND_QUANTITY
    if request.qty_lots < symbol.filters.min_qty_lots or (
        symbol.filters.qty_step_lots > 1 and request.qty_lots % symbol.filters.qty_step_lots != 0
    ):
        return VERDICT_LOT_SIZE
    if symbol.extra.max_amends != 0 and order.amends >= symbol.extra.max_amends:
        return VERDICT_MAX_NUM_ORDER_AMENDS
    return VERDICT_OK


cdef int amend_order(ExchangeState* state, const ExchangeRequest* request) noexcept nogil:
    """Lower the quantity of a resting order; it keeps its place in the queue."""
    cdef uint32_t slot = find_order(state, request)
    cdef int verdict = _check_amend(state, request, slot)
    cdef ExchangeOrder* order
    cdef int64_t lots
    if verdict == VERDICT_OK and log_room(state) < _ROOM:
        verdict = VERDICT_LOG_FULL
    if verdict != VERDICT_OK:
        return verdict
    order = &state.orders[slot]
    lots = order.orig_lots - request.qty_lots
    order.orig_lots = request.qty_lots
    order.amends += 1
    order.updated_ns = state.now_ns
    note_left(state, order, -lots)
    l3_reduce(&state.symbols[order.symbol].book, slot, lots)
    lock_exactly(state, order, lock_need(&state.symbols[order.symbol], order, left_lots(order)))
    state.request_key = request.client_key
    report_order(state, order, EXECUTION_REPLACED, REASON_NONE)
    report_balances(state)
    state.request_key = 0
    return VERDICT_OK


cdef void _expire(ExchangeState* state, uint32_t slot) noexcept nogil:
    if state.orders[slot].is_algo:
        finish_algo(state, slot, ALGO_EXPIRED, REASON_EXCHANGE_CANCELED)
    else:
        finish_order(state, slot, EXECUTION_EXPIRED, STATUS_EXPIRED, REASON_EXCHANGE_CANCELED)


cdef int advance_time(ExchangeState* state, int64_t now_ns) noexcept nogil:
    """Time never runs backwards: an earlier stamp than the last one counts as the last one."""
    cdef int64_t due_ns
    while state.expiries.count != 0 or state.margin.due_ns != NEVER_NS:
        due_ns = heap_top_key(&state.expiries) if state.expiries.count != 0 else NEVER_NS
        if min(due_ns, state.margin.due_ns) > now_ns:
            break
        if log_room(state) < _ROOM:
            return VERDICT_LOG_FULL
        if state.margin.due_ns <= due_ns and state.margin.due_ns != NEVER_NS:
            if not run_countdown(state):
                return VERDICT_LOG_FULL
            continue
        state.now_ns = max(state.now_ns, due_ns)
        _expire(state, state.expiries.top)
        report_balances(state)
    state.now_ns = max(state.now_ns, now_ns)
    return VERDICT_OK
