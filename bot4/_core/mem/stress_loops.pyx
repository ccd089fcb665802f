# cython: language_level=3
"""Compiled thread loops of the stress harness (see include/bot4/stress.h for what is checked); driven by stress.py."""

import numpy as np

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free

from bot4._core.mem.mpmc_ring cimport mpmc_word_free, mpmc_word_new, mpmc_word_ring_t
from bot4._core.mem.waiter cimport Waiter, waiter_t
from bot4._core.types cimport aligned_zalloc


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
        uint64_t ready
        uint64_t go

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


cdef const stress_kind_t* find_kind(str name) except NULL:
    cdef const stress_kind_t* kind = STRESS_KINDS
    names = []
    while kind.name is not NULL:
        names.append(kind.name.decode("ascii"))
        if kind.name.decode("ascii") == name:
            return kind
        kind += 1
    raise ValueError(f"kind must be one of {', '.join(names)}, was {name!r}")


cdef class Tally:
    """What one thread counted."""

    cdef tally_t* tally

    def __cinit__(self, uint64_t producers):
        self.tally = <tally_t*>aligned_zalloc(sizeof(tally_t))
        if self.tally is NULL:
            raise MemoryError
        self.tally.next = <uint64_t*>aligned_zalloc(8 * producers)
        if self.tally.next is NULL:
            raise MemoryError

    def __dealloc__(self):
        if self.tally is not NULL:
            free(self.tally.next)
        free(self.tally)

    def counters(self) -> dict[str, int]:
        """The counters by name, and the thread's begin and end on the monotonic clock."""
        return {
            "moved": self.tally.moved,
            "doubled": self.tally.doubled,
            "reordered": self.tally.reordered,
            "torn": self.tally.torn,
            "stuck": self.tally.stuck,
            "begin_ns": self.tally.begin_ns,
            "end_ns": self.tally.end_ns,
        }

    def latency(self):
        """Latency counts: bucket b holds 2**(3 + b // 8) * (1 + b % 8 / 8) nanoseconds and up."""
        counts = np.empty(STRESS_BUCKETS, np.uint64)
        for i in range(STRESS_BUCKETS):
            counts[i] = self.tally.latency[i]
        return counts


cdef class Stress:
    """What all threads of one run share: sizes, the start line, the byte per record."""

    cdef stress_t* stress
    cdef object waiters

    def __cinit__(
        self, *, producers: int, per_producer: int, batch: int, patience_s: float, Waiter records=None, Waiter room=None
    ):
        if not 1 <= batch <= STRESS_BATCH_MOST:
            raise ValueError(f"batch must be from 1 to {STRESS_BATCH_MOST}, was {batch}")
        self.stress = <stress_t*>aligned_zalloc(sizeof(stress_t))
        if self.stress is NULL:
            raise MemoryError
        self.stress.producers = producers
        self.stress.per_producer = per_producer
        self.stress.batch = batch
        self.stress.patience_ns = <int64_t>(patience_s * 1e9)
        self.waiters = (records, room)
        if records is not None:
            self.stress.records = records.waiter
        if room is not None:
            self.stress.room = room.waiter
        self.stress.seen = <uint8_t*>aligned_zalloc(producers * per_producer)
        if self.stress.seen is NULL:
            raise MemoryError

    def __dealloc__(self):
        if self.stress is not NULL:
            free(self.stress.seen)
        free(self.stress)

    def at_start(self) -> int:
        """Threads that wait at the start line."""
        return self.stress.ready

    def go(self) -> None:
        """Let them run."""
        (<volatile uint64_t*>&self.stress.go)[0] = 1

    def lost(self) -> int:
        """Records never taken; exact when all threads have ended."""
        cdef uint64_t i, lost = 0
        for i in range(self.stress.producers * self.stress.per_producer):
            lost += self.stress.seen[i] == 0
        return lost


cdef class RingUnderStress:
    """One ring of the kind named, planted faults included."""

    cdef void* ring
    cdef const stress_kind_t* kind

    def __cinit__(self, kind: str, size_t capacity):
        self.kind = find_kind(kind)
        self.ring = self.kind.create(capacity)
        if self.ring is NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.ring)

    def produce(self, Stress stress not None, Tally tally not None, uint64_t producer) -> None:
        """Send all records of `producer`; blocks, without the GIL."""
        with nogil:
            self.kind.produce(self.ring, stress.stress, tally.tally, producer)

    def consume(self, Stress stress not None, Tally tally not None, uint64_t consumer) -> None:
        """Take records until all producers are done and the ring is empty; blocks, without the GIL."""
        with nogil:
            self.kind.consume(self.ring, stress.stress, tally.tally, consumer)


cdef class PoolUnderStress:
    """One pool, or one on a ring with a planted fault, and a ring by which handles change threads."""

    cdef any_pool_t* pool
    cdef planted_pool_t* planted
    cdef mpmc_word_ring_t* handover
    cdef uint64_t* owners

    def __cinit__(self, uint64_t capacity, *, planted: bool = False, strict: bool = False):
        self.handover = mpmc_word_new(64)
        self.owners = <uint64_t*>aligned_zalloc(8 * capacity)
        if planted:
            self.planted = planted_pool_new(capacity, 64, strict)
        else:
            self.pool = any_pool_new(capacity, 64, strict)
        if self.handover is NULL or self.owners is NULL or (self.pool is NULL and self.planted is NULL):
            raise MemoryError

    def __dealloc__(self):
        any_pool_free(self.pool)
        planted_pool_free(self.planted)
        mpmc_word_free(self.handover)
        free(self.owners)

    def work(self, Stress stress not None, Tally tally not None, uint64_t thread) -> None:
        """Acquire, own, hand over, release; blocks, without the GIL."""
        with nogil:
            if self.pool is not NULL:
                pool_stress(self.pool, self.handover, self.owners, stress.stress, tally.tally, thread)
            else:
                planted_pool_stress(self.planted, self.handover, self.owners, stress.stress, tally.tally, thread)

    def missing_or_doubled(self) -> int:
        """Records that are not there exactly once after all threads have ended."""
        if self.pool is not NULL:
            return pool_stress_count(self.pool, self.handover)
        return planted_pool_stress_count(self.planted, self.handover)
