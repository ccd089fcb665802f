"""Single-producer single-consumer rings of fixed-size records (see include/bot4/spsc_template.h for the argument)."""

from libc.stdint cimport uint64_t

from bot4._core.types cimport Event


cdef extern from "bot4/spsc_ring.h" nogil:
    # 64-byte events.
    ctypedef struct spsc_ring_t "bot4_spsc_event":
        pass
    spsc_ring_t* spsc_new "bot4_spsc_event_new"(size_t capacity) noexcept   # power of two; NULL: memory is out
    void spsc_free "bot4_spsc_event_free"(spsc_ring_t* ring) noexcept
    bint spsc_try_push "bot4_spsc_event_try_push"(spsc_ring_t* ring, const Event* event) noexcept
    bint spsc_offer "bot4_spsc_event_offer"(spsc_ring_t* ring, const Event* event) noexcept   # full is not counted
    bint spsc_try_pop "bot4_spsc_event_try_pop"(spsc_ring_t* ring, Event* event) noexcept
    size_t spsc_push_batch "bot4_spsc_event_push_batch"(spsc_ring_t* ring, const Event* events, size_t n) noexcept
    size_t spsc_offer_batch "bot4_spsc_event_offer_batch"(spsc_ring_t* ring, const Event* events, size_t n) noexcept
    size_t spsc_pop_batch "bot4_spsc_event_pop_batch"(spsc_ring_t* ring, Event* events, size_t n) noexcept
    size_t spsc_size "bot4_spsc_event_size"(spsc_ring_t* ring) noexcept
    uint64_t spsc_pushed "bot4_spsc_event_pushed"(spsc_ring_t* ring) noexcept
    uint64_t spsc_popped "bot4_spsc_event_popped"(spsc_ring_t* ring) noexcept
    uint64_t spsc_rejected "bot4_spsc_event_rejected"(spsc_ring_t* ring) noexcept
    uint64_t spsc_high_water "bot4_spsc_event_high_water"(spsc_ring_t* ring) noexcept

    # 8-byte words.
    ctypedef struct spsc_word_ring_t "bot4_spsc_word":
        pass
    spsc_word_ring_t* spsc_word_new "bot4_spsc_word_new"(size_t capacity) noexcept
    void spsc_word_free "bot4_spsc_word_free"(spsc_word_ring_t* ring) noexcept
    bint spsc_word_try_push "bot4_spsc_word_try_push"(spsc_word_ring_t* ring, const uint64_t* word) noexcept
    bint spsc_word_offer "bot4_spsc_word_offer"(spsc_word_ring_t* ring, const uint64_t* word) noexcept
    bint spsc_word_try_pop "bot4_spsc_word_try_pop"(spsc_word_ring_t* ring, uint64_t* word) noexcept
    size_t spsc_word_push_batch "bot4_spsc_word_push_batch"(
        spsc_word_ring_t* ring, const uint64_t* words, size_t n) noexcept
    size_t spsc_word_offer_batch "bot4_spsc_word_offer_batch"(
        spsc_word_ring_t* ring, const uint64_t* words, size_t n) noexcept
    size_t spsc_word_pop_batch "bot4_spsc_word_pop_batch"(spsc_word_ring_t* ring, uint64_t* words, size_t n) noexcept
    size_t spsc_word_size "bot4_spsc_word_size"(spsc_word_ring_t* ring) noexcept
    uint64_t spsc_word_pushed "bot4_spsc_word_pushed"(spsc_word_ring_t* ring) noexcept
    uint64_t spsc_word_popped "bot4_spsc_word_popped"(spsc_word_ring_t* ring) noexcept
    uint64_t spsc_word_rejected "bot4_spsc_word_rejected"(spsc_word_ring_t* ring) noexcept
    uint64_t spsc_word_high_water "bot4_spsc_word_high_water"(spsc_word_ring_t* ring) noexcept


cdef class SpscRing:
    cdef spsc_ring_t* ring
    cdef readonly size_t capacity


cdef class SpscWordRing:
    cdef spsc_word_ring_t* ring
    cdef readonly size_t capacity
