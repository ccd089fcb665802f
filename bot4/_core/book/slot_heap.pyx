# cython: language_level=3
"""The pairing heap (contract in slot_heap.pxd).

Source: Fredman, Sedgewick, Sleator, Tarjan, "The pairing heap", Algorithmica 1 (1986): two-pass pairing.

Not seen from Python: conditional orders and the expiry of orders use it.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t


cdef inline uint32_t _meld(HeapNode* nodes, uint32_t a, uint32_t b) noexcept nogil:
    """Join two trees without siblings; the greater root becomes the first child of the lesser."""
    cdef uint32_t least = a, other = b
    if a == NO_SLOT:
        return b
    if b == NO_SLOT:
        return a
    if nodes[b].key < nodes[a].key or (nodes[b].key == nodes[a].key and nodes[b].tie < nodes[a].tie):
        least, other = b, a
    nodes[other].prev = least
    nodes[other].next = nodes[least].child
    if nodes[least].child != NO_SLOT:
        nodes[nodes[least].child].prev = other
    nodes[least].child = other
    return least


cdef uint32_t _pair(HeapNode* nodes, uint32_t first) noexcept nogil:
    """Join a list of siblings: pairs from left to right, then the pairs from right to left."""
    cdef uint32_t pairs = NO_SLOT, a, b, rest = first, joined
    while rest != NO_SLOT:
        a = rest
        b = nodes[a].next
        rest = NO_SLOT if b == NO_SLOT else nodes[b].next
        nodes[a].next = nodes[a].prev = NO_SLOT
        if b != NO_SLOT:
            nodes[b].next = nodes[b].prev = NO_SLOT
        joined = _meld(nodes, a, b)
        nodes[joined].next = pairs       # a stack, by its links
        pairs = joined
    joined = NO_SLOT
    while pairs != NO_SLOT:
        a = pairs
        pairs = nodes[a].next
        nodes[a].next = NO_SLOT
        joined = _meld(nodes, joined, a)
    if joined != NO_SLOT:
        nodes[joined].prev = nodes[joined].next = NO_SLOT
    return joined


cdef void heap_insert(SlotHeap* heap, uint32_t slot, int64_t key, uint64_t tie) noexcept nogil:
    cdef HeapNode* node = &heap.nodes[slot]
    node.key = key
    node.tie = tie
    node.child = node.next = node.prev = NO_SLOT
    node.is_held = 1
    heap.top = _meld(heap.nodes, heap.top, slot)
    heap.count += 1


cdef void heap_remove(SlotHeap* heap, uint32_t slot) noexcept nogil:
    cdef HeapNode* nodes = heap.nodes
    cdef HeapNode* node = &nodes[slot]
    cdef uint32_t children = _pair(nodes, node.child)
    node.is_held = 0
    heap.count -= 1
    if slot == heap.top:
        heap.top = children
        return
    if nodes[node.prev].child == slot:
        nodes[node.prev].child = node.next
    else:
        nodes[node.prev].next = node.next
    if node.next != NO_SLOT:
        nodes[node.next].prev = node.prev
    heap.top = _meld(nodes, heap.top, children)
