"""The orders of one instrument that the venue may still fill: a fixed table, searched linearly."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from bot4._core.account.ledger cimport OrderLock
from bot4._core.types cimport OrderIntent


cdef enum:
    WORKING_MAX = 64         # the risk limit on open orders is at most this, so the table cannot overflow


ctypedef struct WorkingOrder:
    uint64_t order_id
    int64_t price_ticks
    int64_t qty_lots
    int64_t filled_lots
    int64_t sent_ns
    OrderLock lock           # what the ledger holds back for it
    uint8_t side
    uint8_t tif
    uint8_t flags
    uint8_t is_acked
    uint8_t cancel_pending


ctypedef struct OrderTable:
    WorkingOrder orders[WORKING_MAX]     # [0, count) are in use, oldest first
    int count


cdef WorkingOrder* orders_add(OrderTable* table, const OrderIntent* intent) noexcept nogil   # NULL when full
cdef WorkingOrder* orders_find(OrderTable* table, uint64_t order_id) noexcept nogil          # NULL when not there
cdef void orders_remove(OrderTable* table, WorkingOrder* order) noexcept nogil               # moves later ones down
cdef uint64_t orders_hash(const OrderTable* table) noexcept nogil
