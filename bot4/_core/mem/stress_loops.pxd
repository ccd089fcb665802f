"""Thread loops of the stress harness (see include/bot4/stress.h)."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from bot4._core.mem.mpmc_ring cimport mpmc_word_ring_t
from bot4._core.mem.waiter cimport waiter_t


cdef extern from "bot4/stress.h" nogil:
    const int STRESS_BATCH_MOST "BOT4_STRESS_BATCH_MOST"
    const int STRESS_BUCKETS "BOT4_STRESS_BUCKETS"

    ctypedef struct stress_t "bot4_stress":
        uint64_t producers
        uint64_t per_producer
        uint64_t batch
        int64_t patience_ns
        waiter_t* records
        waiter_t* room
        uint8_t* seen

    ctypedef struct tally_t "bot4_stress_tally":
        uint64_t moved
        uint64_t doubled
        uint64_t reordered
        uint64_t torn
        uint64_t stuck
        int64_t begin_ns
        int64_t end_ns
        uint64_t* next
        uint64_t latency[1]   # STRESS_BUCKETS of them

    ctypedef struct stress_kind_t "bot4_stress_kind":
        const char* name
        void* (*create)(size_t capacity) noexcept nogil
        void (*produce)(void* ring, stress_t* stress, tally_t* tally, uint64_t producer) noexcept nogil
        void (*consume)(void* ring, stress_t* stress, tally_t* tally, uint64_t consumer) noexcept nogil
    const stress_kind_t* STRESS_KINDS "bot4_stress_kinds"   # the last has no name

    uint64_t stress_at_start "bot4_stress_at_start"(const stress_t* stress) noexcept
    void stress_go "bot4_stress_go"(stress_t* stress) noexcept

    ctypedef struct any_pool_t "bot4_pool":
        pass
    ctypedef struct planted_pool_t "bot4_planted_pool":
        pass
    any_pool_t* any_pool_new "bot4_pool_new"(uint64_t capacity, uint64_t record_bytes, bint strict) noexcept
    void any_pool_free "bot4_pool_free"(any_pool_t*) noexcept
    void pool_stress "bot4_pool_stress"(
        any_pool_t*, mpmc_word_ring_t*, uint64_t* owners, stress_t*, tally_t*, uint64_t) noexcept
    uint64_t pool_stress_count "bot4_pool_stress_count"(any_pool_t*, mpmc_word_ring_t*) noexcept
    planted_pool_t* planted_pool_new "bot4_planted_pool_new"(
        uint64_t capacity, uint64_t record_bytes, bint strict) noexcept
    void planted_pool_free "bot4_planted_pool_free"(planted_pool_t*) noexcept
    void planted_pool_stress "bot4_planted_pool_stress"(
        planted_pool_t*, mpmc_word_ring_t*, uint64_t* owners, stress_t*, tally_t*, uint64_t) noexcept
    uint64_t planted_pool_stress_count "bot4_planted_pool_stress_count"(planted_pool_t*, mpmc_word_ring_t*) noexcept


cdef class Tally:
    cdef tally_t* tally


cdef class Stress:
    cdef stress_t* stress
    cdef object waiters   # keeps them alive


cdef class RingUnderStress:
    cdef void* ring
    cdef const stress_kind_t* kind


cdef class PoolUnderStress:
    cdef any_pool_t* pool
    cdef planted_pool_t* planted
    cdef mpmc_word_ring_t* handover
    cdef uint64_t* owners
