# cython: language_level=3
"""Opening and closing orders (contract in order_life.pxd).

Not seen from Python: requests open orders, matching and cancels close them.
"""

from libc.stdint cimport int32_t, uint32_t
from libc.string cimport memset

from bot4._core.book.conditional cimport conditional_remove
from bot4._core.book.matching cimport l3_remove
from bot4._core.book.order_index cimport NO_SLOT, index_insert, index_remove
from bot4._core.book.order_pool cimport BookOrder, pool_give, pool_take
from bot4._core.book.slot_heap cimport heap_insert, heap_remove
from bot4._core.sim.exchange_state cimport (
    PLACE_BOOK, PLACE_CONDITIONAL, PLACE_NOWHERE, AccountState, OpenOrders, SymbolState, holding_of, key_owner, left_lots,
    parts_of,
)
from bot4._core.sim.exchange_types cimport (
    ORDER_MARK_PRICE, ORDER_PRICE_PROTECT, ORDER_REDUCE_ONLY, STATUS_NEW, TYPE_STOP_LOSS, TYPE_STOP_LOSS_LIMIT,
)
from bot4._core.sim.margin cimport margin_open, report_algo
from bot4._core.sim.margin_state cimport ALGO_FINISHED
from bot4._core.sim.settlement cimport lock_exactly


cdef bint waits_upwards(const ExchangeOrder* order) noexcept nogil:
    """STOP_LOSS buys and TAKE_PROFIT sells wait for a rising price, the others for a falling one."""
    return (order.type in (TYPE_STOP_LOSS, TYPE_STOP_LOSS_LIMIT)) == (order.side == SIDE_BUY)


cdef void _count(ExchangeState* state, const ExchangeOrder* order, int32_t by) noexcept nogil:
    cdef AccountState* account = &state.accounts[order.account]
    cdef OpenOrders* held = open_orders_of(state, order.account, order.symbol)
    held.count += by
    account.order_count += by
    if order.type >= TYPE_STOP_LOSS:
        held.algo_count += by
        account.algo_count += by
    if order.iceberg_lots != 0:
        held.iceberg_count += by
        account.iceberg_count += by
    if order.flags & ORDER_REDUCE_ONLY and not order.is_algo:
        holding_of(state, order.account, order.symbol).reducing += by
    state.symbols[order.symbol].open_orders += by
    state.symbols[order.symbol].open_parts += by * order.parts


cdef uint32_t open_order(ExchangeState* state, const ExchangeRequest* request) noexcept nogil:
    cdef uint32_t slot = pool_take(&state.pool)
    cdef ExchangeOrder* order = &state.orders[slot]
    cdef BookOrder* resting = &state.pool.orders[slot]
    cdef OpenOrders* held = open_orders_of(state, request.account, request.symbol)
    memset(order, 0, sizeof(ExchangeOrder))
    state.last_order_id += 1
    order.order_id = state.last_order_id
    order.client_key = request.client_key
    order.list_id = order.working_ns = order.list_slot = -1
    order.price_ticks = request.price_ticks
    order.stop_ticks = request.stop_ticks
    # What a buy may pay for a lot: its limit, or what a stop without a limit waits for.
    order.lock_ticks = request.price_ticks if request.price_ticks != 0 else request.stop_ticks
    order.orig_lots = request.qty_lots
    order.iceberg_lots = request.iceberg_lots
    order.parts = parts_of(request.qty_lots, request.iceberg_lots)
    order.expire_ns = request.expire_ns
    order.created_ns = order.updated_ns = state.now_ns
    order.quote_atoms = request.quote_atoms
    order.account = request.account
    order.trailing_bips = request.trailing_bips
    order.symbol = request.symbol
    order.side = request.side
    order.type = request.type
    order.tif = request.tif
    order.stp = request.stp
    order.status = STATUS_NEW
    order.place = PLACE_NOWHERE
    if state.symbols[request.symbol].perpetual != NULL:
        margin_open(state, order, request)
    resting.order_id = order.order_id
    resting.price_ticks = request.price_ticks
    resting.iceberg_lots = request.iceberg_lots
    resting.account = request.account
    resting.trade_group = state.accounts[request.account].trade_group
    resting.side = request.side
    resting.stp = request.stp
    index_insert(&state.by_id, order.order_id, order.is_algo, slot)
    if order.client_key != 0:
        index_insert(&state.by_client, order.client_key, key_owner(order.account, order.is_algo), slot)
    if order.expire_ns != 0:
        heap_insert(&state.expiries, slot, order.expire_ns, order.order_id)
    order.next = NO_SLOT
    order.prev = held.tail
    if held.tail == NO_SLOT:
        held.head = slot
    else:
        state.orders[held.tail].next = slot
    held.tail = slot
    _count(state, order, 1)
    note_left(state, order, order.orig_lots)
    return slot


cdef ConditionalBook* waits_in(ExchangeState* state, const ExchangeOrder* order) noexcept nogil:
    cdef SymbolState* symbol = &state.symbols[order.symbol]
    cdef bint marked = order.flags & ORDER_MARK_PRICE != 0
    if order.is_algo and order.flags & ORDER_PRICE_PROTECT:
        return &symbol.perpetual.guarded[marked]
    return &symbol.perpetual.marked if marked else &symbol.waiting


cdef void close_order(ExchangeState* state, uint32_t slot) noexcept nogil:
    cdef ExchangeOrder* order = &state.orders[slot]
    cdef OpenOrders* held = open_orders_of(state, order.account, order.symbol)
    if order.place == PLACE_BOOK:
        l3_remove(&state.symbols[order.symbol].book, slot)
    elif order.place == PLACE_CONDITIONAL:
        conditional_remove(waits_in(state, order), slot, waits_upwards(order))
    order.place = PLACE_NOWHERE
    if order.locked_atoms != 0:
        lock_exactly(state, order, 0)
    if order.expire_ns != 0:
        heap_remove(&state.expiries, slot)
    index_remove(&state.by_id, order.order_id, order.is_algo)
    if order.client_key != 0:
        index_remove(&state.by_client, order.client_key, key_owner(order.account, order.is_algo))
    if order.prev == NO_SLOT:
        held.head = order.next
    else:
        state.orders[order.prev].next = order.next
    if order.next == NO_SLOT:
        held.tail = order.prev
    else:
        state.orders[order.next].prev = order.prev
    _count(state, order, -1)
    note_left(state, order, -left_lots(order))
    if order.from_algo:
        report_algo(state, order, ALGO_FINISHED, 0)
    pool_give(&state.pool, slot)
