# cython: language_level=3
"""Matching of the paper venue. docs/paper.md says what it assumes and when that is false.

Rules
-----
1. An arriving order is checked in this order: known id, a market to trade on, self-trade (cancel-new), post-only,
   reduce-only, liquidity, room. Rejected as a whole or accepted: nothing is filled before the last check.
2. An accepted order is acknowledged first, then filled level by level (one trade id each), then rests or expires.
3. A resting order is matched with prints only (paper_passive).
4. The same displayed lots are never taken twice (displayed.pyx).
5. A report is never lost: an arrival waits, and a print is passed over, where there is no room for what they may cause.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t
from libc.string cimport memcpy, memset

from bot4._core.account.contract cimport contract_is_in_range
from bot4._core.sim.delay_line cimport (
    delay_line_front, delay_line_next_due, delay_line_pop, delay_line_push, delay_line_room, delay_line_size,
)
from bot4._core.sim.displayed cimport (
    SOURCE_BOOK, SOURCE_NONE, SOURCE_QUOTE, displayed_can_take, displayed_load_within, displayed_take,
)
from bot4._core.sim.fees cimport fees_charge
from bot4._core.sim.own_impact cimport own_impact_decay, own_impact_taker_ticks, own_impact_took
from bot4._core.sim.paper_queue cimport paper_join_queue
from bot4._core.sim.resting cimport RestingOrder, resting_count, resting_find, resting_insert, resting_remove
from bot4._core.types cimport (
    ACTION_CANCEL_ALL, ACTION_PLACE, BOT4_ASSERT, EVENT_CANCEL_REJECTED, EVENT_ORDER_ACK, EVENT_ORDER_CANCELED,
    EVENT_ORDER_EXPIRED, EVENT_ORDER_FILL, EVENT_ORDER_REJECTED, FLAG_FIRST, FLAG_LAST, FLAG_MAKER, INTENT_POST_ONLY,
    INTENT_REDUCE_ONLY, ORDER_LIMIT, ORDER_MARKET, SIDE_BUY, TIF_FOK, TIF_GTC, TIF_IOC, Event, OrderIntent,
    hash_mix,
)

cdef int64_t _PRICE_MAX = 0x7FFFFFFFFFFFFFFF


cdef inline bint _crosses(int side, int64_t limit_ticks, int64_t price_ticks) noexcept nogil:
    """Whether an order of this side and limit trades at a price of the other side."""
    return price_ticks <= limit_ticks if side == SIDE_BUY else price_ticks >= limit_ticks


cdef void _report(
    PaperVenue* venue, int kind, int reason, uint64_t order_id, int side, int64_t price_ticks, int64_t qty_lots,
    int64_t now_ns,
) noexcept nogil:
    cdef Event event
    memset(&event, 0, sizeof(event))
    event.body.order.trade_id = -1
    event.kind = <uint8_t>kind
    event.side = <uint8_t>side
    event.reason = reason
    event.body.order.order_id = order_id
    event.body.order.price_ticks = price_ticks
    event.body.order.qty_lots = qty_lots
    _send(venue, &event, now_ns)


cdef void _send(PaperVenue* venue, Event* event, int64_t now_ns) noexcept nogil:
    """Put a report on its way; the caller has made sure of room, since a report is never lost."""
    cdef int64_t due_ns
    event.flags |= <uint16_t>(FLAG_FIRST | FLAG_LAST)
    event.instrument = venue.instrument
    event.venue_ns = now_ns
    due_ns = delay_line_push(&venue.reports, event, now_ns)
    BOT4_ASSERT(due_ns >= 0)
    venue.reports.records[(venue.reports.tail - 1) & venue.reports.mask].words[2] = <uint64_t>due_ns   # recv_ns
    venue.history = hash_mix(hash_mix(venue.history, event.body.order.order_id), event.kind | (<uint64_t>event.reason << 8))
    venue.history = hash_mix(hash_mix(venue.history, <uint64_t>event.body.order.price_ticks), <uint64_t>event.body.order.qty_lots)
    venue.history = hash_mix(venue.history, <uint64_t>due_ns)


cdef void paper_fill(
    PaperVenue* venue, uint64_t order_id, int side, int64_t price_ticks, int64_t qty_lots, bint is_maker, int64_t now_ns
) noexcept nogil:
    cdef Event event
    memset(&event, 0, sizeof(event))
    venue.last_trade_id += 1
    venue.position_lots += qty_lots if side == SIDE_BUY else -qty_lots
    event.kind = EVENT_ORDER_FILL
    event.side = <uint8_t>side
    event.flags = FLAG_MAKER if is_maker else 0
    event.body.order.order_id = order_id
    event.body.order.price_ticks = price_ticks
    event.body.order.qty_lots = qty_lots
    event.body.order.trade_id = venue.last_trade_id
    event.body.order.fee_atoms = fees_charge(&venue.fees, &venue.spec, side, price_ticks, qty_lots, is_maker)
    _send(venue, &event, now_ns)


cdef void _reject(PaperVenue* venue, const OrderIntent* order, int reason, int64_t now_ns) noexcept nogil:
    venue.counts.rejected += 1
    _report(
        venue, EVENT_ORDER_REJECTED, reason, order.order_id, order.side, order.price_ticks, order.qty_lots, now_ns
    )


cdef void _close_resting(PaperVenue* venue, int side, int index, int kind, int reason, int64_t now_ns) noexcept nogil:
    """Take a resting order off and report how much of it was left."""
    cdef RestingOrder* order = &venue.resting.sides[side][index]
    _report(venue, kind, reason, order.order_id, side, order.price_ticks, order.qty_lots, now_ns)
    if order.flags & INTENT_REDUCE_ONLY:
        venue.reduce_only_count -= 1
    if kind == EVENT_ORDER_CANCELED:
        venue.counts.canceled += 1
    else:
        venue.counts.expired += 1
    resting_remove(&venue.resting, side, index)


cdef void paper_expire_reduce_only(PaperVenue* venue, int64_t now_ns) noexcept nogil:
    """After a fill: reduce-only orders with nothing left to reduce expire."""
    cdef int side
    cdef int i
    if venue.reduce_only_count == 0:
        return
    for side in range(2):
        if paper_reducible(venue, side) > 0:
            continue
        i = 0
        while i < venue.resting.count[side]:
            if venue.resting.sides[side][i].flags & INTENT_REDUCE_ONLY:
                _close_resting(venue, side, i, EVENT_ORDER_EXPIRED, PAPER_REDUCE_ONLY, now_ns)
            else:
                i += 1


cdef bint _would_self_trade(const PaperVenue* venue, int side, int64_t limit_ticks, int64_t qty_lots) noexcept nogil:
    """Whether the order would reach an own resting order: displayed lots at better prices come before it, and at the
    same price ours is taken to be first."""
    cdef int64_t own_ticks
    cdef int64_t before_lots = 0
    cdef int i
    if venue.resting.count[1 - side] == 0:
        return False
    own_ticks = venue.resting.sides[1 - side][0].price_ticks
    if not _crosses(side, limit_ticks, own_ticks):
        return False
    for i in range(venue.displayed.level_count):
        if _crosses(1 - side, own_ticks, venue.displayed.price_ticks[i]):   # at our price or worse
            break
        before_lots += venue.displayed.available_lots[i]
        if before_lots >= qty_lots:
            return False
    return True


cdef int _plan(
    PaperVenue* venue, int side, int64_t limit_ticks, int64_t wanted_lots, int64_t* fillable_lots, int* last_level
) noexcept nogil:
    """How much of the loaded levels the order takes: lots, and the last level it touches (-1: none)."""
    cdef int64_t left = wanted_lots
    cdef int64_t take
    cdef int planned = 0
    cdef int i
    fillable_lots[0] = 0
    last_level[0] = -1
    for i in range(venue.displayed.level_count):
        if left == 0 or not _crosses(side, limit_ticks, venue.displayed.price_ticks[i]):
            break
        take = venue.displayed.available_lots[i]
        if take <= 0:
            continue
        if take > left:
            take = left
        if not contract_is_in_range(&venue.spec, venue.displayed.price_ticks[i], take):
            return PAPER_OUT_OF_RANGE
        if not displayed_can_take(&venue.displayed, 1 - side, i, planned):
            venue.displayed.taken_full += 1
            break
        if venue.displayed.taken_index[i] < 0:
            planned += 1
        left -= take
        last_level[0] = i
    fillable_lots[0] = wanted_lots - left
    return PAPER_OK


cdef void _count_taker_fill(PaperVenue* venue) noexcept nogil:
    if venue.displayed.source == SOURCE_BOOK:
        venue.counts.fills_from_book += 1
    elif venue.displayed.source == SOURCE_QUOTE:
        venue.counts.fills_from_quote += 1
    else:
        venue.counts.fills_assumed += 1


cdef void _take(PaperVenue* venue, const OrderIntent* order, int64_t wanted_lots, int last_level, int64_t now_ns) noexcept nogil:
    cdef int64_t take
    cdef int i
    for i in range(last_level + 1):
        take = venue.displayed.available_lots[i]
        if take <= 0:
            continue
        if take > wanted_lots:
            take = wanted_lots
        displayed_take(&venue.displayed, 1 - order.side, i, take)
        paper_fill(venue, order.order_id, order.side, venue.displayed.price_ticks[i], take, False, now_ns)
        _count_taker_fill(venue)
        wanted_lots -= take
    BOT4_ASSERT(wanted_lots >= 0)


cdef void _finish(
    PaperVenue* venue, const OrderBook* book, const OrderIntent* order, int64_t left_lots, int64_t now_ns
) noexcept nogil:
    """What becomes of the lots that were not taken: they expire, or they rest."""
    cdef RestingOrder resting
    cdef int reason
    if order.flags & INTENT_REDUCE_ONLY and paper_reducible(venue, order.side) == 0:
        reason = PAPER_REDUCE_ONLY
    elif order.tif == TIF_FOK:
        reason = PAPER_FOK_UNFILLED
    elif order.type == ORDER_MARKET:
        reason = PAPER_MARKET_REMAINDER
    elif order.tif == TIF_IOC:
        reason = PAPER_IOC_REMAINDER
    else:
        resting.order_id = order.order_id
        resting.price_ticks = order.price_ticks
        resting.qty_lots = left_lots
        resting.flags = order.flags
        resting.print_number = 0
        paper_join_queue(&venue.fills, &venue.displayed, book, order.side, &resting)
        BOT4_ASSERT(resting_insert(&venue.resting, order.side, &resting))
        if order.flags & INTENT_REDUCE_ONLY:
            venue.reduce_only_count += 1
        return
    venue.counts.expired += 1
    _report(venue, EVENT_ORDER_EXPIRED, reason, order.order_id, order.side, order.price_ticks, left_lots, now_ns)


cdef int _check_place(
    PaperVenue* venue, const OrderBook* book, const OrderIntent* order, int64_t* fillable_lots, int* last_level
) noexcept nogil:
    """Every check of an arriving order, in the documented order; fills in what it will take."""
    cdef int side = order.side
    cdef int64_t limit_ticks = order.price_ticks
    cdef int64_t wanted_lots = order.qty_lots
    cdef int found_side
    cdef int found_index
    cdef int verdict
    if order.type == ORDER_MARKET:
        limit_ticks = _PRICE_MAX if side == SIDE_BUY else 0
    if resting_find(&venue.resting, order.order_id, &found_side, &found_index):
        return PAPER_DUPLICATE_ID
    if venue.is_halted or displayed_load_within(
        &venue.displayed, book, 1 - side, limit_ticks
    ) == SOURCE_NONE:
        return PAPER_NO_MARKET
    if _would_self_trade(venue, side, limit_ticks, order.qty_lots):
        return PAPER_SELF_TRADE
    if order.flags & INTENT_POST_ONLY and venue.displayed.level_count > 0 and _crosses(
        side, limit_ticks, venue.displayed.price_ticks[0]
    ):
        return PAPER_WOULD_CROSS
    if order.flags & INTENT_REDUCE_ONLY:
        wanted_lots = paper_reducible(venue, side)
        if wanted_lots == 0 or (wanted_lots < order.qty_lots and order.tif == TIF_FOK):
            return PAPER_REDUCE_ONLY
        if wanted_lots > order.qty_lots:
            wanted_lots = order.qty_lots
    verdict = _plan(venue, side, limit_ticks, wanted_lots, fillable_lots, last_level)
    if verdict != PAPER_OK:
        return verdict
    if order.type == ORDER_MARKET and fillable_lots[0] == 0:
        return PAPER_NO_LIQUIDITY
    if order.type == ORDER_LIMIT and order.tif == TIF_GTC and fillable_lots[0] < wanted_lots and resting_count(
        &venue.resting
    ) >= venue.resting.capacity:
        return PAPER_TOO_MANY_ORDERS
    return PAPER_OK


cdef void _place(PaperVenue* venue, const OrderBook* book, const OrderIntent* order, int64_t now_ns) noexcept nogil:
    cdef int64_t fillable_lots = 0
    cdef int last_level = -1
    cdef int verdict
    own_impact_decay(&venue.fills.impact, now_ns)
    venue.displayed.shift_ticks[1 - order.side] = own_impact_taker_ticks(
        &venue.fills.impact, order.side, order.qty_lots, book != NULL)
    verdict = _check_place(venue, book, order, &fillable_lots, &last_level)
    if verdict != PAPER_OK:
        _reject(venue, order, verdict, now_ns)
        return
    venue.counts.acknowledged += 1
    _report(venue, EVENT_ORDER_ACK, PAPER_OK, order.order_id, order.side, order.price_ticks, order.qty_lots, now_ns)
    if order.tif == TIF_FOK and fillable_lots < order.qty_lots:
        fillable_lots = 0
    if fillable_lots > 0:
        _take(venue, order, fillable_lots, last_level, now_ns)
        own_impact_took(&venue.fills.impact, order.side, fillable_lots, now_ns)
    if fillable_lots < order.qty_lots:
        _finish(venue, book, order, order.qty_lots - fillable_lots, now_ns)
    if fillable_lots > 0:
        paper_expire_reduce_only(venue, now_ns)


cdef void _cancel(PaperVenue* venue, const OrderIntent* intent, int64_t now_ns) noexcept nogil:
    cdef int side = 0
    cdef int index = 0
    if intent.action == ACTION_CANCEL_ALL:
        for side in range(2):
            while venue.resting.count[side] > 0:
                _close_resting(venue, side, 0, EVENT_ORDER_CANCELED, PAPER_OK, now_ns)
    elif resting_find(&venue.resting, intent.order_id, &side, &index):
        _close_resting(venue, side, index, EVENT_ORDER_CANCELED, PAPER_OK, now_ns)
    else:
        venue.counts.cancel_rejected += 1
        _report(venue, EVENT_CANCEL_REJECTED, PAPER_UNKNOWN_ORDER, intent.order_id, intent.side, 0, 0, now_ns)


cdef void paper_arrive(PaperVenue* venue, const OrderBook* book, int64_t now_ns) noexcept nogil:
    """Everything that has reached the venue by now takes effect, in the order sent."""
    cdef OrderIntent intent
    # A clock of its own may be behind ours: an order takes effect when it came.
    cdef bint has_clock = venue.limit_ns != _PRICE_MAX
    cdef int64_t at_ns
    while delay_line_next_due(&venue.arrivals) <= now_ns and delay_line_size(&venue.arrivals) > 0:
        if delay_line_room(&venue.reports) < venue.room_needed:
            venue.counts.arrivals_deferred += 1
            return
        memcpy(&intent, delay_line_front(&venue.arrivals), sizeof(intent))
        at_ns = delay_line_next_due(&venue.arrivals) if has_clock else now_ns
        delay_line_pop(&venue.arrivals)
        if intent.action == ACTION_PLACE:
            _place(venue, book, &intent, at_ns)
        else:
            _cancel(venue, &intent, at_ns)
