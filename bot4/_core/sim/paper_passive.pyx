# cython: language_level=3
"""Passive fills.

Rules
-----
1. A print beyond an order's price fills it, own orders by price then time, together for at most the print's quantity.
2. With a queue model a print at the order's price, by a taker of the other side, first serves the lots ahead; what is
   left of it fills the order.
3. With partial fills each chance to fill is a Poisson number of pieces, each a Beta share of what the order still
   wants; no piece is no fill.
4. A report is never lost: a print is passed over where there is no room for what it may cause at least (a fill and an
   expiry of each order), and further pieces of a fill end where they would need that room.
"""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.sim.delay_line cimport delay_line_room
from bot4._core.sim.displayed cimport displayed_on_event
from bot4._core.sim.own_impact cimport own_impact_market_ticks
from bot4._core.sim.paper_matching cimport paper_expire_reduce_only, paper_fill, paper_reducible
from bot4._core.sim.paper_queue cimport paper_queue_on_market
from bot4._core.sim.partial_fills cimport partial_fill_count, partial_fill_lots
from bot4._core.sim.queue_position cimport QUEUE_TRADE_THROUGH, queue_on_print
from bot4._core.sim.resting cimport RestingOrder, resting_count, resting_remove
from bot4._core.types cimport FLAG_BUYER_IS_MAKER, INTENT_REDUCE_ONLY, SIDE_BUY


cdef void _piece(PaperVenue* venue, RestingOrder* order, int side, int64_t qty_lots, int64_t now_ns) noexcept nogil:
    order.qty_lots -= qty_lots
    venue.counts.fills_passive += 1
    paper_fill(venue, order.order_id, side, order.price_ticks, qty_lots, True, now_ns)


cdef int64_t _pieces(PaperVenue* venue, RestingOrder* order, int side, int64_t chance_lots, int64_t now_ns) noexcept nogil:
    """Fill a chance of some lots piece by piece; returns the lots filled."""
    cdef uint64_t reserve = 2 * <uint64_t>resting_count(&venue.resting)
    cdef int64_t left_lots = chance_lots
    cdef int64_t lots
    cdef int64_t i
    for i in range(partial_fill_count(&venue.fills.partial, &venue.fills.dice)):
        if left_lots == 0 or (i > 0 and delay_line_room(&venue.reports) <= reserve):
            break
        lots = partial_fill_lots(&venue.fills.partial, &venue.fills.dice, order.qty_lots)
        if lots > left_lots:
            lots = left_lots
        _piece(venue, order, side, lots, now_ns)
        left_lots -= lots
    return chance_lots - left_lots


cdef int64_t _fill_resting(PaperVenue* venue, int side, int i, int64_t chance_lots, int64_t now_ns) noexcept nogil:
    """Give an order the chance to fill some lots; returns the lots filled. Orders may be gone afterwards."""
    cdef RestingOrder* order = &venue.resting.sides[side][i]
    cdef int64_t filled_lots = chance_lots if chance_lots < order.qty_lots else order.qty_lots
    if order.flags & INTENT_REDUCE_ONLY and filled_lots > paper_reducible(venue, side):
        filled_lots = paper_reducible(venue, side)
    if venue.fills.partial.is_on:
        filled_lots = _pieces(venue, order, side, filled_lots, now_ns)
    else:
        _piece(venue, order, side, filled_lots, now_ns)
    if order.qty_lots == 0:
        if order.flags & INTENT_REDUCE_ONLY:
            venue.reduce_only_count -= 1
        resting_remove(&venue.resting, side, i)
    if filled_lots > 0:
        paper_expire_reduce_only(venue, now_ns)
    return filled_lots


cdef int _next_unmatched(const PaperVenue* venue, int side) noexcept nogil:
    """Index of the best order this print was not matched with yet, or the count."""
    cdef int i = 0
    while i < venue.resting.count[side] and venue.resting.sides[side][i].print_number == venue.fills.print_number:
        i += 1
    return i


cdef void _match_print(
    PaperVenue* venue, int64_t print_ticks, int64_t print_lots, int taker_side, int64_t print_ns, int64_t now_ns
) noexcept nogil:
    cdef RestingOrder* order
    cdef int64_t chance_lots
    cdef int side
    cdef int i
    venue.fills.print_number += 1
    for side in range(2):
        while print_lots > 0:
            i = _next_unmatched(venue, side)
            if i >= venue.resting.count[side]:
                break
            order = &venue.resting.sides[side][i]
            order.print_number = venue.fills.print_number
            if (order.price_ticks > print_ticks) if side == SIDE_BUY else (order.price_ticks < print_ticks):
                chance_lots = print_lots
                order.queue.ahead_lots = 0
            elif (
                venue.fills.queue.kind != QUEUE_TRADE_THROUGH and order.price_ticks == print_ticks and side != taker_side
            ):
                chance_lots = queue_on_print(&order.queue, print_lots, print_ns)
            else:
                break
            if chance_lots > 0:
                print_lots -= _fill_resting(venue, side, i, chance_lots, now_ns)


cdef void paper_on_print(PaperVenue* venue, const Event* market, int64_t now_ns) noexcept nogil:
    if venue.print_kind == 0:
        venue.print_kind = market.kind
    if market.kind != venue.print_kind or resting_count(&venue.resting) == 0:
        return
    # Each order gives at least a fill and an expiry.
    if delay_line_room(&venue.reports) < 2 * <uint64_t>resting_count(&venue.resting):
        venue.counts.prints_skipped += 1
        return
    _match_print(
        venue, market.body.trade.price_ticks + own_impact_market_ticks(&venue.fills.impact), market.body.trade.qty_lots,
        1 if market.flags & FLAG_BUYER_IS_MAKER else 0, market.venue_ns, now_ns,
    )


cdef void paper_see_level(PaperVenue* venue, const Event* level) noexcept nogil:
    displayed_on_event(&venue.displayed, level, True)
    if venue.fills.queue.kind != QUEUE_TRADE_THROUGH:
        paper_queue_on_market(&venue.fills, &venue.resting, level, True)
