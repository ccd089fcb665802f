"""The orders of one instrument that the venue may still fill: a fixed table, searched linearly."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from bot4._core.account.ledger cimport OrderLock
from bot4._core.types cimport OrderIntent


cdef enum:
    ORDER_IS_STOP = 128      # of a working order's flags, beside those of its intent: it waits for a trigger
    WORKING_MAX = 64         # the risk limit on open orders is at most this, so the table cannot overflow


ctypedef struct WorkingOrder:
    uint64_t order_id
    int64_t price_ticks
    int64_t qty_lots
    int64_t filled_lots
    int64_t sent_ns
    uint8_t side             # as far as `cancel_pending` strategies may read; WORKING_ORDER_DTYPE has the offsets
    uint8_t tif
    uint8_t flags
    uint8_t is_acked
    uint8_t cancel_pending
    OrderLock lock           # what the ledger holds back for it
    # Of an external venue only.
    uint8_t is_sent          # the gateway wrote it to its socket
    uint8_t is_unknown       # time-out or the like: counted as if it would fill until the venue says more
    uint8_t cancel_reason    # DecisionReason of a cancel that found the ring to the gateway full; 0: none
    int64_t cancel_refused_ns   # when the venue last refused to cancel it; 0: never
    int64_t total_lots       # filled quantity the venue gives for after the fill `total_trade_id`
    int64_t total_trade_id   # -1: no such fill is awaited


ctypedef struct OrderTable:
    WorkingOrder orders[WORKING_MAX]     # [0, count) are in use, oldest first
    int count


# One row of WorkingOrders.run, and of its answers.
cpdef enum OrderOpKind:
    ORDER_OP_ADD = 0
    ORDER_OP_FIND = 1
    ORDER_OP_REMOVE = 2
    ORDER_OP_FILL = 3        # qty_lots more of the order are filled


cdef WorkingOrder* orders_add(OrderTable* table, const OrderIntent* intent) noexcept nogil   # NULL when full
cdef WorkingOrder* orders_find(OrderTable* table, uint64_t order_id) noexcept nogil          # NULL when not there
cdef void orders_remove(OrderTable* table, WorkingOrder* order) noexcept nogil               # moves later ones down
cdef uint64_t orders_hash(const OrderTable* table) noexcept nogil


cdef class WorkingOrders:
    cdef OrderTable* table
