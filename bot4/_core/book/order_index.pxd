"""Hash index of open orders: (key, owner) -> slot of the pool.

Linear probing with backward-shift deletion, so no tombstones. An entry is 16 bytes, four a cache line. Two ways to find
an entry's home, chosen at construction:

- ids that the owner of the index hands out one after the other: blocks of eight neighbours share their hash, so that
  orders placed together are looked up in the same two cache lines, and a long run of ids that stay open never becomes
  a long run of slots;
- keys that a caller chooses: every bit is mixed.
"""

from libc.stdint cimport uint32_t, uint64_t


cdef extern from *:
    """
    #define BOT4_NO_SLOT UINT32_MAX
    """
    const uint32_t NO_SLOT "BOT4_NO_SLOT"


ctypedef struct IndexEntry:
    uint64_t key
    uint32_t owner
    uint32_t slot_plus_one      # 0: the entry is free


ctypedef struct OrderIndex:
    IndexEntry* entries
    uint64_t mask
    uint64_t count
    int shift                   # of the product, to the index of a block or of an entry
    bint is_sequential


cdef bint index_init(OrderIndex* index, uint64_t capacity, bint is_sequential) noexcept    # false: out of memory
cdef void index_release(OrderIndex* index) noexcept
cdef void index_remove_at(OrderIndex* index, uint64_t at) noexcept nogil


cdef inline uint64_t index_home(const OrderIndex* index, uint64_t key, uint32_t owner) noexcept nogil:
    if index.is_sequential:
        return (((key >> 3) * 0x9E3779B97F4A7C15ULL) >> index.shift << 3) | (key & 7)
    key = (key ^ (<uint64_t>owner << 40)) * 0x9E3779B97F4A7C15ULL
    return ((key ^ (key >> 29)) * 0xBF58476D1CE4E5B9ULL) >> index.shift


cdef inline uint64_t index_at(const OrderIndex* index, uint64_t key, uint32_t owner) noexcept nogil:
    """Place of an entry, or the free place where it would go."""
    cdef uint64_t at = index_home(index, key, owner)
    while index.entries[at].slot_plus_one != 0 and (
        index.entries[at].key != key or index.entries[at].owner != owner
    ):
        at = (at + 1) & index.mask
    return at


cdef inline uint32_t index_find(const OrderIndex* index, uint64_t key, uint32_t owner) noexcept nogil:
    """Slot of an entry, NO_SLOT where there is none."""
    return index.entries[index_at(index, key, owner)].slot_plus_one - 1


cdef inline void index_insert(OrderIndex* index, uint64_t key, uint32_t owner, uint32_t slot) noexcept nogil:
    """Add an entry that is not there; the pool's capacity is half the index's, so there is room."""
    cdef IndexEntry* entry = &index.entries[index_at(index, key, owner)]
    entry.key = key
    entry.owner = owner
    entry.slot_plus_one = slot + 1
    index.count += 1


cdef inline void index_remove(OrderIndex* index, uint64_t key, uint32_t owner) noexcept nogil:
    """Remove an entry; one that is not there is left alone."""
    cdef uint64_t at = index_at(index, key, owner)
    if index.entries[at].slot_plus_one != 0:
        index_remove_at(index, at)
