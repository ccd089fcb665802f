"""The thread of a shard: its rings, its batch buffer, its stop flag."""

from bot4._core.engine.engine cimport Engine
from bot4._core.engine.link cimport VenueLink
from bot4._core.mem.spsc_ring cimport SpscRing, spsc_ring_t
from bot4._core.mem.waiter cimport Waiter
from bot4._core.types cimport Event


cdef enum:
    BATCH = 256              # events taken from a ring in one go


# What the shard's thread looks at before it sleeps.
ctypedef struct RunnerRings:
    spsc_ring_t* market
    spsc_ring_t* controls
    spsc_ring_t* reports     # NULL without a link
    int stop                 # set by any thread


cdef class ShardRunner:
    cdef readonly Engine engine
    cdef readonly SpscRing ring
    cdef readonly Waiter room        # the feed waits here for room in the ring
    cdef readonly Waiter records     # the shard waits here for events
    cdef readonly bint is_pinned
    cdef SpscRing _controls
    cdef object _control_lock
    cdef object _report_lock
    cdef RunnerRings _rings
    cdef int _cpu
    cdef Event* _batch

    cdef size_t _take_reports(self) noexcept nogil
    cdef VenueLink _link(self)
