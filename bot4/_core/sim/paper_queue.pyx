# cython: language_level=3
"""Queue positions at the paper venue. Where own trading has moved the market, an own price stands for the recorded
price that many ticks before the move.

A level that is not told is not touched: one that a snapshot leaves out keeps its queue, which is the cautious side.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from bot4._core.sim.own_impact cimport own_impact_market_ticks
from bot4._core.sim.queue_position cimport (
    QUEUE_TRADE_THROUGH, QUEUE_UNKNOWN, queue_hash, queue_join, queue_level_lots, queue_on_level,
)
from bot4._core.types cimport EVENT_DEPTH_BEGIN, EVENT_DEPTH_LEVEL, EVENT_QUOTE, SIDE_BUY, SIDE_SELL, Quote


cdef int64_t _quoted_lots(const Quote* quote, int side, int64_t price_ticks) noexcept nogil:
    """Lots at a price as far as the best bid and ask tell."""
    cdef int64_t best_ticks = quote.bid_price_ticks if side == SIDE_BUY else quote.ask_price_ticks
    cdef int64_t best_lots = quote.bid_qty_lots if side == SIDE_BUY else quote.ask_qty_lots
    if best_lots == 0:
        return QUEUE_UNKNOWN
    if price_ticks == best_ticks:
        return best_lots
    return 0 if (price_ticks > best_ticks) == (side == SIDE_BUY) else QUEUE_UNKNOWN


cdef void paper_join_queue(
    const FillState* fills, const Displayed* displayed, const OrderBook* book, int side, RestingOrder* order
) noexcept nogil:
    cdef int64_t price_ticks = order.price_ticks - own_impact_market_ticks(&fills.impact)
    cdef int64_t level_lots = QUEUE_UNKNOWN
    memset(&order.queue, 0, sizeof(order.queue))
    if fills.queue.kind == QUEUE_TRADE_THROUGH:
        return
    if book != NULL:
        level_lots = queue_level_lots(book, side, price_ticks)
    elif displayed.has_quote:
        level_lots = _quoted_lots(&displayed.quote, side, price_ticks)
    queue_join(&order.queue, level_lots, fills.level_ns)


cdef void _on_level(
    FillState* fills, Resting* resting, int side, int64_t price_ticks, int64_t level_lots, int64_t level_ns
) noexcept nogil:
    cdef int i
    if resting.count[side] == 0:
        return
    price_ticks += own_impact_market_ticks(&fills.impact)
    for i in range(resting.count[side]):
        if resting.sides[side][i].price_ticks == price_ticks:
            queue_on_level(&fills.queue, &fills.dice, &resting.sides[side][i].queue, level_lots, level_ns)


cdef void paper_queue_on_market(FillState* fills, Resting* resting, const Event* market, bint has_book) noexcept nogil:
    cdef const Quote* quote = &market.body.quote
    if market.kind == EVENT_DEPTH_LEVEL and has_book:
        _on_level(
            fills, resting, market.side & 1, market.body.level.price_ticks, market.body.level.qty_lots, market.venue_ns
        )
    elif market.kind == EVENT_QUOTE and not has_book:
        if quote.bid_qty_lots > 0:
            _on_level(fills, resting, SIDE_BUY, quote.bid_price_ticks, quote.bid_qty_lots, market.venue_ns)
        if quote.ask_qty_lots > 0:
            _on_level(fills, resting, SIDE_SELL, quote.ask_price_ticks, quote.ask_qty_lots, market.venue_ns)
    elif not (market.kind == EVENT_DEPTH_BEGIN and has_book):
        return
    fills.level_ns = market.venue_ns


cdef uint64_t paper_queue_hash(uint64_t digest, const Resting* resting) noexcept nogil:
    cdef int side
    cdef int i
    for side in range(2):
        for i in range(resting.count[side]):
            digest = queue_hash(digest, &resting.sides[side][i].queue)
    return digest
