# cython: language_level=3
"""The lane of one instrument.

Order of work on a market event: the book first, then the venue (a paper venue fills what became due), then the reports
that came back, then features, then the decision. So a decision never sees a touch that its own fills did not.

Only `lane_apply_market`, `lane_apply_time` and the ``lane_place`` family change a lane, and only the shard's thread
calls them.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from bot4._core.account.ledger cimport LEDGER_OK, OrderLock, ledger_apply_fill, ledger_lock_order, ledger_release
from bot4._core.account.positions cimport position_hash
from bot4._core.book.book_sync cimport (
    SYNC_APPLIED,
    SYNC_CROSSED,
    SYNC_GAP,
    SYNC_PENDING,
    SYNC_SNAPSHOT,
    book_sync_apply,
    book_sync_is_live,
    book_sync_needs_snapshot,
    book_sync_reset,
)
from bot4._core.book.order_book cimport OrderBook, book_hash, book_top
from bot4._core.clock cimport tsc_now
from bot4._core.engine.decide cimport (
    DECIDE_CANCEL,
    DECIDE_ORDER,
    REASON_BREAKER,
    Exposure,
    decide,
)
from bot4._core.engine.orders cimport WorkingOrder, orders_add, orders_find, orders_hash, orders_remove
from bot4._core.engine.stages cimport STAGE_BOOK, STAGE_DECIDE, STAGE_FEATURES, STAGE_ORDER, stage_record
from bot4._core.journal.record cimport JOURNAL_DROPPED, JOURNAL_INTENT, JOURNAL_REFUSAL, JOURNAL_UPDATE
from bot4._core.journal.stream cimport journal_append, journal_append_reserved, journal_next_seq
from bot4._core.risk.circuit cimport (
    TRIP_MANUAL,
    breaker_admit,
    breaker_admit_reduce,
    breaker_readmit,
    breaker_record_journal_failure,
    breaker_record_latency,
    breaker_record_market,
    breaker_record_reject,
    breaker_record_success,
    breaker_trip,
)
from bot4._core.risk.limits cimport (
    RISK_OK,
    risk_apply_accepted,
    risk_apply_closed,
    risk_apply_fill,
    risk_apply_reference,
    risk_apply_refused,
    risk_apply_sent,
    risk_check,
    risk_hash,
)
from bot4._core.sim.paper cimport paper_halt, paper_hash, paper_next_due, paper_on_event, paper_submit
from bot4._core.ta.bank cimport bank_hash, bank_on_bar, bank_on_top, bank_on_trade, bank_values
from bot4._core.types cimport (
    ACTION_CANCEL,
    EVENT_AGG_TRADE,
    EVENT_BAR_FLOW,
    EVENT_BAR_PRICES,
    EVENT_CANCEL_REJECTED,
    EVENT_DEPTH_BEGIN,
    EVENT_DEPTH_LEVEL,
    EVENT_GAP_MARK,
    EVENT_ORDER_ACK,
    EVENT_ORDER_CANCELED,
    EVENT_ORDER_EXPIRED,
    EVENT_ORDER_FILL,
    EVENT_ORDER_REJECTED,
    EVENT_QUOTE,
    EVENT_TRADE,
    FLAG_BAR_CLOSED,
    FLAG_BUYER_IS_MAKER,
    INTENT_REDUCE_ONLY,
    Event,
    OrderIntent,
    Quote,
    TopOfBook,
    hash_mix,
    money_t,
)

# A refused decision is not repeated within this time: a refusal is a journal record, and a market sends thousands of
# events a second.
cdef int64_t REFUSAL_PAUSE_NS = 100_000_000


# -- market ------------------------------------------------------------------------------------------------------------

cdef void _lose_book(Lane* lane, int64_t now_ns) noexcept nogil:
    """The book is INVALID: nothing is priced on it, and what rests in the market is pulled."""
    memset(&lane.top, 0, sizeof(TopOfBook))
    lane.source = SOURCE_NONE
    lane.touch_id = -1
    paper_halt(lane.paper, True)
    lane_cancel_all(lane, REASON_BREAKER, now_ns)


cdef void _take_top(Lane* lane) noexcept nogil:
    """Read the book's top; a quote that is newer than the book stays on top of it."""
    cdef TopOfBook newer = lane.top
    book_top(lane.sync.book, &lane.top)
    if lane.touch_id <= lane.sync.last_id:
        lane.touch_id = lane.sync.last_id
        return
    lane.top.bid_levels = _merge_side(lane.top.bid_price_ticks, lane.top.bid_qty_lots, lane.top.bid_levels,
                                      newer.bid_price_ticks[0], newer.bid_qty_lots[0], True)
    lane.top.ask_levels = _merge_side(lane.top.ask_price_ticks, lane.top.ask_qty_lots, lane.top.ask_levels,
                                      newer.ask_price_ticks[0], newer.ask_qty_lots[0], False)


cdef bint _apply_depth(Lane* lane, const Event* event, int64_t now_ns) noexcept nogil:
    """One depth event; true where a whole message left the book live."""
    cdef int verdict = book_sync_apply(lane.sync, event)
    lane.has_depth = True
    if verdict == SYNC_PENDING:
        return False
    lane.counters.depth_messages += 1
    lane.needs_snapshot = book_sync_needs_snapshot(lane.sync)
    if verdict == SYNC_APPLIED or verdict == SYNC_SNAPSHOT:
        lane.counters.resyncs = <uint64_t>lane.sync.counters.resyncs
        _take_top(lane)
        lane.source = SOURCE_DEPTH
        paper_halt(lane.paper, False)
        return True
    if verdict >= SYNC_GAP:
        lane.counters.gaps += verdict == SYNC_GAP
        lane.counters.crossed += verdict == SYNC_CROSSED
        _lose_book(lane, now_ns)
    return False


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


cdef bint _apply_quote(Lane* lane, const Quote* quote) noexcept nogil:
    """A best bid and ask; true where it is newer than the touch. It moves the touch, never the book."""
    lane.counters.quotes += 1
    if lane.has_depth and not book_sync_is_live(lane.sync):
        return False
    if quote.update_id <= lane.touch_id or quote.bid_price_ticks >= quote.ask_price_ticks:
        return False
    if min(quote.bid_price_ticks, quote.bid_qty_lots, quote.ask_qty_lots) <= 0:
        return False                                  # a venue shows an empty side as price and quantity 0
    lane.touch_id = quote.update_id
    if not lane.has_depth:
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
    return True


cdef bint _assume_touch(Lane* lane, int64_t price_ticks, int64_t qty_lots) noexcept nogil:
    """Where only prints or bars are known: a touch around the last price, of the last quantity."""
    if lane.has_depth or lane.source == SOURCE_QUOTE or lane.assumed_half_spread_ticks <= 0:
        return False
    if price_ticks <= lane.assumed_half_spread_ticks or qty_lots <= 0:
        return False
    memset(&lane.top, 0, sizeof(TopOfBook))
    paper_halt(lane.paper, False)
    lane.source = SOURCE_ASSUMED
    lane.top.bid_levels = 1
    lane.top.ask_levels = 1
    lane.top.bid_price_ticks[0] = price_ticks - lane.assumed_half_spread_ticks
    lane.top.ask_price_ticks[0] = price_ticks + lane.assumed_half_spread_ticks
    lane.top.bid_qty_lots[0] = qty_lots
    lane.top.ask_qty_lots[0] = qty_lots
    return True


cdef bint _apply_bar(Lane* lane, const Event* event) noexcept nogil:
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
    if lane.counters.trades == 0:      # bars of the lane's own prints are finer; two clocks would mix
        bank_on_bar(lane.bank, &lane.bar)
    lane.last_price_ticks = lane.bar.close_ticks
    return _assume_touch(lane, lane.bar.close_ticks, lane.bar.volume_lots)


cdef bint _apply_trade(Lane* lane, const Event* event, int64_t now_ns) noexcept nogil:
    lane.counters.trades += 1
    lane.last_price_ticks = event.body.trade.price_ticks
    bank_on_trade(lane.bank, event.body.trade.price_ticks, event.body.trade.qty_lots,
                  event.flags & FLAG_BUYER_IS_MAKER != 0, now_ns)
    return _assume_touch(lane, event.body.trade.price_ticks, event.body.trade.qty_lots)


cdef void _fix_position_limit(Lane* lane) noexcept nogil:
    """Turn the position limit from money into lots at the first touch; it stays that for the run."""
    cdef money_t lots = lane.position_ticklots_max / lane.top.ask_price_ticks[0]
    cdef int64_t limit = lane.limits.max_position_lots[0] if lots > lane.limits.max_position_lots[0] else <int64_t>lots
    lane.position_ticklots_max = 0
    lane.limits.max_position_lots[0] = limit
    if lane.limits.max_position_lots[1] > limit:
        lane.limits.max_position_lots[1] = limit


cdef void lane_apply_market(Lane* lane, const Event* event, int64_t now_ns) noexcept nogil:
    cdef bint timed = lane.shared.is_timed, touched = False, is_depth
    cdef uint64_t start
    is_depth = event.kind == EVENT_DEPTH_LEVEL or event.kind == EVENT_DEPTH_BEGIN
    if is_depth:
        if timed and event.kind == EVENT_DEPTH_BEGIN:
            lane.message_start_ticks = tsc_now()
        touched = _apply_depth(lane, event, now_ns)
        if lane.sync.levels_left > 0:
            return                                    # inside a message: nothing is consistent yet
        if timed and lane.message_start_ticks != 0:
            stage_record(lane.shared.stages, STAGE_BOOK, lane.message_start_ticks)
            lane.message_start_ticks = 0
    elif event.kind == EVENT_QUOTE:
        touched = _apply_quote(lane, &event.body.quote)
    elif event.kind == EVENT_TRADE or event.kind == EVENT_AGG_TRADE:
        touched = _apply_trade(lane, event, now_ns)
    elif event.kind == EVENT_BAR_PRICES or event.kind == EVENT_BAR_FLOW:
        touched = _apply_bar(lane, event)
    elif event.kind == EVENT_GAP_MARK:
        book_sync_reset(lane.sync)
        lane.counters.gaps += 1
        lane.needs_snapshot = lane.has_depth
        _lose_book(lane, now_ns)
    breaker_record_market(lane.shared.breaker, now_ns)
    _take_outcomes(lane, event, now_ns)
    if not touched or lane.top.bid_levels == 0 or lane.top.ask_levels == 0:
        return
    if lane.position_ticklots_max != 0:
        _fix_position_limit(lane)
    risk_apply_reference(
        lane.risk, (lane.top.bid_price_ticks[0] + lane.top.ask_price_ticks[0]) // 2, now_ns)
    start = tsc_now() if timed else 0
    bank_on_top(lane.bank, &lane.top, now_ns)
    if timed:
        stage_record(lane.shared.stages, STAGE_FEATURES, start)
    if not lane.shared.is_stopping:
        _decide(lane, now_ns)


cdef void lane_apply_time(Lane* lane, int64_t now_ns) noexcept nogil:
    """Reports that became due while the market was silent."""
    _take_outcomes(lane, NULL, now_ns)


cdef int64_t lane_next_due(const Lane* lane) noexcept nogil:
    return paper_next_due(lane.paper)


# -- the venue's reports -----------------------------------------------------------------------------------------------

cdef void _close(Lane* lane, WorkingOrder* order, bint by_reject, int code) noexcept nogil:
    risk_apply_closed(lane.risk, order.side, order.qty_lots - order.filled_lots, by_reject, code)
    ledger_release(lane.shared.ledger, &order.lock)
    orders_remove(&lane.orders, order)


cdef void shared_journal(
    LaneShared* shared, int kind, const void* payload, unsigned int length, int64_t now_ns, bint is_new_order
) noexcept nogil:
    """Append a record; the first failure stops new orders for good (what is out there may still be cancelled)."""
    cdef int64_t seq
    if shared.journal == NULL:
        return
    # A new order stops where the disk is full; what reduces risk, and what was reported, may use the reserve.
    if is_new_order:
        seq = journal_append(shared.journal, kind, payload, length, now_ns, now_ns)
    else:
        seq = journal_append_reserved(shared.journal, kind, payload, length, now_ns, now_ns)
    if seq < 0 and shared.journal_errno == 0:
        shared.journal_errno = -seq
        breaker_record_journal_failure(shared.breaker, now_ns)


cdef void _journal(
    Lane* lane, int kind, const void* payload, unsigned int length, int64_t now_ns, bint is_new_order=False
) noexcept nogil:
    shared_journal(lane.shared, kind, payload, length, now_ns, is_new_order)


cdef void _apply_fill(Lane* lane, WorkingOrder* order, const Event* event, int64_t now_ns) noexcept nogil:
    lane.counters.fills += 1
    if ledger_apply_fill(lane.shared.ledger, lane.position, lane.spec, &order.lock, order.side,
                         event.body.order.price_ticks, event.body.order.qty_lots,
                         event.body.order.fee_atoms) != LEDGER_OK:
        # The venue filled what our books say we cannot pay: one of the two is wrong, so nothing more is sent.
        lane.counters.strays += 1
        breaker_trip(lane.shared.breaker, TRIP_MANUAL, now_ns)
    risk_apply_fill(lane.risk, order.side, event.body.order.qty_lots)
    order.filled_lots += event.body.order.qty_lots
    if order.filled_lots >= order.qty_lots:
        _close(lane, order, False, 0)


cdef void _apply_report(Lane* lane, const Event* event, int64_t now_ns) noexcept nogil:
    cdef WorkingOrder* order = orders_find(&lane.orders, event.body.order.order_id)
    _journal(lane, JOURNAL_UPDATE, event, sizeof(Event), now_ns)
    if order == NULL:
        lane.counters.strays += event.kind != EVENT_CANCEL_REJECTED
        return
    if event.kind == EVENT_ORDER_ACK:
        lane.counters.acks += 1
        order.is_acked = True
        risk_apply_accepted(lane.risk)
        breaker_record_success(lane.shared.breaker, now_ns)
        breaker_record_latency(lane.shared.breaker, now_ns - order.sent_ns, now_ns)
    elif event.kind == EVENT_ORDER_FILL:
        if not order.is_acked:
            order.is_acked = True
            risk_apply_accepted(lane.risk)
            breaker_record_success(lane.shared.breaker, now_ns)
            breaker_record_latency(lane.shared.breaker, now_ns - order.sent_ns, now_ns)
        _apply_fill(lane, order, event, now_ns)
    elif event.kind == EVENT_ORDER_REJECTED:
        lane.counters.rejects += 1
        breaker_record_reject(lane.shared.breaker, now_ns)
        _close(lane, order, True, event.reason)
    elif event.kind == EVENT_ORDER_CANCELED or event.kind == EVENT_ORDER_EXPIRED:
        _close(lane, order, False, 0)
    elif event.kind == EVENT_CANCEL_REJECTED:
        order.cancel_pending = False


cdef void _take_outcomes(Lane* lane, const Event* event, int64_t now_ns) noexcept nogil:
    """Let the paper venue see the event, and take what it reports; the rest of a full batch comes at once."""
    cdef const OrderBook* book = lane.sync.book if book_sync_is_live(lane.sync) else NULL
    cdef int count, i
    count = paper_on_event(lane.paper, event, book, now_ns, lane.outcomes, OUTCOMES_MAX)
    while count > 0:
        for i in range(count):
            _apply_report(lane, &lane.outcomes[i], now_ns)
        if count < OUTCOMES_MAX:
            return
        count = paper_on_event(lane.paper, NULL, book, now_ns, lane.outcomes, OUTCOMES_MAX)


# -- decision and order ------------------------------------------------------------------------------------------------

cdef void _decide(Lane* lane, int64_t now_ns) noexcept nogil:
    cdef OrderIntent intent
    cdef Exposure exposure
    cdef uint64_t start
    cdef int verdict
    cdef bint timed = lane.shared.is_timed
    if lane.has_refused and now_ns - lane.last_refusal_ns < REFUSAL_PAUSE_NS:
        return
    start = tsc_now() if timed else 0
    memset(&exposure, 0, sizeof(Exposure))
    exposure.position_lots = lane.position.lots
    if lane.orders.count > 0:
        exposure.working_id = lane.orders.orders[0].order_id
        exposure.working_since_ns = lane.orders.orders[0].sent_ns
        exposure.working_side = lane.orders.orders[0].side
        exposure.cancel_pending = lane.orders.orders[0].cancel_pending
    lane.counters.decisions += 1
    verdict = decide(&lane.policy, &lane.decision, bank_values(lane.bank), &lane.top, &exposure, now_ns, &intent)
    if timed:
        stage_record(lane.shared.stages, STAGE_DECIDE, start)
    if verdict == DECIDE_CANCEL:
        lane_cancel(lane, intent.order_id, intent.reason, now_ns)
    elif verdict == DECIDE_ORDER:
        start = tsc_now()
        lane_place(lane, &intent, now_ns)
        stage_record(lane.shared.stages, STAGE_ORDER, start)


cdef void _refuse(Lane* lane, const OrderIntent* intent, int stage, int verdict, int64_t now_ns) noexcept nogil:
    cdef Refusal refusal
    refusal.intent = intent[0]
    refusal.stage = stage
    refusal.verdict = verdict
    lane.counters.refusals += 1
    lane.has_refused = True
    lane.last_refusal_ns = now_ns
    _journal(lane, JOURNAL_REFUSAL, &refusal, sizeof(Refusal), now_ns)


cdef void lane_place(Lane* lane, OrderIntent* intent, int64_t now_ns) noexcept nogil:
    """Take an intent through risk, account and breaker, journal it, re-admit it, hand it to the venue."""
    cdef OrderLock lock
    cdef WorkingOrder* order
    cdef int verdict
    intent.instrument = lane.instrument
    intent.ts_ns = now_ns
    verdict = risk_check(lane.limits, lane.risk, intent, now_ns)
    if verdict != RISK_OK:
        risk_apply_refused(lane.risk, verdict)
        _refuse(lane, intent, REFUSED_BY_RISK, verdict, now_ns)
        return
    memset(&lock, 0, sizeof(OrderLock))
    verdict = ledger_lock_order(
        lane.shared.ledger, &lock, lane.spec, intent.side, intent.price_ticks, intent.qty_lots)
    if verdict != LEDGER_OK:
        _refuse(lane, intent, REFUSED_BY_ACCOUNT, verdict, now_ns)
        return
    # Last, as a half-open breaker has few probes: one must not be spent on an order that something else refuses.
    intent.generation = (
        breaker_admit_reduce(lane.shared.breaker) if intent.flags & INTENT_REDUCE_ONLY
        else breaker_admit(lane.shared.breaker, now_ns))
    if intent.generation == 0:
        ledger_release(lane.shared.ledger, &lock)
        _refuse(lane, intent, REFUSED_BY_BREAKER, 0, now_ns)
        return
    intent.order_id = lane.counters.intents + 1 if lane.shared.journal == NULL else journal_next_seq(lane.shared.journal)
    order = orders_add(&lane.orders, intent)
    if order == NULL:
        ledger_release(lane.shared.ledger, &lock)
        _refuse(lane, intent, REFUSED_BY_TABLE, 0, now_ns)
        return
    order.lock = lock
    _journal(lane, JOURNAL_INTENT, intent, sizeof(OrderIntent), now_ns, True)
    risk_apply_sent(lane.limits, lane.risk, intent, now_ns)
    lane.counters.intents += 1
    lane.decision.last_intent_ns = now_ns
    lane.decision.has_traded = True
    # The gateway's last look: between admission and here the breaker may have opened, been killed, or lost its journal.
    if lane.shared.journal_errno != 0 or not breaker_readmit(lane.shared.breaker, intent.generation):
        lane.counters.dropped += 1
        _journal(lane, JOURNAL_DROPPED, intent, sizeof(OrderIntent), now_ns)
        _close(lane, order, False, 0)
        return
    verdict = paper_submit(lane.paper, intent, now_ns)
    if verdict != 0:
        lane.counters.rejects += 1
        _reject_at_gateway(lane, order, verdict, now_ns)


cdef void _reject_at_gateway(Lane* lane, WorkingOrder* order, int verdict, int64_t now_ns) noexcept nogil:
    """The venue's queue is full: the same as a reject that came back at once."""
    cdef Event report
    memset(&report, 0, sizeof(Event))
    report.kind = EVENT_ORDER_REJECTED
    report.side = order.side
    report.instrument = lane.instrument
    report.reason = verdict
    report.recv_ns = now_ns
    report.body.order.order_id = order.order_id
    report.body.order.qty_lots = order.qty_lots
    report.body.order.trade_id = -1
    _journal(lane, JOURNAL_UPDATE, &report, sizeof(Event), now_ns)
    breaker_record_reject(lane.shared.breaker, now_ns)
    _close(lane, order, True, verdict)


cdef void lane_cancel(Lane* lane, uint64_t order_id, int reason, int64_t now_ns) noexcept nogil:
    """Ask the venue to cancel one order. Never refused by risk or breaker: it only ever reduces."""
    cdef WorkingOrder* order = orders_find(&lane.orders, order_id)
    cdef OrderIntent intent
    if order == NULL or order.cancel_pending:
        return
    memset(&intent, 0, sizeof(OrderIntent))
    intent.action = ACTION_CANCEL
    intent.order_id = order_id
    intent.instrument = lane.instrument
    intent.side = order.side
    intent.reason = reason
    intent.price_ticks = order.price_ticks
    intent.qty_lots = order.qty_lots - order.filled_lots
    intent.ts_ns = now_ns
    _journal(lane, JOURNAL_INTENT, &intent, sizeof(OrderIntent), now_ns)
    lane.counters.cancels += 1
    if paper_submit(lane.paper, &intent, now_ns) == 0:
        order.cancel_pending = True


cdef void lane_cancel_all(Lane* lane, int reason, int64_t now_ns) noexcept nogil:
    cdef int i
    for i in range(lane.orders.count):
        lane_cancel(lane, lane.orders.orders[i].order_id, reason, now_ns)


# -- reading -----------------------------------------------------------------------------------------------------------

cdef int64_t lane_mark_ticks(const Lane* lane) noexcept nogil:
    if lane.top.bid_levels > 0 and lane.top.ask_levels > 0:
        return (lane.top.bid_price_ticks[0] + lane.top.ask_price_ticks[0]) // 2
    return lane.last_price_ticks


cdef uint64_t lane_hash(const Lane* lane) noexcept nogil:
    cdef uint64_t digest = hash_mix(<uint64_t>lane.instrument, book_hash(lane.sync.book))
    digest = hash_mix(digest, <uint64_t>lane.sync.last_id)
    digest = hash_mix(digest, bank_hash(lane.bank))
    digest = hash_mix(digest, position_hash(lane.position))
    digest = hash_mix(digest, risk_hash(lane.risk))
    digest = hash_mix(digest, orders_hash(&lane.orders))
    digest = hash_mix(digest, paper_hash(lane.paper))
    digest = hash_mix(digest, lane.counters.intents)
    digest = hash_mix(digest, lane.counters.fills)
    digest = hash_mix(digest, lane.counters.refusals)
    return hash_mix(digest, <uint64_t>lane.last_price_ticks)
