"""Single-producer single-consumer ring of order intents, from a shard to its gateway."""

from libc.stdint cimport uint64_t

from bot4._core.types cimport OrderIntent


cdef extern from "bot4/spsc_ring.h" nogil:
    ctypedef struct spsc_intent_ring_t "bot4_spsc_intent":
        pass
    spsc_intent_ring_t* spsc_intent_new "bot4_spsc_intent_new"(size_t capacity) noexcept
    void spsc_intent_free "bot4_spsc_intent_free"(spsc_intent_ring_t* ring) noexcept
    bint spsc_intent_try_push "bot4_spsc_intent_try_push"(spsc_intent_ring_t* ring, const OrderIntent* intent) noexcept
    bint spsc_intent_try_pop "bot4_spsc_intent_try_pop"(spsc_intent_ring_t* ring, OrderIntent* intent) noexcept
    size_t spsc_intent_push_batch "bot4_spsc_intent_push_batch"(
        spsc_intent_ring_t* ring, const OrderIntent* intents, size_t n) noexcept
    size_t spsc_intent_pop_batch "bot4_spsc_intent_pop_batch"(
        spsc_intent_ring_t* ring, OrderIntent* intents, size_t n) noexcept
    size_t spsc_intent_size "bot4_spsc_intent_size"(spsc_intent_ring_t* ring) noexcept
    uint64_t spsc_intent_pushed "bot4_spsc_intent_pushed"(spsc_intent_ring_t* ring) noexcept
    uint64_t spsc_intent_popped "bot4_spsc_intent_popped"(spsc_intent_ring_t* ring) noexcept
    uint64_t spsc_intent_rejected "bot4_spsc_intent_rejected"(spsc_intent_ring_t* ring) noexcept
    uint64_t spsc_intent_high_water "bot4_spsc_intent_high_water"(spsc_intent_ring_t* ring) noexcept


cdef class SpscIntentRing:
    cdef spsc_intent_ring_t* ring
    cdef readonly size_t capacity
