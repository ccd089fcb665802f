# cython: language_level=3
"""Resting: two sorted arrays. Orders are few (hundreds), so that moving the tail of an array beats any tree."""

from libc.stdint cimport uint64_t
from libc.stdlib cimport free
from libc.string cimport memmove

from bot4._core.types cimport SIDE_BUY, aligned_zalloc, hash_mix


cdef bint resting_init(Resting* resting, int capacity) noexcept:
    cdef int side
    resting.capacity = capacity
    for side in range(2):
        resting.sides[side] = <RestingOrder*>aligned_zalloc(capacity * sizeof(RestingOrder))
    return resting.sides[0] != NULL and resting.sides[1] != NULL


cdef void resting_release(Resting* resting) noexcept:
    free(resting.sides[0])
    free(resting.sides[1])


cdef bint resting_insert(Resting* resting, int side, const RestingOrder* order) noexcept nogil:
    cdef RestingOrder* orders = resting.sides[side]
    cdef int at = resting.count[side]
    if resting_count(resting) >= resting.capacity:
        return False
    # From the worst end: an order goes behind all that are at its price or better.
    while at > 0 and (
        orders[at - 1].price_ticks < order.price_ticks if side == SIDE_BUY
        else orders[at - 1].price_ticks > order.price_ticks
    ):
        at -= 1
    memmove(&orders[at + 1], &orders[at], (resting.count[side] - at) * sizeof(RestingOrder))
    orders[at] = order[0]
    resting.count[side] += 1
    return True


cdef void resting_remove(Resting* resting, int side, int index) noexcept nogil:
    cdef RestingOrder* orders = resting.sides[side]
    resting.count[side] -= 1
    memmove(&orders[index], &orders[index + 1], (resting.count[side] - index) * sizeof(RestingOrder))


cdef bint resting_find(const Resting* resting, uint64_t order_id, int* side, int* index) noexcept nogil:
    cdef int s
    cdef int i
    for s in range(2):
        for i in range(resting.count[s]):
            if resting.sides[s][i].order_id == order_id:
                side[0] = s
                index[0] = i
                return True
    return False


cdef uint64_t resting_hash(uint64_t digest, const Resting* resting) noexcept nogil:
    cdef int side
    cdef int i
    for side in range(2):
        digest = hash_mix(digest, <uint64_t>resting.count[side])
        for i in range(resting.count[side]):
            digest = hash_mix(digest, resting.sides[side][i].order_id)
            digest = hash_mix(digest, <uint64_t>resting.sides[side][i].price_ticks)
            digest = hash_mix(digest, <uint64_t>resting.sides[side][i].qty_lots)
            digest = hash_mix(digest, resting.sides[side][i].flags)
    return digest
