# cython: language_level=3
"""Requests of perpetuals (contract in margin_requests.pxd). Each is done whole or not at all.

Not seen from Python: `MarginTables` calls it.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from bot4._core.account.balances cimport Balance, balance_at, balance_note
from bot4._core.account.money cimport money_add, money_sub
from bot4._core.book.conditional cimport conditional_add, stop_is_reached
from bot4._core.book.matching cimport MAX_ORDER_TICKS, l3_has_room, l3_remove
from bot4._core.book.order_index cimport NO_SLOT, index_find
from bot4._core.sim.exchange_reports cimport log_room, report_balances, report_new, report_order
from bot4._core.sim.exchange_state cimport (
    PLACE_BOOK, PLACE_CONDITIONAL, PLACE_NOWHERE, ExchangeOrder, ExchangeReport, SymbolState, holding_of, key_owner,
    left_lots, open_orders_of,
)
from bot4._core.sim.exchange_types cimport (
    EXECUTION_CANCELED, EXECUTION_FUNDING, EXECUTION_REPLACED, ORDER_MARK_PRICE, REASON_CAUSE_FUNDING, REASON_NONE,
    REQUEST_ALGO, REQUEST_ALGO_CANCEL, REQUEST_ALGO_CANCEL_ALL, REQUEST_COUNTDOWN, REQUEST_FUNDING, REQUEST_MARK,
    REQUEST_MODIFY, REQUEST_PLACE, REQUEST_POSITION_MODE, STATUS_CANCELED, SYMBOL_HALT, SYMBOL_TRADING,
    TYPE_LIMIT_MAKER, VERDICT_AMEND_NOT_RESTING, VERDICT_BAD_AMOUNT, VERDICT_BAD_EXPIRY, VERDICT_BAD_KIND,
    VERDICT_BAD_PRICE, VERDICT_BAD_QUANTITY, VERDICT_BOOK_FULL, VERDICT_DUPLICATE_ORDER, VERDICT_LOG_FULL,
    VERDICT_NO_CHANGE, VERDICT_NO_MARK, VERDICT_NOT_PERPETUAL, VERDICT_NOT_TRADING, VERDICT_OK, VERDICT_ORDERS_FULL,
    VERDICT_UNKNOWN_ACCOUNT, VERDICT_UNKNOWN_ORDER, VERDICT_UNKNOWN_SYMBOL, VERDICT_WOULD_TRIGGER,
)
from bot4._core.sim.execution cimport execute, would_take
from bot4._core.sim.follow_ups cimport settle_queue
from bot4._core.sim.margin cimport margin_suspect, margin_touch, report_algo
from bot4._core.sim.margin_orders cimport (
    end_orders, finish_algo, look_for_mark, margin_fund, margin_records, margin_records_later,
)
from bot4._core.sim.margin_settings cimport margin_setting
from bot4._core.sim.margin_state cimport (
    ALGO_CANCELED, ALGO_NEW, MAX_POSITION_LOTS, Holding, Perpetual, Position, at_mark, rate_against,
)
from bot4._core.sim.order_life cimport close_order, note_left, open_order, waits_in, waits_upwards
from bot4._core.sim.order_lists cimport finish_order
from bot4._core.sim.request_check cimport check_counts, check_filters, check_shape
from bot4._core.sim.requests cimport find_order
from bot4._core.types cimport SIDE_BUY, money_t

cdef int64_t _ROOM = 64
cdef int64_t _MAX_FUNDING_E8 = 10000000


cdef int _check_log(const ExchangeState* state) noexcept nogil:
    return VERDICT_OK if log_room(state) >= margin_records(state, 0) else VERDICT_LOG_FULL


# ---- mark price and funding

cdef void _suspect_holders(ExchangeState* state, int symbol) noexcept nogil:
    cdef const Holding* holding
    cdef int32_t account
    for account in range(1, state.account_count):
        holding = holding_of(state, account, symbol)
        if holding.positions[0].lots != 0 or holding.positions[1].lots != 0 or holding.positions[2].lots != 0:
            margin_suspect(state, account)


cdef int _set_mark(ExchangeState* state, const ExchangeRequest* row) noexcept nogil:
    cdef SymbolState* symbol = &state.symbols[row.symbol]
    cdef Perpetual* perpetual = symbol.perpetual
    cdef int64_t most = MAX_ORDER_TICKS * perpetual.divisions
    if not 0 < row.price_ticks <= most or not 0 <= row.stop_ticks <= most:
        return VERDICT_BAD_PRICE
    if _check_log(state) != VERDICT_OK:
        return VERDICT_LOG_FULL
    perpetual.mark_price = row.price_ticks
    perpetual.index_price = row.stop_ticks
    symbol.reference_ticks = max((row.price_ticks + perpetual.divisions // 2) // perpetual.divisions, 1)
    look_for_mark(state, row.symbol)
    _suspect_holders(state, row.symbol)
    settle_queue(state)
    report_balances(state)
    return VERDICT_OK


cdef void _pay_funding(ExchangeState* state, int32_t account, int symbol, int index, int64_t rate_e8) noexcept nogil:
    """One position pays the house, or is paid by it."""
    cdef const Perpetual* perpetual = state.symbols[symbol].perpetual
    cdef int32_t asset = state.symbols[symbol].quote_asset
    cdef Holding* holding = holding_of(state, account, symbol)
    cdef Position* position = &holding.positions[index]
    cdef Balance* cell = balance_at(&state.balances, account, asset)
    cdef Balance* house = balance_at(&state.balances, 0, asset)
    cdef money_t atoms = rate_against(at_mark(perpetual, position.lots), rate_e8)
    cdef ExchangeReport* report
    if holding.is_isolated:
        cell.locked_atoms = money_sub(cell.locked_atoms, atoms)
        position.isolated_atoms = money_sub(position.isolated_atoms, atoms)
    else:
        cell.free_atoms = money_sub(cell.free_atoms, atoms)
    house.free_atoms = money_add(house.free_atoms, atoms)
    balance_note(&state.balances, account, asset)
    balance_note(&state.balances, 0, asset)
    margin_touch(state, account, symbol, index)
    report = report_new(state, EXECUTION_FUNDING)
    report.account = account
    report.symbol = symbol
    report.asset = asset
    report.flags = index << 6
    report.fee_atoms = atoms
    report.orig_lots = position.lots
    report.last_price_ticks = perpetual.mark_price
    report.stop_ticks = rate_e8


cdef int _apply_funding(ExchangeState* state, const ExchangeRequest* row) noexcept nogil:
    cdef Perpetual* perpetual = state.symbols[row.symbol].perpetual
    cdef int32_t account
    cdef int index
    if not -_MAX_FUNDING_E8 <= row.qty_lots <= _MAX_FUNDING_E8:
        return VERDICT_BAD_AMOUNT
    if row.expire_ns < 0:
        return VERDICT_BAD_EXPIRY
    if perpetual.mark_price == 0:
        return VERDICT_NO_MARK
    if _check_log(state) != VERDICT_OK:
        return VERDICT_LOG_FULL
    state.margin.cause = REASON_CAUSE_FUNDING
    for account in range(state.account_count):
        for index in range(3):
            if holding_of(state, account, row.symbol).positions[index].lots != 0:
                _pay_funding(state, account, row.symbol, index, row.qty_lots)
    perpetual.last_funding_e8 = row.qty_lots
    perpetual.last_funding_ns = state.now_ns
    perpetual.next_funding_ns = row.expire_ns
    settle_queue(state)
    report_balances(state)
    return VERDICT_OK


# ---- orders

cdef int _check_modify(ExchangeState* state, const ExchangeRequest* row, uint32_t slot) noexcept nogil:
    cdef const ExchangeOrder* order
    cdef ExchangeRequest probe = row[0]
    if slot == NO_SLOT:
        return VERDICT_UNKNOWN_ORDER
    order = &state.orders[slot]
    if state.symbols[row.symbol].status != SYMBOL_TRADING:
        return VERDICT_NOT_TRADING
    if order.place != PLACE_BOOK:
        return VERDICT_AMEND_NOT_RESTING
    if not 0 < row.price_ticks <= MAX_ORDER_TICKS:
        return VERDICT_BAD_PRICE
    if not 0 < row.qty_lots <= MAX_POSITION_LOTS:
        return VERDICT_BAD_QUANTITY
    if row.price_ticks == order.price_ticks and row.qty_lots == order.orig_lots:
        return VERDICT_NO_CHANGE
    if _check_log(state) != VERDICT_OK:
        return VERDICT_LOG_FULL
    probe.kind = REQUEST_PLACE
    probe.side = order.side
    probe.type = order.type
    probe.flags = order.flags
    probe.stop_ticks = probe.iceberg_lots = probe.trailing_bips = 0
    probe.quote_atoms = 0
    return check_filters(state, &probe)


cdef void _reprice(ExchangeState* state, ExchangeOrder* order, int64_t price_ticks, int64_t orig_lots) noexcept nogil:
    note_left(state, order, -left_lots(order))
    order.price_ticks = order.lock_ticks = price_ticks
    order.orig_lots = orig_lots
    note_left(state, order, left_lots(order))


cdef int _modify(ExchangeState* state, const ExchangeRequest* row) noexcept nogil:
    """New price and quantity; refused, the order stays where it is, else it goes through matching anew."""
    cdef uint32_t slot = find_order(state, row)
    cdef int verdict = _check_modify(state, row, slot)
    cdef ExchangeOrder* order
    cdef int64_t price_ticks, orig_lots
    if verdict != VERDICT_OK:
        return verdict
    order = &state.orders[slot]
    state.request_key = row.client_key
    if row.qty_lots <= order.executed_lots + order.prevented_lots or (
        order.type == TYPE_LIMIT_MAKER and would_take(state, row.symbol, order.side, row.price_ticks)
    ):
        finish_order(state, slot, EXECUTION_CANCELED, STATUS_CANCELED, REASON_NONE)
    elif not l3_has_room(&state.symbols[row.symbol].book, order.side, row.price_ticks):
        verdict = VERDICT_BOOK_FULL
    else:
        price_ticks = order.price_ticks
        orig_lots = order.orig_lots
        _reprice(state, order, row.price_ticks, row.qty_lots)
        verdict = margin_fund(state, order)
        if verdict != VERDICT_OK:
            _reprice(state, order, price_ticks, orig_lots)
        else:
            l3_remove(&state.symbols[row.symbol].book, slot)
            order.place = PLACE_NOWHERE
            order.is_cut = False
            order.amends += 1
            order.updated_ns = state.now_ns
            report_order(state, order, EXECUTION_REPLACED, REASON_NONE)
            execute(state, slot)
    settle_queue(state)
    report_balances(state)
    state.request_key = 0
    return verdict


cdef int _check_algo(ExchangeState* state, const ExchangeRequest* row) noexcept nogil:
    cdef int verdict = check_shape(state, row)
    if verdict == VERDICT_OK and margin_records_later(state, 1) > state.log.capacity:
        verdict = VERDICT_ORDERS_FULL
    if verdict == VERDICT_OK and log_room(state) < _ROOM:
        verdict = VERDICT_LOG_FULL
    if verdict == VERDICT_OK:
        verdict = check_filters(state, row)
    if verdict == VERDICT_OK:
        verdict = check_counts(state, row, 1, False)
    if verdict != VERDICT_OK:
        return verdict
    if row.client_key != 0 and index_find(
        &state.by_client, row.client_key, key_owner(row.account, True)
    ) != NO_SLOT:
        return VERDICT_DUPLICATE_ORDER
    return VERDICT_ORDERS_FULL if state.pool.free_count <= state.margin.reserved_slots else VERDICT_OK


cdef int _place_algo(ExchangeState* state, const ExchangeRequest* row, uint64_t* algo_id) noexcept nogil:
    cdef SymbolState* symbol = &state.symbols[row.symbol]
    cdef Perpetual* perpetual = symbol.perpetual
    cdef bint marked = row.flags & ORDER_MARK_PRICE != 0
    cdef int64_t price, stop
    cdef uint32_t slot
    cdef ExchangeOrder* order
    cdef bint upwards
    cdef int verdict = _check_algo(state, row)
    if verdict != VERDICT_OK:
        return verdict
    price = perpetual.mark_price if marked else symbol.last_ticks
    stop = row.stop_ticks * perpetual.divisions if marked else row.stop_ticks
    slot = open_order(state, row)
    order = &state.orders[slot]
    upwards = waits_upwards(order)
    if stop != 0 and price != 0 and stop_is_reached(upwards, stop, price):
        order.list_id = -1
        close_order(state, slot)
        state.margin.last_algo_id -= 1
        return VERDICT_WOULD_TRIGGER
    algo_id[0] = order.order_id
    order.place = PLACE_CONDITIONAL
    state.request_key = row.client_key
    report_algo(state, order, ALGO_NEW, REASON_NONE)
    state.request_key = 0
    conditional_add(
        waits_in(state, order), slot, order.order_id, upwards, order.side == SIDE_BUY, stop,
        order.trailing_bips, price,
    )
    return VERDICT_OK


cdef int _cancel_algo(ExchangeState* state, const ExchangeRequest* row) noexcept nogil:
    cdef uint32_t slot = index_find(&state.by_id, row.order_id, 1)
    if slot == NO_SLOT or state.orders[slot].account != row.account or state.orders[slot].symbol != row.symbol:
        return VERDICT_UNKNOWN_ORDER
    if state.symbols[row.symbol].status == SYMBOL_HALT:
        return VERDICT_NOT_TRADING
    if log_room(state) < _ROOM:
        return VERDICT_LOG_FULL
    state.request_key = row.client_key
    finish_algo(state, slot, ALGO_CANCELED, REASON_NONE)
    state.request_key = 0
    return VERDICT_OK


cdef int _cancel_all_algos(ExchangeState* state, const ExchangeRequest* row) noexcept nogil:
    if log_room(state) < _ROOM + 2 * <int64_t>open_orders_of(state, row.account, row.symbol).count:
        return VERDICT_LOG_FULL
    if state.symbols[row.symbol].status == SYMBOL_HALT:
        return VERDICT_NOT_TRADING
    if end_orders(state, row.account, row.symbol, True, STATUS_CANCELED, REASON_NONE) == 0:
        return VERDICT_UNKNOWN_ORDER
    return VERDICT_OK


# ---- dispatch

cdef int _check_row(const ExchangeState* state, const ExchangeRequest* row) noexcept nogil:
    if row.kind > REQUEST_COUNTDOWN:
        return VERDICT_BAD_KIND
    if state.margin.holdings == NULL:
        return VERDICT_NOT_PERPETUAL
    if row.kind != REQUEST_POSITION_MODE:
        if row.symbol >= state.symbol_count:
            return VERDICT_UNKNOWN_SYMBOL
        if state.symbols[row.symbol].perpetual == NULL:
            return VERDICT_NOT_PERPETUAL
    if row.kind not in (REQUEST_MARK, REQUEST_FUNDING) and (
        not 0 < row.account < state.account_count or not state.accounts[row.account].is_open
    ):
        return VERDICT_UNKNOWN_ACCOUNT
    return VERDICT_OK


cdef void margin_apply(ExchangeState* state, const ExchangeRequest* row, RequestResult* result) noexcept nogil:
    cdef int kind = row.kind
    result.verdict = _check_row(state, row)
    if result.verdict != VERDICT_OK:
        return
    if kind == REQUEST_MARK:
        result.verdict = _set_mark(state, row)
    elif kind == REQUEST_FUNDING:
        result.verdict = _apply_funding(state, row)
    elif kind == REQUEST_ALGO:
        result.verdict = _place_algo(state, row, &result.order_id)
    elif kind == REQUEST_ALGO_CANCEL:
        result.verdict = _cancel_algo(state, row)
        result.order_id = row.order_id
    elif kind == REQUEST_ALGO_CANCEL_ALL:
        result.verdict = _cancel_all_algos(state, row)
    elif kind == REQUEST_MODIFY:
        result.verdict = _modify(state, row)
        result.order_id = row.order_id
    else:
        result.verdict = margin_setting(state, row)
