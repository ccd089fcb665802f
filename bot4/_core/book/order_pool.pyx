# cython: language_level=3
"""Storage of resting orders (contract in order_pool.pxd).

Not seen from Python: a book or an exchange owns it. All functions belong to the thread that owns the pool.
"""

from libc.stdint cimport uint32_t
from libc.stdlib cimport free
from libc.string cimport memset

from bot4._core.types cimport aligned_zalloc


cdef bint pool_init(OrderPool* pool, uint32_t capacity) noexcept:
    cdef uint32_t slot
    memset(pool, 0, sizeof(OrderPool))
    pool.orders = <BookOrder*>aligned_zalloc(<size_t>capacity * sizeof(BookOrder))
    pool.free_slots = <uint32_t*>aligned_zalloc(<size_t>capacity * sizeof(uint32_t))
    pool.levels = <BookLevel*>aligned_zalloc(<size_t>capacity * sizeof(BookLevel))
    if pool.orders == NULL or pool.free_slots == NULL or pool.levels == NULL:
        return False
    pool.capacity = pool.free_count = capacity
    for slot in range(capacity):
        pool.orders[slot].level = NO_SLOT
        pool.free_slots[slot] = capacity - 1 - slot      # the lowest is handed out first
        pool.levels[slot].head = slot + 1 if slot + 1 < capacity else NO_SLOT
    return True


cdef void pool_release(OrderPool* pool) noexcept:
    free(pool.orders)
    free(pool.free_slots)
    free(pool.levels)
    memset(pool, 0, sizeof(OrderPool))
