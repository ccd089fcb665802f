# cython: language_level=3
"""The shard engine: the same in replay, paper and (later) live; what differs is who feeds it.

Time is the receive stamp of the events. Between two events it moves in fixed steps, so a timer event in the middle of a
silence, or none at all, leaves the same state: that is what makes a run at speed 1 end where a run at full speed ends.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from bot4._core.engine.control import ControlCode as ControlCode  # no-cython-lint

from bot4._core.account.funding cimport funding_book, funding_pay
from bot4._core.account.ledger cimport ledger_equity, ledger_hash
from bot4._core.account.money cimport money_clamp_64, money_hash
from bot4._core.engine.control cimport (
    ALL_LANES, CONTROL_ASK_CANCEL_ALL, CONTROL_ASK_PLACE, CONTROL_CANCEL, CONTROL_CANCEL_ALL, CONTROL_FLATTEN,
    CONTROL_FUNDING, CONTROL_FUNDING_PAID, CONTROL_GATE_CLOSE, CONTROL_GATE_OPEN, CONTROL_KILL, CONTROL_PLACE,
    CONTROL_REPORTS, CONTROL_RESET, CONTROL_SETTLE, CONTROL_SIGNAL, CONTROL_STOP, CONTROL_STRATEGY_END, control_event,
)
from bot4._core.engine.decide cimport REASON_BREAKER, REASON_DRAWDOWN, REASON_OPERATOR, REASON_SHUTDOWN, REASON_STRATEGY
from bot4._core.engine.desk cimport desk_cancel, desk_cancel_all, desk_cancel_resting, desk_flatten, desk_place
from bot4._core.engine.lane cimport lane_apply_market, lane_apply_time, lane_mark_ticks, lane_moves, lane_next_due
from bot4._core.engine.lane_state cimport GATE_OPERATOR, lane_hash, lane_open_gate, shared_journal, shared_sync
from bot4._core.engine.outlook cimport outlook_apply_funding, reasoned_apply_mark, reasoned_apply_source
from bot4._core.engine.reports cimport reports_apply
from bot4._core.engine.strategy cimport strategy_apply_time, strategy_next_due, strategy_take_ask
from bot4._core.engine.strategy_call cimport StrategyHook
from bot4._core.engine.view cimport VIEW_HEAD_WORDS, VIEW_LANE_WORDS, view_begin, view_end, view_set
from bot4._core.journal.record cimport JOURNAL_CONTROL, JOURNAL_MARK
from bot4._core.risk.circuit cimport (
    BREAKER_CANCEL_RESTING, BREAKER_FLATTEN, breaker_action, breaker_get, breaker_kill, breaker_read_word,
    breaker_reset, breaker_tick,
)
from bot4._core.risk.limits cimport risk_apply_equity
from bot4._core.types cimport (
    ACTION_PLACE, EVENT_CONTROL, EVENT_ORDER_ACK, EVENT_TIMER, FLAG_LAST, FLAG_PARTIAL_BOOK, FLAG_SNAPSHOT,
    ORDER_LIMIT, Event, OrderIntent, hash_mix, money_high, money_low, money_t,
)

cdef int64_t NEVER_NS = 0x7FFFFFFFFFFFFFFF


# -- time --------------------------------------------------------------------------------------------------------------

cdef inline void _mark_reasoned(Lane* lane, int64_t mark_ticks, money_t equity, int64_t now_ns) noexcept nogil:
    """Equity for sizes; a drawdown that latched closes everything, not only what is new."""
    reasoned_apply_mark(lane.reasoned, lane.spec, lane.position.lots, mark_ticks, equity, now_ns)
    if lane.reasoned.portfolio.is_latched and lane.position.lots != 0 and lane.flatten_reason == 0:
        desk_flatten(lane, REASON_DRAWDOWN, now_ns)


cdef void _mark(ShardState* shard, int64_t now_ns) noexcept nogil:
    """Value every lane, feed the drawdown latch, and journal one point of each equity curve."""
    cdef MarkRecord record
    cdef money_t equity
    cdef Lane* lane
    cdef int i, unvalued = 0
    for i in range(shard.lane_count):
        shard.marks_ticks[i] = lane_mark_ticks(&shard.lanes[i])
    for i in range(shard.lane_count):
        lane = &shard.lanes[i]
        if shard.marks_ticks[i] <= 0:
            continue
        equity = ledger_equity(shard.shared.ledger, shard.positions, shard.specs, shard.marks_ticks,
                               shard.lane_count, lane.spec.settle_asset, &unvalued)
        risk_apply_equity(lane.limits, lane.risk, equity)
        lane.equity_atoms = money_clamp_64(equity)
        if lane.reasoned != NULL:
            _mark_reasoned(lane, shard.marks_ticks[i], equity, now_ns)
        record.instrument = i
        record.ts_ns = now_ns
        record.mark_ticks = shard.marks_ticks[i]
        record.position_lots = lane.position.lots
        record.equity_low = money_low(equity)
        record.equity_high = money_high(equity)
        record.realised_low = money_low(lane.position.realised)
        record.realised_high = money_high(lane.position.realised)
        shard.marks += 1
        shared_journal(&shard.shared, JOURNAL_MARK, &record, sizeof(MarkRecord), now_ns, False)


cdef void _follow_breaker(ShardState* shard, int64_t now_ns) noexcept nogil:
    """Do once what the breaker's policy asks for when its word changes to open or killed."""
    cdef uint64_t word = breaker_read_word(&shard.shared.breaker.word)
    cdef int action, i
    if word == shard.breaker_word:
        return
    shard.breaker_word = word
    action = breaker_action(shard.shared.breaker)
    for i in range(shard.lane_count):
        if action & BREAKER_FLATTEN:
            desk_flatten(&shard.lanes[i], REASON_BREAKER, now_ns)
        elif action & BREAKER_CANCEL_RESTING:
            desk_cancel_resting(&shard.lanes[i], REASON_BREAKER, now_ns)


cdef void _tick(ShardState* shard, int64_t now_ns) noexcept nogil:
    cdef int i
    breaker_tick(shard.shared.breaker, now_ns)
    _follow_breaker(shard, now_ns)
    for i in range(shard.lane_count):
        lane_apply_time(&shard.lanes[i], now_ns)
    if shard.shared.strategy != NULL:
        strategy_apply_time(shard.shared.strategy, shard.lanes, shard.lane_count, now_ns)
    if now_ns >= shard.next_mark_ns:
        _mark(shard, now_ns)
        shard.next_mark_ns = now_ns + shard.mark_interval_ns


cdef int64_t _next_due(const ShardState* shard) noexcept nogil:
    cdef int64_t due_ns = NEVER_NS, lane_due_ns
    cdef int i
    for i in range(shard.lane_count):
        lane_due_ns = lane_next_due(&shard.lanes[i])
        due_ns = lane_due_ns if lane_due_ns < due_ns else due_ns
    if shard.shared.strategy != NULL:
        due_ns = min(due_ns, strategy_next_due(shard.shared.strategy))
    return due_ns


cdef uint64_t _moves(const ShardState* shard) noexcept nogil:
    """Grows with whatever the venues, or the strategy's latency, let through."""
    cdef uint64_t moves = 0
    cdef int i
    for i in range(shard.lane_count):
        moves += lane_moves(&shard.lanes[i])
    return moves if shard.shared.strategy == NULL else moves + <uint64_t>shard.shared.strategy.waiting.head


cdef bint _live_until(ShardState* shard, int64_t due_ns) noexcept nogil:
    """What is due is done at its own time, on the book of that moment, not on the next one; false: nothing moved."""
    cdef uint64_t moves = _moves(shard)
    cdef int i
    shard.now_ns = max(shard.now_ns, due_ns)
    for i in range(shard.lane_count):
        lane_apply_time(&shard.lanes[i], shard.now_ns)
    if shard.shared.strategy != NULL:
        strategy_apply_time(shard.shared.strategy, shard.lanes, shard.lane_count, shard.now_ns)
    return _next_due(shard) != due_ns or _moves(shard) != moves


cdef void _show_equity(ShardState* shard) noexcept nogil:
    """Before the first mark a strategy sees what there is in money."""
    cdef int i, unvalued = 0
    for i in range(shard.lane_count):
        if shard.lanes[i].equity_atoms == 0:
            shard.lanes[i].equity_atoms = money_clamp_64(ledger_equity(
                shard.shared.ledger, shard.positions, shard.specs, shard.marks_ticks, shard.lane_count,
                shard.lanes[i].spec.settle_asset, &unvalued))


cdef void _advance(ShardState* shard, int64_t now_ns, bint is_market) noexcept nogil:
    """Live through the time up to `now_ns` in fixed steps; of a clock jump only the first `jump_ns`.

    A jump is measured between market events, so that timer events in between do not turn it into time lived through.
    """
    cdef int64_t until = now_ns, due_ns
    cdef StrategyHook* hook = shard.shared.strategy
    if shard.next_tick_ns == 0:
        if hook != NULL and hook.timer_interval_ns > 0:
            hook.timer_due_ns = now_ns + hook.timer_interval_ns
        shard.next_tick_ns = now_ns + shard.tick_interval_ns
        shard.next_mark_ns = now_ns + shard.mark_interval_ns
        shard.now_ns = now_ns
        shard.market_ns = now_ns
        _show_equity(shard)
        return
    if now_ns - shard.market_ns > shard.jump_ns:
        shard.clock_jumps += is_market
        until = shard.market_ns + shard.jump_ns
    due_ns = _next_due(shard)
    while min(shard.next_tick_ns, due_ns) <= until:
        if due_ns < shard.next_tick_ns:
            if not _live_until(shard, due_ns):
                due_ns = NEVER_NS          # an arrival the venue put off for lack of room: the next tick sees it again
                continue
        else:
            shard.now_ns = shard.next_tick_ns
            _tick(shard, shard.now_ns)
            shard.next_tick_ns += shard.tick_interval_ns
        due_ns = _next_due(shard)
    if is_market:
        if until != now_ns:
            shard.next_tick_ns = now_ns + shard.tick_interval_ns
        shard.market_ns = now_ns
    shard.now_ns = now_ns


cdef void shard_advance(ShardState* shard, int64_t now_ns) noexcept nogil:
    if now_ns > shard.now_ns:
        _advance(shard, now_ns, True)


cdef void shard_live_now(ShardState* shard) noexcept nogil:
    _live_until(shard, shard.now_ns)


# -- control -----------------------------------------------------------------------------------------------------------

cdef void _control_lane(Lane* lane, const Event* event, int64_t now_ns) noexcept nogil:
    cdef OrderIntent intent
    cdef int64_t code = event.body.control.code
    if code == CONTROL_CANCEL_ALL or code == CONTROL_KILL:
        desk_cancel_all(lane, REASON_OPERATOR if code == CONTROL_KILL else REASON_SHUTDOWN, now_ns)
    elif code == CONTROL_CANCEL:
        desk_cancel(lane, <uint64_t>event.body.control.value, REASON_OPERATOR, now_ns)
    elif code == CONTROL_FLATTEN:
        desk_flatten(lane, REASON_OPERATOR, now_ns)
    elif code == CONTROL_PLACE:
        memset(&intent, 0, sizeof(OrderIntent))
        intent.action = ACTION_PLACE
        intent.type = ORDER_LIMIT
        intent.side = event.side
        intent.reason = REASON_OPERATOR
        intent.price_ticks = event.body.control.value
        intent.qty_lots = event.body.control.reserved[0]
        intent.tif = event.body.control.reserved[1]
        intent.flags = event.body.control.reserved[2]
        desk_place(lane, &intent, now_ns)
    elif code == CONTROL_SIGNAL and lane.reasoned != NULL:
        reasoned_apply_source(lane.reasoned, event.body.control.value, event.body.control.reserved[0],
                              event.body.control.reserved[1], now_ns - event.body.control.reserved[2])
    elif code == CONTROL_FUNDING:
        outlook_apply_funding(lane.reasoned, lane.claims, event.body.control.value, event.body.control.reserved[0])
    elif CONTROL_ASK_PLACE <= code <= CONTROL_ASK_CANCEL_ALL:
        strategy_take_ask(lane, event, now_ns)
    elif code == CONTROL_STRATEGY_END:
        if event.body.control.value != 0:
            desk_flatten(lane, REASON_STRATEGY, now_ns)
        else:
            desk_cancel_all(lane, REASON_STRATEGY, now_ns)
    elif code == CONTROL_GATE_OPEN:
        lane_open_gate(lane, event.body.control.value)
    elif code == CONTROL_GATE_CLOSE:
        lane.gate |= <uint32_t>event.body.control.value if event.body.control.value != 0 else GATE_OPERATOR
        desk_cancel_all(lane, REASON_OPERATOR, now_ns)


cdef void _take_funding(ShardState* shard, Event* event) noexcept nogil:
    """Settle on paper by rate and mark, or book what a live venue says it took; how much it was goes on record."""
    cdef int64_t code = event.body.control.code, value = event.body.control.value
    cdef int64_t mark_ticks = event.body.control.reserved[1]
    cdef money_t given, unpaid
    cdef Lane* lane
    event.body.control.reserved[2] = 0
    if event.instrument >= shard.lane_count:
        return
    lane = &shard.lanes[event.instrument]
    if (lane.paper != NULL) != (code == CONTROL_SETTLE):
        return
    if code == CONTROL_SETTLE:
        given = funding_pay(lane.shared.ledger, lane.spec, mark_ticks if mark_ticks > 0 else lane_mark_ticks(lane),
                            lane.position.lots, value, &unpaid)
    else:
        given = funding_book(lane.shared.ledger, lane.spec.settle_asset, value)
    event.body.control.reserved[2] = <int64_t>given
    lane.counters.funding_atoms += event.body.control.reserved[2]


cdef void _control(ShardState* shard, const Event* event) noexcept nogil:
    cdef int64_t code = event.body.control.code
    cdef Event stamped = event[0]
    cdef int i
    shard.controls += 1
    # Where in the market stream this was popped is part of the record: a replay pops it at the same place.
    stamped.recv_ns = shard.now_ns
    stamped.venue_ns = <int64_t>shard.shared.events
    if code == CONTROL_SETTLE or code == CONTROL_FUNDING_PAID:
        _take_funding(shard, &stamped)
    shared_journal(&shard.shared, JOURNAL_CONTROL, &stamped, sizeof(Event), shard.now_ns, False)
    if code == CONTROL_KILL or code == CONTROL_RESET:
        shared_sync(&shard.shared, shard.now_ns)
    if code == CONTROL_STOP:
        shard.shared.is_stopping = True
    elif code == CONTROL_STRATEGY_END:
        shard.shared.has_strategy_ended = True
        if shard.shared.strategy != NULL:
            shard.shared.strategy.is_stopped = True
    elif code == CONTROL_KILL:
        breaker_kill(shard.shared.breaker)
    elif code == CONTROL_RESET:
        breaker_reset(shard.shared.breaker, breaker_read_word(&shard.shared.breaker.word), shard.now_ns)
    for i in range(shard.lane_count):
        if event.instrument == ALL_LANES or event.instrument == i:
            _control_lane(&shard.lanes[i], &stamped, shard.now_ns)


# -- reports -----------------------------------------------------------------------------------------------------------

cdef void shard_apply_reports(ShardState* shard, const Event* reports, int64_t count) noexcept nogil:
    cdef Event taken
    cdef int64_t i
    # Reports do not move the clock: they come from another thread, and its stamps are not those of the market.
    control_event(&taken, CONTROL_REPORTS, ALL_LANES, count, 0, 0, 0, 0)
    taken.recv_ns = shard.now_ns
    taken.venue_ns = <int64_t>shard.shared.events
    shared_journal(&shard.shared, JOURNAL_CONTROL, &taken, sizeof(Event), shard.now_ns, False)
    for i in range(count):
        if reports[i].instrument >= shard.lane_count or shard.lanes[reports[i].instrument].paper != NULL:
            shard.strays += 1
            continue
        shard.reports += 1
        reports_apply(&shard.lanes[reports[i].instrument], &reports[i], shard.now_ns)


# -- the engine --------------------------------------------------------------------------------------------------------

cdef void shard_apply(ShardState* shard, const Event* event) noexcept nogil:
    cdef int64_t stamp = event.recv_ns if event.recv_ns != 0 else event.venue_ns
    if event.kind >= EVENT_ORDER_ACK and event.kind != EVENT_TIMER:
        if event.kind == EVENT_CONTROL:
            _control(shard, event)
        else:
            shard_apply_reports(shard, event, 1)
        return
    if stamp < shard.now_ns:
        # An older stamp cannot turn time back. Snapshots are fetched beside the stream and may well be older.
        shard.clock_backs += not event.flags & FLAG_SNAPSHOT
    elif stamp != shard.now_ns and (not event.flags & FLAG_SNAPSHOT or event.flags & FLAG_PARTIAL_BOOK
                                    or shard.next_tick_ns == 0):
        _advance(shard, stamp, event.kind != EVENT_TIMER)
    if event.kind == EVENT_TIMER:
        return
    if event.instrument >= shard.lane_count:
        shard.strays += 1
        return
    shard.shared.events += 1
    shard.shared.is_timed = shard.messages & shard.sample_mask == 0
    lane_apply_market(&shard.lanes[event.instrument], event, shard.now_ns)
    shard.messages += event.flags & FLAG_LAST != 0


cdef void shard_apply_rest(ShardState* shard, const Event* event) noexcept nogil:
    shard.shared.events += 1
    lane_apply_market(&shard.lanes[event.instrument], event, shard.now_ns)
    shard.messages += event.flags & FLAG_LAST != 0


cdef uint64_t shard_hash(const ShardState* shard) noexcept nogil:
    cdef uint64_t digest = hash_mix(shard.shared.events, <uint64_t>shard.now_ns)
    cdef int i
    digest = hash_mix(digest, ledger_hash(shard.shared.ledger))
    digest = hash_mix(digest, shard.messages)
    digest = hash_mix(digest, shard.reports)
    # What the breaker admits, and from when on it may let probes through; its windows of past results are left out.
    digest = hash_mix(digest, breaker_read_word(&shard.shared.breaker.word))
    digest = hash_mix(digest, <uint64_t>breaker_get(&shard.shared.breaker.reopen_ns))
    for i in range(shard.lane_count):
        digest = hash_mix(digest, lane_hash(&shard.lanes[i]))
        digest = money_hash(digest, shard.positions[i].realised)
    return digest


cdef void _publish_lane(ShardState* shard, const Lane* lane, int at) noexcept nogil:
    cdef uint64_t score_bits
    cdef money_t equity
    cdef int unvalued = 0
    equity = ledger_equity(shard.shared.ledger, shard.positions, shard.specs, shard.marks_ticks, shard.lane_count,
                           lane.spec.settle_asset, &unvalued)
    memcpy(&score_bits, &lane.decision.score, sizeof(double))
    view_set(shard.view, at, <uint64_t>lane.top.bid_price_ticks[0])
    view_set(shard.view, at + 1, <uint64_t>lane.top.bid_qty_lots[0])
    view_set(shard.view, at + 2, <uint64_t>lane.top.ask_price_ticks[0])
    view_set(shard.view, at + 3, <uint64_t>lane.top.ask_qty_lots[0])
    view_set(shard.view, at + 4, <uint64_t>lane.position.lots)
    view_set(shard.view, at + 5, <uint64_t>lane.orders.count)
    view_set(shard.view, at + 6, score_bits)
    view_set(shard.view, at + 7, money_low(equity))
    view_set(shard.view, at + 8, <uint64_t>money_high(equity))
    view_set(shard.view, at + 9, <uint64_t>lane.last_price_ticks)
    view_set(shard.view, at + 10, lane.counters.intents)
    view_set(shard.view, at + 11, lane.counters.fills)
    view_set(shard.view, at + 12, lane.counters.refusals)
    view_set(shard.view, at + 13, <uint64_t>lane.source)
    view_set(shard.view, at + 14, lane.needs_snapshot)
    view_set(shard.view, at + 15, lane.risk.latches)


cdef void shard_publish(ShardState* shard) noexcept nogil:
    cdef uint64_t closed_gates = 0, unknown_orders = 0
    cdef int i
    for i in range(shard.lane_count):
        shard.marks_ticks[i] = lane_mark_ticks(&shard.lanes[i])
        closed_gates |= <uint64_t>(shard.lanes[i].gate != 0) << i
        unknown_orders += <uint64_t>(shard.lanes[i].risk.unknown_orders[0] + shard.lanes[i].risk.unknown_orders[1])
    view_begin(shard.view)
    view_set(shard.view, 0, <uint64_t>shard.now_ns)
    view_set(shard.view, 1, shard.shared.events)
    view_set(shard.view, 2, shard.messages)
    view_set(shard.view, 3, breaker_read_word(&shard.shared.breaker.word))
    view_set(shard.view, 4, <uint64_t>shard.shared.journal_errno)
    view_set(shard.view, 5, shard.shared.is_stopping)
    view_set(shard.view, 6, shard.clock_backs)
    view_set(shard.view, 7, shard.clock_jumps)
    view_set(shard.view, 8, shard.controls)
    view_set(shard.view, 9, closed_gates)
    view_set(shard.view, 10, unknown_orders)
    view_set(shard.view, 11, shard.reports)
    for i in range(shard.lane_count):
        _publish_lane(shard, &shard.lanes[i], VIEW_HEAD_WORDS + i * VIEW_LANE_WORDS)
    view_end(shard.view)
