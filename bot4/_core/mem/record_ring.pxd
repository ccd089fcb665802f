"""What the Python faces of all rings share (see include/bot4/ring_ops.h)."""

from libc.stdint cimport int64_t, uint64_t


cdef extern from "bot4/ring_ops.h" nogil:
    ctypedef struct ring_waiter_t "bot4_waiter":   # a waiter_t: that room knows the rings, not the other way round
        pass

    ctypedef struct ring_ops_t "bot4_ring_ops":
        size_t record_bytes
        void* (*open)(size_t capacity) noexcept nogil
        void (*close)(void* ring) noexcept nogil
        size_t (*push)(void* ring, const void* records, size_t n) noexcept nogil
        size_t (*push_wait)(
            void* ring, const void* records, size_t n, ring_waiter_t* room, ring_waiter_t* readers,
            int64_t timeout_ns) noexcept nogil
        size_t (*pop)(void* ring, void* records, size_t n) noexcept nogil
        bint (*wait)(void* ring, ring_waiter_t* readers, int64_t timeout_ns) noexcept nogil
        size_t (*size)(void* ring) noexcept nogil
        uint64_t (*pushed)(void* ring) noexcept nogil
        uint64_t (*popped)(void* ring) noexcept nogil
        uint64_t (*rejected)(void* ring) noexcept nogil
        uint64_t (*high_water)(void* ring) noexcept nogil

    const ring_ops_t RING_OF_EVENTS "bot4_spsc_event_ops"
    const ring_ops_t RING_OF_INTENTS "bot4_spsc_intent_ops"
    const ring_ops_t RING_OF_WORDS "bot4_spsc_word_ops"
    const ring_ops_t SHARED_RING_OF_EVENTS "bot4_mpmc_event_ops"
    const ring_ops_t SHARED_RING_OF_WORDS "bot4_mpmc_word_ops"


cdef class RecordRing:
    cdef const ring_ops_t* _ops
    cdef void* _handle
    cdef readonly size_t capacity

    # Take all memory now; called once, by a ring's __cinit__. Returns the ring as the functions of its type want it.
    cdef void* take(self, object capacity, size_t least, const ring_ops_t* ops, object dtype) except NULL
