# cython: language_level=3
"""Table of working orders.

A linear search of at most 64 lines beats a hash at this size, and the order of insertion is kept so that a state hash
and a cancel-all walk are the same in every run.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memmove, memset

from bot4._core.types cimport OrderIntent, hash_mix


cdef WorkingOrder* orders_add(OrderTable* table, const OrderIntent* intent) noexcept nogil:
    cdef WorkingOrder* order
    if table.count == WORKING_MAX:
        return NULL
    order = &table.orders[table.count]
    table.count += 1
    memset(order, 0, sizeof(WorkingOrder))
    order.order_id = intent.order_id
    order.price_ticks = intent.price_ticks
    order.qty_lots = intent.qty_lots
    order.sent_ns = intent.ts_ns
    order.side = intent.side
    order.tif = intent.tif
    order.flags = intent.flags
    return order


cdef WorkingOrder* orders_find(OrderTable* table, uint64_t order_id) noexcept nogil:
    cdef int i
    for i in range(table.count):
        if table.orders[i].order_id == order_id:
            return &table.orders[i]
    return NULL


cdef void orders_remove(OrderTable* table, WorkingOrder* order) noexcept nogil:
    cdef int64_t index = order - &table.orders[0]
    memmove(order, order + 1, (table.count - index - 1) * sizeof(WorkingOrder))
    table.count -= 1


cdef uint64_t orders_hash(const OrderTable* table) noexcept nogil:
    cdef uint64_t digest = <uint64_t>table.count
    cdef int i
    for i in range(table.count):
        digest = hash_mix(digest, table.orders[i].order_id)
        digest = hash_mix(digest, <uint64_t>table.orders[i].price_ticks)
        digest = hash_mix(digest, <uint64_t>table.orders[i].qty_lots)
        digest = hash_mix(digest, <uint64_t>table.orders[i].filled_lots)
        digest = hash_mix(digest, <uint64_t>table.orders[i].cancel_pending << 1 | table.orders[i].is_acked)
    return digest
