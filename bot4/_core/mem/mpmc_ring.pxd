"""Bounded many-producer many-consumer rings (see include/bot4/mpmc_template.h for the argument)."""

from libc.stdint cimport uint64_t

from bot4._core.mem.record_ring cimport RecordRing
from bot4._core.types cimport Event


cdef extern from "bot4/mpmc_ring.h" nogil:
    # 64-byte events.
    ctypedef struct mpmc_ring_t "bot4_mpmc_event":
        pass
    bint mpmc_try_push "bot4_mpmc_event_try_push"(mpmc_ring_t* ring, const Event* event) noexcept
    bint mpmc_try_pop "bot4_mpmc_event_try_pop"(mpmc_ring_t* ring, Event* event) noexcept

    # 8-byte words.
    ctypedef struct mpmc_word_ring_t "bot4_mpmc_word":
        pass
    mpmc_word_ring_t* mpmc_word_new "bot4_mpmc_word_new"(size_t capacity) noexcept
    void mpmc_word_free "bot4_mpmc_word_free"(mpmc_word_ring_t* ring) noexcept
    bint mpmc_word_try_push "bot4_mpmc_word_try_push"(mpmc_word_ring_t* ring, const uint64_t* word) noexcept
    bint mpmc_word_offer "bot4_mpmc_word_offer"(mpmc_word_ring_t* ring, const uint64_t* word) noexcept
    bint mpmc_word_try_pop "bot4_mpmc_word_try_pop"(mpmc_word_ring_t* ring, uint64_t* word) noexcept


cdef class MpmcRing(RecordRing):
    cdef mpmc_ring_t* ring


cdef class MpmcWordRing(RecordRing):
    cdef mpmc_word_ring_t* ring
