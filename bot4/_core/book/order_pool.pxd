"""Bounded pool of resting orders and of price levels, shared by the books of an exchange.

A slot is an index, not a pointer: 4 bytes in a link, and the same number names the order in arrays that run beside
this one. The slot last given back is handed out first (it is warm).
"""

from libc.stdint cimport int64_t, int32_t, uint8_t, uint32_t, uint64_t

from bot4._core.book.order_index cimport NO_SLOT


# One cache line: all that matching touches of a resting order.
ctypedef struct BookOrder:
    uint64_t order_id
    int64_t price_ticks
    int64_t open_lots           # what is left, hidden part included
    int64_t shown_lots          # what of it stands in the queue now; open_lots unless the order is an iceberg
    int64_t iceberg_lots        # shown at a time; 0: all
    uint32_t prev               # in the queue of the level, towards older; NO_SLOT: none
    uint32_t next
    uint32_t level              # NO_SLOT: not in a book
    int32_t account
    int32_t trade_group         # -1: none
    uint8_t side
    uint8_t stp                 # STP_*: matters where the taker's is STP_TRANSFER
    uint8_t reserved[2]


ctypedef struct BookLevel:
    int64_t price_ticks
    int64_t shown_lots
    uint32_t head               # oldest order; of a free level, the next free one
    uint32_t tail
    uint32_t count
    uint32_t side


ctypedef struct OrderPool:
    BookOrder* orders
    uint32_t* free_slots        # a stack
    BookLevel* levels           # as many as orders: a level holds at least one
    uint32_t free_level
    uint32_t capacity
    uint32_t free_count


cdef bint pool_init(OrderPool* pool, uint32_t capacity) noexcept      # false: out of memory
cdef void pool_release(OrderPool* pool) noexcept


cdef inline uint32_t pool_take(OrderPool* pool) noexcept nogil:
    """A free slot; NO_SLOT where all are in use."""
    if pool.free_count == 0:
        return NO_SLOT
    pool.free_count -= 1
    return pool.free_slots[pool.free_count]


cdef inline void pool_give(OrderPool* pool, uint32_t slot) noexcept nogil:
    """Give a slot back; its order must be in no book."""
    pool.free_slots[pool.free_count] = slot
    pool.free_count += 1


cdef inline uint32_t pool_used(const OrderPool* pool) noexcept nogil:
    return pool.capacity - pool.free_count


cdef inline uint32_t level_take(OrderPool* pool) noexcept nogil:
    """A free level: there is one, as every level in use holds an order of the pool."""
    cdef uint32_t level = pool.free_level
    pool.free_level = pool.levels[level].head
    return level


cdef inline void level_give(OrderPool* pool, uint32_t level) noexcept nogil:
    pool.levels[level].head = pool.free_level
    pool.free_level = level
