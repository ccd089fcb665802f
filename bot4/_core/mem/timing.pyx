# cython: language_level=3
"""Compiled loops whose duration is a figure of the memory room: who calls them holds the stopwatch.

The one-thread loops push and pop `n` times in turn. The two-thread loops are one side each and release the GIL: run
`send_*` and `receive_*` (or `ping_words` and `echo_words`) in two threads. Waits spin a bounded count, then yield.
"""

from libc.stdint cimport uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from bot4._core.mem.lossy_ring cimport LossyCursor, LossyRing, lossy_push, lossy_try_pop
from bot4._core.mem.mpmc_ring cimport (
    MpmcRing,
    MpmcWordRing,
    mpmc_try_pop,
    mpmc_try_push,
    mpmc_word_offer,
    mpmc_word_try_pop,
    mpmc_word_try_push,
)
from bot4._core.mem.object_pool cimport PoolCache, pool_acquire, pool_release
from bot4._core.mem.spsc cimport (
    spsc_offer_batch, spsc_pop_batch, spsc_try_pop, spsc_try_push, spsc_word_offer, spsc_word_try_pop, spsc_word_try_push,
)
from bot4._core.mem.spsc_ring cimport SpscRing, SpscWordRing
from bot4._core.mem.waiter cimport Waiter, waiter_notify
from bot4._core.types cimport Event, aligned_zalloc


cdef extern from "bot4/atomics.h" nogil:
    void cpu_pause "BOT4_PAUSE"() noexcept
    void core_yield "BOT4_YIELD"() noexcept


cdef enum:
    SPINS = 2048   # with a pause, then yield: without one the core runs ahead into looks it must throw away
    BATCH_MOST = 64


cdef inline void backoff(uint64_t* looks) noexcept nogil:
    looks[0] += 1
    if looks[0] >= SPINS:
        core_yield()
    else:
        cpu_pause()


cdef uint64_t cycle_spsc_words(spsc_word_ring_t* ring, uint64_t n, waiter_t* readers) noexcept nogil:
    cdef uint64_t i, word = 0, checksum = 0
    for i in range(n):
        spsc_word_try_push(ring, &i)
        if readers is not NULL:
            waiter_notify(readers)
        spsc_word_try_pop(ring, &word)
        checksum += word
    return checksum


cdef uint64_t cycle_spsc_events(spsc_ring_t* ring, uint64_t n, waiter_t* readers) noexcept nogil:
    cdef Event event, popped
    cdef uint64_t i, checksum = 0
    memset(&event, 0, sizeof(Event))
    memset(&popped, 0, sizeof(Event))
    for i in range(n):
        event.body.control.value = i
        spsc_try_push(ring, &event)
        if readers is not NULL:
            waiter_notify(readers)
        spsc_try_pop(ring, &popped)
        checksum += <uint64_t>popped.body.control.value
    return checksum


cdef uint64_t cycle_mpmc_words(mpmc_word_ring_t* ring, uint64_t n) noexcept nogil:
    cdef uint64_t i, word = 0, checksum = 0
    for i in range(n):
        mpmc_word_try_push(ring, &i)
        mpmc_word_try_pop(ring, &word)
        checksum += word
    return checksum


cdef uint64_t cycle_mpmc_events(mpmc_ring_t* ring, uint64_t n) noexcept nogil:
    cdef Event event, popped
    cdef uint64_t i, checksum = 0
    memset(&event, 0, sizeof(Event))
    memset(&popped, 0, sizeof(Event))
    for i in range(n):
        event.body.control.value = i
        mpmc_try_push(ring, &event)
        mpmc_try_pop(ring, &popped)
        checksum += <uint64_t>popped.body.control.value
    return checksum


cdef uint64_t cycle_lossy_events(lossy_ring_t* ring, LossyCursorState* cursor, uint64_t n) noexcept nogil:
    cdef Event event, popped
    cdef uint64_t i, lost, checksum = 0
    memset(&event, 0, sizeof(Event))
    memset(&popped, 0, sizeof(Event))
    for i in range(n):
        event.body.control.value = i
        lossy_push(ring, &event)
        lossy_try_pop(ring, cursor, &popped, &lost)
        checksum += <uint64_t>popped.body.control.value
    return checksum


cdef uint64_t cycle_pool(pool_cache_t* cache, uint64_t n) noexcept nogil:
    cdef uint64_t _turn, refused = 0
    for _turn in range(n):
        refused += pool_release(cache, pool_acquire(cache)) != 0
    return refused


cdef uint64_t sweep_pool(pool_cache_t* cache, uint64_t* handles, uint64_t held, uint64_t n) noexcept nogil:
    cdef uint64_t _sweep, i, refused = 0
    for _sweep in range(n // held):
        for i in range(held):
            handles[i] = pool_acquire(cache)
        for i in range(held):
            refused += pool_release(cache, handles[i]) != 0
    return refused


def spsc_words(SpscWordRing ring not None, uint64_t n, Waiter readers=None) -> int:
    """Push and pop `n` words in turn, notifying `readers` after each push where given; return their sum."""
    cdef uint64_t total
    with nogil:
        total = cycle_spsc_words(ring.ring, n, NULL if readers is None else readers.waiter)
    return total


def spsc_events(SpscRing ring not None, uint64_t n, Waiter readers=None) -> int:
    """Push and pop `n` events in turn, notifying `readers` after each push where given; return the sum of values."""
    cdef uint64_t total
    with nogil:
        total = cycle_spsc_events(ring.ring, n, NULL if readers is None else readers.waiter)
    return total


def mpmc_words(MpmcWordRing ring not None, uint64_t n) -> int:
    """Push and pop `n` words in turn; return their sum."""
    cdef uint64_t total
    with nogil:
        total = cycle_mpmc_words(ring.ring, n)
    return total


def mpmc_events(MpmcRing ring not None, uint64_t n) -> int:
    """Push and pop `n` events in turn; return the sum of their values."""
    cdef uint64_t total
    with nogil:
        total = cycle_mpmc_events(ring.ring, n)
    return total


def lossy_events(LossyRing ring not None, LossyCursor cursor not None, uint64_t n) -> int:
    """Push and pop `n` events in turn; return the sum of their values."""
    cdef uint64_t total
    with nogil:
        total = cycle_lossy_events(ring.ring, &cursor.state, n)
    return total


def pool_hot(PoolCache cache not None, uint64_t n) -> int:
    """Acquire and release one record `n` times; return how many releases were refused."""
    cdef uint64_t total
    with nogil:
        total = cycle_pool(cache.cache, n)
    return total


def pool_cold(PoolCache cache not None, uint64_t held, uint64_t n) -> int:
    """Acquire `held` records, then release them, until `n` were; return how many releases were refused.

    With `held` well above a cache's stack every batch goes through the shared ring.
    """
    cdef uint64_t* handles = <uint64_t*>aligned_zalloc(8 * held)
    cdef uint64_t refused
    if handles is NULL:
        raise MemoryError
    with nogil:
        refused = sweep_pool(cache.cache, handles, held, n)
        free(handles)
    return refused


def send_words(SpscWordRing ring not None, uint64_t n) -> None:
    """Producer's side: push the words 0 to n - 1."""
    cdef uint64_t i, looks
    with nogil:
        for i in range(n):
            looks = 0
            while not spsc_word_offer(ring.ring, &i):
                backoff(&looks)


def receive_words(SpscWordRing ring not None, uint64_t n) -> int:
    """Consumer's side: pop `n` words; return their sum."""
    cdef uint64_t _turn, looks, word = 0, checksum = 0
    with nogil:
        for _turn in range(n):
            looks = 0
            while not spsc_word_try_pop(ring.ring, &word):
                backoff(&looks)
            checksum += word
    return checksum


def send_events(SpscRing ring not None, uint64_t n, uint64_t batch=1) -> None:
    """Producer's side: push `n` events, up to `batch` (1 to 64) a call."""
    cdef Event[BATCH_MOST] events
    cdef uint64_t sent = 0, looks = 0, pushed
    if not 1 <= batch <= BATCH_MOST:
        raise ValueError(f"batch must be from 1 to {BATCH_MOST}, was {batch}")
    memset(events, 0, sizeof(events))
    with nogil:
        while sent < n:
            pushed = spsc_offer_batch(ring.ring, events, min(batch, n - sent))
            sent += pushed
            if pushed:
                looks = 0
            else:
                backoff(&looks)


def receive_events(SpscRing ring not None, uint64_t n, uint64_t batch=1) -> None:
    """Consumer's side: pop `n` events, up to `batch` (1 to 64) a call."""
    cdef Event[BATCH_MOST] events
    cdef uint64_t taken = 0, looks = 0, popped
    if not 1 <= batch <= BATCH_MOST:
        raise ValueError(f"batch must be from 1 to {BATCH_MOST}, was {batch}")
    with nogil:
        while taken < n:
            popped = spsc_pop_batch(ring.ring, events, min(batch, n - taken))
            taken += popped
            if popped:
                looks = 0
            else:
                backoff(&looks)


def ping_words(SpscWordRing there not None, SpscWordRing back not None, uint64_t n) -> None:
    """First side of a round trip: send a word, wait for it to come back, `n` times."""
    cdef uint64_t i, looks, word = 0
    with nogil:
        for i in range(n):
            spsc_word_offer(there.ring, &i)
            looks = 0
            while not spsc_word_try_pop(back.ring, &word):
                backoff(&looks)


def echo_words(SpscWordRing there not None, SpscWordRing back not None, uint64_t n) -> None:
    """Second side of a round trip: send back each of `n` words."""
    cdef uint64_t _turn, looks, word = 0
    with nogil:
        for _turn in range(n):
            looks = 0
            while not spsc_word_try_pop(there.ring, &word):
                backoff(&looks)
            spsc_word_offer(back.ring, &word)


def ping_shared_words(MpmcWordRing there not None, MpmcWordRing back not None, uint64_t n) -> None:
    """First side of a round trip over rings with the sequence in the slot."""
    cdef uint64_t i, looks, word = 0
    with nogil:
        for i in range(n):
            mpmc_word_offer(there.ring, &i)
            looks = 0
            while not mpmc_word_try_pop(back.ring, &word):
                backoff(&looks)


def echo_shared_words(MpmcWordRing there not None, MpmcWordRing back not None, uint64_t n) -> None:
    """Second side of a round trip over rings with the sequence in the slot."""
    cdef uint64_t _turn, looks, word = 0
    with nogil:
        for _turn in range(n):
            looks = 0
            while not mpmc_word_try_pop(there.ring, &word):
                backoff(&looks)
            mpmc_word_offer(back.ring, &word)
