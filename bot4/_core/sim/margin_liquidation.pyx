# cython: language_level=3
"""Liquidation (contract in margin_liquidation.pxd).

An account is looked at when a fill, a mark price or a funding has touched it. One position at a time: its account's
orders end, an IOC at the bankruptcy price goes into the book, and the house takes what is left at exactly that price,
where the margin balance is zero. A wallet that ends below zero with no position behind it is filled up by the house.

An account that was liquidated has no orders, so it gets no new position: a request liquidates every position at most
once, and this ends.

Not seen from Python: every request ends with it.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memset

from bot4._core.account.balances cimport Balance, balance_at, balance_note
from bot4._core.account.money cimport money_abs, money_add, money_mul, money_rate_up, money_sub
from bot4._core.book.matching cimport MAX_ORDER_TICKS
from bot4._core.sim.exchange_reports cimport report_new
from bot4._core.sim.exchange_state cimport ExchangeReport, ExchangeRequest, SymbolState, holding_of
from bot4._core.sim.exchange_types cimport (
    EXECUTION_INSURANCE, EXECUTION_MARGIN_CALL, ORDER_REDUCE_ONLY, REASON_CAUSE_LIQUIDATION, REASON_LIQUIDATION,
    REQUEST_PLACE, STATUS_EXPIRED,
    TIME_IOC, TYPE_LIMIT,
)
from bot4._core.sim.execution cimport start_order
from bot4._core.sim.margin cimport (
    MarginFigures, margin_figures, margin_house_takes, margin_maintenance, margin_touch,
)
from bot4._core.sim.margin_orders cimport end_orders
from bot4._core.sim.margin_state cimport (
    ORIGIN_LIQUIDATION, Holding, MarginState, Perpetual, Position, at_mark, unrealised,
)
from bot4._core.sim.order_life cimport open_order
from bot4._core.types cimport SIDE_BUY, SIDE_SELL, money_t


cdef money_t _margin_of(const ExchangeState* state, int32_t account, int symbol, int index) noexcept nogil:
    """What stands behind a position beside its own profit: its wallet, or the cross wallet and all other profits."""
    cdef const Holding* holding = holding_of(state, account, symbol)
    cdef MarginFigures figures
    if holding.is_isolated:
        return holding.positions[index].isolated_atoms
    margin_figures(state, account, state.symbols[symbol].quote_asset, &figures)
    return money_sub(
        money_add(figures.cross_wallet, figures.cross_unrealised),
        unrealised(state.symbols[symbol].perpetual, &holding.positions[index]),
    )


cdef int64_t _bankruptcy_ticks(const SymbolState* symbol, const Position* position, money_t margin) noexcept nogil:
    """The price in ticks at which profit and margin are together nothing, rounded to the better; 0: no such price."""
    cdef bint is_long = position.lots > 0
    cdef money_t a_tick = money_mul(
        <money_t>(position.lots if is_long else -position.lots), symbol.quote_atoms_per_ticklot
    )
    cdef money_t worth = position.entry_atoms - margin if is_long else margin - position.entry_atoms
    cdef money_t ticks
    if worth <= 0:
        return 1 if is_long else 0
    ticks = (worth + a_tick - 1) // a_tick if is_long else worth // a_tick
    if ticks > MAX_ORDER_TICKS:
        return 0 if is_long else MAX_ORDER_TICKS
    return <int64_t>ticks


cdef void _offer(ExchangeState* state, int32_t account, int symbol, int index, int64_t price_ticks) noexcept nogil:
    """An IOC of a whole position, without any check: one slot is always left for it."""
    cdef ExchangeRequest request
    cdef int64_t lots = holding_of(state, account, symbol).positions[index].lots
    cdef uint32_t slot
    memset(&request, 0, sizeof(request))
    request.kind = REQUEST_PLACE
    request.account = account
    request.symbol = symbol
    request.side = SIDE_SELL if lots > 0 else SIDE_BUY
    request.type = TYPE_LIMIT
    request.tif = TIME_IOC
    request.flags = ORDER_REDUCE_ONLY | index << 6
    request.qty_lots = lots if lots > 0 else -lots
    request.price_ticks = price_ticks
    slot = open_order(state, &request)
    state.orders[slot].origin = ORIGIN_LIQUIDATION
    start_order(state, slot)


cdef void _take_over(ExchangeState* state, int32_t account, int symbol, int index) noexcept nogil:
    """The house takes a position at the cost at which its margin is exactly used up."""
    cdef Holding* holding = holding_of(state, account, symbol)
    cdef Position* position = &holding.positions[index]
    cdef int32_t asset = state.symbols[symbol].quote_asset
    cdef Balance* cell = balance_at(&state.balances, account, asset)
    cdef money_t margin = _margin_of(state, account, symbol, index)
    cdef money_t cost = money_sub(position.entry_atoms, margin)
    cdef int64_t lots = position.lots
    cdef ExchangeReport* report
    if holding.is_isolated:
        cell.locked_atoms = money_sub(cell.locked_atoms, margin)
        position.isolated_atoms = 0
    else:
        cell.free_atoms = money_sub(cell.free_atoms, margin)
    balance_note(&state.balances, account, asset)
    position.realised_atoms = money_sub(position.realised_atoms, margin)
    position.lots = 0
    position.entry_atoms = 0
    state.margin.open_positions -= 1
    margin_touch(state, account, symbol, index)
    margin_house_takes(state, symbol, lots, cost)
    report = report_new(state, EXECUTION_INSURANCE)
    report.account = account
    report.symbol = symbol
    report.asset = asset
    report.flags = index << 6
    report.orig_lots = lots
    report.cumulative_quote_atoms = cost


cdef void _liquidate(ExchangeState* state, int32_t account, int symbol, int index) noexcept nogil:
    cdef const Holding* holding = holding_of(state, account, symbol)
    cdef int64_t price_ticks
    cdef int other
    state.margin.cause = REASON_CAUSE_LIQUIDATION
    for other in range(state.symbol_count):
        if other == symbol or (
            not holding.is_isolated and state.symbols[other].perpetual != NULL
            and state.symbols[other].quote_asset == state.symbols[symbol].quote_asset
            and not holding_of(state, account, other).is_isolated
        ):
            end_orders(state, account, other, False, STATUS_EXPIRED, REASON_LIQUIDATION)
            end_orders(state, account, other, True, STATUS_EXPIRED, REASON_LIQUIDATION)
    price_ticks = _bankruptcy_ticks(
        &state.symbols[symbol], &holding.positions[index], _margin_of(state, account, symbol, index)
    )
    if price_ticks != 0:
        _offer(state, account, symbol, index, price_ticks)
    if holding.positions[index].lots != 0:
        _take_over(state, account, symbol, index)


cdef bint _find_isolated(const ExchangeState* state, int32_t account, int* symbol, int* index) noexcept nogil:
    """First isolated position short of its own maintenance."""
    cdef const Holding* holding
    cdef const Position* position
    cdef const Perpetual* perpetual
    cdef money_t balance
    cdef int i, side
    for i in range(state.symbol_count):
        perpetual = state.symbols[i].perpetual
        if perpetual == NULL or not holding_of(state, account, i).is_isolated:
            continue
        holding = holding_of(state, account, i)
        for side in range(3):
            position = &holding.positions[side]
            balance = position.isolated_atoms + unrealised(perpetual, position)
            if position.lots != 0 and balance < margin_maintenance(
                perpetual, money_abs(at_mark(perpetual, position.lots))
            ):
                symbol[0] = i
                index[0] = side
                return True
    return False


cdef bint _find_cross(
    const ExchangeState* state, int32_t account, int32_t asset, int* symbol, int* index
) noexcept nogil:
    """First cross position in this asset."""
    cdef const Holding* holding
    cdef int i, side
    for i in range(state.symbol_count):
        if state.symbols[i].perpetual == NULL or state.symbols[i].quote_asset != asset:
            continue
        holding = holding_of(state, account, i)
        for side in range(3):
            if holding.positions[side].lots != 0 and not holding.is_isolated:
                symbol[0] = i
                index[0] = side
                return True
    return False


cdef void _fill_up(ExchangeState* state, int32_t account, int32_t asset) noexcept nogil:
    """The house pays what a wallet without cross positions owes."""
    cdef Balance* cell = balance_at(&state.balances, account, asset)
    cdef Balance* house = balance_at(&state.balances, 0, asset)
    cdef ExchangeReport* report
    if cell.free_atoms >= 0:
        return
    report = report_new(state, EXECUTION_INSURANCE)
    report.account = account
    report.asset = asset
    report.symbol = 65535
    report.fee_atoms = -cell.free_atoms
    house.free_atoms = money_add(house.free_atoms, cell.free_atoms)
    cell.free_atoms = 0
    balance_note(&state.balances, account, asset)
    balance_note(&state.balances, 0, asset)


cdef void _call(
    ExchangeState* state, int32_t account, int32_t asset, int symbol, uint8_t* told, money_t balance, money_t need,
    int64_t call_ppm
) noexcept nogil:
    """Tell once that maintenance has come close to the balance."""
    cdef ExchangeReport* report
    cdef bint close = need > 0 and need > money_rate_up(balance, call_ppm * 100)
    if close and not told[0]:
        report = report_new(state, EXECUTION_MARGIN_CALL)
        report.account = account
        report.asset = asset
        report.symbol = symbol
        report.free_atoms = balance
        report.locked_atoms = need
    told[0] = close


cdef void _call_isolated(ExchangeState* state, int32_t account) noexcept nogil:
    cdef Holding* holding
    cdef const Perpetual* perpetual
    cdef money_t balance, need
    cdef int i, side
    for i in range(state.symbol_count):
        perpetual = state.symbols[i].perpetual
        if perpetual == NULL or not holding_of(state, account, i).is_isolated:
            continue
        holding = holding_of(state, account, i)
        balance = need = 0
        for side in range(3):
            if holding.positions[side].lots != 0:
                balance += holding.positions[side].isolated_atoms + unrealised(perpetual, &holding.positions[side])
                need += margin_maintenance(perpetual, money_abs(at_mark(perpetual, holding.positions[side].lots)))
        _call(
            state, account, state.symbols[i].quote_asset, i, &holding.is_called, balance, need,
            perpetual.margin_call_ppm,
        )


cdef bint _liquidate_one(ExchangeState* state, int32_t account) noexcept nogil:
    """Liquidate one position of an account; false where none is due, and its calls are told."""
    cdef MarginFigures figures
    cdef int symbol = 0, index = 0, i
    cdef int32_t asset, last = -1
    cdef bint has_position
    if _find_isolated(state, account, &symbol, &index):
        _liquidate(state, account, symbol, index)
        return True
    for i in range(state.symbol_count):
        asset = state.symbols[i].quote_asset
        if state.symbols[i].perpetual == NULL or asset == last:
            continue
        last = asset
        has_position = _find_cross(state, account, asset, &symbol, &index)
        margin_figures(state, account, asset, &figures)
        figures.cross_wallet = figures.cross_wallet + figures.cross_unrealised
        if has_position and figures.cross_wallet < figures.cross_maintenance:
            _liquidate(state, account, symbol, index)
            return True
        if not has_position:
            _fill_up(state, account, asset)
        _call(
            state, account, asset, 65535, &state.margin.called[account * state.max_assets + asset],
            figures.cross_wallet if figures.cross_wallet > 0 else 0, figures.cross_maintenance,
            state.symbols[symbol if has_position else i].perpetual.margin_call_ppm,
        )
    _call_isolated(state, account)
    return False


cdef bint liquidate_next(ExchangeState* state) noexcept nogil:
    cdef MarginState* margin = &state.margin
    cdef int32_t account
    while margin.suspect_count != 0:
        account = margin.suspects[margin.suspect_count - 1]
        if _liquidate_one(state, account):
            return True
        margin.suspect_count -= 1
        margin.suspected[account] = False
    return False
