"""Plain loops over rings and pool, for figures: one thread there and back, or one side of two."""

from libc.stdint cimport uint64_t

from bot4._core.mem.lossy_ring cimport LossyCursorState, lossy_ring_t
from bot4._core.mem.mpmc_ring cimport mpmc_ring_t, mpmc_word_ring_t
from bot4._core.mem.object_pool cimport pool_cache_t
from bot4._core.mem.spsc cimport spsc_ring_t, spsc_word_ring_t
from bot4._core.mem.waiter cimport waiter_t

cdef uint64_t cycle_spsc_words(spsc_word_ring_t* ring, uint64_t n, waiter_t* readers) noexcept nogil
cdef uint64_t cycle_spsc_events(spsc_ring_t* ring, uint64_t n, waiter_t* readers) noexcept nogil
cdef uint64_t cycle_mpmc_words(mpmc_word_ring_t* ring, uint64_t n) noexcept nogil
cdef uint64_t cycle_mpmc_events(mpmc_ring_t* ring, uint64_t n) noexcept nogil
cdef uint64_t cycle_lossy_events(lossy_ring_t* ring, LossyCursorState* cursor, uint64_t n) noexcept nogil
cdef uint64_t cycle_pool(pool_cache_t* cache, uint64_t n) noexcept nogil
cdef uint64_t sweep_pool(pool_cache_t* cache, uint64_t* handles, uint64_t held, uint64_t n) noexcept nogil
