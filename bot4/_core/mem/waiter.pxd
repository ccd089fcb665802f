"""Wait strategies and the waits on each ring (see include/bot4/waiter.h for why no wake-up is lost)."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from bot4._core.mem.spsc cimport spsc_ring_t
from bot4._core.types cimport Event


cpdef enum WaitStrategy:
    WAIT_SPIN = 0    # lowest latency, a whole core
    WAIT_YIELD = 1   # spins a little, then gives the core away at every look
    WAIT_PARK = 2    # spins, yields, then sleeps on an eventfd


cdef extern from "bot4/ring_wait.h" nogil:
    uint64_t waiter_count "BOT4_COUNT"(const uint64_t* counter) noexcept   # a counter other threads write

    ctypedef struct waiter_t "bot4_waiter":
        int strategy
        int fd
        uint64_t sleepers
        uint64_t parks
        uint64_t wakes

    waiter_t* waiter_new "bot4_waiter_new"(int strategy, uint32_t spins, uint32_t yields) noexcept  # NULL: see errno
    void waiter_free "bot4_waiter_free"(waiter_t* waiter) noexcept
    # After a publish: wake one sleeper, or up to `count`. Nothing at all unless the waiter parks.
    void waiter_notify "bot4_waiter_notify"(waiter_t* waiter) noexcept
    void waiter_notify_many "bot4_waiter_notify_many"(waiter_t* waiter, uint64_t count) noexcept
    void waiter_announce "bot4_waiter_announce"(waiter_t* waiter) noexcept
    bint waiter_withdraw "bot4_waiter_withdraw"(waiter_t* waiter) noexcept
    bint waiter_take_token "bot4_waiter_take_token"(waiter_t* waiter) noexcept
    bint waiter_sleep "bot4_waiter_sleep"(waiter_t* waiter, int64_t deadline_ns) noexcept

    # Consumer: 1 when there is a record, 0 when timeout_ns passed first (negative: for ever, 0: one look).
    bint spsc_wait "bot4_spsc_event_wait"(spsc_ring_t* ring, waiter_t* records, int64_t timeout_ns) noexcept

    # Producer under backpressure: push all, waiting for room up to timeout_ns since the last progress; returns how many
    # were pushed, the others count as rejected. `records` may be NULL.
    size_t spsc_push_wait "bot4_spsc_event_push_wait"(
        spsc_ring_t* ring, const Event* events, size_t n, waiter_t* room, waiter_t* records, int64_t timeout_ns) noexcept


cdef inline bint waiter_wait(waiter_t* waiter, spsc_ring_t* ring, int64_t timeout_ns) noexcept nogil:
    """Consumer of an event ring: 1 when it is not empty, 0 when `timeout_ns` passed first."""
    return spsc_wait(ring, waiter, timeout_ns)


cdef class Waiter:
    cdef waiter_t* waiter


cdef int64_t timeout_ns_of(object timeout_s) except? -2
