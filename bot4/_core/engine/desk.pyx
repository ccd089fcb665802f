# cython: language_level=3
"""The way out: what was decided, or asked for, becomes an order at the venue or a refusal in the journal.

An intent is journalled before it is sent. The breaker is the last guard but one (a half-open breaker has few probes,
and none must be spent on an order that something else refuses) and the very last look, too. For an external venue that
look is the gateway's, right before its socket; the one here only spares it intents that are dead already.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from bot4._core.account.ledger cimport LEDGER_OK, OrderLock, ledger_lock_order, ledger_release
from bot4._core.brain.gate cimport ENTRY_NO_REASONS, ENTRY_PASS, Reasons
from bot4._core.engine.decide cimport REASON_ENTER, REASON_STOP, is_large_enough, price_on_step
from bot4._core.engine.lane_state cimport (
    REFUSED_BY_ACCOUNT, REFUSED_BY_BREAKER, REFUSED_BY_ENTRY, REFUSED_BY_GATE, REFUSED_BY_GATEWAY, REFUSED_BY_RISK,
    REFUSED_BY_TABLE, LaneShared, Refusal, lane_judge, shared_journal,
)
from bot4._core.engine.outlook cimport Reasoned, outlook_take_reasons
from bot4._core.engine.orders cimport ORDER_IS_STOP, WORKING_MAX, orders_add, orders_find, orders_remove
from bot4._core.journal.append cimport journal_next_seq
from bot4._core.journal.record cimport (
    JOURNAL_DROPPED, JOURNAL_INTENT, JOURNAL_REASONS, JOURNAL_REFUSAL, JOURNAL_UPDATE,
)
from bot4._core.mem.intent_ring cimport spsc_intent_size, spsc_intent_try_push
from bot4._core.mem.waiter cimport waiter_notify
from bot4._core.risk.circuit cimport breaker_admit, breaker_admit_reduce, breaker_readmit, breaker_record_reject
from bot4._core.risk.limits cimport RISK_OK, risk_apply_closed, risk_apply_refused, risk_apply_sent, risk_check
from bot4._core.sim.paper cimport paper_submit
from bot4._core.types cimport (
    ACTION_CANCEL, ACTION_PLACE, CONTRACT_SPOT, EVENT_ORDER_REJECTED, INTENT_REDUCE_ONLY, ORDER_LIMIT, ORDER_MARKET,
    SIDE_BUY, SIDE_SELL, TIF_GTC, TIF_IOC, Event, OrderIntent, money_t, mul_wide,
)

# How far through the touch an order that closes a position may go, parts per million.
cdef int64_t FLATTEN_SLIPPAGE_PPM = 5_000
# Between two tries to close a position: a refusal is a journal record.
cdef int64_t FLATTEN_PAUSE_NS = 1_000_000_000
# Between two stops at the venue: one that trails closely would spend the venue's budget of orders.
cdef int64_t STOP_PAUSE_NS = 500_000_000
# A cancel the venue refused is not repeated within this time: its fill or its end is on its way.
cdef int64_t CANCEL_PAUSE_NS = 1_000_000_000


cdef void desk_journal(
    Lane* lane, int kind, const void* payload, unsigned int length, int64_t now_ns, bint is_new_order
) noexcept nogil:
    shared_journal(lane.shared, kind, payload, length, now_ns, is_new_order)


cdef void desk_close(Lane* lane, WorkingOrder* order, bint by_reject, int code) noexcept nogil:
    cdef int64_t left_lots = order.qty_lots - order.filled_lots
    risk_apply_closed(lane.risk, order.side, left_lots if left_lots > 0 else 0, by_reject, code)
    ledger_release(lane.shared.ledger, &order.lock)
    if lane.paper == NULL and not order.cancel_pending:
        lane.shared.owed -= 1
    orders_remove(&lane.orders, order)


# -- placing -----------------------------------------------------------------------------------------------------------

cdef inline uint64_t _next_id(const Lane* lane) noexcept nogil:
    return lane.shared.next_seq if lane.shared.journal == NULL else journal_next_seq(lane.shared.journal)


cdef void _journal_reasons(Lane* lane, int stage, int verdict, int64_t now_ns) noexcept nogil:
    """The arithmetic of what is journalled next: an order, whose id is the record's after this one, or a refusal."""
    cdef Reasons* reasons = outlook_take_reasons(lane.reasoned, lane.claims)
    if reasons == NULL:
        return
    reasons.refusal_stage = stage
    reasons.refusal_verdict = verdict
    if stage == 0:
        reasons.order_id = _next_id(lane) + 1
    desk_journal(lane, JOURNAL_REASONS, reasons, sizeof(Reasons), now_ns, stage == 0)


cdef void desk_record_entry(Lane* lane, int64_t now_ns) noexcept nogil:
    cdef Refusal refusal
    cdef const Reasons* reasons
    if not lane.reasoned.is_recorded:
        return
    lane.reasoned.is_recorded = False
    lane.reasoned.has_reasons = True
    reasons = &lane.reasoned.reasons
    memset(&refusal, 0, sizeof(Refusal))
    refusal.intent.action = ACTION_PLACE
    refusal.intent.instrument = lane.instrument
    refusal.intent.side = reasons.side
    refusal.intent.reason = REASON_ENTER
    refusal.intent.price_ticks = reasons.price_ticks
    refusal.intent.qty_lots = reasons.qty_lots
    refusal.intent.ts_ns = now_ns
    refusal.intent.score = reasons.score
    refusal.stage = REFUSED_BY_ENTRY
    refusal.verdict = reasons.verdict
    lane.counters.refusals += 1
    _journal_reasons(lane, REFUSED_BY_ENTRY, reasons.verdict, now_ns)
    desk_journal(lane, JOURNAL_REFUSAL, &refusal, sizeof(Refusal), now_ns, False)


cdef void _refuse(Lane* lane, const OrderIntent* intent, int stage, int verdict, int64_t now_ns) noexcept nogil:
    cdef Refusal refusal
    _journal_reasons(lane, stage, verdict, now_ns)
    refusal.intent = intent[0]
    refusal.stage = stage
    refusal.verdict = verdict
    lane.counters.refusals += 1
    lane.has_refused = True
    lane.last_refusal_ns = now_ns
    desk_journal(lane, JOURNAL_REFUSAL, &refusal, sizeof(Refusal), now_ns, False)


cdef inline bint _has_room(const LaneShared* shared, int64_t slots) noexcept nogil:
    return shared.intents_capacity - <int64_t>spsc_intent_size(shared.intents) >= slots


cdef inline int _room(const Lane* lane) noexcept nogil:
    """Refusal stage of an order there is no room for, else 0; every working order keeps a slot for its cancel."""
    if lane.orders.count == WORKING_MAX:
        return REFUSED_BY_TABLE
    if lane.paper == NULL and not _has_room(lane.shared, lane.shared.owed + 2):
        return REFUSED_BY_GATEWAY
    return 0


cdef inline int _submit(Lane* lane, const OrderIntent* intent, int64_t now_ns) noexcept nogil:
    """Hand an intent to the paper venue or to the gateway's ring; 0, or why it was not taken."""
    if lane.paper != NULL:
        return paper_submit(lane.paper, intent, now_ns)
    if not spsc_intent_try_push(lane.shared.intents, intent):
        return REFUSED_BY_GATEWAY
    waiter_notify(lane.shared.gateway)
    return 0


cdef inline void _refuse_entry(Lane* lane, const OrderIntent* intent, int verdict, int64_t now_ns) noexcept nogil:
    # One more of a reason that stands in the journal moves no state: a replay of the journal would lack it.
    if verdict == ENTRY_NO_REASONS or lane.claims.has_reasons:
        _refuse(lane, intent, REFUSED_BY_ENTRY, verdict, now_ns)


cdef void desk_place(Lane* lane, OrderIntent* intent, int64_t now_ns) noexcept nogil:
    cdef OrderLock lock
    cdef WorkingOrder* order
    cdef int verdict
    intent.instrument = lane.instrument
    intent.ts_ns = now_ns
    if lane.gate != 0 and not intent.flags & INTENT_REDUCE_ONLY:
        _refuse(lane, intent, REFUSED_BY_GATE, lane.gate, now_ns)
        return
    verdict = lane_judge(lane, intent, now_ns)
    if verdict != ENTRY_PASS:
        _refuse_entry(lane, intent, verdict, now_ns)
        return
    verdict = risk_check(lane.limits, lane.risk, intent, now_ns)
    if verdict != RISK_OK:
        risk_apply_refused(lane.risk, verdict)
        _refuse(lane, intent, REFUSED_BY_RISK, verdict, now_ns)
        return
    verdict = _room(lane)
    if verdict != 0:
        _refuse(lane, intent, verdict, 0, now_ns)
        return
    memset(&lock, 0, sizeof(OrderLock))
    verdict = ledger_lock_order(
        lane.shared.ledger, &lock, lane.spec, intent.side, intent.price_ticks, intent.qty_lots)
    if verdict != LEDGER_OK:
        _refuse(lane, intent, REFUSED_BY_ACCOUNT, verdict, now_ns)
        return
    intent.generation = (
        breaker_admit_reduce(lane.shared.breaker) if intent.flags & INTENT_REDUCE_ONLY
        else breaker_admit(lane.shared.breaker, now_ns))
    if intent.generation == 0:
        ledger_release(lane.shared.ledger, &lock)
        _refuse(lane, intent, REFUSED_BY_BREAKER, 0, now_ns)
        return
    _journal_reasons(lane, 0, 0, now_ns)
    intent.order_id = _next_id(lane)
    order = orders_add(&lane.orders, intent)
    order.lock = lock
    lane.shared.owed += lane.paper == NULL
    desk_journal(lane, JOURNAL_INTENT, intent, sizeof(OrderIntent), now_ns, True)
    risk_apply_sent(lane.limits, lane.risk, intent, now_ns)
    lane.counters.intents += 1
    lane.decision.last_intent_ns = now_ns
    lane.decision.has_traded = True
    # Between admission and here the breaker may have opened, been killed, or lost its journal.
    if lane.shared.journal_errno != 0 or not breaker_readmit(lane.shared.breaker, intent.generation):
        lane.counters.dropped += 1
        desk_journal(lane, JOURNAL_DROPPED, intent, sizeof(OrderIntent), now_ns, False)
        desk_close(lane, order, False, 0)
        return
    verdict = _submit(lane, intent, now_ns)
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
    desk_journal(lane, JOURNAL_UPDATE, &report, sizeof(Event), now_ns, False)
    breaker_record_reject(lane.shared.breaker, now_ns)
    desk_close(lane, order, True, verdict)


# -- cancelling --------------------------------------------------------------------------------------------------------

cdef bint _may_cancel(Lane* lane, WorkingOrder* order, int reason, int64_t now_ns) noexcept nogil:
    """Whether a cancel can go to the external venue now; if not, it is kept for later."""
    cdef bint is_paused = order.cancel_refused_ns != 0 and now_ns - order.cancel_refused_ns < CANCEL_PAUSE_NS
    if not is_paused and _has_room(lane.shared, 1):
        return True
    lane.counters.held_cancels += order.cancel_reason == 0 and not is_paused
    order.cancel_reason = reason
    lane.has_held_cancels = True
    return False


cdef void desk_cancel(Lane* lane, uint64_t order_id, int reason, int64_t now_ns) noexcept nogil:
    """Ask the venue to cancel one order. Never refused by gate, risk or breaker: it only ever reduces."""
    cdef WorkingOrder* order = orders_find(&lane.orders, order_id)
    cdef OrderIntent intent
    if order == NULL or order.cancel_pending or lane.shared.is_replaying:
        return
    if lane.paper == NULL and not _may_cancel(lane, order, reason, now_ns):
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
    desk_journal(lane, JOURNAL_INTENT, &intent, sizeof(OrderIntent), now_ns, False)
    lane.counters.cancels += 1
    if _submit(lane, &intent, now_ns) == 0:
        order.cancel_pending = True
        order.cancel_reason = 0
        lane.shared.owed -= lane.paper == NULL


cdef void desk_cancel_all(Lane* lane, int reason, int64_t now_ns) noexcept nogil:
    cdef int i
    for i in range(lane.orders.count):
        desk_cancel(lane, lane.orders.orders[i].order_id, reason, now_ns)


cdef void desk_cancel_resting(Lane* lane, int reason, int64_t now_ns) noexcept nogil:
    cdef int i
    for i in range(lane.orders.count):
        if not lane.orders.orders[i].flags & ORDER_IS_STOP:
            desk_cancel(lane, lane.orders.orders[i].order_id, reason, now_ns)


# -- the stop at the venue ---------------------------------------------------------------------------------------------

cdef WorkingOrder* desk_find_stop(Lane* lane) noexcept nogil:
    cdef int i
    for i in range(lane.orders.count):
        if lane.orders.orders[i].flags & ORDER_IS_STOP:
            return &lane.orders.orders[i]
    return NULL


cdef void desk_keep_stop(Lane* lane, int64_t now_ns) noexcept nogil:
    cdef Reasoned* reasoned = lane.reasoned
    cdef WorkingOrder* stop = desk_find_stop(lane)
    cdef OrderIntent intent
    cdef int64_t lots = lane.position.lots, wanted = 0, off
    cdef int side
    if lots != 0 and reasoned.guard.lots == lots and reasoned.guard.exiting == 0 and reasoned.guard.stop_ticks > 0:
        wanted = price_on_step(reasoned.guard.stop_ticks, lane.policy.price_step_ticks, lots < 0)
    if stop != NULL:
        off = stop.price_ticks - wanted if stop.price_ticks > wanted else wanted - stop.price_ticks
        if wanted == 0 or reasoned.stop_lots != lots or mul_wide(off, 1_000_000) >= mul_wide(
                wanted, reasoned.stop_step_ppm):
            desk_cancel(lane, stop.order_id, REASON_STOP, now_ns)
        return
    if wanted == 0 or lane.gate != 0 or now_ns < reasoned.stop_next_ns:
        return
    side = SIDE_SELL if lots > 0 else SIDE_BUY
    if lane.risk.open_lots[side] != 0:
        return                                        # an exit is under way: the two could turn the position around
    memset(&intent, 0, sizeof(OrderIntent))
    intent.action = ACTION_PLACE
    intent.type = ORDER_MARKET
    intent.tif = TIF_GTC
    intent.flags = INTENT_REDUCE_ONLY
    intent.reason = REASON_STOP
    intent.side = side
    intent.qty_lots = min(lots if lots > 0 else -lots, lane.policy.qty_max_lots)
    intent.price_ticks = wanted
    intent.trigger_ticks = wanted
    desk_fit_exit(lane, &intent)
    intent.qty_lots = intent.qty_lots // lane.policy.qty_step_lots * lane.policy.qty_step_lots
    if not is_large_enough(&lane.policy, intent.qty_lots, wanted):
        return
    reasoned.stop_next_ns = now_ns + STOP_PAUSE_NS
    reasoned.stop_lots = lots
    desk_place(lane, &intent, now_ns)


# -- closing what is held ----------------------------------------------------------------------------------------------

cdef void desk_fit_exit(const Lane* lane, OrderIntent* intent) noexcept nogil:
    cdef money_t held_lots
    if lane.paper != NULL or lane.spec.kind != CONTRACT_SPOT or intent.side != SIDE_SELL:
        return
    held_lots = lane.shared.ledger.balances[lane.spec.base_asset].available / lane.spec.base_atoms_per_lot
    if held_lots < intent.qty_lots:
        intent.qty_lots = <int64_t>held_lots - <int64_t>held_lots % lane.policy.qty_step_lots


cdef void desk_flatten(Lane* lane, int reason, int64_t now_ns) noexcept nogil:
    desk_cancel_all(lane, reason, now_ns)
    lane.flatten_reason = reason
    lane.flatten_next_ns = now_ns
    _flatten_on(lane, now_ns)


cdef void _flatten_on(Lane* lane, int64_t now_ns) noexcept nogil:
    """One more order that can only reduce, once nothing works that could fill beside it."""
    cdef OrderIntent intent
    cdef int64_t lots = lane.position.lots, touch
    if lots == 0 and lane.orders.count == 0:
        lane.flatten_reason = 0
        return
    if now_ns < lane.flatten_next_ns or lots == 0:
        return
    if lane.top.bid_levels == 0 or lane.top.ask_levels == 0:
        return
    if lane.risk.open_lots[<int>SIDE_SELL if lots > 0 else <int>SIDE_BUY] != 0:
        return                                        # it may fill yet: two exits would turn the position around
    memset(&intent, 0, sizeof(OrderIntent))
    intent.action = ACTION_PLACE
    intent.type = ORDER_LIMIT
    intent.tif = TIF_IOC
    intent.flags = INTENT_REDUCE_ONLY
    intent.reason = lane.flatten_reason
    intent.side = SIDE_SELL if lots > 0 else SIDE_BUY
    intent.qty_lots = lots if lots > 0 else -lots
    touch = lane.top.bid_price_ticks[0] if lots > 0 else lane.top.ask_price_ticks[0]
    intent.price_ticks = touch + (-touch if lots > 0 else touch) * FLATTEN_SLIPPAGE_PPM // 1_000_000
    intent.price_ticks = price_on_step(intent.price_ticks, lane.policy.price_step_ticks, lots < 0)
    intent.qty_lots = min(intent.qty_lots, lane.policy.qty_max_lots)
    intent.qty_lots -= intent.qty_lots % lane.policy.qty_step_lots
    desk_fit_exit(lane, &intent)
    if not is_large_enough(&lane.policy, intent.qty_lots, intent.price_ticks):
        if lane.orders.count == 0:
            lane.flatten_reason = 0                   # dust: the venue takes no order this small
        return
    lane.flatten_next_ns = now_ns + FLATTEN_PAUSE_NS
    desk_place(lane, &intent, now_ns)


cdef void desk_retry(Lane* lane, int64_t now_ns) noexcept nogil:
    cdef WorkingOrder* order
    cdef int i
    if lane.has_held_cancels:
        lane.has_held_cancels = False
        for i in range(lane.orders.count):
            order = &lane.orders.orders[i]
            if order.cancel_reason != 0:
                desk_cancel(lane, order.order_id, order.cancel_reason, now_ns)
                lane.has_held_cancels |= order.cancel_reason != 0
    if lane.flatten_reason != 0:
        _flatten_on(lane, now_ns)
