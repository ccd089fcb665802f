# cython: language_level=3
"""The lane of one instrument.

Order of work on a market event: the book first, then the venue (a paper venue fills what became due), then the reports
that came back, then features, then the decision. So a decision never sees a touch that its own fills did not.

Only `lane_apply_market`, `lane_apply_time`, the reports and the desk change a lane, and only the shard's thread calls
them.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from bot4._core.book.book_sync cimport (
    SYNC_APPLIED,
    SYNC_CROSSED,
    SYNC_GAP,
    SYNC_PENDING,
    SYNC_SNAPSHOT,
    book_sync_apply,
    book_sync_is_applying,
    book_sync_is_live,
    book_sync_needs_snapshot,
    book_sync_reset,
)
from bot4._core.book.order_book cimport OrderBook
from bot4._core.clock cimport tsc_now
from bot4._core.engine.decide cimport (
    DECIDE_CANCEL, DECIDE_ORDER, REASON_BREAKER, Exposure, decide, is_large_enough,
)
from bot4._core.engine.desk cimport (
    desk_cancel, desk_cancel_resting, desk_find_stop, desk_fit_exit, desk_keep_stop, desk_place,
    desk_record_entry, desk_retry,
)
from bot4._core.engine.lane_state cimport (
    OUTCOMES_MAX, SOURCE_ASSUMED, SOURCE_DEPTH, SOURCE_NONE, Lane, LaneShared,
)
from bot4._core.engine.orders cimport ORDER_IS_STOP, WorkingOrder
from bot4._core.engine.outlook cimport claims_apply_bars, reasoned_apply_bars, reasoned_apply_touch
from bot4._core.engine.reasoned cimport reasoned_decide
from bot4._core.engine.reports cimport reports_apply
from bot4._core.engine.strategy cimport strategy_make_bars, strategy_tell
from bot4._core.engine.strategy_call cimport CALL_BAR, CALL_BOOK, CALL_START, CALL_TRADE, bar_is_history
from bot4._core.engine.touch cimport (
    touch_assume, touch_forget, touch_middle_ticks, touch_note_level, touch_take_book, touch_take_quote,
    touch_take_reference,
)
from bot4._core.engine.stages cimport STAGE_BOOK, STAGE_DECIDE, STAGE_FEATURES, STAGE_ORDER, stage_record
from bot4._core.mem.spsc cimport spsc_try_pop
from bot4._core.risk.circuit cimport breaker_record_market
from bot4._core.risk.limits cimport risk_apply_reference
from bot4._core.sim.paper cimport paper_halt, paper_next_due, paper_on_event
from bot4._core.sim.paper_passive cimport paper_see_level
from bot4._core.ta.bank cimport bank_on_bar, bank_on_top, bank_on_trade, bank_values
from bot4._core.types cimport (
    EVENT_AGG_TRADE,
    EVENT_BAR_FLOW,
    EVENT_BAR_PRICES,
    EVENT_DEPTH_BEGIN,
    EVENT_DEPTH_LEVEL,
    EVENT_GAP_MARK,
    EVENT_QUOTE,
    EVENT_TRADE,
    FLAG_BAR_CLOSED,
    FLAG_BUYER_IS_MAKER,
    FLAG_FIRST,
    INTENT_REDUCE_ONLY,
    Event,
    OrderIntent,
    Quote,
    money_t,
)

# A refused decision is not repeated within this time: a refusal is a journal record, and a market sends thousands of
# events a second.
cdef int64_t REFUSAL_PAUSE_NS = 100_000_000
cdef int64_t NEVER_NS = 0x7FFFFFFFFFFFFFFF


# -- market ------------------------------------------------------------------------------------------------------------

cdef inline void _halt(Lane* lane, bint is_halted) noexcept nogil:
    """An external venue knows by itself whether its market is open."""
    if lane.paper != NULL:
        paper_halt(lane.paper, is_halted)


cdef void _lose_book(Lane* lane, int64_t now_ns) noexcept nogil:
    """The book is INVALID: nothing is priced on it, and what rests in the market is pulled."""
    touch_forget(lane)
    lane.source = SOURCE_NONE
    lane.touch_id = -1
    _halt(lane, True)
    desk_cancel_resting(lane, REASON_BREAKER, now_ns)


cdef bint _apply_depth(Lane* lane, const Event* event, int64_t now_ns) noexcept nogil:
    """One depth event; true where a whole message left the book live."""
    cdef int verdict = book_sync_apply(lane.sync, event)
    touch_note_level(lane, event)
    lane.has_depth = True
    if verdict == SYNC_PENDING:
        return False
    lane.counters.depth_messages += 1
    lane.needs_snapshot = book_sync_needs_snapshot(lane.sync)
    if verdict == SYNC_APPLIED or verdict == SYNC_SNAPSHOT:
        lane.counters.resyncs = <uint64_t>lane.sync.counters.resyncs
        touch_take_book(lane)
        lane.source = SOURCE_DEPTH
        _halt(lane, False)
        return True
    if verdict >= SYNC_GAP:
        lane.counters.gaps += verdict == SYNC_GAP
        lane.counters.crossed += verdict == SYNC_CROSSED
        _lose_book(lane, now_ns)
    return False


cdef bint _apply_quote(Lane* lane, const Quote* quote) noexcept nogil:
    """A best bid and ask; true where it is newer than the touch. It moves the touch, never the book."""
    lane.counters.quotes += 1
    if lane.has_depth and not book_sync_is_live(lane.sync):
        return False
    if quote.update_id <= lane.touch_id:
        return False
    if quote.bid_price_ticks >= quote.ask_price_ticks:
        lane.counters.crossed += quote.ask_price_ticks > 0
        return False
    if min(quote.bid_price_ticks, quote.bid_qty_lots, quote.ask_qty_lots) <= 0:
        return False                                  # a venue shows an empty side as price and quantity 0
    touch_take_quote(lane, quote)
    return True


cdef bint _apply_bar(Lane* lane, const Event* event, int64_t now_ns) noexcept nogil:
    """A bar comes in two events; it counts once both are here and it is closed."""
    if event.kind == EVENT_BAR_PRICES:
        lane.bar.open_ticks = event.body.bar.open_ticks
        lane.bar.high_ticks = event.body.bar.high_ticks
        lane.bar.low_ticks = event.body.bar.low_ticks
        lane.bar.close_ticks = event.body.bar.close_ticks
        lane.bar.open_time_ns = event.body.bar.open_time_ns
        return False
    if not event.flags & FLAG_BAR_CLOSED or event.body.flow.open_time_ns != lane.bar.open_time_ns:
        return False
    lane.counters.bars += 1
    lane.bar.volume_lots = event.body.flow.volume_lots
    lane.bar.taker_buy_lots = event.body.flow.taker_buy_lots
    lane.bar.trade_count = event.body.flow.trade_count
    lane.bar.close_time_ns = lane.bar.open_time_ns + event.body.flow.interval_ns
    if lane.counters.trades == 0 and not lane.is_featureless:      # bars of the lane's own prints are finer; two clocks would mix
        touch_take_reference(lane)
        bank_on_bar(lane.bank, &lane.bar)
    lane.last_price_ticks = lane.bar.close_ticks
    return not bar_is_history(&lane.bar, now_ns) and touch_assume(lane, lane.bar.close_ticks, lane.bar.volume_lots)


cdef bint _apply_trade(Lane* lane, const Event* event, int64_t now_ns) noexcept nogil:
    lane.counters.trades += 1
    lane.last_price_ticks = event.body.trade.price_ticks
    if not lane.is_featureless:
        touch_take_reference(lane)
        bank_on_trade(lane.bank, event.body.trade.price_ticks, event.body.trade.qty_lots,
                      event.flags & FLAG_BUYER_IS_MAKER != 0, now_ns)
    return touch_assume(lane, event.body.trade.price_ticks, event.body.trade.qty_lots)


cdef void _fix_position_limit(Lane* lane) noexcept nogil:
    """Turn the position limit from money into lots at the first touch; it stays that for the run."""
    cdef money_t lots = lane.position_ticklots_max / lane.top.ask_price_ticks[0]
    cdef int64_t limit = lane.limits.max_position_lots[0] if lots > lane.limits.max_position_lots[0] else <int64_t>lots
    lane.position_ticklots_max = 0
    lane.limits.max_position_lots[0] = limit
    if lane.limits.max_position_lots[1] > limit:
        lane.limits.max_position_lots[1] = limit


cdef inline bint _has_timed(LaneShared* shared) noexcept nogil:
    """Whether a report of a venue in lockstep waits; it is at the front then."""
    if not shared.has_timed and shared.timed != NULL:
        shared.has_timed = spsc_try_pop(shared.timed, &shared.timed_front)
    return shared.has_timed


cdef void _take_timed(Lane* lane, bint has_event, int64_t now_ns) noexcept nogil:
    """Reports of a venue in lockstep, where a paper venue would have told them: FLAG_FIRST are those of this event."""
    cdef LaneShared* shared = lane.shared
    cdef Event report
    while _has_timed(shared) and shared.timed_front.instrument == lane.instrument:
        if shared.timed_front.recv_ns > now_ns or (shared.timed_front.flags & FLAG_FIRST and not has_event):
            return
        report = shared.timed_front
        report.flags &= ~FLAG_FIRST
        shared.has_timed = False
        reports_apply(lane, &report, now_ns)


cdef inline void _take_outcomes(Lane* lane, const Event* event, int64_t now_ns) noexcept nogil:
    """Let the paper venue see the event, and take what it reports; the rest of a full batch comes at once."""
    cdef const OrderBook* book = lane.sync.book if book_sync_is_live(lane.sync) else NULL
    cdef int count, i
    if lane.paper == NULL:
        if lane.shared.timed != NULL:
            _take_timed(lane, event != NULL, now_ns)
        return
    count = paper_on_event(lane.paper, event, book, now_ns, lane.outcomes, OUTCOMES_MAX)
    while count > 0:
        for i in range(count):
            reports_apply(lane, &lane.outcomes[i], now_ns)
        if count < OUTCOMES_MAX:
            return
        count = paper_on_event(lane.paper, NULL, book, now_ns, lane.outcomes, OUTCOMES_MAX)


cdef void _play_bar(Lane* lane, const Event* event, int64_t now_ns) noexcept nogil:
    """Tell the paper venue of a closed bar in four prints; the extreme that is worse for what is held comes first."""
    cdef bint is_high_first = lane.position.lots < 0
    cdef int64_t[4] prices = [lane.bar.open_ticks, lane.bar.low_ticks, lane.bar.high_ticks, lane.bar.close_ticks]
    cdef Event tick = event[0]
    cdef int i
    if is_high_first:
        prices[1], prices[2] = prices[2], prices[1]
    tick.kind = EVENT_TRADE
    memset(&tick.body, 0, sizeof(tick.body))
    tick.body.trade.qty_lots = lane.bar.volume_lots // 4
    for i in range(4 if tick.body.trade.qty_lots > 0 else 0):
        tick.body.trade.price_ticks = prices[i]
        _take_outcomes(lane, &tick, now_ns)


cdef inline void _forget_reasons(Lane* lane) noexcept nogil:
    """The intent they belong to did not go out: no other may go out with them."""
    if lane.reasoned != NULL:
        lane.reasoned.has_reasons = False


cdef void _decide(Lane* lane, int64_t now_ns) noexcept nogil:
    cdef OrderIntent intent
    cdef Exposure exposure
    cdef uint64_t start
    cdef int verdict, working = 0
    cdef WorkingOrder* stop
    cdef bint timed = lane.shared.is_timed
    if lane.reasoned != NULL:
        reasoned_apply_touch(lane.reasoned, lane.bank, &lane.top, now_ns)
    if lane.has_refused and now_ns - lane.last_refusal_ns < REFUSAL_PAUSE_NS:
        return
    start = tsc_now() if timed else 0
    memset(&exposure, 0, sizeof(Exposure))
    exposure.position_lots = lane.position.lots
    while working < lane.orders.count and lane.orders.orders[working].flags & ORDER_IS_STOP:
        working += 1                                  # a stop waits; nothing of it has to be decided
    if working < lane.orders.count:
        exposure.working_id = lane.orders.orders[working].order_id
        exposure.working_since_ns = lane.orders.orders[working].sent_ns
        exposure.working_side = lane.orders.orders[working].side
        exposure.cancel_pending = lane.orders.orders[working].cancel_pending
    lane.counters.decisions += 1
    if lane.reasoned == NULL:
        verdict = decide(&lane.policy, &lane.decision, bank_values(lane.bank), &lane.top, &exposure, now_ns, &intent)
    else:
        verdict = reasoned_decide(lane.reasoned, &lane.policy, &lane.decision, &lane.top, &exposure, lane.spec,
                                  lane.position, now_ns, &intent)
        desk_record_entry(lane, now_ns)
    if timed:
        stage_record(lane.shared.stages, STAGE_DECIDE, start)
    if verdict == DECIDE_CANCEL:
        desk_cancel(lane, intent.order_id, intent.reason, now_ns)
    elif verdict == DECIDE_ORDER:
        if lane.gate != 0 and not intent.flags & INTENT_REDUCE_ONLY:
            lane.counters.gated += 1                  # not journalled: it would be every few milliseconds
            _forget_reasons(lane)
            return
        if lane.paper == NULL and intent.flags & INTENT_REDUCE_ONLY:
            stop = desk_find_stop(lane)
            if stop != NULL:                          # it holds what is to be sold, and may fill: first it, then this
                desk_cancel(lane, stop.order_id, intent.reason, now_ns)
                _forget_reasons(lane)
                return
            desk_fit_exit(lane, &intent)
            if not is_large_enough(&lane.policy, intent.qty_lots, intent.price_ticks):
                _forget_reasons(lane)
                return
        start = tsc_now()
        desk_place(lane, &intent, now_ns)
        stage_record(lane.shared.stages, STAGE_ORDER, start)


cdef inline void _see_touch(Lane* lane, int64_t now_ns) noexcept nogil:
    """What a new touch means to risk, features and what waits to be tried again."""
    cdef bint timed = lane.shared.is_timed
    cdef uint64_t start
    if lane.position_ticklots_max != 0:
        _fix_position_limit(lane)
    risk_apply_reference(
        lane.risk, (lane.top.bid_price_ticks[0] + lane.top.ask_price_ticks[0]) // 2, now_ns)
    start = tsc_now() if timed else 0
    if not lane.is_featureless:
        touch_take_reference(lane)
        bank_on_top(lane.bank, &lane.top, now_ns)
    if timed:
        stage_record(lane.shared.stages, STAGE_FEATURES, start)
    if lane.flatten_reason != 0 or lane.has_held_cancels:
        desk_retry(lane, now_ns)


cdef inline void _tell(Lane* lane, const Event* event, bint touched, uint64_t bars, int64_t now_ns) noexcept nogil:
    """A strategy hears of the print or the bar, then of the book."""
    strategy_make_bars(lane, event, now_ns)
    if event.kind == EVENT_TRADE or event.kind == EVENT_AGG_TRADE:
        strategy_tell(lane, CALL_TRADE, event, now_ns)
    elif lane.counters.bars != bars:
        strategy_tell(lane, CALL_BAR, event, now_ns)
    if touched:
        strategy_tell(lane, CALL_BOOK, event, now_ns)


cdef void lane_apply_market(Lane* lane, const Event* event, int64_t now_ns) noexcept nogil:
    cdef bint timed = lane.shared.is_timed, touched = False, is_depth
    cdef uint64_t bars = lane.counters.bars
    is_depth = event.kind == EVENT_DEPTH_LEVEL or event.kind == EVENT_DEPTH_BEGIN
    if lane.shared.strategy != NULL and not lane.has_started:
        lane.has_started = True
        strategy_tell(lane, CALL_START, NULL, now_ns)
    if is_depth:
        if timed and event.kind == EVENT_DEPTH_BEGIN:
            lane.message_start_ticks = tsc_now()
        touched = _apply_depth(lane, event, now_ns)
        if lane.sync.levels_left > 0:
            # Inside a message nothing is consistent yet; the queues of resting orders follow each level all the same.
            if lane.paper != NULL and event.kind == EVENT_DEPTH_LEVEL and book_sync_is_applying(lane.sync):
                paper_see_level(lane.paper, event)
            return
        if timed and lane.message_start_ticks != 0:
            stage_record(lane.shared.stages, STAGE_BOOK, lane.message_start_ticks)
            lane.message_start_ticks = 0
    elif event.kind == EVENT_QUOTE:
        touched = _apply_quote(lane, &event.body.quote)
    elif event.kind == EVENT_TRADE or event.kind == EVENT_AGG_TRADE:
        touched = _apply_trade(lane, event, now_ns)
    elif event.kind == EVENT_BAR_PRICES or event.kind == EVENT_BAR_FLOW:
        touched = _apply_bar(lane, event, now_ns)
    elif event.kind == EVENT_GAP_MARK:
        book_sync_reset(lane.sync)
        lane.counters.gaps += 1
        lane.needs_snapshot = lane.has_depth
        _lose_book(lane, now_ns)
    breaker_record_market(lane.shared.breaker, now_ns)
    if lane.plays_bars and lane.counters.bars != bars and lane.counters.trades == 0 and lane.source == SOURCE_ASSUMED:
        _play_bar(lane, event, now_ns)
    else:
        _take_outcomes(lane, event, now_ns)
    if lane.reasoned != NULL:
        reasoned_apply_bars(lane.reasoned, lane.bank)
    if lane.claims != NULL and not lane.is_featureless:
        claims_apply_bars(lane.claims, lane.bank)
    touched = touched and lane.top.bid_levels != 0 and lane.top.ask_levels != 0
    if touched:
        _see_touch(lane, now_ns)
    if lane.shared.strategy != NULL:
        _tell(lane, event, touched, bars, now_ns)
    elif touched and not lane.shared.is_stopping and lane.flatten_reason == 0:
        _decide(lane, now_ns)
        if lane.reasoned != NULL and lane.paper == NULL and lane.reasoned.stop_step_ppm > 0:
            desk_keep_stop(lane, now_ns)


cdef void lane_apply_print(Lane* lane, const Event* event, int64_t now_ns) noexcept nogil:
    breaker_record_market(lane.shared.breaker, now_ns)
    _take_outcomes(lane, event, now_ns)


cdef void lane_apply_time(Lane* lane, int64_t now_ns) noexcept nogil:
    """Reports that became due while the market was silent."""
    _take_outcomes(lane, NULL, now_ns)
    if lane.flatten_reason != 0 or lane.has_held_cancels:
        desk_retry(lane, now_ns)


cdef int64_t lane_next_due(const Lane* lane) noexcept nogil:
    cdef const Event* front = &lane.shared.timed_front
    if lane.paper != NULL:
        return paper_next_due(lane.paper)
    if not _has_timed(lane.shared) or front.instrument != lane.instrument or front.flags & FLAG_FIRST:
        return NEVER_NS
    return front.recv_ns


cdef uint64_t lane_moves(const Lane* lane) noexcept nogil:
    return 0 if lane.paper == NULL else lane.paper.arrivals.head + lane.paper.reports.head


cdef int64_t lane_mark_ticks(const Lane* lane) noexcept nogil:
    return touch_middle_ticks(lane)
