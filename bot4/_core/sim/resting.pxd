"""Own orders resting at the simulated venue, by price and then by time."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from bot4._core.sim.queue_position cimport QueuePosition


ctypedef struct RestingOrder:
    uint64_t order_id
    int64_t price_ticks
    int64_t qty_lots       # still open
    uint8_t flags          # INTENT_*
    uint64_t print_number  # the last print this order was matched with
    QueuePosition queue    # kept by queue models only


ctypedef struct Resting:
    RestingOrder* sides[2]     # best price first, older first at a price
    int count[2]
    int capacity               # of both sides together


cdef bint resting_init(Resting* resting, int capacity) noexcept
cdef void resting_release(Resting* resting) noexcept
cdef bint resting_insert(Resting* resting, int side, const RestingOrder* order) noexcept nogil   # False: full
cdef void resting_remove(Resting* resting, int side, int index) noexcept nogil
cdef bint resting_find(const Resting* resting, uint64_t order_id, int* side, int* index) noexcept nogil
cdef uint64_t resting_hash(uint64_t digest, const Resting* resting) noexcept nogil


cdef inline int resting_count(const Resting* resting) noexcept nogil:
    return resting.count[0] + resting.count[1]
