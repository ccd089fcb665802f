# cython: language_level=3
"""DelayLine: one ordered connection with latency.

Each record draws its own latency, and none overtakes the one before it, as on one TCP connection: a slow record holds
back those behind it. So the order of events is that of sending, whatever the draws.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from bot4._core.sim.latency cimport latency_hash, latency_sample
from bot4._core.sim.rng cimport rng_hash, rng_seed
from bot4._core.types cimport aligned_zalloc, hash_mix


cdef bint delay_line_init(DelayLine* line, uint64_t capacity_least, const LatencyModel* latency, uint64_t seed, uint64_t stream) noexcept:
    cdef uint64_t capacity = 1
    while capacity < capacity_least:
        capacity *= 2
    line.records = <DelayRecord*>aligned_zalloc(capacity * sizeof(DelayRecord))
    line.due_ns = <int64_t*>aligned_zalloc(capacity * sizeof(int64_t))
    line.mask = capacity - 1
    line.latency = latency[0]
    rng_seed(&line.rng, seed, stream)
    return line.records != NULL and line.due_ns != NULL


cdef void delay_line_release(DelayLine* line) noexcept:
    free(line.records)
    free(line.due_ns)


cdef int64_t delay_line_push(DelayLine* line, const void* record, int64_t now_ns) noexcept nogil:
    if line.tail - line.head > line.mask:
        return -1
    return delay_line_push_after(line, record, now_ns, latency_sample(&line.latency, &line.rng))


cdef int64_t delay_line_push_after(
    DelayLine* line, const void* record, int64_t now_ns, int64_t latency_ns
) noexcept nogil:
    cdef int64_t due_ns = now_ns + latency_ns
    if line.tail - line.head > line.mask:
        return -1
    if due_ns < line.last_due_ns:
        due_ns = line.last_due_ns
    line.last_due_ns = due_ns
    memcpy(&line.records[line.tail & line.mask], record, sizeof(DelayRecord))
    line.due_ns[line.tail & line.mask] = due_ns
    line.tail += 1
    return due_ns


cdef uint64_t delay_line_hash(uint64_t digest, const DelayLine* line) noexcept nogil:
    cdef uint64_t at
    cdef int i
    digest = hash_mix(digest, rng_hash(&line.rng))
    digest = hash_mix(digest, latency_hash(&line.latency))
    digest = hash_mix(hash_mix(digest, <uint64_t>line.last_due_ns), line.tail - line.head)
    for at in range(line.head, line.tail):
        digest = hash_mix(digest, <uint64_t>line.due_ns[at & line.mask])
        for i in range(8):
            digest = hash_mix(digest, line.records[at & line.mask].words[i])
    return digest
