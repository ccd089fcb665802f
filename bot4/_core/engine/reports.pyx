# cython: language_level=3
"""The way back: reports of the paper venue, or of the gateway of an external one, become account, position and risk.

Paper reports are ours and are believed. An external venue's are checked first: a fill is known by its trade id and
counts once; its order's filled total must be what the venue says it is; a report that contradicts an earlier one closes
the lane's gate. What a contradiction says about a fill is applied all the same, for a position is the sum of the fills
there were. Reports may come in any order and more than once.
"""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.account.contract cimport contract_fee_asset, contract_is_in_range
from bot4._core.account.ledger cimport LEDGER_OK, OrderLock, ledger_apply_fill_fee
from bot4._core.account.positions cimport (
    CUMULATIVE_BACKWARDS,
    CUMULATIVE_MISSING,
    CUMULATIVE_OK,
    CUMULATIVE_REPEAT,
    cumulative_check,
)
from bot4._core.engine.decide cimport REASON_GATE
from bot4._core.engine.desk cimport desk_cancel_resting, desk_close, desk_journal
from bot4._core.engine.lane_state cimport (
    GATE_START,
    MISMATCH_AFTERLIFE,
    MISMATCH_BACKWARDS,
    MISMATCH_FIELDS,
    MISMATCH_LEDGER,
    MISMATCH_MISSING,
    MISMATCH_OVERFILL,
    MISMATCH_STRAY_FILL,
    lane_mismatch,
)
from bot4._core.engine.orders cimport WorkingOrder, orders_find
from bot4._core.engine.strategy cimport strategy_tell
from bot4._core.engine.strategy_call cimport CALL_FILL
from bot4._core.engine.trade_ids cimport trade_ids_add
from bot4._core.journal.record cimport JOURNAL_UPDATE
from bot4._core.risk.circuit cimport (
    TRIP_MANUAL,
    breaker_record_failure,
    breaker_record_latency,
    breaker_record_reject,
    breaker_record_success,
    breaker_trip,
)
from bot4._core.risk.limits cimport (
    risk_apply_accepted,
    risk_apply_fill,
    risk_apply_known,
    risk_apply_stray_fill,
    risk_apply_unknown,
)
from bot4._core.risk.state cimport ORDER_LOTS_MAX
from bot4._core.types cimport (
    EVENT_CANCEL_REJECTED,
    EVENT_ORDER_ACK,
    EVENT_ORDER_DROPPED,
    EVENT_ORDER_FILL,
    EVENT_ORDER_REJECTED,
    EVENT_ORDER_RESOLVED_ABSENT,
    EVENT_ORDER_SENT,
    EVENT_ORDER_TOTAL,
    EVENT_ORDER_UNKNOWN,
    SIDE_SELL,
    Event,
)


cdef void _contradict(Lane* lane, int mismatch, int64_t now_ns) noexcept nogil:
    lane_mismatch(lane, mismatch, now_ns)
    desk_cancel_resting(lane, REASON_GATE, now_ns)


cdef inline void _know(Lane* lane, WorkingOrder* order) noexcept nogil:
    """The venue said something about an order whose outcome was unknown."""
    if order.is_unknown:
        order.is_unknown = False
        risk_apply_known(lane.risk, order.side)


cdef inline void _take_as_accepted(Lane* lane, WorkingOrder* order, bint was_asked_for, int64_t now_ns) noexcept nogil:
    order.is_acked = True
    risk_apply_accepted(lane.risk)
    breaker_record_success(lane.shared.breaker, now_ns)
    if not was_asked_for:       # how long nobody answered, or nobody lived to hear it, is not how fast the venue is
        breaker_record_latency(lane.shared.breaker, now_ns - order.sent_ns, now_ns)


# -- fills -------------------------------------------------------------------------------------------------------------

cdef int _book_fill(Lane* lane, OrderLock* lock, const Event* event) noexcept nogil:
    """Move balances and position by one fill; the verdict of the account."""
    # Of an external venue the reason says which asset the fee is in, counted from 1; 0 is the contract's own.
    cdef int side = event.side, fee_asset = contract_fee_asset(lane.spec, side)
    if lane.paper == NULL and event.reason != 0:
        fee_asset = event.reason - 1
    lane.counters.fills += 1
    return ledger_apply_fill_fee(
        lane.shared.ledger, lane.position, lane.spec, lock, side, event.body.order.price_ticks,
        event.body.order.qty_lots, fee_asset, event.body.order.fee_atoms)


cdef void _distrust_account(Lane* lane, int64_t now_ns) noexcept nogil:
    """The venue filled what our books say we cannot pay: one of the two is wrong, so nothing more is sent."""
    lane.counters.strays += 1
    breaker_trip(lane.shared.breaker, TRIP_MANUAL, now_ns)
    if lane.paper == NULL:
        _contradict(lane, MISMATCH_LEDGER, now_ns)


cdef void _apply_fill(Lane* lane, WorkingOrder* order, const Event* event, int64_t now_ns) noexcept nogil:
    cdef int64_t lots = event.body.order.qty_lots, left_lots = order.qty_lots - order.filled_lots
    cdef bint is_paid = _book_fill(lane, &order.lock, event) == LEDGER_OK
    if lots <= left_lots:
        risk_apply_fill(lane.risk, order.side, lots)
    else:
        if left_lots > 0:
            risk_apply_fill(lane.risk, order.side, left_lots)
        risk_apply_stray_fill(lane.risk, order.side, lots - left_lots)
    order.filled_lots += lots
    if order.filled_lots >= order.qty_lots:
        desk_close(lane, order, False, 0)
    # Last, as it may cancel orders; `order` may be gone from here on.
    if not is_paid:
        _distrust_account(lane, now_ns)
    if lots > left_lots:
        _contradict(lane, MISMATCH_OVERFILL, now_ns)


cdef void _apply_stray_fill(Lane* lane, const Event* event, int64_t now_ns) noexcept nogil:
    """A fill of an order that is closed, or of an earlier run: it moves the position, and holds the lane.

    Until the lane was reconciled such fills are what reconciliation brings, and hold nothing.
    """
    lane.counters.strays += 1
    risk_apply_stray_fill(lane.risk, event.side, event.body.order.qty_lots)
    if _book_fill(lane, NULL, event) != LEDGER_OK:
        _distrust_account(lane, now_ns)
    if not lane.gate & GATE_START:
        _contradict(lane, MISMATCH_STRAY_FILL, now_ns)


cdef inline bint _is_sound(const Lane* lane, const WorkingOrder* order, const Event* event) noexcept nogil:
    """Whether a fill's fields can be applied at all; it comes from outside."""
    if event.side > SIDE_SELL or event.body.order.trade_id < 0:
        return False
    if order != NULL and order.side != event.side:
        return False
    return 0 < event.body.order.qty_lots <= ORDER_LOTS_MAX and contract_is_in_range(
        lane.spec, event.body.order.price_ticks, event.body.order.qty_lots)


cdef void _take_external_fill(Lane* lane, WorkingOrder* order, const Event* event, int64_t now_ns) noexcept nogil:
    cdef int64_t known_lots, order_lots, total_lots
    cdef int verdict = CUMULATIVE_OK
    cdef bint was_unknown = order != NULL and order.is_unknown
    if not _is_sound(lane, order, event):
        _contradict(lane, MISMATCH_FIELDS, now_ns)
        return
    if order != NULL:
        _know(lane, order)
    if not trade_ids_add(lane.trade_ids, event.body.order.trade_id):
        lane.counters.duplicates += 1
        return
    if order == NULL:
        _apply_stray_fill(lane, event, now_ns)
        return
    if order.total_trade_id == event.body.order.trade_id:
        known_lots, order_lots, total_lots = order.filled_lots, order.qty_lots, order.total_lots
        verdict = cumulative_check(known_lots, event.body.order.qty_lots, total_lots, order_lots)
    if not order.is_acked:
        _take_as_accepted(lane, order, was_unknown, now_ns)
    _apply_fill(lane, order, event, now_ns)
    if verdict == CUMULATIVE_MISSING:
        _contradict(lane, MISMATCH_MISSING, now_ns)
    elif verdict == CUMULATIVE_BACKWARDS or verdict == CUMULATIVE_REPEAT:
        _contradict(lane, MISMATCH_BACKWARDS, now_ns)
    elif verdict != CUMULATIVE_OK:
        _contradict(lane, MISMATCH_OVERFILL, now_ns)


cdef void _take_total(Lane* lane, WorkingOrder* order, const Event* event, int64_t now_ns) noexcept nogil:
    """What the venue counts as filled: of the fill that follows, or (no trade id) of a query, which may be old."""
    cdef int64_t total_lots = event.body.order.qty_lots
    if order == NULL:
        return
    _know(lane, order)
    if event.body.order.trade_id >= 0:
        order.total_lots = total_lots
        order.total_trade_id = event.body.order.trade_id
    elif total_lots > order.qty_lots:
        _contradict(lane, MISMATCH_OVERFILL, now_ns)
    elif total_lots > order.filled_lots:
        _contradict(lane, MISMATCH_MISSING, now_ns)


# -- the life of an order ----------------------------------------------------------------------------------------------

cdef void _take_end(Lane* lane, WorkingOrder* order, const Event* event, int64_t now_ns) noexcept nogil:
    """Canceled, expired or rejected."""
    _know(lane, order)
    if event.kind != EVENT_ORDER_REJECTED:
        desk_close(lane, order, False, 0)
        return
    lane.counters.rejects += 1
    breaker_record_reject(lane.shared.breaker, now_ns)
    desk_close(lane, order, True, event.reason)


cdef void _take_outcome_of_sending(Lane* lane, WorkingOrder* order, const Event* event, int64_t now_ns) noexcept nogil:
    """What only a gateway can say: sent, dropped, unknown, never there."""
    cdef bint has_lived = order.is_acked or order.filled_lots > 0
    if event.kind == EVENT_ORDER_SENT:
        order.is_sent = True
    elif event.kind == EVENT_ORDER_UNKNOWN:
        if not order.is_unknown:
            order.is_unknown = True
            lane.counters.unknowns += 1
            risk_apply_unknown(lane.risk, order.side)
            breaker_record_failure(lane.shared.breaker, now_ns)
    elif has_lived or (event.kind == EVENT_ORDER_DROPPED and (order.is_sent or order.is_unknown)):
        _contradict(lane, MISMATCH_AFTERLIFE, now_ns)
    else:
        lane.counters.dropped += event.kind == EVENT_ORDER_DROPPED
        lane.counters.absent += event.kind == EVENT_ORDER_RESOLVED_ABSENT
        _know(lane, order)
        desk_close(lane, order, False, 0)


cdef void reports_apply(Lane* lane, const Event* event, int64_t now_ns) noexcept nogil:
    cdef WorkingOrder* order = orders_find(&lane.orders, event.body.order.order_id)
    cdef bint is_external = lane.paper == NULL, was_unknown
    cdef uint64_t fills = lane.counters.fills
    desk_journal(lane, JOURNAL_UPDATE, event, sizeof(Event), now_ns, False)
    if is_external and event.kind == EVENT_ORDER_FILL:
        _take_external_fill(lane, order, event, now_ns)
    elif is_external and event.kind == EVENT_ORDER_TOTAL:
        _take_total(lane, order, event, now_ns)
    elif order == NULL:
        lane.counters.strays += event.kind != EVENT_CANCEL_REJECTED
    elif event.kind == EVENT_ORDER_ACK:
        was_unknown = order.is_unknown
        _know(lane, order)
        if not order.is_acked:
            lane.counters.acks += 1
            _take_as_accepted(lane, order, was_unknown, now_ns)
    elif event.kind == EVENT_ORDER_FILL:
        if not order.is_acked:
            _take_as_accepted(lane, order, order.is_unknown, now_ns)
        _apply_fill(lane, order, event, now_ns)
    elif event.kind == EVENT_CANCEL_REJECTED:
        if is_external and order.cancel_pending:
            lane.shared.owed += 1
            order.cancel_refused_ns = now_ns
        order.cancel_pending = False
    elif event.kind <= EVENT_CANCEL_REJECTED:
        _take_end(lane, order, event, now_ns)
    elif is_external:
        _take_outcome_of_sending(lane, order, event, now_ns)
    # Of a repeated fill nothing is told; what was filled before the start is in the position the strategy starts with.
    if lane.counters.fills != fills and lane.shared.strategy != NULL and lane.has_started:
        strategy_tell(lane, CALL_FILL, event, now_ns)
