# cython: language_level=3
"""Compiled thread loops of the stress harness (see include/bot4/stress.h for what is checked); driven by stress.py."""

import numpy as np

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free

from bot4._core.mem.mpmc_ring cimport mpmc_word_free, mpmc_word_new
from bot4._core.mem.waiter cimport Waiter
from bot4._core.types cimport aligned_zalloc


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
        return stress_at_start(self.stress)

    def go(self) -> None:
        """Let them run."""
        stress_go(self.stress)

    def lost(self) -> int:
        """Records never taken; exact when all threads have ended."""
        cdef uint64_t i, lost = 0
        for i in range(self.stress.producers * self.stress.per_producer):
            lost += self.stress.seen[i] == 0
        return lost


cdef class RingUnderStress:
    """One ring of the kind named, planted faults included."""

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
