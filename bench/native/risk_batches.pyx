# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The risk room's calls as the engine makes them, timed in batches (see bench/latency/risk_batches.py)."""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.risk.breaker cimport Breaker, breaker_admit, breaker_readmit
from bot4._core.risk.idempotency cimport IdempotencyStore, id_insert, id_lookup
from bot4._core.risk.limits cimport RiskGate, risk_check
from bot4._core.risk.token_bucket cimport TokenBucketGate, bucket_take
from bot4._core.types cimport OrderIntent

cdef extern from "x86intrin.h" nogil:
    uint64_t __rdtsc() noexcept
    void _mm_lfence() noexcept

cdef enum:
    BATCH = 64


cdef uint64_t sink = 0


cdef inline uint64_t ticks() noexcept nogil:
    # Fenced: what is timed neither starts before nor ends after the two readings.
    cdef uint64_t read
    _mm_lfence()
    read = __rdtsc()
    _mm_lfence()
    return read


def breaker(Breaker breaker, int64_t[::1] batch_ticks, int64_t[::1] empty_ticks):
    """Admit, and readmit what was admitted: two operations a turn, counted as two."""
    global sink
    cdef Py_ssize_t batch
    cdef int _i
    cdef uint64_t before, ticket, seen = 0
    with nogil:
        for batch in range(batch_ticks.shape[0]):
            before = ticks()
            empty_ticks[batch] = <int64_t>(ticks() - before)
            before = ticks()
            for _i in range(BATCH // 2):
                ticket = breaker_admit(breaker.state, batch)
                seen += breaker_readmit(breaker.state, ticket)
            batch_ticks[batch] = <int64_t>(ticks() - before)
    sink = seen


def risk(RiskGate gate, const OrderIntent[::1] intents, int64_t now_ns, int64_t[::1] batch_ticks,
         int64_t[::1] empty_ticks):
    """One check an intent; how many passed."""
    cdef Py_ssize_t batch, i
    cdef uint64_t before
    cdef int64_t passed = 0
    with nogil:
        for batch in range(batch_ticks.shape[0]):
            before = ticks()
            empty_ticks[batch] = <int64_t>(ticks() - before)
            before = ticks()
            for i in range(batch * BATCH, (batch + 1) * BATCH):
                passed += risk_check(gate.limits, gate.state, &intents[i], now_ns) == 0
            batch_ticks[batch] = <int64_t>(ticks() - before)
    return passed


def ids(IdempotencyStore store, const unsigned char[:, ::1] rows, bint insert, int64_t[::1] batch_ticks,
        int64_t[::1] empty_ticks):
    """One insert or lookup a row; the sum of the answers."""
    cdef Py_ssize_t batch, i
    cdef uint64_t before
    cdef int64_t answers = 0
    with nogil:
        for batch in range(batch_ticks.shape[0]):
            before = ticks()
            empty_ticks[batch] = <int64_t>(ticks() - before)
            before = ticks()
            for i in range(batch * BATCH, (batch + 1) * BATCH):
                if insert:
                    answers += id_insert(store.store, <const char*>&rows[i, 0], 36, 0)
                else:
                    answers += id_lookup(store.store, <const char*>&rows[i, 0], 36, 0)
            batch_ticks[batch] = <int64_t>(ticks() - before)
    return answers


def bucket(TokenBucketGate gate, const int64_t[::1] times_ns, int64_t[::1] batch_ticks, int64_t[::1] empty_ticks):
    """One take a row; how many were taken."""
    cdef Py_ssize_t batch, i
    cdef uint64_t before
    cdef int64_t taken = 0
    with nogil:
        for batch in range(batch_ticks.shape[0]):
            before = ticks()
            empty_ticks[batch] = <int64_t>(ticks() - before)
            before = ticks()
            for i in range(batch * BATCH, (batch + 1) * BATCH):
                taken += bucket_take(&gate.rule, &gate.bucket, 1, times_ns[i])
            batch_ticks[batch] = <int64_t>(ticks() - before)
    return taken
