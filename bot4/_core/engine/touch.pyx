# cython: language_level=3
"""What a lane sees of its market. A quote moves the touch, never the book; an older source never replaces a newer one."""

from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from bot4._core.book.order_book cimport OrderBook, book_side_top, book_top
from bot4._core.engine.lane_state cimport SOURCE_ASSUMED, SOURCE_QUOTE
from bot4._core.sim.paper cimport paper_halt
from bot4._core.ta.bank cimport bank_on_reference
from bot4._core.types cimport (
    EVENT_DEPTH_LEVEL,
    FLAG_PARTIAL_BOOK,
    FLAG_SNAPSHOT,
    SIDE_BUY,
    TOP_LEVELS,
    TopOfBook,
)


cdef void touch_note_level(Lane* lane, const Event* event) noexcept nogil:
    """Only what is told at or before the fifth level of a side moves what is seen of it."""
    cdef int64_t price_ticks = event.body.level.price_ticks
    if event.kind != EVENT_DEPTH_LEVEL:
        if event.flags & (FLAG_SNAPSHOT | FLAG_PARTIAL_BOOK):
            lane.is_top_stale[0] = lane.is_top_stale[1] = True
    elif event.side == SIDE_BUY:
        lane.is_top_stale[0] |= lane.top.bid_levels < TOP_LEVELS or price_ticks >= lane.top.bid_price_ticks[4]
    else:
        lane.is_top_stale[1] |= lane.top.ask_levels < TOP_LEVELS or price_ticks <= lane.top.ask_price_ticks[4]


cdef inline void _read_side(
    const OrderBook* book, int side, int64_t* prices, int64_t* lots, int32_t* levels
) noexcept nogil:
    """The best levels of one side; unused places are zero."""
    cdef int i
    levels[0] = book_side_top(book, side, 5, prices, lots)
    for i in range(levels[0], 5):
        prices[i] = lots[i] = 0


cdef inline int _merge_side(
    int64_t* prices, int64_t* lots, int levels, int64_t price_ticks, int64_t qty_lots, bint is_bid
) noexcept nogil:
    """Put a newer best level on top of a side: levels it passed go, a level at its price is replaced."""
    cdef int kept = 0, i, first = 0
    while first < levels and (prices[first] >= price_ticks if is_bid else prices[first] <= price_ticks):
        first += 1
    kept = levels - first
    if kept > 4:
        kept = 4
    if first == 0:
        for i in range(kept, 0, -1):
            prices[i] = prices[i - 1]
            lots[i] = lots[i - 1]
    else:
        for i in range(1, kept + 1):
            prices[i] = prices[first + i - 1]
            lots[i] = lots[first + i - 1]
    prices[0] = price_ticks
    lots[0] = qty_lots
    for i in range(kept + 1, 5):
        prices[i] = 0
        lots[i] = 0
    return kept + 1


cdef void touch_take_book(Lane* lane) noexcept nogil:
    """Read what may have changed of the book's top; a quote that is newer than the book stays on top of it."""
    cdef TopOfBook newer
    if lane.touch_id <= lane.sync.last_id:
        if lane.is_top_stale[0]:
            _read_side(lane.sync.book, 0, &lane.top.bid_price_ticks[0], &lane.top.bid_qty_lots[0], &lane.top.bid_levels)
        if lane.is_top_stale[1]:
            _read_side(lane.sync.book, 1, &lane.top.ask_price_ticks[0], &lane.top.ask_qty_lots[0], &lane.top.ask_levels)
        lane.is_top_stale[0] = lane.is_top_stale[1] = False
        lane.touch_id = lane.sync.last_id
        return
    newer = lane.top
    book_top(lane.sync.book, &lane.top)
    lane.is_top_stale[0] = lane.is_top_stale[1] = True
    lane.top.bid_levels = _merge_side(lane.top.bid_price_ticks, lane.top.bid_qty_lots, lane.top.bid_levels,
                                      newer.bid_price_ticks[0], newer.bid_qty_lots[0], True)
    lane.top.ask_levels = _merge_side(lane.top.ask_price_ticks, lane.top.ask_qty_lots, lane.top.ask_levels,
                                      newer.ask_price_ticks[0], newer.ask_qty_lots[0], False)


cdef void touch_take_quote(Lane* lane, const Quote* quote) noexcept nogil:
    lane.touch_id = quote.update_id
    lane.is_top_stale[0] = lane.is_top_stale[1] = True
    if not lane.has_depth:
        if lane.paper != NULL:
            paper_halt(lane.paper, False)
        lane.source = SOURCE_QUOTE
        lane.top.bid_levels = 0
        lane.top.ask_levels = 0
    lane.top.bid_levels = _merge_side(
        lane.top.bid_price_ticks, lane.top.bid_qty_lots, lane.top.bid_levels, quote.bid_price_ticks,
        quote.bid_qty_lots, True)
    lane.top.ask_levels = _merge_side(
        lane.top.ask_price_ticks, lane.top.ask_qty_lots, lane.top.ask_levels, quote.ask_price_ticks,
        quote.ask_qty_lots, False)


cdef bint touch_assume(Lane* lane, int64_t price_ticks, int64_t qty_lots) noexcept nogil:
    """Where only prints or bars are known: a touch around the last price, of the last quantity."""
    if lane.has_depth or lane.source == SOURCE_QUOTE or lane.assumed_half_spread_ticks <= 0:
        return False
    if price_ticks <= lane.assumed_half_spread_ticks or qty_lots <= 0:
        return False
    memset(&lane.top, 0, sizeof(TopOfBook))
    if lane.paper != NULL:
        paper_halt(lane.paper, False)
    lane.source = SOURCE_ASSUMED
    lane.top.bid_levels = 1
    lane.top.ask_levels = 1
    lane.top.bid_price_ticks[0] = price_ticks - lane.assumed_half_spread_ticks
    lane.top.ask_price_ticks[0] = price_ticks + lane.assumed_half_spread_ticks
    lane.top.bid_qty_lots[0] = qty_lots
    lane.top.ask_qty_lots[0] = qty_lots
    return True


cdef void touch_forget(Lane* lane) noexcept nogil:
    memset(&lane.top, 0, sizeof(TopOfBook))
    lane.is_top_stale[0] = lane.is_top_stale[1] = True


cdef int64_t touch_middle_ticks(const Lane* lane) noexcept nogil:
    if lane.top.bid_levels > 0 and lane.top.ask_levels > 0:
        return (lane.top.bid_price_ticks[0] + lane.top.ask_price_ticks[0]) // 2
    return lane.last_price_ticks


cdef void touch_take_reference(Lane* lane) noexcept nogil:
    cdef int64_t price_ticks
    if lane.reference != NULL:
        price_ticks = touch_middle_ticks(lane.reference)
        if price_ticks > 0:
            bank_on_reference(lane.bank, price_ticks)
