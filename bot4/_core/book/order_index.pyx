# cython: language_level=3
"""The hash of open orders (contract in order_index.pxd).

Not seen from Python: a book or an exchange owns it. All functions belong to the thread that owns the index.
"""

from libc.stdint cimport uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from bot4._core.book.bits cimport high_bit
from bot4._core.types cimport aligned_zalloc


cdef bint index_init(OrderIndex* index, uint64_t capacity, bint is_sequential) noexcept:
    """Allocate for at most `capacity` entries (a power of two of at least 8), at most half full."""
    cdef uint64_t places = 2 * capacity
    memset(index, 0, sizeof(OrderIndex))
    index.mask = places - 1
    index.is_sequential = is_sequential
    index.shift = 64 - high_bit(places) + (3 if is_sequential else 0)
    index.entries = <IndexEntry*>aligned_zalloc(<size_t>places * sizeof(IndexEntry))
    return index.entries != NULL


cdef void index_release(OrderIndex* index) noexcept:
    free(index.entries)
    memset(index, 0, sizeof(OrderIndex))


cdef void index_remove_at(OrderIndex* index, uint64_t at) noexcept nogil:
    """Close the gap: move back every later entry of the run that may stand nearer to its home."""
    cdef uint64_t hole = at, probe = at, home
    while True:
        probe = (probe + 1) & index.mask
        if index.entries[probe].slot_plus_one == 0:
            break
        home = index_home(index, index.entries[probe].key, index.entries[probe].owner)
        if ((probe - home) & index.mask) >= ((probe - hole) & index.mask):
            index.entries[hole] = index.entries[probe]
            hole = probe
    index.entries[hole].slot_plus_one = 0
    index.count -= 1
