# cython: language_level=3
"""Bounded pool of fixed-size records with a cache per thread, seen from Python."""

import threading
import weakref

cimport cython
from cpython.buffer cimport PyBuffer_FillInfo, PyBuffer_Release
from libc.stdint cimport uint64_t

from bot4._core.mem.record_buffer cimport borrow_records

ORDERS = 10_000
SIGNALS = 100_000
TICKS = 1_000_000
_MOST_RECORDS = 1 << 24
_MOST_BYTES = 1 << 16
_COUNTERS = ("acquired", "released", "exhausted", "refused", "exchanges")


cdef class ObjectPool:
    """Bounded pool of fixed-size records; nothing is allocated after the construction.

    Parameters
    ----------
    capacity : int
        Records, 1 to 2**24. Named defaults: `ORDERS` (10,000), `SIGNALS` (100,000), `TICKS` (1,000,000).
    record_bytes : int
        Bytes of one record, 1 to 65,536. From 64 bytes on each starts on a cache line of its own.
    strict : bool
        Detect also two threads that release the same handle at the same moment (an atomic swap per release).

    Notes
    -----
    A thread works through its own `PoolCache`: `cache()` makes one, `local()` keeps one for the calling thread and gives
    its records back when the thread ends. Free records lie in the caches (64 at most in each, an eighth of the pool at
    most) and in one shared ring; an acquire that finds both its cache and the ring empty is refused as exhausted, even
    where another thread's cache still holds some.

    Thread-safety: the pool from any thread; a cache from one thread at a time.

    >>> pool = ObjectPool(2, 64)
    >>> with pool.cache() as cache:
    ...     first, second = cache.acquire(), cache.acquire()
    ...     cache.acquire() is None, cache.release(first).name, cache.release(first).name
    (True, 'POOL_OK', 'POOL_NOT_LIVE')
    """

    def __cinit__(self, capacity: int, record_bytes: int = 64, *, strict: bool = False):
        if not 1 <= capacity <= _MOST_RECORDS:
            raise ValueError(f"capacity must be from 1 to {_MOST_RECORDS}, was {capacity}")
        if not 1 <= record_bytes <= _MOST_BYTES:
            raise ValueError(f"record_bytes must be from 1 to {_MOST_BYTES}, was {record_bytes}")
        self.pool = pool_new(capacity, record_bytes, strict)
        if self.pool is NULL:
            raise MemoryError(f"no memory for a pool of {capacity} records of {record_bytes} bytes")
        self.caches = []
        self.local_caches = threading.local()

    def __dealloc__(self):
        pool_free(self.pool)

    def __getbuffer__(self, Py_buffer* view, int flags):
        """All records as one block of bytes; a view keeps the pool alive."""
        PyBuffer_FillInfo(view, self, self.pool.records, self.pool.capacity * self.pool.stride, 0, flags)

    @property
    def capacity(self) -> int:
        """Records of the pool."""
        return self.pool.capacity

    @property
    def record_bytes(self) -> int:
        """Bytes of one record."""
        return self.pool.record_bytes

    def cache(self) -> PoolCache:
        """Return a new cache, for one thread."""
        cache = PoolCache(self)
        self.caches = [known for known in self.caches if known() is not None]
        self.caches.append(weakref.ref(cache))
        return cache

    def local(self) -> PoolCache:
        """Return the calling thread's own cache; its records go back to the pool when the thread ends."""
        try:
            return self.local_caches.cache
        except AttributeError:
            self.local_caches.cache = self.cache()
            return self.local_caches.cache

    def is_live(self, uint64_t handle) -> bool:
        """True for the handle of a record acquired and not released."""
        return pool_is_live(self.pool, handle)

    def record(self, uint64_t handle) -> memoryview:
        """Return the bytes of a live record, writable. Raises KeyError for any other handle.

        The view is not revoked by a release: it then shows the next owner's bytes.
        """
        if not pool_is_live(self.pool, handle):
            raise KeyError(f"handle {handle:#x} is not live in this pool")
        start = <char*>pool_record(self.pool, handle) - self.pool.records
        return memoryview(self)[start:start + self.pool.record_bytes]

    def statistics(self) -> dict[str, int]:
        """Sums over all caches, closed ones included: acquired, released, live, exhausted, refused, exchanges (batches
        moved between a cache and the pool); and capacity, cached (free records in caches).

        A moment's view while other threads work; exact when they rest.
        """
        cdef PoolCache cache
        totals = {name: self.retired[i] for i, name in enumerate(_COUNTERS)}
        cached = 0
        for known in self.caches:
            cache = known()
            if cache is not None and cache.cache is not NULL:
                for name, value in cache.counters().items():
                    totals[name] += value
                cached += cache.cache.count
        totals["capacity"] = self.pool.capacity
        totals["cached"] = cached
        totals["live"] = totals["acquired"] - totals["released"]
        return totals


# The owner must outlive the last flush, also when both go in one sweep of the collector.
@cython.no_gc_clear
cdef class PoolCache:
    """One thread's way into an ObjectPool; a context manager that gives its free records back at the end."""

    def __cinit__(self, ObjectPool owner not None):
        self.owner = owner
        self.cache = pool_cache_new(owner.pool)
        if self.cache is NULL:
            raise MemoryError("no memory for a pool cache")

    def __dealloc__(self):
        self.retire()

    def __enter__(self) -> PoolCache:
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    cdef int check_open(self) except -1:
        if self.cache is NULL:
            raise ValueError("this cache is closed")
        return 0

    def acquire(self):
        """Return the handle of a free record, or None: exhausted. The record holds what its last owner left."""
        self.check_open()
        handle = pool_acquire(self.cache)
        return handle or None

    def release(self, uint64_t handle) -> PoolVerdict:
        """Give a record back: POOL_OK, POOL_NOT_LIVE (released before) or POOL_FOREIGN; only POOL_OK changes anything."""
        self.check_open()
        return PoolVerdict(pool_release(self.cache, handle))

    def acquire_into(self, handles) -> int:
        """Fill `handles` (uint64 array) with handles of free records; return how many there were."""
        cdef Py_buffer view
        cdef uint64_t handle
        cdef Py_ssize_t i, count
        self.check_open()
        count = borrow_records(handles, &view, sizeof(uint64_t), True)
        for i in range(count):
            handle = pool_acquire(self.cache)
            if handle == 0:
                count = i
                break
            (<uint64_t*>view.buf)[i] = handle
        PyBuffer_Release(&view)
        return count

    def release_all(self, handles) -> int:
        """Release every handle of an array (uint64); return how many were refused."""
        cdef Py_buffer view
        cdef Py_ssize_t i, count
        cdef int refused = 0
        self.check_open()
        count = borrow_records(handles, &view, sizeof(uint64_t), False)
        for i in range(count):
            refused += pool_release(self.cache, (<const uint64_t*>view.buf)[i]) != POOL_OK
        PyBuffer_Release(&view)
        return refused

    def flush(self) -> None:
        """Give every free record of this cache back to the pool."""
        self.check_open()
        pool_flush(self.cache)

    def close(self) -> None:
        """Flush, and end this cache. Records still live stay live: release them through another cache."""
        self.retire()

    cdef void retire(self) noexcept:
        # Plain C only: at a garbage collection the owner's Python attributes may be gone already, its pool is not.
        cdef pool_cache_t* cache = self.cache
        if cache is NULL:
            return
        self.cache = NULL
        pool_flush(cache)
        self.owner.retired[0] += cache.acquired
        self.owner.retired[1] += cache.released
        self.owner.retired[2] += cache.exhausted
        self.owner.retired[3] += cache.refused
        self.owner.retired[4] += cache.exchanges
        pool_cache_free(cache)

    def counters(self) -> dict[str, int]:
        """This cache's acquired, released, exhausted, refused and exchanges."""
        self.check_open()
        return {
            "acquired": pool_count(&self.cache.acquired),
            "released": pool_count(&self.cache.released),
            "exhausted": pool_count(&self.cache.exhausted),
            "refused": pool_count(&self.cache.refused),
            "exchanges": pool_count(&self.cache.exchanges),
        }
