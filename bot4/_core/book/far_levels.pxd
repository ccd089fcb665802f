"""Price levels far from the touch: a bounded open-addressing hash of key -> quantity.

A key is a price whose sign makes the greater key the better one (see book_side.pxd). Linear probing with
backward-shift deletion, so no tombstones: a look-up never gets slower with age. A bitmap of occupied slots makes a
scan cost the levels there are, not the capacity.
"""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.book.bits cimport prefetch, unlikely


ctypedef struct FarLevel:
    int64_t key
    int64_t qty_lots         # 0: the slot is free


ctypedef struct FarLevels:
    FarLevel* slots
    uint64_t* occupied       # one bit per slot
    uint64_t mask            # slots - 1
    int64_t count
    int64_t limit            # three quarters of the slots: one more level is refused
    int shift                # 64 - log2(slots)


cdef bint far_init(FarLevels* far, int64_t capacity) noexcept      # false: out of memory
cdef void far_release(FarLevels* far) noexcept
cdef void far_clear(FarLevels* far) noexcept nogil
cdef void far_insert_at(FarLevels* far, uint64_t slot, int64_t key, int64_t qty_lots) noexcept nogil
cdef void far_remove_at(FarLevels* far, uint64_t slot) noexcept nogil
cdef int64_t far_best_key(const FarLevels* far) noexcept nogil     # far.count must not be 0
cdef int64_t far_copy_from(const FarLevels* far, int64_t key_min, FarLevel* out) noexcept nogil


cdef inline uint64_t far_home(const FarLevels* far, int64_t key) noexcept nogil:
    """Slot where the probe for a key starts (Fibonacci hashing: the high bits of a product)."""
    return (<uint64_t>key * 0x9E3779B97F4A7C15ULL) >> far.shift


cdef inline uint64_t far_slot(const FarLevels* far, int64_t key) noexcept nogil:
    """Slot that holds a key, or the free slot where it would go."""
    cdef uint64_t slot = far_home(far, key)
    while far.slots[slot].qty_lots != 0 and far.slots[slot].key != key:
        slot = (slot + 1) & far.mask
    return slot


cdef inline void far_prefetch(const FarLevels* far, int64_t key) noexcept nogil:
    prefetch(&far.slots[far_home(far, key)])


cdef inline bint far_set(FarLevels* far, int64_t key, int64_t qty_lots) noexcept nogil:
    """Set the quantity of a key, 0 removes it; false where a new level finds no room (nothing is changed)."""
    cdef uint64_t slot = far_slot(far, key)
    if far.slots[slot].qty_lots != 0:
        if qty_lots != 0:
            far.slots[slot].qty_lots = qty_lots
        else:
            far_remove_at(far, slot)
    elif qty_lots != 0:
        if unlikely(far.count >= far.limit):
            return False
        far_insert_at(far, slot, key, qty_lots)
    return True
