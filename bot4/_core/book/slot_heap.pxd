"""Pairing heap of pool slots, linked through an array of nodes: no storage of its own, any slot removed in place.

The least (key, tie) is on top; ties are unique, so the order of what comes out is the order of (key, tie) and nothing
else. Insert is O(1), removal O(log n) amortised. A slot is in at most one of the heaps that share an array of nodes.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from bot4._core.book.order_index cimport NO_SLOT


ctypedef struct HeapNode:
    int64_t key
    uint64_t tie
    uint32_t child          # NO_SLOT: none
    uint32_t next           # sibling
    uint32_t prev           # sibling before, or the parent of a first child
    uint32_t is_held


ctypedef struct SlotHeap:
    HeapNode* nodes         # shared, one a slot; zeroed before first use
    uint32_t top            # NO_SLOT: empty
    uint32_t count


cdef void heap_insert(SlotHeap* heap, uint32_t slot, int64_t key, uint64_t tie) noexcept nogil
cdef void heap_remove(SlotHeap* heap, uint32_t slot) noexcept nogil      # a slot that is in this heap


cdef inline void heap_init(SlotHeap* heap, HeapNode* nodes) noexcept nogil:
    heap.nodes = nodes
    heap.top = NO_SLOT
    heap.count = 0


cdef inline bint heap_holds(const SlotHeap* heap, uint32_t slot) noexcept nogil:
    """Whether a slot is in one of the heaps that share the nodes."""
    return heap.nodes[slot].is_held != 0


cdef inline int64_t heap_top_key(const SlotHeap* heap) noexcept nogil:
    """Least key; the heap must not be empty."""
    return heap.nodes[heap.top].key
