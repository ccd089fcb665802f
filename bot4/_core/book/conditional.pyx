# cython: language_level=3
"""Waiting orders (contract in conditional.pxd).

Plain stops cost O(log n) each. Trailing orders are walked at every changed last price: their number is bounded by the
venue's limit on algorithmic orders.

Not seen from Python: an exchange owns one a symbol.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from bot4._core.book.slot_heap cimport heap_init, heap_insert, heap_remove, heap_top_key


cdef void conditional_init(ConditionalBook* book, HeapNode* nodes, TrailState* trails) noexcept nogil:
    heap_init(&book.waiting[0], nodes)
    heap_init(&book.waiting[1], nodes)
    book.trails = trails
    book.trail_head = book.trail_tail = NO_SLOT
    book.trail_count = 0


cdef void conditional_add(
    ConditionalBook* book, uint32_t slot, uint64_t order_id, bint upwards, bint is_buy, int64_t stop_ticks,
    int32_t trailing_bips, int64_t last_ticks
) noexcept nogil:
    """Let an order wait. `last_ticks` is 0 before the first trade: a trailing order then starts at the first price."""
    cdef TrailState* trail
    if trailing_bips == 0:
        heap_insert(&book.waiting[upwards], slot, stop_ticks if upwards else -stop_ticks, order_id)
        return
    trail = &book.trails[slot]
    trail.extreme_ticks = last_ticks if stop_ticks == 0 else 0
    trail.stop_ticks = stop_ticks
    trail.order_id = order_id
    trail.bips = trailing_bips
    trail.upwards = upwards
    trail.is_buy = is_buy
    trail.is_held = 1
    trail.prev = book.trail_tail
    trail.next = NO_SLOT
    if book.trail_tail == NO_SLOT:
        book.trail_head = slot
    else:
        book.trails[book.trail_tail].next = slot
    book.trail_tail = slot
    book.trail_count += 1


cdef void _remove_trail(ConditionalBook* book, uint32_t slot) noexcept nogil:
    cdef TrailState* trail = &book.trails[slot]
    if trail.prev == NO_SLOT:
        book.trail_head = trail.next
    else:
        book.trails[trail.prev].next = trail.next
    if trail.next == NO_SLOT:
        book.trail_tail = trail.prev
    else:
        book.trails[trail.next].prev = trail.prev
    trail.is_held = 0
    book.trail_count -= 1


cdef void conditional_remove(ConditionalBook* book, uint32_t slot, bint upwards) noexcept nogil:
    """Take a waiting order out."""
    if book.trails[slot].is_held:
        _remove_trail(book, slot)
    else:
        heap_remove(&book.waiting[upwards], slot)


cdef void conditional_follow(ConditionalBook* book, int64_t last_ticks) noexcept nogil:
    cdef uint32_t slot = book.trail_head
    cdef TrailState* trail
    while slot != NO_SLOT:
        trail = &book.trails[slot]
        if trail.extreme_ticks == 0:
            if trail.stop_ticks == 0 or stop_is_reached(trail.upwards, trail.stop_ticks, last_ticks):
                trail.extreme_ticks = last_ticks
        elif trail.is_buy:
            trail.extreme_ticks = min(trail.extreme_ticks, last_ticks)
        else:
            trail.extreme_ticks = max(trail.extreme_ticks, last_ticks)
        slot = trail.next


cdef uint32_t conditional_next(ConditionalBook* book, int64_t last_ticks) noexcept nogil:
    cdef uint32_t slot
    cdef TrailState* trail
    if book.waiting[1].count != 0 and heap_top_key(&book.waiting[1]) <= last_ticks:
        slot = book.waiting[1].top
        heap_remove(&book.waiting[1], slot)
        return slot
    if book.waiting[0].count != 0 and -heap_top_key(&book.waiting[0]) >= last_ticks:
        slot = book.waiting[0].top
        heap_remove(&book.waiting[0], slot)
        return slot
    slot = book.trail_head
    while slot != NO_SLOT:
        trail = &book.trails[slot]
        if trail.extreme_ticks != 0 and trail_is_reached(trail.is_buy, trail.extreme_ticks, trail.bips, last_ticks):
            _remove_trail(book, slot)
            return slot
        slot = trail.next
    return NO_SLOT
