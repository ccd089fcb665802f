"""Owner of one shard and of everything its lanes point to."""

from bot4._core.engine.lane_state cimport Lane
from bot4._core.engine.link cimport VenueLink
from bot4._core.engine.shard cimport ShardState
from bot4._core.engine.stages cimport StageTimes
from bot4._core.engine.view cimport View


cdef class Engine:
    cdef ShardState* state
    cdef readonly StageTimes stages
    cdef readonly list symbols
    cdef readonly VenueLink link     # None where every lane trades on paper
    cdef View _view
    cdef object _account
    cdef object _positions
    cdef object _breaker
    cdef object _journal
    cdef list _parts         # what the lanes' pointers point into
    cdef object _busy        # held by whoever runs the shard

    cdef Lane* _lane(self, int index) except NULL
