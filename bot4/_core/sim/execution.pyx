# cython: language_level=3
"""Execution of orders (contract in execution.pxd).

Last prices that one taker makes move in one direction, so its first and its last trade are enough to know what was
reached: waiting orders are asked after the taker is done, first with the first price, then with the last. What triggers
is queued and executed one by one, each after the one before it has come to its end.

Not seen from Python: requests call it.
"""

from libc.stdint cimport int64_t, uint32_t

from bot4._core.account.money cimport money_mul, money_mul_fits
from bot4._core.book.conditional cimport (
    conditional_add, conditional_count, conditional_follow, conditional_next, stop_is_reached,
)
from bot4._core.book.matching cimport (
    MATCH_TRADE, MAX_ORDER_LOTS, STP_TRANSFER, MatchStep, l3_best, l3_has_room, l3_plan, l3_rest, matching_next,
    taker_limit_key,
)
from bot4._core.book.order_index cimport NO_SLOT
from bot4._core.sim.average_price cimport average_ticks, average_trade
from bot4._core.sim.exchange_fees cimport FeeCharge
from bot4._core.sim.exchange_reports cimport report_order
from bot4._core.sim.exchange_state cimport (
    PLACE_BOOK, PLACE_CONDITIONAL, PLACE_NOWHERE, ExchangeReport, SymbolState, left_lots,
)
from bot4._core.sim.exchange_types cimport (
    EXECUTION_EXPIRED, EXECUTION_NEW, EXECUTION_TRADE, EXECUTION_TRADE_PREVENTION, REASON_EXCHANGE_CANCELED,
    REASON_EXECUTION_RULE_PRICE_RANGE_EXCEEDED, REASON_INSUFFICIENT_LIQUIDITY, REASON_NONE,
    REASON_UNFILLED_FOK_ORDER_EXPIRED, REASON_UNFILLED_IOC_QUANTITY_EXPIRED, STATUS_EXPIRED, STATUS_EXPIRED_IN_MATCH,
    STATUS_FILLED, STATUS_NEW, STATUS_PARTIALLY_FILLED, TIME_FOK, TIME_IOC, TYPE_LIMIT_MAKER, TYPE_MARKET,
    TYPE_STOP_LOSS, VERDICT_INSUFFICIENT_BALANCE, VERDICT_LIQUIDITY_BELOW_LOT, VERDICT_OK, VERDICT_WOULD_MATCH,
    VERDICT_WOULD_TRIGGER,
)
from bot4._core.sim.margin_orders cimport (
    algo_triggering, bound_market, bound_taker, look_for_guarded, margin_after_trade, margin_fund,
)
from bot4._core.sim.order_life cimport note_left, waits_upwards
from bot4._core.sim.order_lists cimport finish_reported, finish_order, list_leg_started, queue_push
from bot4._core.sim.settlement cimport lock_exactly, lock_need, quote_of, settle_side, transfer_side
from bot4._core.types cimport SIDE_BUY, money_t


cdef int64_t reference_price(ExchangeState* state, int symbol) noexcept nogil:
    cdef SymbolState* traded = &state.symbols[symbol]
    cdef int64_t average
    if traded.reference_ticks != 0:
        return traded.reference_ticks
    average = average_ticks(&traded.average, state.now_ns)
    return average if average != 0 else traded.last_ticks


cdef bint would_take(const ExchangeState* state, int symbol, int side, int64_t price_ticks) noexcept nogil:
    cdef int64_t best = l3_best(&state.symbols[symbol].book, 1 - side)
    return best != 0 and (price_ticks >= best if side == SIDE_BUY else price_ticks <= best)


cdef void taker_of(const ExchangeState* state, const ExchangeOrder* order, Taker* taker) noexcept nogil:
    taker.open_lots = left_lots(order)
    taker.limit_key = taker_limit_key(order.side, order.price_ticks)
    taker.account = order.account
    taker.trade_group = state.accounts[order.account].trade_group
    taker.side = order.side
    taker.stp = order.stp


cdef bint _keep_in_range(ExchangeState* state, const ExchangeOrder* order, Taker* taker) noexcept nogil:
    """Apply the price range execution rule to a taker; true where it is what bounds the taker."""
    cdef SymbolState* symbol = &state.symbols[order.symbol]
    cdef int64_t ppm = symbol.extra.range_up_ppm if order.side == SIDE_BUY else symbol.extra.range_down_ppm
    if symbol.perpetual != NULL:
        return bound_market(symbol, order, taker)
    return ppm != 0 and bound_taker(order.side, reference_price(state, order.symbol), ppm, taker)


cdef int fund_market(ExchangeState* state, ExchangeOrder* order, FillPlan* plan) noexcept nogil:
    """A market order locks what it will pay: its base, or the quote amount of the fills that the book holds for it."""
    cdef SymbolState* symbol = &state.symbols[order.symbol]
    cdef Taker taker
    cdef money_t budget = 0, need
    cdef int64_t lots
    cdef bint by_quote = order.quote_atoms != 0 and order.orig_lots == 0
    taker_of(state, order, &taker)
    _keep_in_range(state, order, &taker)
    if by_quote:
        taker.open_lots = MAX_ORDER_LOTS
        budget = order.quote_atoms // symbol.quote_atoms_per_ticklot
        if budget == 0:
            return VERDICT_LIQUIDITY_BELOW_LOT
    l3_plan(&symbol.book, &taker, budget, max(symbol.filters.qty_step_lots, 1) if by_quote else 1, plan)
    if by_quote:
        # What prevention takes from the taker is part of its quantity.
        lots = plan.lots + (0 if plan.prevented_lots >= MAX_ORDER_LOTS - plan.lots else plan.prevented_lots)
        if lots < max(symbol.filters.min_qty_lots, 1):
            return VERDICT_LIQUIDITY_BELOW_LOT
        order.orig_lots = lots
        order.is_exhausted = plan.is_exhausted
        note_left(state, order, lots)
    if order.side == SIDE_BUY:
        order.lock_ticks = 0
        if not money_mul_fits(plan.ticklots, symbol.quote_atoms_per_ticklot):
            return VERDICT_INSUFFICIENT_BALANCE
        need = money_mul(plan.ticklots, symbol.quote_atoms_per_ticklot)
    else:
        need = lock_need(symbol, order, order.orig_lots)
    return VERDICT_OK if lock_exactly(state, order, need) else VERDICT_INSUFFICIENT_BALANCE


cdef void _trade(ExchangeState* state, ExchangeOrder* taker, uint32_t maker_slot, const MatchStep* step) noexcept nogil:
    """Settle and report one trade of both sides; closes a maker that is filled."""
    cdef SymbolState* symbol = &state.symbols[taker.symbol]
    cdef ExchangeOrder* maker = &state.orders[maker_slot]
    cdef ExchangeOrder* order
    cdef ExchangeOrder* other
    cdef ExchangeReport* report
    cdef FeeCharge charge
    cdef money_t quote_atoms = quote_of(symbol, step.price_ticks, step.lots)
    cdef int is_maker
    symbol.trade_count += 1
    for is_maker in range(2):
        order = maker if is_maker else taker
        other = taker if is_maker else maker
        order.executed_lots += step.lots
        order.updated_ns = state.now_ns
        note_left(state, order, -step.lots)
        order.status = STATUS_PARTIALLY_FILLED if left_lots(order) != 0 else STATUS_FILLED
        settle_side(state, order, step.lots, quote_atoms, is_maker, &charge)
        report = report_order(state, order, EXECUTION_TRADE, REASON_NONE)
        report.trade_id = symbol.trade_count
        report.last_lots = step.lots
        report.last_price_ticks = step.price_ticks
        report.last_quote_atoms = quote_atoms
        report.fee_atoms = charge.atoms
        report.free_atoms = charge.realised_atoms
        report.asset = charge.asset
        report.is_maker = is_maker
        report.counterparty_order_id = other.order_id
        report.counterparty_account = other.account
    average_trade(&symbol.average, state.now_ns, step.price_ticks, step.lots)
    symbol.last_ticks = step.price_ticks
    if symbol.perpetual != NULL:
        margin_after_trade(state, taker, maker)
    if maker.status == STATUS_FILLED:
        finish_reported(state, maker_slot)


cdef void _report_prevention(
    ExchangeState* state, ExchangeOrder* order, const ExchangeOrder* other, int64_t lots, money_t quote_atoms,
    bint is_maker
) noexcept nogil:
    """Take prevented lots off an order and tell; with `quote_atoms` they change hands."""
    cdef ExchangeReport* report
    cdef SymbolState* symbol = &state.symbols[order.symbol]
    order.prevented_lots += lots
    order.updated_ns = state.now_ns
    note_left(state, order, -lots)
    if left_lots(order) == 0:
        order.status = STATUS_EXPIRED_IN_MATCH
    if quote_atoms != 0:
        transfer_side(state, order, lots, quote_atoms)
    if order.lock_ticks != 0 or order.side != SIDE_BUY:
        lock_exactly(state, order, lock_need(symbol, order, left_lots(order)))
    report = report_order(state, order, EXECUTION_TRADE_PREVENTION, REASON_NONE)
    report.trade_id = symbol.prevention_count
    report.last_lots = lots
    report.last_quote_atoms = quote_atoms
    report.last_price_ticks = other.price_ticks if not is_maker else order.price_ticks
    report.is_maker = is_maker
    report.counterparty_order_id = other.order_id
    report.counterparty_account = other.account


cdef void _prevent(
    ExchangeState* state, ExchangeOrder* taker, uint32_t maker_slot, const MatchStep* step
) noexcept nogil:
    cdef ExchangeOrder* maker = &state.orders[maker_slot]
    cdef money_t quote_atoms = 0
    if taker.stp == STP_TRANSFER and maker.stp == STP_TRANSFER and taker.account != maker.account:
        quote_atoms = quote_of(&state.symbols[taker.symbol], step.price_ticks, step.taker_prevented_lots)
    state.symbols[taker.symbol].prevention_count += 1
    if step.taker_prevented_lots != 0:
        _report_prevention(state, taker, maker, step.taker_prevented_lots, quote_atoms, False)
    if step.maker_prevented_lots != 0:
        list_leg_started(state, maker_slot)
        _report_prevention(state, maker, taker, step.maker_prevented_lots, quote_atoms, True)


cdef void _look_for_triggers(ExchangeState* state, int symbol, int64_t price_ticks) noexcept nogil:
    """Queue every order that waits for this price."""
    cdef SymbolState* traded = &state.symbols[symbol]
    cdef ExchangeOrder* order
    cdef uint32_t slot
    if conditional_count(&traded.waiting) != 0:
        conditional_follow(&traded.waiting, price_ticks)
    while conditional_count(&traded.waiting) != 0:
        slot = conditional_next(&traded.waiting, price_ticks)
        if slot == NO_SLOT:
            break
        order = &state.orders[slot]
        if order.is_algo:
            algo_triggering(state, slot)
            continue
        order.place = PLACE_NOWHERE
        order.working_ns = order.updated_ns = state.now_ns
        list_leg_started(state, slot)
        report_order(state, order, EXECUTION_NEW, REASON_NONE)
        queue_push(state, slot)
    if traded.perpetual != NULL:
        look_for_guarded(state, symbol, price_ticks)


cdef int _reason_of_rest(const ExchangeState* state, const ExchangeOrder* order, bint out_of_range) noexcept nogil:
    """Why what is left of an order may not rest; REASON_NONE: it may."""
    if out_of_range and order.tif != TIME_IOC:
        return REASON_EXECUTION_RULE_PRICE_RANGE_EXCEEDED
    if order.price_ticks == 0:
        return REASON_INSUFFICIENT_LIQUIDITY
    if order.tif == TIME_IOC:
        return REASON_UNFILLED_IOC_QUANTITY_EXPIRED
    if order.tif == TIME_FOK:
        return REASON_UNFILLED_FOK_ORDER_EXPIRED
    if not l3_has_room(&state.symbols[order.symbol].book, order.side, order.price_ticks):
        return REASON_EXCHANGE_CANCELED
    return REASON_NONE


cdef void _end_of_taker(ExchangeState* state, uint32_t slot, bint out_of_range) noexcept nogil:
    """Rest, expire or close an order that has taken what there was."""
    cdef ExchangeOrder* order = &state.orders[slot]
    cdef int reason
    if order.status in (STATUS_FILLED, STATUS_EXPIRED_IN_MATCH):
        if order.status == STATUS_FILLED and order.is_exhausted:
            finish_order(state, slot, EXECUTION_EXPIRED, STATUS_EXPIRED, REASON_INSUFFICIENT_LIQUIDITY)
        else:
            finish_reported(state, slot)
        return
    reason = _reason_of_rest(state, order, out_of_range)
    if reason != REASON_NONE:
        finish_order(state, slot, EXECUTION_EXPIRED, STATUS_EXPIRED, reason)
        return
    state.pool.orders[slot].open_lots = left_lots(order)
    state.pool.orders[slot].price_ticks = order.price_ticks
    l3_rest(&state.symbols[order.symbol].book, slot)
    order.place = PLACE_BOOK


cdef void execute(ExchangeState* state, uint32_t slot) noexcept nogil:
    cdef ExchangeOrder* order = &state.orders[slot]
    cdef SymbolState* symbol = &state.symbols[order.symbol]
    cdef int traded = order.symbol
    cdef int64_t first_ticks = 0, last_ticks = 0
    cdef Taker taker
    cdef FillPlan plan
    cdef MatchStep step
    cdef bint bounded, out_of_range = False
    cdef int64_t own_key
    taker_of(state, order, &taker)
    own_key = taker.limit_key
    bounded = _keep_in_range(state, order, &taker)
    if order.tif == TIME_FOK:
        l3_plan(&symbol.book, &taker, 0, 1, &plan)
        if plan.lots != taker.open_lots:
            finish_order(state, slot, EXECUTION_EXPIRED, STATUS_EXPIRED, REASON_UNFILLED_FOK_ORDER_EXPIRED)
            return
    while matching_next(&symbol.book, &taker, &step):
        if state.pool.orders[step.maker].open_lots == 0:
            state.orders[step.maker].place = PLACE_NOWHERE
        if step.kind == MATCH_TRADE:
            list_leg_started(state, step.maker)
            _trade(state, order, step.maker, &step)
            last_ticks = step.price_ticks
            if first_ticks == 0:
                first_ticks = last_ticks
        else:
            _prevent(state, order, step.maker, &step)
            if state.orders[step.maker].status == STATUS_EXPIRED_IN_MATCH and step.maker_prevented_lots != 0:
                finish_reported(state, step.maker)
    if bounded and taker.open_lots != 0:
        out_of_range = symbol.book.sides[1 - order.side].best_key >= own_key
    _end_of_taker(state, slot, out_of_range)
    if last_ticks != 0:
        _look_for_triggers(state, traded, first_ticks)
        if last_ticks != first_ticks:
            _look_for_triggers(state, traded, last_ticks)


cdef int check_entry(const ExchangeState* state, ExchangeOrder* order) noexcept nogil:
    """Before the first trade no stop is reached, whatever its price."""
    cdef const SymbolState* symbol = &state.symbols[order.symbol]
    if order.type == TYPE_LIMIT_MAKER:
        return VERDICT_WOULD_MATCH if would_take(state, order.symbol, order.side, order.price_ticks) else VERDICT_OK
    if order.type < TYPE_STOP_LOSS:
        return VERDICT_OK
    if order.lock_ticks == 0:
        # Trailing without a stop price: what this leaves out is asked for when it triggers.
        order.lock_ticks = symbol.last_ticks
    if symbol.last_ticks != 0 and order.stop_ticks != 0 and stop_is_reached(
        waits_upwards(order), order.stop_ticks, symbol.last_ticks
    ):
        return VERDICT_WOULD_TRIGGER
    return VERDICT_OK


cdef int fund_order(ExchangeState* state, ExchangeOrder* order) noexcept nogil:
    cdef FillPlan plan
    if state.symbols[order.symbol].perpetual != NULL:
        return margin_fund(state, order)
    if order.type == TYPE_MARKET:
        return fund_market(state, order, &plan)
    if not lock_exactly(state, order, lock_need(&state.symbols[order.symbol], order, left_lots(order))):
        return VERDICT_INSUFFICIENT_BALANCE
    return VERDICT_OK


cdef void start_order(ExchangeState* state, uint32_t slot) noexcept nogil:
    cdef ExchangeOrder* order = &state.orders[slot]
    cdef SymbolState* symbol = &state.symbols[order.symbol]
    order.status = STATUS_NEW
    if order.type < TYPE_STOP_LOSS:
        order.working_ns = state.now_ns
        report_order(state, order, EXECUTION_NEW, REASON_NONE)
        execute(state, slot)
        return
    report_order(state, order, EXECUTION_NEW, REASON_NONE)
    order.place = PLACE_CONDITIONAL
    conditional_add(
        &symbol.waiting, slot, order.order_id, waits_upwards(order), order.side == SIDE_BUY, order.stop_ticks,
        order.trailing_bips, symbol.last_ticks,
    )
