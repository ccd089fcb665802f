"""The touch of a lane: five levels a side, from the book, a newer quote, or assumed around a last price."""

from libc.stdint cimport int64_t

from bot4._core.engine.lane_state cimport Lane
from bot4._core.types cimport Event, Quote


cdef void touch_note_level(Lane* lane, const Event* event) noexcept nogil    # of a depth message, before it is taken
cdef void touch_take_book(Lane* lane) noexcept nogil                         # a whole depth message was applied
cdef void touch_take_quote(Lane* lane, const Quote* quote) noexcept nogil    # a sound quote that is newer
cdef bint touch_assume(Lane* lane, int64_t price_ticks, int64_t qty_lots) noexcept nogil   # true where it was
cdef void touch_forget(Lane* lane) noexcept nogil
# The middle of the touch, else the last price; 0 before both.
cdef int64_t touch_middle_ticks(const Lane* lane) noexcept nogil
# Have the lane's features know what its reference instrument costs now.
cdef void touch_take_reference(Lane* lane) noexcept nogil
