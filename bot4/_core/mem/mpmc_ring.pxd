"""Bounded many-producer many-consumer rings (see include/bot4/mpmc_template.h for the argument)."""

from libc.stdint cimport uint64_t

from bot4._core.types cimport Event


cdef extern from "bot4/mpmc_ring.h" nogil:
    # 64-byte events.
    ctypedef struct mpmc_ring_t "bot4_mpmc_event":
        pass
    mpmc_ring_t* mpmc_new "bot4_mpmc_event_new"(size_t capacity) noexcept   # power of two >= 2; NULL: memory is out
    void mpmc_free "bot4_mpmc_event_free"(mpmc_ring_t* ring) noexcept
    bint mpmc_try_push "bot4_mpmc_event_try_push"(mpmc_ring_t* ring, const Event* event) noexcept
    bint mpmc_offer "bot4_mpmc_event_offer"(mpmc_ring_t* ring, const Event* event) noexcept   # full is not counted
    bint mpmc_try_pop "bot4_mpmc_event_try_pop"(mpmc_ring_t* ring, Event* event) noexcept
    size_t mpmc_push_batch "bot4_mpmc_event_push_batch"(mpmc_ring_t* ring, const Event* events, size_t n) noexcept
    size_t mpmc_offer_batch "bot4_mpmc_event_offer_batch"(mpmc_ring_t* ring, const Event* events, size_t n) noexcept
    size_t mpmc_pop_batch "bot4_mpmc_event_pop_batch"(mpmc_ring_t* ring, Event* events, size_t n) noexcept
    size_t mpmc_size "bot4_mpmc_event_size"(mpmc_ring_t* ring) noexcept
    uint64_t mpmc_pushed "bot4_mpmc_event_pushed"(mpmc_ring_t* ring) noexcept
    uint64_t mpmc_popped "bot4_mpmc_event_popped"(mpmc_ring_t* ring) noexcept
    uint64_t mpmc_rejected "bot4_mpmc_event_rejected"(mpmc_ring_t* ring) noexcept
    uint64_t mpmc_high_water "bot4_mpmc_event_high_water"(mpmc_ring_t* ring) noexcept

    # 8-byte words.
    ctypedef struct mpmc_word_ring_t "bot4_mpmc_word":
        pass
    mpmc_word_ring_t* mpmc_word_new "bot4_mpmc_word_new"(size_t capacity) noexcept
    void mpmc_word_free "bot4_mpmc_word_free"(mpmc_word_ring_t* ring) noexcept
    bint mpmc_word_try_push "bot4_mpmc_word_try_push"(mpmc_word_ring_t* ring, const uint64_t* word) noexcept
    bint mpmc_word_offer "bot4_mpmc_word_offer"(mpmc_word_ring_t* ring, const uint64_t* word) noexcept
    bint mpmc_word_try_pop "bot4_mpmc_word_try_pop"(mpmc_word_ring_t* ring, uint64_t* word) noexcept
    size_t mpmc_word_push_batch "bot4_mpmc_word_push_batch"(
        mpmc_word_ring_t* ring, const uint64_t* words, size_t n) noexcept
    size_t mpmc_word_offer_batch "bot4_mpmc_word_offer_batch"(
        mpmc_word_ring_t* ring, const uint64_t* words, size_t n) noexcept
    size_t mpmc_word_pop_batch "bot4_mpmc_word_pop_batch"(mpmc_word_ring_t* ring, uint64_t* words, size_t n) noexcept
    size_t mpmc_word_size "bot4_mpmc_word_size"(mpmc_word_ring_t* ring) noexcept
    uint64_t mpmc_word_pushed "bot4_mpmc_word_pushed"(mpmc_word_ring_t* ring) noexcept
    uint64_t mpmc_word_popped "bot4_mpmc_word_popped"(mpmc_word_ring_t* ring) noexcept
    uint64_t mpmc_word_rejected "bot4_mpmc_word_rejected"(mpmc_word_ring_t* ring) noexcept
    uint64_t mpmc_word_high_water "bot4_mpmc_word_high_water"(mpmc_word_ring_t* ring) noexcept


cdef class MpmcRing:
    cdef mpmc_ring_t* ring
    cdef readonly size_t capacity


cdef class MpmcWordRing:
    cdef mpmc_word_ring_t* ring
    cdef readonly size_t capacity
