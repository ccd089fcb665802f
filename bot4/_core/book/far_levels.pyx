# cython: language_level=3
"""The hash of price levels that lie outside a side's window (contract in far_levels.pxd).

Not seen from Python: a ``BookSide`` owns one. All functions belong to the thread that owns the book.
"""

from libc.stdint cimport INT64_MIN, int64_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from bot4._core.book.bits cimport high_bit, low_bit
from bot4._core.types cimport aligned_zalloc


cdef bint far_init(FarLevels* far, int64_t capacity) noexcept:
    """Allocate `capacity` slots, a power of two of at least 8; false where memory is out."""
    memset(far, 0, sizeof(FarLevels))
    far.mask = <uint64_t>capacity - 1
    far.shift = 64 - high_bit(<uint64_t>capacity)
    far.limit = capacity * 3 // 4
    far.slots = <FarLevel*>aligned_zalloc(<size_t>capacity * sizeof(FarLevel))
    far.occupied = <uint64_t*>aligned_zalloc(<size_t>(capacity + 63) // 64 * sizeof(uint64_t))
    return far.slots != NULL and far.occupied != NULL


cdef void far_release(FarLevels* far) noexcept:
    free(far.slots)
    free(far.occupied)
    memset(far, 0, sizeof(FarLevels))


cdef inline uint64_t _words(const FarLevels* far) noexcept nogil:
    return (far.mask >> 6) + 1


cdef void far_clear(FarLevels* far) noexcept nogil:
    cdef uint64_t word, bits
    if far.count == 0:
        return
    for word in range(_words(far)):
        bits = far.occupied[word]
        while bits != 0:
            far.slots[word * 64 + <uint64_t>low_bit(bits)].qty_lots = 0
            bits &= bits - 1
        far.occupied[word] = 0
    far.count = 0


cdef void far_insert_at(FarLevels* far, uint64_t slot, int64_t key, int64_t qty_lots) noexcept nogil:
    far.slots[slot].key = key
    far.slots[slot].qty_lots = qty_lots
    far.occupied[slot >> 6] |= 1ULL << (slot & 63)
    far.count += 1


cdef void far_remove_at(FarLevels* far, uint64_t slot) noexcept nogil:
    """Close the gap: move back every later level of the run that may stand nearer to its home."""
    cdef uint64_t hole = slot, probe = slot
    while True:
        probe = (probe + 1) & far.mask
        if far.slots[probe].qty_lots == 0:
            break
        if ((probe - far_home(far, far.slots[probe].key)) & far.mask) >= ((probe - hole) & far.mask):
            far.slots[hole] = far.slots[probe]
            hole = probe
    far.slots[hole].qty_lots = 0
    far.occupied[hole >> 6] &= ~(1ULL << (hole & 63))
    far.count -= 1


cdef int64_t far_best_key(const FarLevels* far) noexcept nogil:
    cdef int64_t best = INT64_MIN, key
    cdef uint64_t word, bits
    for word in range(_words(far)):
        bits = far.occupied[word]
        while bits != 0:
            key = far.slots[word * 64 + <uint64_t>low_bit(bits)].key
            best = key if key > best else best
            bits &= bits - 1
    return best


cdef int64_t far_copy_from(const FarLevels* far, int64_t key_min, FarLevel* out) noexcept nogil:
    """Copy the levels with key >= key_min, in no order; `out` holds far.limit levels. Returns how many."""
    cdef int64_t copied = 0
    cdef uint64_t word, bits, slot
    for word in range(_words(far)):
        bits = far.occupied[word]
        while bits != 0:
            slot = word * 64 + <uint64_t>low_bit(bits)
            bits &= bits - 1
            if far.slots[slot].key >= key_min:
                out[copied] = far.slots[slot]
                copied += 1
    return copied
