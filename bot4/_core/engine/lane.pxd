"""One instrument's way through the engine: market event -> book -> features -> decision -> desk -> venue, and back."""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.engine.lane_state cimport Lane
from bot4._core.types cimport Event


cdef void lane_apply_market(Lane* lane, const Event* event, int64_t now_ns) noexcept nogil
# A print that only the venue sees: what is assumed to have happened inside a bar.
cdef void lane_apply_print(Lane* lane, const Event* event, int64_t now_ns) noexcept nogil
cdef void lane_apply_time(Lane* lane, int64_t now_ns) noexcept nogil
cdef int64_t lane_next_due(const Lane* lane) noexcept nogil         # when the paper venue next acts; INT64_MAX: never
cdef uint64_t lane_moves(const Lane* lane) noexcept nogil           # arrivals and reports the paper venue let through
cdef int64_t lane_mark_ticks(const Lane* lane) noexcept nogil       # mid of the touch, last print, or 0
