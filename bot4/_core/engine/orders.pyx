# cython: language_level=3
"""Table of working orders.

A linear search of at most 64 lines beats a hash at this size, and the order of insertion is kept so that a state hash
and a cancel-all walk are the same in every run.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memmove, memset

import numpy as np

from bot4._core.types cimport OrderIntent, aligned_zalloc, hash_mix


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
    order.flags = intent.flags | (ORDER_IS_STOP if intent.trigger_ticks != 0 else 0)
    order.total_trade_id = -1
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
        digest = hash_mix(
            digest, <uint64_t>table.orders[i].cancel_reason << 2 | <uint64_t>table.orders[i].is_unknown << 1
            | table.orders[i].is_sent)
        digest = hash_mix(digest, <uint64_t>table.orders[i].cancel_refused_ns)
    return digest


cdef class WorkingOrders:
    """A table of its own, to look at and to test: what a lane does with its orders, row by row.

    >>> import numpy as np
    >>> table = WorkingOrders()
    >>> ops = np.array([[OrderOpKind.ORDER_OP_ADD, 7, 5], [OrderOpKind.ORDER_OP_FIND, 7, 0]])
    >>> table.run(ops).tolist(), table.rows().tolist()
    ([0, 0], [[7, 5, 0]])
    """

    def __cinit__(self):
        self.table = <OrderTable*>aligned_zalloc(sizeof(OrderTable))
        if self.table == NULL:
            raise MemoryError("no memory for a table of orders")

    def __dealloc__(self):
        free(self.table)

    def run(self, const int64_t[:, ::1] ops):
        """Apply rows in order.

        Parameters
        ----------
        ops : ndarray[int64], shape (n, 3)
            `OrderOpKind`, order id, lots.

        Returns
        -------
        ndarray[int64], shape (n,)
            Place of the order in the table before a REMOVE and after anything else; -1 where it is not there or the
            table is full.
        """
        cdef OrderIntent intent
        cdef WorkingOrder* order
        cdef Py_ssize_t i
        places = np.empty(ops.shape[0], np.int64)
        cdef int64_t[::1] out = places
        memset(&intent, 0, sizeof(OrderIntent))
        with nogil:
            for i in range(ops.shape[0]):
                if ops[i, 0] == ORDER_OP_ADD:
                    intent.order_id = ops[i, 1]
                    intent.qty_lots = ops[i, 2]
                    order = orders_add(self.table, &intent)
                else:
                    order = orders_find(self.table, ops[i, 1])
                out[i] = -1 if order == NULL else order - &self.table.orders[0]
                if order != NULL and ops[i, 0] == ORDER_OP_FILL:
                    order.filled_lots += ops[i, 2]
                elif order != NULL and ops[i, 0] == ORDER_OP_REMOVE:
                    orders_remove(self.table, order)
        return places

    def rows(self):
        """Return order id, lots and filled lots of each order, oldest first: ndarray[int64], shape (n, 3)."""
        cdef int i
        return np.array(
            [(self.table.orders[i].order_id, self.table.orders[i].qty_lots, self.table.orders[i].filled_lots)
             for i in range(self.table.count)], np.int64).reshape(-1, 3)

    @property
    def state_hash(self) -> int:
        """Hash of the table: of its orders and of their order."""
        return orders_hash(self.table)
