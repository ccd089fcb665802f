"""Single-producer event ring that drops its oldest records and says so (see include/bot4/lossy_template.h)."""

from libc.stdint cimport uint64_t

from bot4._core.types cimport Event


cdef extern from "bot4/lossy_ring.h" nogil:
    ctypedef struct lossy_ring_t "bot4_lossy":
        pass
    ctypedef struct LossyCursorState "bot4_lossy_cursor":   # one consumer's place; zeroed is the start of the stream
        uint64_t position
        uint64_t popped
        uint64_t dropped
        uint64_t gaps

    lossy_ring_t* lossy_new "bot4_lossy_new"(size_t capacity) noexcept   # power of two >= 2; NULL: memory is out
    void lossy_free "bot4_lossy_free"(lossy_ring_t* ring) noexcept
    void lossy_push "bot4_lossy_push_event"(lossy_ring_t* ring, const Event* event) noexcept   # never fails, never waits
    # `lost` is how many records were dropped just before the one popped.
    bint lossy_try_pop "bot4_lossy_pop_event"(
        lossy_ring_t* ring, LossyCursorState* cursor, Event* event, uint64_t* lost) noexcept
    # n >= 2; an EVENT_GAP_MARK stands where records were lost.
    size_t lossy_pop_batch "bot4_lossy_pop_batch"(
        lossy_ring_t* ring, LossyCursorState* cursor, Event* events, size_t n) noexcept
    size_t lossy_size "bot4_lossy_size"(lossy_ring_t* ring, const LossyCursorState* cursor) noexcept
    uint64_t lossy_pushed "bot4_lossy_pushed"(lossy_ring_t* ring) noexcept


cdef class LossyRing:
    cdef lossy_ring_t* ring
    cdef readonly size_t capacity


cdef class LossyCursor:
    cdef readonly LossyRing source
    cdef LossyCursorState state
