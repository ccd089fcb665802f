# cython: language_level=3
"""The one place that knows how a control event is laid out."""

from libc.stdint cimport int64_t
from libc.string cimport memset

from bot4._core.types cimport EVENT_CONTROL, Event


cdef void control_event(
    Event* event, int code, int instrument, int64_t value, int side, int64_t qty_lots, int64_t tif, int64_t flags
) noexcept nogil:
    memset(event, 0, sizeof(Event))
    event.kind = EVENT_CONTROL
    event.side = side
    event.instrument = instrument
    event.body.control.code = code
    event.body.control.value = value
    event.body.control.reserved[0] = qty_lots
    event.body.control.reserved[1] = tif
    event.body.control.reserved[2] = flags
