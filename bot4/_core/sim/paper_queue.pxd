"""Queue positions of the orders resting at the paper venue, kept from what the feed tells."""

from libc.stdint cimport uint64_t

from bot4._core.book.order_book cimport OrderBook
from bot4._core.sim.displayed cimport Displayed
from bot4._core.sim.fill_model cimport FillState
from bot4._core.sim.resting cimport Resting, RestingOrder
from bot4._core.types cimport Event


# An order that is about to rest takes its place behind what is displayed at its price.
cdef void paper_join_queue(
    const FillState* fills, const Displayed* displayed, const OrderBook* book, int side, RestingOrder* order
) noexcept nogil
# A level or a quote that the feed told.
cdef void paper_queue_on_market(FillState* fills, Resting* resting, const Event* market, bint has_book) noexcept nogil
cdef uint64_t paper_queue_hash(uint64_t digest, const Resting* resting) noexcept nogil
