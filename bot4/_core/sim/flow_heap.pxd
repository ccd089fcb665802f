"""Heap of the generator's orders by the time of their cancel. Header only; equal times go by order number."""

from libc.stdint cimport int64_t, uint64_t


ctypedef struct FlowOrder:
    int64_t cancel_ns
    uint64_t order_id
    int64_t account


cdef inline bint _is_before(const FlowOrder* a, const FlowOrder* b) noexcept nogil:
    return a.cancel_ns < b.cancel_ns or (a.cancel_ns == b.cancel_ns and a.order_id < b.order_id)


cdef inline void heap_sift_down(FlowOrder* orders, int64_t count, int64_t at) noexcept nogil:
    cdef FlowOrder moved = orders[at]
    cdef int64_t child = 2 * at + 1
    while child < count:
        if child + 1 < count and _is_before(&orders[child + 1], &orders[child]):
            child += 1
        if not _is_before(&orders[child], &moved):
            break
        orders[at] = orders[child]
        at = child
        child = 2 * at + 1
    orders[at] = moved


cdef inline void heap_push(FlowOrder* orders, int64_t* count, const FlowOrder* order) noexcept nogil:
    """The caller has made sure of room."""
    cdef int64_t at = count[0]
    cdef int64_t parent
    count[0] += 1
    while at > 0:
        parent = (at - 1) // 2
        if not _is_before(order, &orders[parent]):
            break
        orders[at] = orders[parent]
        at = parent
    orders[at] = order[0]


cdef inline void heap_pop(FlowOrder* orders, int64_t* count) noexcept nogil:
    """Remove the first; there must be one."""
    count[0] -= 1
    if count[0] > 0:
        orders[0] = orders[count[0]]
        heap_sift_down(orders, count[0], 0)


cdef inline void heap_build(FlowOrder* orders, int64_t count) noexcept nogil:
    cdef int64_t at = count // 2
    while at > 0:
        at -= 1
        heap_sift_down(orders, count, at)
