# cython: language_level=3
"""Orders on perpetuals (contract in margin_orders.pxd).

A reduce-only order never has more left than its position has lots: it is cut when it comes, and again at every fill of
its account. So no fill of it can open anything, whichever of them comes first.

Not seen from Python: requests and matching call it.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t

from bot4._core.account.money cimport money_mul
from bot4._core.book.conditional cimport ConditionalBook, conditional_count, conditional_follow, conditional_next
from bot4._core.book.matching cimport (
    MAX_ORDER_TICKS, FillPlan, Taker, l3_plan, l3_reduce, taker_limit_key,
)
from bot4._core.book.order_index cimport NO_SLOT
from bot4._core.sim.exchange_reports cimport log_room
from bot4._core.sim.exchange_state cimport (
    PLACE_BOOK, PLACE_NOWHERE, SymbolState, holding_of, left_lots, open_orders_of,
)
from bot4._core.sim.exchange_types cimport (
    EXECUTION_CANCELED, EXECUTION_EXPIRED, ORDER_CLOSE_POSITION, ORDER_LONG, ORDER_MARK_PRICE, ORDER_PRICE_PROTECT, ORDER_REDUCE_ONLY,
    ORDER_SHORT, REASON_COUNTDOWN, REASON_NONE, REASON_REDUCE_ONLY, REQUEST_ALGO, REQUEST_PLACE, STATUS_CANCELED, STATUS_EXPIRED,
    TIME_GTC, TIME_GTD, TYPE_LIMIT, TYPE_LIMIT_MAKER, TYPE_MARKET, TYPE_STOP_LOSS, TYPE_STOP_LOSS_LIMIT,
    TYPE_TAKE_PROFIT, TYPE_TAKE_PROFIT_LIMIT, VERDICT_BAD_EXPIRY, VERDICT_BAD_FLAGS, VERDICT_BAD_ICEBERG,
    VERDICT_BAD_KIND, VERDICT_BAD_PRICE, VERDICT_BAD_QUANTITY, VERDICT_BAD_SIDE, VERDICT_BAD_STOP, VERDICT_BAD_STP,
    VERDICT_BAD_TIF, VERDICT_BAD_TYPE, VERDICT_INSUFFICIENT_MARGIN, VERDICT_MAX_POSITION_AT_LEVERAGE,
    VERDICT_NO_MARK, VERDICT_OK, VERDICT_POSITION_SIDE, VERDICT_REDUCE_ONLY, VERDICT_STP_NOT_ALLOWED,
)
from bot4._core.sim.margin cimport (
    MarginFigures, margin_available, margin_cap, margin_exposure, margin_figures, margin_initial, report_algo,
)
from bot4._core.sim.margin_state cimport (
    ALGO_CANCELED, ALGO_EXPIRED, ALGO_TRIGGERING, MAX_POSITION_LOTS, NEVER_NS, Holding, Perpetual, at_mark,
    leverage_of, position_of, whole,
)
from bot4._core.sim.order_life cimport close_order, note_left
from bot4._core.sim.order_lists cimport finish_order, queue_push
from bot4._core.sim.settlement cimport quote_of
from bot4._core.types cimport SIDE_BUY, money_t, mul_wide

cdef extern from *:
    """
    #define BOT4_MIN_CALLBACK_BIPS 1
    #define BOT4_MAX_CALLBACK_BIPS 1000
    """
    const int MIN_CALLBACK_BIPS "BOT4_MIN_CALLBACK_BIPS"
    const int MAX_CALLBACK_BIPS "BOT4_MAX_CALLBACK_BIPS"


cdef int _check_flags(const ExchangeState* state, const ExchangeRequest* request) noexcept nogil:
    cdef int flags = request.flags, known = ORDER_REDUCE_ONLY | ORDER_LONG | ORDER_SHORT
    cdef bint hedged = state.accounts[request.account].is_hedged
    if request.kind == REQUEST_ALGO:
        known |= ORDER_CLOSE_POSITION | ORDER_MARK_PRICE | ORDER_PRICE_PROTECT
    if flags & ~known or (flags & ORDER_LONG and flags & ORDER_SHORT):
        return VERDICT_BAD_FLAGS
    if hedged != (position_of(flags) != 0):
        return VERDICT_POSITION_SIDE
    if flags & ORDER_PRICE_PROTECT and request.trailing_bips != 0:
        return VERDICT_BAD_FLAGS
    if flags & ORDER_REDUCE_ONLY and (hedged or flags & ORDER_CLOSE_POSITION):
        return VERDICT_BAD_FLAGS
    if flags & ORDER_CLOSE_POSITION and (
        request.type not in (TYPE_STOP_LOSS, TYPE_TAKE_PROFIT) or request.trailing_bips != 0
        or (hedged and (request.side == SIDE_BUY) == (flags & ORDER_LONG != 0))
    ):
        return VERDICT_BAD_FLAGS
    return VERDICT_OK


cdef int _check_prices(const ExchangeRequest* request) noexcept nogil:
    if request.type in (TYPE_LIMIT, TYPE_LIMIT_MAKER, TYPE_STOP_LOSS_LIMIT, TYPE_TAKE_PROFIT_LIMIT):
        if not 0 < request.price_ticks <= MAX_ORDER_TICKS:
            return VERDICT_BAD_PRICE
    elif request.price_ticks != 0:
        return VERDICT_BAD_PRICE
    if not 0 <= request.stop_ticks <= MAX_ORDER_TICKS:
        return VERDICT_BAD_STOP
    if request.kind == REQUEST_PLACE:
        return VERDICT_BAD_STOP if request.stop_ticks != 0 or request.trailing_bips != 0 else VERDICT_OK
    if request.trailing_bips == 0:
        return VERDICT_BAD_STOP if request.stop_ticks == 0 else VERDICT_OK
    if request.type != TYPE_TAKE_PROFIT or not MIN_CALLBACK_BIPS <= request.trailing_bips <= MAX_CALLBACK_BIPS:
        return VERDICT_BAD_STOP
    return VERDICT_OK


cdef int check_margin_shape(const ExchangeState* state, const ExchangeRequest* request) noexcept nogil:
    """The account and the symbol's status are checked already."""
    cdef bint is_algo = request.kind == REQUEST_ALGO
    cdef bint is_market
    cdef int verdict
    if not is_algo and request.kind != REQUEST_PLACE:
        return VERDICT_BAD_KIND
    if request.side > 1:
        return VERDICT_BAD_SIDE
    if request.type > TYPE_TAKE_PROFIT_LIMIT or is_algo != (request.type >= TYPE_STOP_LOSS):
        return VERDICT_BAD_TYPE
    verdict = _check_flags(state, request)
    if verdict != VERDICT_OK:
        return verdict
    is_market = request.type in (TYPE_MARKET, TYPE_STOP_LOSS, TYPE_TAKE_PROFIT)
    if request.tif > TIME_GTD or (is_market and request.tif != TIME_GTC) or (
        request.type == TYPE_LIMIT_MAKER and request.tif not in (TIME_GTC, TIME_GTD)
    ):
        return VERDICT_BAD_TIF
    if (request.tif == TIME_GTD) != (request.expire_ns != 0) or (
        request.expire_ns != 0 and request.expire_ns <= state.now_ns
    ):
        return VERDICT_BAD_EXPIRY
    if request.stp > 7:
        return VERDICT_BAD_STP
    if not state.symbols[request.symbol].stp_allowed >> request.stp & 1:
        return VERDICT_STP_NOT_ALLOWED
    verdict = _check_prices(request)
    if verdict != VERDICT_OK:
        return verdict
    if request.iceberg_lots != 0:
        return VERDICT_BAD_ICEBERG
    if request.quote_atoms != 0 or (request.qty_lots == 0) != (request.flags & ORDER_CLOSE_POSITION != 0) or (
        not 0 <= request.qty_lots <= MAX_POSITION_LOTS
    ):
        return VERDICT_BAD_QUANTITY
    return VERDICT_NO_MARK if state.symbols[request.symbol].perpetual.mark_price == 0 else VERDICT_OK


cdef int64_t _records(const ExchangeState* state, int64_t orders, int64_t openings) noexcept nogil:
    """Bound on the records of one request, where each open order and these may open so many positions.

    A fill writes 2 and uses up a part or ends a taker; an order is told NEW, cut, ended and thrice as algo order, and
    its account's position and balance once: 14. A liquidation writes at most 24, and each ends a position that was
    open or that an order opened; an account is told of its margin at most 6 times.
    """
    cdef int64_t parts = orders, positions, i
    for i in range(state.symbol_count):
        if state.symbols[i].perpetual != NULL:
            orders += state.symbols[i].open_orders
            parts += state.symbols[i].open_parts
    positions = min(
        state.margin.open_positions + openings * orders, 2 * <int64_t>state.account_count * state.margin.perpetuals
    )
    return 2 * parts + 14 * orders + 24 * positions + 6 * <int64_t>state.account_count + 64


cdef int64_t margin_records(const ExchangeState* state, int64_t orders) noexcept nogil:
    return _records(state, orders, 1)


cdef int64_t margin_records_later(const ExchangeState* state, int64_t orders) noexcept nogil:
    return _records(state, orders, 2)


# ---- reduce-only

cdef int64_t reducible_lots(const ExchangeState* state, const ExchangeOrder* order) noexcept nogil:
    cdef int64_t lots = holding_of(state, order.account, order.symbol).positions[position_of(order.flags)].lots
    return whole(lots) if (lots < 0) == (order.side == SIDE_BUY) else 0


cdef void _trim(ExchangeState* state, int32_t account, int symbol) noexcept nogil:
    """Cut what is more than the position, end what has none; the cuts are told at the end of the request."""
    cdef uint32_t slot = open_orders_of(state, account, symbol).head, following
    cdef ExchangeOrder* order
    cdef int64_t room, over
    while slot != NO_SLOT:
        order = &state.orders[slot]
        following = order.next
        if order.flags & ORDER_REDUCE_ONLY and order.place == PLACE_BOOK:
            room = reducible_lots(state, order)
            over = left_lots(order) - room
            if room == 0:
                finish_order(state, slot, EXECUTION_EXPIRED, STATUS_EXPIRED, REASON_REDUCE_ONLY)
            elif over > 0:
                order.orig_lots -= over
                order.updated_ns = state.now_ns
                order.is_cut = True
                note_left(state, order, -over)
                l3_reduce(&state.symbols[symbol].book, slot, over)
        slot = following


cdef void margin_after_trade(
    ExchangeState* state, const ExchangeOrder* taker, const ExchangeOrder* maker
) noexcept nogil:
    if holding_of(state, taker.account, taker.symbol).reducing != 0:
        _trim(state, taker.account, taker.symbol)
    if maker.account != taker.account and holding_of(state, maker.account, maker.symbol).reducing != 0:
        _trim(state, maker.account, maker.symbol)


# ---- margin of an order

cdef bint bound_taker(int side, int64_t reference_ticks, int64_t ppm, Taker* taker) noexcept nogil:
    cdef int64_t bound, key
    if ppm == 0 or reference_ticks == 0:
        return False
    # Inside, so that price / reference is within the multiplier: down for a buy's ceiling, up for a sell's floor.
    if side == SIDE_BUY:
        bound = <int64_t>(money_mul(<money_t>reference_ticks, ppm) // 1000000)
    else:
        bound = <int64_t>((money_mul(<money_t>reference_ticks, ppm) + 999999) // 1000000)
    key = taker_limit_key(side, max(bound, 1))
    if key <= taker.limit_key:
        return False
    taker.limit_key = key
    return True


cdef bint bound_market(const SymbolState* symbol, const ExchangeOrder* order, Taker* taker) noexcept nogil:
    cdef int64_t ppm = symbol.extra.range_up_ppm if order.side == SIDE_BUY else symbol.extra.range_down_ppm
    return order.type == TYPE_MARKET and bound_taker(order.side, symbol.reference_ticks, ppm, taker)


cdef void _value(
    const ExchangeState* state, const ExchangeOrder* order, money_t* quote_atoms, money_t* marked
) noexcept nogil:
    """What an order asks for its lots, and what they are worth at the mark; of a market order what the book gives."""
    cdef const SymbolState* symbol = &state.symbols[order.symbol]
    cdef Taker taker
    cdef FillPlan plan
    if order.type != TYPE_MARKET:
        quote_atoms[0] = quote_of(symbol, order.price_ticks, left_lots(order))
        marked[0] = at_mark(symbol.perpetual, left_lots(order))
        return
    taker.open_lots = left_lots(order)
    taker.limit_key = taker_limit_key(order.side, 0)
    taker.account = order.account
    taker.trade_group = state.accounts[order.account].trade_group
    taker.side = order.side
    taker.stp = order.stp
    bound_market(symbol, order, &taker)
    l3_plan(&symbol.book, &taker, 0, 1, &plan)
    quote_atoms[0] = money_mul(plan.ticklots, symbol.quote_atoms_per_ticklot)
    marked[0] = at_mark(symbol.perpetual, plan.lots)


cdef int _fund_opening(const ExchangeState* state, const ExchangeOrder* order) noexcept nogil:
    """The order's own notional is among the open ones already, unless it is a market order."""
    cdef const SymbolState* symbol = &state.symbols[order.symbol]
    cdef const Holding* holding = holding_of(state, order.account, order.symbol)
    cdef bint buys = order.side == SIDE_BUY, at_market = order.type == TYPE_MARKET
    cdef money_t quote_atoms, marked, before, after, loss, unused, free_margin
    cdef money_t bids = 0, asks = 0
    cdef MarginFigures figures
    if whole(holding.positions[position_of(order.flags)].lots) + holding.open_lots[order.side] > MAX_POSITION_LOTS:
        return VERDICT_MAX_POSITION_AT_LEVERAGE
    _value(state, order, &quote_atoms, &marked)
    if buys:
        bids = quote_atoms
    else:
        asks = quote_atoms
    loss = quote_atoms - marked if buys else marked - quote_atoms
    if at_market:
        before = margin_initial(state, order.account, order.symbol, 0, 0, &unused)
        after = margin_initial(state, order.account, order.symbol, bids, asks, &unused)
    else:
        before = margin_initial(state, order.account, order.symbol, -bids, -asks, &unused)
        after = margin_initial(state, order.account, order.symbol, 0, 0, &unused)
        bids = asks = 0
    if after <= before:
        return VERDICT_OK
    if margin_exposure(state, order.account, order.symbol, bids, asks) > margin_cap(
        symbol.perpetual, leverage_of(holding)
    ):
        return VERDICT_MAX_POSITION_AT_LEVERAGE
    margin_figures(state, order.account, symbol.quote_asset, &figures)
    free_margin = margin_available(&figures)
    if at_market:
        free_margin -= after - before
    if loss > 0:
        free_margin -= loss
    return VERDICT_INSUFFICIENT_MARGIN if free_margin < 0 else VERDICT_OK


cdef int margin_fund(ExchangeState* state, ExchangeOrder* order) noexcept nogil:
    cdef int64_t room
    if not order.flags & ORDER_REDUCE_ONLY:
        return _fund_opening(state, order)
    room = reducible_lots(state, order)
    if room == 0:
        return VERDICT_REDUCE_ONLY
    if left_lots(order) > room:
        note_left(state, order, room - left_lots(order))
        order.orig_lots = room + order.executed_lots + order.prevented_lots
    return VERDICT_OK


# ---- algo orders

cdef void algo_triggering(ExchangeState* state, uint32_t slot) noexcept nogil:
    cdef ExchangeOrder* order = &state.orders[slot]
    order.place = PLACE_NOWHERE
    order.updated_ns = state.now_ns
    report_algo(state, order, ALGO_TRIGGERING, REASON_NONE)
    queue_push(state, slot)


cdef void finish_algo(ExchangeState* state, uint32_t slot, int algo_state, int reason) noexcept nogil:
    report_algo(state, &state.orders[slot], algo_state, reason)
    close_order(state, slot)


cdef bint _are_near(const Perpetual* perpetual, int64_t last_ticks) noexcept nogil:
    """Whether a guarded order may trigger: the last price is within the protection around the mark price."""
    cdef int64_t apart = last_ticks * perpetual.divisions - perpetual.mark_price
    if perpetual.protect_ppm == 0 or last_ticks == 0:
        return True
    return mul_wide(apart if apart > 0 else -apart, 1000000) <= mul_wide(perpetual.mark_price, perpetual.protect_ppm)


cdef void _look_in(ExchangeState* state, ConditionalBook* book, int64_t price) noexcept nogil:
    cdef uint32_t slot
    if conditional_count(book) == 0:
        return
    conditional_follow(book, price)
    slot = conditional_next(book, price)
    while slot != NO_SLOT:
        algo_triggering(state, slot)
        slot = conditional_next(book, price)


cdef void look_for_mark(ExchangeState* state, int symbol) noexcept nogil:
    cdef Perpetual* perpetual = state.symbols[symbol].perpetual
    _look_in(state, &perpetual.marked, perpetual.mark_price)
    if _are_near(perpetual, state.symbols[symbol].last_ticks):
        _look_in(state, &perpetual.guarded[1], perpetual.mark_price)


cdef void look_for_guarded(ExchangeState* state, int symbol, int64_t last_ticks) noexcept nogil:
    cdef Perpetual* perpetual = state.symbols[symbol].perpetual
    if _are_near(perpetual, last_ticks):
        _look_in(state, &perpetual.guarded[0], last_ticks)


cdef int end_orders(
    ExchangeState* state, int account, int symbol, bint algos, int status, int reason
) noexcept nogil:
    cdef uint32_t slot = open_orders_of(state, account, symbol).head, following
    cdef int ended = 0
    cdef bint canceled = status == STATUS_CANCELED
    while slot != NO_SLOT:
        following = state.orders[slot].next
        if state.orders[slot].is_algo == algos:
            ended += 1
            if algos:
                finish_algo(state, slot, ALGO_CANCELED if canceled else ALGO_EXPIRED, reason)
            else:
                finish_order(
                    state, slot, EXECUTION_CANCELED if canceled else EXECUTION_EXPIRED, status, reason
                )
        slot = following
    return ended


# ---- countdown

cdef void plan_countdowns(ExchangeState* state) noexcept nogil:
    cdef int64_t i, at_ns
    state.margin.due_ns = NEVER_NS
    for i in range(<int64_t>state.account_count * state.max_symbols):
        at_ns = state.margin.holdings[i].countdown_ns
        if at_ns != 0:
            state.margin.due_ns = min(state.margin.due_ns, at_ns)


cdef bint run_countdown(ExchangeState* state) noexcept nogil:
    cdef int64_t due_ns = state.margin.due_ns
    cdef int account, symbol
    for account in range(1, state.account_count):
        for symbol in range(state.symbol_count):
            if holding_of(state, account, symbol).countdown_ns != due_ns:
                continue
            if log_room(state) < 64 + 2 * <int64_t>open_orders_of(state, account, symbol).count:
                return False
            state.now_ns = max(state.now_ns, due_ns)
            holding_of(state, account, symbol).countdown_ns = 0
            end_orders(state, account, symbol, False, STATUS_CANCELED, REASON_COUNTDOWN)
    plan_countdowns(state)
    return True
