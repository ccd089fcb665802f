# cython: language_level=3
"""The reasoned policy: one pass from features to an order that can say why.

What it knows is outlook.pyx's to keep. The decision, exits first:

1. A stop, the longest time or a target closes (stops.pyx); so does a score against the position.
2. A working order is left, or cancelled where it is old or the score turned.
3. An entry needs a score at or above ``enter_score``, and everything the gate asks for (gate.pyx), at the size that
   sizing.pyx leaves. Costs that grow with the size are taken at the size without them, which is never smaller.

Whatever it answers, `reasons` holds the arithmetic. Nothing allocates; one owner thread.
"""

from libc.math cimport fabs, isnan, sqrt
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memset

from bot4._core.account.contract cimport ContractSpec
from bot4._core.account.positions cimport Position, position_entry_ticks
from bot4._core.brain.blend cimport Blend
from bot4._core.brain.edge cimport Edge, edge_read
from bot4._core.brain.gate cimport (
    ENTRY_DIRECTION, ENTRY_DRAWDOWN, ENTRY_NO_EQUITY, ENTRY_PASS, ENTRY_SIZE, ENTRY_VALUE, REASONS_VERSION, Reasons,
    gate_costs, gate_signal, gate_value,
)
from bot4._core.brain.portfolio cimport portfolio_surroundings
from bot4._core.brain.sizing cimport Size, Surroundings, lots_down, size_lots, size_position, size_ppm
from bot4._core.brain.stops cimport (
    GUARD_STOP, GUARD_TARGET, GUARD_TIME, guard_apply, guard_check, guard_distance,
)
from bot4._core.engine.decide cimport (
    DECIDE_BUSY, DECIDE_CANCEL, DECIDE_COOLDOWN, DECIDE_HOLD, DECIDE_NO_TOUCH, DECIDE_ORDER, DECIDE_TOO_SMALL,
    DECIDE_WARMING, REASON_ENTER, REASON_EXIT, REASON_STOP, REASON_TARGET, REASON_TIME, decide_working,
    is_large_enough, price_on_step,
)
from bot4._core.types cimport (
    ACTION_CANCEL, ACTION_PLACE, INTENT_POST_ONLY, INTENT_REDUCE_ONLY, ORDER_LIMIT, SIDE_BUY, SIDE_SELL, TIF_GTC,
    TIF_IOC, OrderIntent, TopOfBook, money_high, money_low, money_t,
)

cdef int64_t PPM = 1_000_000
# A position that is to grow by less than this share of its size is left as it is.
cdef int64_t ADD_MIN_PPM = 250_000


# -- the record --------------------------------------------------------------------------------------------------------

cdef void _note(
    Reasoned* reasoned, const ContractSpec* spec, const TopOfBook* top, int side, int64_t now_ns
) noexcept nogil:
    """Begin the record: what is known whatever is decided."""
    cdef Reasons* out = &reasoned.reasons
    cdef const Blend* view = &reasoned.view
    cdef int i
    memset(out, 0, sizeof(Reasons))
    out.version = REASONS_VERSION
    out.ts_ns = now_ns
    out.instrument = reasoned.lane
    out.side = side
    out.regime = reasoned.regime_now
    out.score = view.score
    out.confidence = view.confidence
    out.coverage = view.coverage
    out.agreement = view.agreement
    out.timeframes = view.timeframes
    for i in range(6):
        out.scores[i] = view.scores[i]
        out.age_ns[i] = view.age_ns[i]
        out.share_ppm[i] = <int32_t>view.share_ppm[i]
    for i in range(4):
        out.alphas[i] = view.alphas[i]
    out.used = view.used
    out.stale = view.stale
    out.missing = view.missing
    out.confirmed_bars = view.confirmed_bars
    out.trend_t = reasoned.regime.trend_t
    out.stress = reasoned.regime.stress
    out.horizon_ns = reasoned.edge_rules.horizon_ns
    out.bid_ticks = top.bid_price_ticks[0]
    out.ask_ticks = top.ask_price_ticks[0]
    out.atr_ticks = reasoned.atr_ticks
    out.tick_mantissa, out.tick_decimals = spec.tick_mantissa, spec.tick_decimals
    out.lot_mantissa, out.lot_decimals = spec.lot_mantissa, spec.lot_decimals
    out.contract_size, out.contract_kind = spec.contract_size, spec.kind
    out.settle_decimals = spec.settle_decimals
    memcpy(&out.symbol[0], &reasoned.symbol[0], sizeof(reasoned.symbol))
    out.equity_low = money_low(reasoned.portfolio.holdings[reasoned.lane].equity_atoms)
    out.equity_high = money_high(reasoned.portfolio.holdings[reasoned.lane].equity_atoms)


cdef int _refused(Reasoned* reasoned, int verdict, int64_t now_ns) noexcept nogil:
    """Count an entry that is not asked for; one of a reason is journalled in each interval, and each new reason."""
    reasoned.verdicts[verdict] += 1
    reasoned.reasons.verdict = verdict
    if verdict == reasoned.record_verdict and now_ns < reasoned.record_next_ns:
        reasoned.repeats += 1
        return DECIDE_HOLD
    reasoned.reasons.repeats = reasoned.repeats
    reasoned.repeats = 0
    reasoned.record_verdict = verdict
    reasoned.record_next_ns = now_ns + reasoned.record_interval_ns
    reasoned.is_recorded = True
    return DECIDE_HOLD


# -- exits -------------------------------------------------------------------------------------------------------------

cdef inline int64_t _limit_ticks(const Policy* policy, const TopOfBook* top, bint is_buy, bint is_taker) noexcept nogil:
    """A taker's limit lies beyond the touch, which bounds what a moving book can do; a maker's on it."""
    cdef int64_t bid = top.bid_price_ticks[0], ask = top.ask_price_ticks[0], ticks
    if is_taker:
        ticks = ask + ask * policy.take_slippage_ppm // PPM if is_buy else bid - bid * policy.take_slippage_ppm // PPM
    else:
        ticks = bid if is_buy else ask
    return price_on_step(ticks, policy.price_step_ticks, is_buy == is_taker)


cdef void _fill_intent(
    OrderIntent* out, int side, bint is_taker, int flags, int reason, int64_t price_ticks, int64_t qty_lots,
    double score, int64_t now_ns
) noexcept nogil:
    memset(out, 0, sizeof(OrderIntent))
    out.action = ACTION_PLACE
    out.side = side
    out.type = ORDER_LIMIT
    out.tif = TIF_IOC if is_taker else TIF_GTC
    out.flags = flags | (0 if is_taker else INTENT_POST_ONLY)
    out.reason = reason
    out.price_ticks = price_ticks
    out.qty_lots = qty_lots
    out.ts_ns = now_ns
    out.score = score


cdef int _leave(
    Reasoned* reasoned, const Policy* policy, const TopOfBook* top, const Exposure* exposure,
    const ContractSpec* spec, int reason, int64_t close_lots, int64_t now_ns, OrderIntent* out
) noexcept nogil:
    """Close lots at once. An entry that still works is cancelled first, and not waited for."""
    cdef int side = SIDE_SELL if exposure.position_lots > 0 else SIDE_BUY
    cdef int64_t price_ticks, qty_lots
    if exposure.working_id != 0:
        if exposure.working_side == side:
            return DECIDE_BUSY                        # an exit is under way: a second one could turn the position
        if not exposure.cancel_pending:
            memset(out, 0, sizeof(OrderIntent))
            out.action = ACTION_CANCEL
            out.order_id = exposure.working_id
            out.side = exposure.working_side
            out.reason = reason
            out.ts_ns = now_ns
            out.score = reasoned.view.score
            return DECIDE_CANCEL
    price_ticks = _limit_ticks(policy, top, side == SIDE_BUY, True)
    qty_lots = lots_down(min(close_lots, policy.qty_max_lots), policy.qty_step_lots)
    if price_ticks <= 0 or not is_large_enough(policy, qty_lots, price_ticks):
        return DECIDE_TOO_SMALL
    _note(reasoned, spec, top, side, now_ns)
    reasoned.reasons.price_ticks = price_ticks
    reasoned.reasons.qty_lots = qty_lots
    reasoned.reasons.stop_ticks = reasoned.guard.stop_ticks
    _fill_intent(out, side, True, INTENT_REDUCE_ONLY, reason, price_ticks, qty_lots, reasoned.view.score, now_ns)
    reasoned.has_reasons = True
    return DECIDE_ORDER


cdef int _exit_reason(
    Reasoned* reasoned, const Policy* policy, const TopOfBook* top, const Exposure* exposure, int64_t now_ns,
    int64_t* close_lots
) noexcept nogil:
    """DecisionReason of an exit that is due, 0 for none."""
    cdef int64_t held = exposure.position_lots
    cdef double against = -reasoned.view.score if held > 0 else reasoned.view.score
    cdef int verdict = guard_check(
        &reasoned.guard_rules, &reasoned.guard, top.bid_price_ticks[0] if held > 0 else top.ask_price_ticks[0],
        reasoned.atr_ticks, now_ns, close_lots)
    if verdict == GUARD_STOP:
        return REASON_STOP
    if verdict == GUARD_TIME:
        return REASON_TIME
    if held != 0 and against >= policy.exit_score:
        close_lots[0] = held if held > 0 else -held
        return REASON_EXIT
    return REASON_TARGET if verdict == GUARD_TARGET else 0


# -- entries -----------------------------------------------------------------------------------------------------------

cdef int64_t _budget_lots(int64_t wanted, const Policy* policy, int64_t held_lots, int64_t price_ticks) noexcept nogil:
    """No more than the policy's own limits of an order and of a position."""
    cdef money_t order_lots = policy.order_lots if policy.order_lots > 0 else policy.order_ticklots // price_ticks
    cdef money_t position_lots = (
        policy.position_lots if policy.position_lots > 0 else policy.position_ticklots // price_ticks)
    if order_lots < wanted:
        wanted = <int64_t>order_lots
    if position_lots - held_lots < wanted:
        wanted = <int64_t>position_lots - held_lots
    return wanted if wanted > 0 else 0


cdef int64_t _wanted_lots(
    Reasoned* reasoned, const Policy* policy, const ContractSpec* spec, double mean, double error, double deviation,
    int side, int64_t held_lots, int64_t price_ticks
) noexcept nogil:
    """Lots to add for this expected return, on the venue's step; the bounds go into the record."""
    cdef Reasons* out = &reasoned.reasons
    cdef money_t equity = reasoned.portfolio.holdings[reasoned.lane].equity_atoms
    cdef Surroundings others
    cdef Size size
    cdef int64_t distance = guard_distance(&reasoned.guard_rules, price_ticks, reasoned.atr_ticks), add_ppm
    cdef int i
    portfolio_surroundings(reasoned.portfolio, reasoned.lane, 1 if side == SIDE_BUY else -1, &others)
    size_position(&reasoned.size_rules, mean, error, deviation, distance * PPM // price_ticks + 1, &others, &size)
    for i in range(8):
        out.caps_ppm[i] = <int32_t>min(size.caps_ppm[i], 0x7FFFFFFF)
    out.size_ppm = <int32_t>min(size.ppm, 0x7FFFFFFF)
    out.bound = size.bound
    out.held_ppm = size_ppm(spec, equity, held_lots, price_ticks)
    out.stop_ticks = price_ticks - distance if side == SIDE_BUY else price_ticks + distance
    add_ppm = size.ppm - out.held_ppm
    if add_ppm <= 0 or add_ppm < size.ppm * ADD_MIN_PPM // PPM:
        return 0
    return lots_down(
        min(_budget_lots(size_lots(spec, equity, add_ppm, price_ticks), policy, held_lots, price_ticks),
            policy.qty_max_lots),
        policy.qty_step_lots)


cdef int _enter(
    Reasoned* reasoned, const Policy* policy, const TopOfBook* top, const ContractSpec* spec, int64_t held_lots,
    int64_t now_ns, OrderIntent* out
) noexcept nogil:
    cdef Reasons* why = &reasoned.reasons
    cdef double score = reasoned.view.score, mean, error, deviation
    cdef int side = SIDE_BUY if score > 0.0 else SIDE_SELL, verdict
    cdef bint is_taker = fabs(score) >= policy.take_score
    cdef int64_t price_ticks = _limit_ticks(policy, top, side == SIDE_BUY, is_taker), qty_lots
    cdef Edge edge
    edge_read(&reasoned.edge_rules, &reasoned.edge, &edge)
    # The larger of what the score left unexplained and what bars moved: a short memory must not make a market look calm.
    deviation = reasoned.bar_deviation * sqrt(
        <double>reasoned.edge_rules.horizon_ns / <double>max(1, reasoned.bar_ns))
    deviation = max(deviation, edge.deviation)
    mean = edge.slope * fabs(score)
    error = edge.error * fabs(score)
    why.is_maker = not is_taker
    why.samples = edge.samples
    why.deviation = deviation
    why.price_ticks = price_ticks
    if reasoned.portfolio.holdings[reasoned.lane].equity_atoms <= 0:
        return _refused(reasoned, ENTRY_NO_EQUITY, now_ns)
    if reasoned.portfolio.is_latched:
        return _refused(reasoned, ENTRY_DRAWDOWN, now_ns)
    if side == SIDE_SELL and not policy.short_allowed:
        return _refused(reasoned, ENTRY_DIRECTION, now_ns)
    verdict = gate_signal(&reasoned.gate_rules, why)
    # The arithmetic is complete in a refusal, too. First at one lot, then at the lots that come of it.
    qty_lots = policy.qty_min_lots
    gate_costs(&reasoned.gate_rules, spec, top, side, not is_taker, qty_lots, reasoned.bar_deviation,
               reasoned.volume_lots, now_ns, reasoned.funding_rate_ppb, reasoned.funding_next_ns, why)
    gate_value(&reasoned.gate_rules, mean, error, why)
    qty_lots = _wanted_lots(reasoned, policy, spec, <double>why.value_ppb * 1e-9, error, deviation, side, held_lots,
                            price_ticks)
    if qty_lots > 0:
        gate_costs(&reasoned.gate_rules, spec, top, side, not is_taker, qty_lots, reasoned.bar_deviation,
                   reasoned.volume_lots, now_ns, reasoned.funding_rate_ppb, reasoned.funding_next_ns, why)
        if gate_value(&reasoned.gate_rules, mean, error, why):
            qty_lots = _wanted_lots(reasoned, policy, spec, <double>why.value_ppb * 1e-9, error, deviation, side,
                                    held_lots, price_ticks)
    why.qty_lots = qty_lots
    if verdict != ENTRY_PASS:
        return _refused(reasoned, verdict, now_ns)
    if why.value_ppb <= why.needed_ppb:
        return _refused(reasoned, ENTRY_VALUE, now_ns)
    if price_ticks <= 0 or not is_large_enough(policy, qty_lots, price_ticks):
        if held_lots > 0 and why.held_ppm * 2 > why.size_ppm:
            return DECIDE_HOLD                        # it is held already: nothing was refused
        return _refused(reasoned, ENTRY_SIZE, now_ns)
    reasoned.verdicts[ENTRY_PASS] += 1
    _fill_intent(out, side, is_taker, 0, REASON_ENTER, price_ticks, qty_lots, score, now_ns)
    reasoned.has_reasons = True
    return DECIDE_ORDER


cdef int _decide(
    Reasoned* reasoned, const Policy* policy, DecisionState* state, const TopOfBook* top, const Exposure* exposure,
    const ContractSpec* spec, const Position* position, int64_t now_ns, OrderIntent* out
) noexcept nogil:
    cdef int64_t held = exposure.position_lots, close_lots = 0
    cdef int reason
    state.score = reasoned.view.score
    if top.bid_levels == 0 or top.ask_levels == 0:
        return DECIDE_NO_TOUCH
    if held != reasoned.guard.lots:
        guard_apply(&reasoned.guard_rules, &reasoned.guard, held, position_entry_ticks(position, spec),
                    reasoned.atr_ticks, now_ns)
    reason = _exit_reason(reasoned, policy, top, exposure, now_ns, &close_lots) if held != 0 else 0
    if reason != 0:
        return _leave(reasoned, policy, top, exposure, spec, reason, close_lots, now_ns, out)
    if isnan(state.score):
        return DECIDE_WARMING
    if exposure.working_id != 0:
        return decide_working(policy, state, exposure, now_ns, out)
    if fabs(state.score) < policy.enter_score or held * (1 if state.score > 0.0 else -1) < 0:
        return DECIDE_HOLD
    if state.has_traded and now_ns - state.last_intent_ns < policy.cooldown_ns:
        return DECIDE_COOLDOWN
    _note(reasoned, spec, top, SIDE_BUY if state.score > 0.0 else SIDE_SELL, now_ns)
    return _enter(reasoned, policy, top, spec, held if held > 0 else -held, now_ns, out)


cdef int reasoned_decide(
    Reasoned* reasoned, const Policy* policy, DecisionState* state, const TopOfBook* top, const Exposure* exposure,
    const ContractSpec* spec, const Position* position, int64_t now_ns, OrderIntent* out
) noexcept nogil:
    cdef int verdict
    reasoned.has_reasons = False
    reasoned.is_recorded = False
    verdict = _decide(reasoned, policy, state, top, exposure, spec, position, now_ns, out)
    state.verdicts[verdict] += 1
    return verdict
