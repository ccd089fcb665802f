"""Passive fills of the paper venue: what a print does to the orders that rest there."""

from libc.stdint cimport int64_t

from bot4._core.sim.paper_matching cimport PaperVenue
from bot4._core.types cimport Event


# A level inside a depth message: for memory of what was taken and queues only; nothing is traded on half a message.
cdef void paper_see_level(PaperVenue* venue, const Event* level) noexcept nogil
# Match a print (EVENT_TRADE, EVENT_AGG_TRADE) against the resting orders.
cdef void paper_on_print(PaperVenue* venue, const Event* market, int64_t now_ns) noexcept nogil
