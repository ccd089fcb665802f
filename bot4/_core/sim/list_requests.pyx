# cython: language_level=3
"""Requests of order lists (contract in list_requests.pxd).

The first row is the list's: its kind says which, its `order_id` is the caller's key of the list. REQUEST_LEG rows
follow. An OCO has one leg of LIMIT_MAKER or TAKE_PROFIT(_LIMIT) and one of STOP_LOSS(_LIMIT), of one side and quantity,
with the last price between them: a sell's profit above and its stop below, a buy's the other way round. A working order
is LIMIT or LIMIT_MAKER.

Source: Binance spot API documentation, order lists (state of 2026-07-21).

Not seen from Python: `Exchange.place_list` calls it.
"""

from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memset

from bot4._core.book.order_index cimport NO_SLOT
from bot4._core.sim.exchange_reports cimport report_balances, report_list, report_order
from bot4._core.sim.exchange_state cimport PLACE_PENDING, ExchangeOrder
from bot4._core.sim.exchange_types cimport (
    EXECUTION_NEW, LIST_OCO, LIST_ORDER_EXECUTING, LIST_OTO, LIST_OTOCO, LIST_STATUS_EXEC_STARTED, REASON_NONE,
    REQUEST_LEG, REQUEST_OCO, REQUEST_OTOCO, STATUS_PENDING_NEW, TYPE_LIMIT, TYPE_LIMIT_MAKER, TYPE_MARKET,
    TYPE_STOP_LOSS, TYPE_STOP_LOSS_LIMIT, VERDICT_BAD_LIST, VERDICT_DUPLICATE_ORDER, VERDICT_LIST_PRICES,
    VERDICT_LIST_TYPES, VERDICT_OK, VERDICT_ORDERS_FULL,
)
from bot4._core.sim.execution cimport check_entry, fund_order, start_order
from bot4._core.sim.follow_ups cimport settle_queue
from bot4._core.sim.order_life cimport close_order, open_order
from bot4._core.sim.order_lists cimport fund_pair, list_open, lists_room
from bot4._core.sim.request_check cimport check_counts, check_filters, check_shape
from bot4._core.sim.requests cimport check_admission, check_log, report_rejection
from bot4._core.types cimport SIDE_BUY


cdef inline bint _is_stop_loss(const ExchangeRequest* row) noexcept nogil:
    return row.type in (TYPE_STOP_LOSS, TYPE_STOP_LOSS_LIMIT)


cdef int _check_pair(const ExchangeState* state, const ExchangeRequest* a, const ExchangeRequest* b) noexcept nogil:
    """Whether two rows make an OCO."""
    cdef const ExchangeRequest* stop = a if _is_stop_loss(a) else b
    cdef const ExchangeRequest* profit = b if _is_stop_loss(a) else a
    cdef int64_t last = state.symbols[a.symbol].last_ticks, target
    if a.side != b.side or a.qty_lots != b.qty_lots:
        return VERDICT_BAD_LIST
    if not _is_stop_loss(stop) or _is_stop_loss(profit) or profit.type in (TYPE_LIMIT, TYPE_MARKET):
        return VERDICT_LIST_TYPES
    target = profit.price_ticks if profit.type == TYPE_LIMIT_MAKER else profit.stop_ticks
    if target == 0 or stop.stop_ticks == 0:
        return VERDICT_OK        # trailing without a stop price: the market sets it
    if a.side == SIDE_BUY:
        if target >= stop.stop_ticks or (last != 0 and not target < last < stop.stop_ticks):
            return VERDICT_LIST_PRICES
    elif target <= stop.stop_ticks or (last != 0 and not stop.stop_ticks < last < target):
        return VERDICT_LIST_PRICES
    return VERDICT_OK


cdef int _check_structure(const ExchangeState* state, const ExchangeRequest* rows, int count) noexcept nogil:
    """Whether the rows are the list they claim to be, and no key comes twice."""
    cdef int i, j
    for i in range(count):
        if (i > 0 and rows[i].kind != REQUEST_LEG) or rows[i].account != rows[0].account or (
            rows[i].symbol != rows[0].symbol or rows[i].quote_atoms != 0
        ):
            return VERDICT_BAD_LIST
        for j in range(i):
            if rows[i].client_key != 0 and rows[i].client_key == rows[j].client_key:
                return VERDICT_DUPLICATE_ORDER
    if rows[0].kind == REQUEST_OCO:
        return _check_pair(state, rows, rows + 1)
    if rows[0].type not in (TYPE_LIMIT, TYPE_LIMIT_MAKER):
        return VERDICT_LIST_TYPES
    if rows[0].kind == REQUEST_OTOCO:
        return _check_later_pair(rows + 1, rows + 2)
    return VERDICT_OK


cdef int _check_later_pair(const ExchangeRequest* a, const ExchangeRequest* b) noexcept nogil:
    """The pair of an OTOCO: types and the order of its prices; where the last price stands is asked when it starts."""
    cdef const ExchangeRequest* stop = a if _is_stop_loss(a) else b
    cdef const ExchangeRequest* profit = b if _is_stop_loss(a) else a
    cdef int64_t target
    if a.side != b.side or a.qty_lots != b.qty_lots:
        return VERDICT_BAD_LIST
    if not _is_stop_loss(stop) or _is_stop_loss(profit) or profit.type in (TYPE_LIMIT, TYPE_MARKET):
        return VERDICT_LIST_TYPES
    target = profit.price_ticks if profit.type == TYPE_LIMIT_MAKER else profit.stop_ticks
    if target != 0 and stop.stop_ticks != 0 and (
        target >= stop.stop_ticks if a.side == SIDE_BUY else target <= stop.stop_ticks
    ):
        return VERDICT_LIST_PRICES
    return VERDICT_OK


cdef int _check_list(ExchangeState* state, const ExchangeRequest* rows, int count) noexcept nogil:
    cdef int i, verdict = VERDICT_OK
    for i in range(count):
        verdict = check_shape(state, &rows[i])
        if verdict != VERDICT_OK:
            return verdict
    verdict = check_log(state, rows, count)
    if verdict != VERDICT_OK:
        return verdict
    for i in range(count):
        verdict = check_filters(state, &rows[i])
        if verdict != VERDICT_OK:
            return verdict
    verdict = check_counts(state, rows, count, True)
    if verdict == VERDICT_OK:
        verdict = _check_structure(state, rows, count)
    for i in range(count):
        if verdict == VERDICT_OK:
            verdict = check_admission(state, &rows[i])
    if verdict == VERDICT_OK and (state.pool.free_count < <uint32_t>count or lists_room(state) == NO_SLOT):
        return VERDICT_ORDERS_FULL
    return verdict


cdef int _fund_list(ExchangeState* state, int kind, const uint32_t* legs) noexcept nogil:
    """Check and fund what starts at once: both legs of an OCO, else the working order."""
    cdef ExchangeOrder* first = &state.orders[legs[0]]
    cdef ExchangeOrder* second = &state.orders[legs[1]]
    cdef int verdict = check_entry(state, first)
    if verdict != VERDICT_OK:
        return verdict
    if kind != LIST_OCO:
        return fund_order(state, first)
    verdict = check_entry(state, second)
    return verdict if verdict != VERDICT_OK else fund_pair(state, first, second)


cdef void _start_list(ExchangeState* state, int kind, uint32_t* legs, int count) noexcept nogil:
    cdef int i
    cdef ExchangeOrder* pending
    if kind == LIST_OCO:
        # The stop leg first: the other one may rest, not trade.
        i = 1 if state.orders[legs[0]].type < TYPE_STOP_LOSS else 0
        start_order(state, legs[i])
        start_order(state, legs[1 - i])
        return
    for i in range(1, count):
        pending = &state.orders[legs[i]]
        pending.status = STATUS_PENDING_NEW
        pending.place = PLACE_PENDING
        report_order(state, pending, EXECUTION_NEW, REASON_NONE)
    start_order(state, legs[0])


cdef int _admit_list(
    ExchangeState* state, const ExchangeRequest* rows, int count, RequestResult* results
) noexcept nogil:
    cdef uint32_t legs[3]
    cdef int i, kind, verdict
    kind = LIST_OCO if rows.kind == REQUEST_OCO else LIST_OTOCO if rows.kind == REQUEST_OTOCO else LIST_OTO
    legs[2] = NO_SLOT
    for i in range(count):
        legs[i] = open_order(state, &rows[i])
    verdict = _fund_list(state, kind, legs)
    if verdict != VERDICT_OK:
        for i in range(count - 1, -1, -1):
            close_order(state, legs[i])
        state.last_order_id -= count
        return verdict
    for i in range(count):
        results[i].order_id = state.orders[legs[i]].order_id
    report_list(
        state, &state.lists[list_open(state, kind, rows.order_id, legs)], LIST_STATUS_EXEC_STARTED,
        LIST_ORDER_EXECUTING,
    )
    _start_list(state, kind, legs, count)
    return VERDICT_OK


cdef int64_t place_list(
    ExchangeState* state, const ExchangeRequest* rows, int64_t count, RequestResult* results
) noexcept nogil:
    cdef int legs = 3 if rows.kind == REQUEST_OTOCO else 2, i, verdict
    memset(results, 0, <size_t>min(count, legs) * sizeof(RequestResult))
    if count < legs:
        for i in range(<int>count):
            results[i].verdict = VERDICT_BAD_LIST
        return count
    verdict = _check_list(state, rows, legs)
    state.request_key = rows.order_id
    if verdict == VERDICT_OK:
        verdict = _admit_list(state, rows, legs, results)
    if verdict == VERDICT_OK:
        settle_queue(state)
    else:
        for i in range(legs):
            report_rejection(state, &rows[i], verdict)
    report_balances(state)
    state.request_key = 0
    for i in range(legs):
        results[i].verdict = verdict
    return legs
