# cython: language_level=3
"""Construction, dispatch and hash of the exchange (contract in exchange_core.pxd).

Not seen from Python: `Exchange` owns one.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from bot4._core.account.balances cimport (
    Balance, balance_at, balance_credit, balances_hash, balances_init, balances_release,
)
from bot4._core.account.money cimport money_hash
from bot4._core.book.conditional cimport TrailState
from bot4._core.book.matching cimport l3_hash, l3_release
from bot4._core.book.order_index cimport NO_SLOT, index_init, index_release
from bot4._core.book.order_pool cimport pool_init, pool_release
from bot4._core.book.slot_heap cimport HeapNode, heap_init
from bot4._core.sim.average_price cimport average_release
from bot4._core.sim.exchange_reports cimport log_room, report_balances
from bot4._core.sim.exchange_state cimport (
    AccountState, ExchangeOrder, ExchangeReport, FeeTier, OpenOrders, OrderList, SymbolState, holding_of, left_lots,
    open_orders_of,
)
from bot4._core.sim.exchange_types cimport (
    REQUEST_ADVANCE, REQUEST_AMEND, REQUEST_CANCEL, REQUEST_CANCEL_ALL, REQUEST_CANCEL_REPLACE, REQUEST_DEPOSIT,
    REQUEST_MARK,
    REQUEST_OCO, REQUEST_OTO, REQUEST_OTOCO, REQUEST_PLACE, REQUEST_WITHDRAW, VERDICT_BAD_AMOUNT, VERDICT_BAD_KIND,
    VERDICT_INSUFFICIENT_BALANCE,
    VERDICT_LOG_FULL, VERDICT_OK, VERDICT_UNKNOWN_ACCOUNT, VERDICT_UNKNOWN_ASSET,
)
from bot4._core.sim.list_requests cimport place_list
from bot4._core.sim.margin cimport margin_withdrawable
from bot4._core.sim.margin_requests cimport margin_apply
from bot4._core.sim.margin_state cimport NEVER_NS, Holding, MarginState
from bot4._core.sim.requests cimport (
    advance_time, amend_order, cancel_all_orders, cancel_order, cancel_replace, place_order,
)
from bot4._core.types cimport aligned_zalloc, hash_mix


cdef ExchangeState* exchange_new(
    int64_t max_orders, int32_t max_accounts, int32_t max_assets, int32_t max_symbols, int64_t max_reports
) noexcept:
    cdef ExchangeState* state = <ExchangeState*>aligned_zalloc(sizeof(ExchangeState))
    cdef uint32_t i
    if state == NULL:
        return NULL
    state.max_accounts = max_accounts
    state.max_assets = max_assets
    state.max_symbols = max_symbols
    state.log.capacity = max_reports
    state.tier_asset = state.fee_asset = -1
    state.margin.due_ns = NEVER_NS
    state.orders = <ExchangeOrder*>aligned_zalloc(<size_t>max_orders * sizeof(ExchangeOrder))
    state.waiting_nodes = <HeapNode*>aligned_zalloc(<size_t>max_orders * sizeof(HeapNode))
    state.expiry_nodes = <HeapNode*>aligned_zalloc(<size_t>max_orders * sizeof(HeapNode))
    state.trails = <TrailState*>aligned_zalloc(<size_t>max_orders * sizeof(TrailState))
    state.queue = <uint32_t*>aligned_zalloc(<size_t>max_orders * sizeof(uint32_t))
    state.lists = <OrderList*>aligned_zalloc(<size_t>(max_orders // 2) * sizeof(OrderList))
    state.symbols = <SymbolState*>aligned_zalloc(<size_t>max_symbols * sizeof(SymbolState))
    state.accounts = <AccountState*>aligned_zalloc(<size_t>max_accounts * sizeof(AccountState))
    state.open_orders = <OpenOrders*>aligned_zalloc(<size_t>max_accounts * <size_t>max_symbols * sizeof(OpenOrders))
    state.tiers = <FeeTier*>aligned_zalloc(32 * sizeof(FeeTier))
    state.log.records = <ExchangeReport*>aligned_zalloc(<size_t>max_reports * sizeof(ExchangeReport))
    if (
        state.orders == NULL or state.waiting_nodes == NULL or state.expiry_nodes == NULL or state.trails == NULL
        or state.queue == NULL or state.lists == NULL or state.symbols == NULL or state.accounts == NULL
        or state.open_orders == NULL or state.tiers == NULL or state.log.records == NULL
        or not pool_init(&state.pool, <uint32_t>max_orders)
        or not index_init(&state.by_id, <uint64_t>max_orders, True)
        or not index_init(&state.by_client, <uint64_t>max_orders, False)
        or not balances_init(&state.balances, max_accounts, max_assets)
    ):
        exchange_free(state)
        return NULL
    heap_init(&state.expiries, state.expiry_nodes)
    for i in range(<uint32_t>(max_orders // 2)):      # a list has at least two orders
        state.lists[i].next_free = i + 1 if i + 1 < <uint32_t>(max_orders // 2) else NO_SLOT
    for i in range(<uint32_t>(max_accounts * max_symbols)):
        state.open_orders[i].head = state.open_orders[i].tail = NO_SLOT
    return state


cdef bint exchange_add_margin(ExchangeState* state) noexcept:
    cdef MarginState* margin = &state.margin
    cdef size_t accounts = <size_t>state.max_accounts
    if margin.holdings != NULL:
        return True
    margin.suspects = <int32_t*>aligned_zalloc(accounts * sizeof(int32_t))
    margin.suspected = <uint8_t*>aligned_zalloc(accounts)
    margin.called = <uint8_t*>aligned_zalloc(accounts * <size_t>state.max_assets)
    margin.touched = <uint32_t*>aligned_zalloc(3 * accounts * <size_t>state.max_symbols * sizeof(uint32_t))
    if margin.suspects == NULL or margin.suspected == NULL or margin.called == NULL or margin.touched == NULL:
        return False
    margin.round = 1
    margin.reserved_slots = 1
    margin.holdings = <Holding*>aligned_zalloc(accounts * <size_t>state.max_symbols * sizeof(Holding))
    return margin.holdings != NULL


cdef void exchange_free(ExchangeState* state) noexcept:
    cdef int32_t i
    if state == NULL:
        return
    free(state.margin.holdings)
    free(state.margin.suspects)
    free(state.margin.suspected)
    free(state.margin.called)
    free(state.margin.touched)
    for i in range(state.symbol_count):
        l3_release(&state.symbols[i].book)
        average_release(&state.symbols[i].average)
        free(state.symbols[i].perpetual)
    free(state.orders)
    free(state.waiting_nodes)
    free(state.expiry_nodes)
    free(state.trails)
    free(state.queue)
    free(state.lists)
    free(state.symbols)
    free(state.accounts)
    free(state.open_orders)
    free(state.tiers)
    free(state.log.records)
    pool_release(&state.pool)
    index_release(&state.by_id)
    index_release(&state.by_client)
    balances_release(&state.balances)
    free(state)


cdef int _move_funds(ExchangeState* state, const ExchangeRequest* row) noexcept nogil:
    """Deposit, or withdraw from what is free."""
    cdef bint out = row.kind == REQUEST_WITHDRAW
    cdef const Balance* held
    if not 0 < row.account < state.account_count:
        return VERDICT_UNKNOWN_ACCOUNT
    if row.symbol >= state.asset_count:
        return VERDICT_UNKNOWN_ASSET
    held = balance_at(&state.balances, row.account, row.symbol)
    # 2^90 atoms an account: no sum of balances, and no product with a price, leaves 128 bits.
    if row.quote_atoms <= 0 or row.quote_atoms >> 90 != 0 or (
        not out and (held.free_atoms + held.locked_atoms + row.quote_atoms) >> 90 != 0
    ):
        return VERDICT_BAD_AMOUNT
    if out and (held.free_atoms < row.quote_atoms or (
        state.margin.perpetuals != 0 and margin_withdrawable(state, row.account, row.symbol) < row.quote_atoms
    )):
        return VERDICT_INSUFFICIENT_BALANCE
    if log_room(state) < 1:
        return VERDICT_LOG_FULL
    balance_credit(&state.balances, row.account, row.symbol, -row.quote_atoms if out else row.quote_atoms)
    report_balances(state)
    return VERDICT_OK


cdef int64_t exchange_apply(
    ExchangeState* state, const ExchangeRequest* rows, int64_t count, RequestResult* result
) noexcept nogil:
    cdef int kind = rows.kind
    cdef int64_t used = 1
    memset(result, 0, sizeof(RequestResult))
    state.requests += 1
    result.verdict = advance_time(state, rows.now_ns)
    if result.verdict == VERDICT_OK:
        if kind == REQUEST_PLACE:
            place_order(state, rows, result)
        elif kind == REQUEST_CANCEL:
            result.verdict = cancel_order(state, rows)
            result.order_id = rows.order_id
        elif kind == REQUEST_CANCEL_ALL:
            result.verdict = cancel_all_orders(state, rows.account, rows.symbol)
        elif kind == REQUEST_CANCEL_REPLACE:
            cancel_replace(state, rows, result)
        elif kind == REQUEST_AMEND:
            result.verdict = amend_order(state, rows)
            result.order_id = rows.order_id
        elif kind in (REQUEST_OCO, REQUEST_OTO, REQUEST_OTOCO):
            used = place_list(state, rows, count, result)
        elif kind in (REQUEST_DEPOSIT, REQUEST_WITHDRAW):
            result.verdict = _move_funds(state, rows)
        elif kind >= REQUEST_MARK:
            margin_apply(state, rows, result)
        elif kind != REQUEST_ADVANCE:
            result.verdict = VERDICT_BAD_KIND
    if result.verdict == VERDICT_LOG_FULL and state.log.count != 0:
        state.requests -= 1
        return 0
    return used


cdef uint64_t _hash_positions(const ExchangeState* state, int32_t symbol, uint64_t hashed) noexcept nogil:
    """Positions and settings of every account on a perpetual."""
    cdef const Holding* holding
    cdef int32_t account, i
    hashed = hash_mix(hashed, <uint64_t>state.symbols[symbol].perpetual.mark_price)
    for account in range(state.account_count):
        holding = holding_of(state, account, symbol)
        hashed = hash_mix(hashed, <uint64_t>holding.leverage << 1 | holding.is_isolated)
        for i in range(3):
            hashed = hash_mix(hashed, <uint64_t>holding.positions[i].lots)
            hashed = money_hash(hashed, holding.positions[i].entry_atoms)
            hashed = money_hash(hashed, holding.positions[i].isolated_atoms)
    return hashed


cdef uint64_t exchange_hash(const ExchangeState* state) noexcept nogil:
    """Hash of the balances, the books in their order of priority, every open order and the counters."""
    cdef uint64_t hashed = balances_hash(&state.balances, state.account_count, state.asset_count)
    cdef const SymbolState* symbol
    cdef const ExchangeOrder* order
    cdef uint32_t slot
    cdef int32_t i, account
    hashed = hash_mix(hashed, <uint64_t>state.now_ns)
    hashed = hash_mix(hashed, state.last_order_id)
    hashed = hash_mix(hashed, <uint64_t>state.last_list_id)
    for i in range(state.symbol_count):
        symbol = &state.symbols[i]
        hashed = hash_mix(hashed, l3_hash(&symbol.book))
        hashed = hash_mix(hashed, <uint64_t>symbol.last_ticks)
        hashed = hash_mix(hashed, <uint64_t>symbol.trade_count)
        if symbol.perpetual != NULL:
            hashed = _hash_positions(state, i, hashed)
        for account in range(state.account_count):
            slot = open_orders_of(state, account, i).head
            while slot != NO_SLOT:
                order = &state.orders[slot]
                hashed = hash_mix(hashed, order.order_id)
                hashed = hash_mix(hashed, <uint64_t>left_lots(order))
                hashed = hash_mix(hashed, <uint64_t>order.executed_lots)
                hashed = hash_mix(hashed, order.status | <uint64_t>order.place << 8 | <uint64_t>order.type << 16)
                slot = order.next
    return hashed
