"""The functions of SPSC rings without the classes: who needs no more than a ring's type imports no module for it."""

from libc.stdint cimport uint64_t

from bot4._core.types cimport Event


cdef extern from "bot4/spsc_ring.h" nogil:
    # 64-byte events.
    ctypedef struct spsc_ring_t "bot4_spsc_event":
        pass
    bint spsc_try_push "bot4_spsc_event_try_push"(spsc_ring_t* ring, const Event* event) noexcept
    bint spsc_try_pop "bot4_spsc_event_try_pop"(spsc_ring_t* ring, Event* event) noexcept
    size_t spsc_push_batch "bot4_spsc_event_push_batch"(spsc_ring_t* ring, const Event* events, size_t n) noexcept
    size_t spsc_offer_batch "bot4_spsc_event_offer_batch"(spsc_ring_t* ring, const Event* events, size_t n) noexcept
    size_t spsc_pop_batch "bot4_spsc_event_pop_batch"(spsc_ring_t* ring, Event* events, size_t n) noexcept
    size_t spsc_size "bot4_spsc_event_size"(spsc_ring_t* ring) noexcept

    # 8-byte words.
    ctypedef struct spsc_word_ring_t "bot4_spsc_word":
        pass
    bint spsc_word_try_push "bot4_spsc_word_try_push"(spsc_word_ring_t* ring, const uint64_t* word) noexcept
    bint spsc_word_offer "bot4_spsc_word_offer"(spsc_word_ring_t* ring, const uint64_t* word) noexcept
    bint spsc_word_try_pop "bot4_spsc_word_try_pop"(spsc_word_ring_t* ring, uint64_t* word) noexcept
