"""The thread of a shard: its rings, its batch buffer, its stop flag."""

from bot4._core.engine.engine cimport Engine
from bot4._core.engine.link cimport VenueLink
from bot4._core.mem.spsc cimport spsc_ring_t
from bot4._core.mem.spsc_ring cimport SpscRing
from bot4._core.mem.waiter cimport Waiter
from bot4._core.types cimport Event

from libc.stdint cimport uint8_t, uint32_t, uint64_t


cdef enum:
    BATCH = 256              # events taken from a ring in one go


# What the shard's thread looks at before it sleeps.
ctypedef struct RunnerRings:
    spsc_ring_t* market
    spsc_ring_t* controls
    spsc_ring_t* reports     # NULL without a link
    spsc_ring_t* asks        # of a strategy on its own thread; NULL: there is none
    int stop                 # set by any thread
    int snapshot             # 1: one is wanted, set by any thread; 2: it was taken
    uint8_t* image           # where it goes
    size_t image_room
    size_t image_bytes       # 0: there was no room
    uint64_t image_seq
    uint32_t image_epoch
    uint64_t rounds          # of the shard's loop: what shows that it moves


cdef class ShardRunner:
    cdef readonly Engine engine
    cdef readonly SpscRing ring
    cdef readonly Waiter room        # the feed waits here for room in the ring
    cdef readonly Waiter records     # the shard waits here for events
    cdef readonly bint is_pinned
    cdef SpscRing _controls
    cdef SpscRing _asks
    cdef object _control_lock
    cdef object _report_lock
    cdef object _snapshot_lock
    cdef bytearray _image
    cdef RunnerRings _rings
    cdef int _cpu
    cdef Event* _batch

    cdef size_t _take_reports(self) noexcept nogil
    cdef void _take_snapshot(self) noexcept nogil
    cdef VenueLink _link(self)


cdef class LockstepShard:
    cdef readonly Engine engine
