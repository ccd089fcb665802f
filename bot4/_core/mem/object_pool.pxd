"""Bounded pool of fixed-size records with a cache per thread (see include/bot4/pool_template.h)."""

from libc.stdint cimport uint32_t, uint64_t


cpdef enum PoolVerdict:
    POOL_OK = 0
    POOL_EXHAUSTED = 1   # no free record within this thread's reach
    POOL_NOT_LIVE = 2    # released before, or never acquired
    POOL_FOREIGN = 3     # another pool's handle, or no handle at all


cdef extern from "bot4/object_pool.h" nogil:
    ctypedef struct pool_t "bot4_pool":
        char* records
        uint64_t capacity
        uint64_t record_bytes
        uint64_t stride
    ctypedef struct pool_cache_t "bot4_pool_cache":
        pool_t* pool
        uint32_t count
        uint32_t magazine
        uint64_t acquired
        uint64_t released
        uint64_t exhausted
        uint64_t refused
        uint64_t exchanges

    uint64_t pool_count "BOT4_COUNT"(const uint64_t* counter) noexcept   # a counter other threads write
    pool_t* pool_new "bot4_pool_new"(uint64_t capacity, uint64_t record_bytes, bint strict) noexcept  # NULL: no memory
    void pool_free "bot4_pool_free"(pool_t* pool) noexcept
    pool_cache_t* pool_cache_new "bot4_pool_cache_new"(pool_t* pool) noexcept
    void pool_cache_free "bot4_pool_cache_free"(pool_cache_t* cache) noexcept   # flushes first
    uint64_t pool_acquire "bot4_pool_acquire"(pool_cache_t* cache) noexcept     # handle, or 0: exhausted
    int pool_release "bot4_pool_release"(pool_cache_t* cache, uint64_t handle) noexcept   # a PoolVerdict
    void pool_flush "bot4_pool_flush"(pool_cache_t* cache) noexcept
    bint pool_is_live "bot4_pool_is_live"(const pool_t* pool, uint64_t handle) noexcept
    void* pool_record "bot4_pool_record"(const pool_t* pool, uint64_t handle) noexcept     # NULL unless live


cdef class ObjectPool:
    cdef pool_t* pool
    cdef list caches              # the PoolCache objects not yet closed, weakly
    cdef uint64_t[5] retired      # counters of the caches closed, in the order of PoolCache.counters
    cdef object local_caches      # threading.local


cdef class PoolCache:
    cdef readonly ObjectPool owner
    cdef pool_cache_t* cache
    cdef object __weakref__
    cdef int check_open(self) except -1
    cdef void retire(self) noexcept
