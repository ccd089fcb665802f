"""Owner of one shard and of everything its lanes point to."""

from libc.stdint cimport int64_t

from bot4._core.engine.shard cimport ShardState
from bot4._core.engine.stages cimport StageTimes
from bot4._core.engine.view cimport View
from bot4._core.types cimport Event


cdef class Engine:
    cdef ShardState* state
    cdef readonly StageTimes stages
    cdef readonly list symbols
    cdef View _view
    cdef object _account
    cdef object _positions
    cdef object _breaker
    cdef object _journal
    cdef list _parts         # what the lanes' pointers point into
    cdef object _busy        # held by whoever runs the shard


# Write a control event as `Engine.control` and the runner send it.
cdef void control_event(
    Event* event, int code, int instrument, int64_t value, int side, int64_t qty_lots, int64_t tif, int64_t flags
) noexcept
