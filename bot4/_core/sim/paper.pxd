"""Paper venue of one instrument: takers walk the displayed book, passive orders fill only on trade-through."""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.book.order_book cimport OrderBook
from bot4._core.sim.paper_matching cimport PaperVenue
from bot4._core.types cimport Event, OrderIntent


# PLACE, CANCEL or CANCEL_ALL, effective after the modelled latency; PaperReason, PAPER_OK where it is on its way.
cdef int paper_submit(PaperVenue* venue, const OrderIntent* intent, int64_t now_ns) noexcept nogil
# Tell the venue of a market event, after the book was updated with it. `market` NULL: only time has passed. `book` NULL:
# the market is the last quote, or the last print with the assumed spread. Returns the EVENT_ORDER_* written to `out`.
cdef int paper_on_event(
    PaperVenue* venue, const Event* market, const OrderBook* book, int64_t now_ns, Event* out, int capacity
) noexcept nogil
# When the next arrival or report is due; INT64_MAX where nothing is on its way. Call paper_on_event(NULL) at that time,
# before the book moves on, for orders to meet the book of the moment they arrive.
cdef int64_t paper_next_due(const PaperVenue* venue) noexcept nogil
cdef void paper_halt(PaperVenue* venue, bint is_halted) noexcept nogil   # while the book is not live: arrivals are rejected
cdef uint64_t paper_hash(const PaperVenue* venue) noexcept nogil


cdef class Paper:
    cdef PaperVenue* venue
    cdef object _drain(self, const Event* market, const OrderBook* book, int64_t now_ns)
