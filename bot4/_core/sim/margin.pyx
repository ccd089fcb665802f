# cython: language_level=3
"""Positions and margin (contract in margin.pxd).

A position is lots and the exact sum of what they cost. A fill that closes part of it takes the floor of its share of
that cost, so what a rounding leaves stays in the cost of the rest: over all accounts wallets less costs are deposits
less withdrawals, whatever the mark price.

The house has one position a symbol, whose cost is never shared: it is realised when the position is back at zero.

Not seen from Python: the exchange settles with it.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from bot4._core.account.balances cimport Balance, balance_at, balance_note
from bot4._core.account.money cimport (
    money_abs, money_add, money_min, money_mul, money_rate_up, money_share, money_sub,
)
from bot4._core.sim.exchange_fees cimport fee_rates, fee_volume
from bot4._core.sim.exchange_reports cimport report_new
from bot4._core.sim.exchange_state cimport ExchangeReport, SymbolState, holding_of
from bot4._core.sim.exchange_types cimport (
    EXECUTION_ALGO, ORDER_CLOSE_POSITION, ORDER_LONG, ORDER_MARK_PRICE, ORDER_PRICE_PROTECT, ORDER_REDUCE_ONLY, ORDER_SHORT, REQUEST_ALGO,
)
from bot4._core.sim.margin_state cimport (
    ALGO_FINISHED, ALGO_TRIGGERED, ORIGIN_LIQUIDATION, POSITION_BOTH, POSITION_LONG, POSITION_SHORT, Holding,
    MarginState, at_mark, leverage_of, position_of, unrealised, whole,
)
from bot4._core.types cimport SIDE_BUY


cdef void margin_open(ExchangeState* state, ExchangeOrder* order, const ExchangeRequest* request) noexcept nogil:
    """Finish a new order that `open_order` has filled in: its number among algo orders, and what it may do."""
    cdef int index = position_of(request.flags)
    order.flags = request.flags & (
        ORDER_REDUCE_ONLY | ORDER_CLOSE_POSITION | ORDER_MARK_PRICE | ORDER_PRICE_PROTECT | ORDER_LONG | ORDER_SHORT
    )
    order.origin = order.type
    if (index == POSITION_LONG and order.side != SIDE_BUY) or (index == POSITION_SHORT and order.side == SIDE_BUY) or (
        order.flags & ORDER_CLOSE_POSITION
    ):
        order.flags |= ORDER_REDUCE_ONLY
    if request.kind == REQUEST_ALGO:
        state.last_order_id -= 1
        state.margin.last_algo_id += 1
        order.order_id = state.margin.last_algo_id
        order.list_id = <int64_t>order.order_id
        order.is_algo = True
    else:
        order.opens = not order.flags & ORDER_REDUCE_ONLY


cdef void margin_suspect(ExchangeState* state, int32_t account) noexcept nogil:
    cdef MarginState* margin = &state.margin
    if account != 0 and not margin.suspected[account]:
        margin.suspected[account] = True
        margin.suspects[margin.suspect_count] = account
        margin.suspect_count += 1


cdef void margin_touch(ExchangeState* state, int32_t account, int symbol, int index) noexcept nogil:
    cdef MarginState* margin = &state.margin
    cdef Position* position = &holding_of(state, account, symbol).positions[index]
    position.updated_ns = state.now_ns
    if position.touched_in != margin.round:
        position.touched_in = margin.round
        margin.touched[margin.touched_count] = <uint32_t>((account * state.max_symbols + symbol) * 4 + index)
        margin.touched_count += 1
    margin_suspect(state, account)


cdef void _move(ExchangeState* state, int32_t account, int32_t asset, Position* position, money_t atoms) noexcept nogil:
    cdef Balance* cell = balance_at(&state.balances, account, asset)
    cell.free_atoms = money_sub(cell.free_atoms, atoms)
    cell.locked_atoms = money_add(cell.locked_atoms, atoms)
    position.isolated_atoms = money_add(position.isolated_atoms, atoms)
    balance_note(&state.balances, account, asset)


cdef void margin_move(
    ExchangeState* state, int32_t account, int symbol, int index, money_t atoms
) noexcept nogil:
    _move(
        state, account, state.symbols[symbol].quote_asset, &holding_of(state, account, symbol).positions[index], atoms
    )
    margin_touch(state, account, symbol, index)


cdef money_t _close(
    ExchangeState* state, int32_t account, int32_t asset, Holding* holding, Position* position, int64_t lots,
    money_t quote_atoms
) noexcept nogil:
    """Close lots of a position for so much: realised profit, which goes to the wallet."""
    cdef int64_t held = whole(position.lots)
    cdef bint is_long = position.lots > 0
    cdef money_t cost = money_share(money_abs(position.entry_atoms), lots, held)
    cdef money_t profit = money_sub(quote_atoms, cost) if is_long else money_sub(cost, quote_atoms)
    cdef Balance* cell = balance_at(&state.balances, account, asset)
    position.entry_atoms = money_sub(position.entry_atoms, cost if is_long else -cost)
    position.lots -= lots if is_long else -lots
    position.realised_atoms = money_add(position.realised_atoms, profit)
    if not holding.is_isolated:
        cell.free_atoms = money_add(cell.free_atoms, profit)
        return profit
    cell.locked_atoms = money_add(cell.locked_atoms, profit)
    position.isolated_atoms = money_add(position.isolated_atoms, profit)
    if lots == held:
        _move(state, account, asset, position, -position.isolated_atoms)
    elif position.isolated_atoms > 0:
        _move(state, account, asset, position, -money_share(position.isolated_atoms, lots, held))
    return profit


cdef void _open(
    ExchangeState* state, int32_t account, int32_t asset, Holding* holding, Position* position, int64_t lots,
    money_t quote_atoms
) noexcept nogil:
    """Add signed lots at a cost; an isolated position takes its margin from the cross wallet, as far as it goes."""
    cdef money_t need
    cdef int leverage = leverage_of(holding)
    position.lots += lots
    position.entry_atoms = money_add(position.entry_atoms, quote_atoms if lots > 0 else -quote_atoms)
    if holding.is_isolated:
        need = money_min(
            (quote_atoms + leverage - 1) // leverage, balance_at(&state.balances, account, asset).free_atoms
        )
        if need > 0:
            _move(state, account, asset, position, need)


cdef void margin_settle(
    ExchangeState* state, ExchangeOrder* order, int64_t lots, money_t quote_atoms, bint is_maker, FeeCharge* charge
) noexcept nogil:
    cdef const SymbolState* symbol = &state.symbols[order.symbol]
    cdef Holding* holding = holding_of(state, order.account, order.symbol)
    cdef int index = position_of(order.flags)
    cdef Position* position = &holding.positions[index]
    cdef bint buys = order.side == SIDE_BUY, was_open = position.lots != 0
    cdef Balance* cell = balance_at(&state.balances, order.account, symbol.quote_asset)
    cdef Balance* house = balance_at(&state.balances, 0, symbol.quote_asset)
    cdef int64_t closed = 0, rate_e8
    cdef money_t of_closed = 0
    balance_note(&state.balances, order.account, symbol.quote_asset)
    charge.realised_atoms = 0
    if was_open and (position.lots > 0) != buys:
        closed = min(lots, whole(position.lots))
        of_closed = quote_atoms if closed == lots else money_share(quote_atoms, closed, lots)
        charge.realised_atoms = _close(
            state, order.account, symbol.quote_asset, holding, position, closed, of_closed
        )
    if closed < lots:
        _open(
            state, order.account, symbol.quote_asset, holding, position, lots - closed if buys else closed - lots,
            money_sub(quote_atoms, of_closed),
        )
    state.margin.open_positions += <int>(position.lots != 0) - <int>was_open
    if order.origin == ORIGIN_LIQUIDATION:
        rate_e8 = symbol.perpetual.liquidation_fee_e8
    elif is_maker:
        rate_e8 = fee_rates(state, order.account, order.symbol).maker_e8
    else:
        rate_e8 = fee_rates(state, order.account, order.symbol).taker_e8
    charge.atoms = money_rate_up(quote_atoms, rate_e8)
    charge.asset = symbol.quote_asset
    charge.from_free = True
    if charge.atoms != 0:
        cell.free_atoms = money_sub(cell.free_atoms, charge.atoms)
        house.free_atoms = money_add(house.free_atoms, charge.atoms)
        balance_note(&state.balances, 0, symbol.quote_asset)
    fee_volume(state, order.account, order.symbol, quote_atoms)
    order.cumulative_quote_atoms = money_add(order.cumulative_quote_atoms, quote_atoms)
    margin_touch(state, order.account, order.symbol, index)


cdef void margin_house_takes(ExchangeState* state, int symbol, int64_t lots, money_t cost) noexcept nogil:
    cdef Position* position = &holding_of(state, 0, symbol).positions[POSITION_BOTH]
    cdef int32_t asset = state.symbols[symbol].quote_asset
    cdef Balance* cell = balance_at(&state.balances, 0, asset)
    position.lots += lots
    position.entry_atoms = money_add(position.entry_atoms, cost)
    if position.lots == 0:
        balance_note(&state.balances, 0, asset)
        cell.free_atoms = money_sub(cell.free_atoms, position.entry_atoms)
        position.realised_atoms = money_sub(position.realised_atoms, position.entry_atoms)
        position.entry_atoms = 0
    margin_touch(state, 0, symbol, POSITION_BOTH)


# ---- what an account has and needs

cdef money_t margin_exposure(
    const ExchangeState* state, int32_t account, int symbol, money_t extra_bids, money_t extra_asks
) noexcept nogil:
    cdef const SymbolState* traded = &state.symbols[symbol]
    cdef const Holding* holding = holding_of(state, account, symbol)
    cdef money_t bids = money_add(money_mul(holding.open_ticklots[0], traded.quote_atoms_per_ticklot), extra_bids)
    cdef money_t asks = money_add(money_mul(holding.open_ticklots[1], traded.quote_atoms_per_ticklot), extra_asks)
    cdef money_t held, sold
    if state.accounts[account].is_hedged:
        held = at_mark(traded.perpetual, holding.positions[POSITION_LONG].lots)
        sold = at_mark(traded.perpetual, holding.positions[POSITION_SHORT].lots)
        return held + bids - sold + asks
    held = at_mark(traded.perpetual, holding.positions[POSITION_BOTH].lots)
    bids = money_abs(held + bids)
    asks = money_abs(held - asks)
    return bids if bids > asks else asks


cdef money_t margin_initial(
    const ExchangeState* state, int32_t account, int symbol, money_t extra_bids, money_t extra_asks,
    money_t* of_positions
) noexcept nogil:
    cdef const Holding* holding = holding_of(state, account, symbol)
    cdef const Perpetual* perpetual = state.symbols[symbol].perpetual
    cdef int leverage = leverage_of(holding), i
    cdef money_t held = 0
    for i in range(3):
        held += money_abs(at_mark(perpetual, holding.positions[i].lots))
    of_positions[0] = (held + leverage - 1) // leverage
    return (margin_exposure(state, account, symbol, extra_bids, extra_asks) + leverage - 1) // leverage


cdef money_t margin_maintenance(const Perpetual* perpetual, money_t notional) noexcept nogil:
    cdef int64_t i = 0
    cdef money_t need
    while i + 1 < perpetual.bracket_count and notional > perpetual.brackets[i].cap_atoms:
        i += 1
    need = money_rate_up(notional, perpetual.brackets[i].maintenance_e8) - perpetual.brackets[i].cumulative_atoms
    return need if need > 0 else 0


cdef money_t margin_cap(const Perpetual* perpetual, int leverage) noexcept nogil:
    cdef int64_t i
    cdef money_t cap = 0
    for i in range(perpetual.bracket_count):
        if perpetual.brackets[i].max_leverage >= leverage:
            cap = perpetual.brackets[i].cap_atoms
    return cap


cdef void margin_figures(
    const ExchangeState* state, int32_t account, int32_t asset, MarginFigures* figures
) noexcept nogil:
    cdef const Holding* holding
    cdef const Position* position
    cdef const Perpetual* perpetual
    cdef money_t initial, of_positions, profit, maintenance
    cdef int symbol, i
    figures.cross_wallet = balance_at(&state.balances, account, asset).free_atoms
    figures.isolated_wallet = balance_at(&state.balances, account, asset).locked_atoms
    figures.cross_unrealised = figures.isolated_unrealised = figures.initial = figures.position_initial = 0
    figures.claimed = figures.maintenance = figures.cross_maintenance = 0
    for symbol in range(state.symbol_count):
        perpetual = state.symbols[symbol].perpetual
        if perpetual == NULL or state.symbols[symbol].quote_asset != asset:
            continue
        holding = holding_of(state, account, symbol)
        initial = margin_initial(state, account, symbol, 0, 0, &of_positions)
        figures.initial += initial
        figures.position_initial += of_positions
        if not holding.is_isolated:
            figures.claimed += initial
        elif initial > of_positions:
            figures.claimed += initial - of_positions
        for i in range(3):
            position = &holding.positions[i]
            if position.lots == 0:
                continue
            profit = unrealised(perpetual, position)
            maintenance = margin_maintenance(perpetual, money_abs(at_mark(perpetual, position.lots)))
            figures.maintenance += maintenance
            if holding.is_isolated:
                figures.isolated_unrealised += profit
            else:
                figures.cross_unrealised += profit
                figures.cross_maintenance += maintenance


cdef money_t margin_available(const MarginFigures* figures) noexcept nogil:
    return figures.cross_wallet + figures.cross_unrealised - figures.claimed


cdef money_t margin_withdrawable(const ExchangeState* state, int32_t account, int32_t asset) noexcept nogil:
    cdef MarginFigures figures
    cdef money_t free_margin
    margin_figures(state, account, asset, &figures)
    free_margin = figures.cross_wallet - figures.claimed
    return free_margin + figures.cross_unrealised if figures.cross_unrealised < 0 else free_margin


cdef void report_algo(ExchangeState* state, const ExchangeOrder* order, int algo_state, int reason) noexcept nogil:
    """Tell of an algo order, which is `order` itself or what placed it."""
    cdef ExchangeReport* report = report_new(state, EXECUTION_ALGO)
    report.order_id = <uint64_t>order.list_id
    report.list_id = order.list_id
    report.client_key = order.client_key
    report.account = order.account
    report.symbol = order.symbol
    report.side = order.side
    report.type = order.origin
    report.origin = order.origin
    report.flags = order.flags
    report.tif = order.tif
    report.stp = order.stp
    report.status = algo_state
    report.reason = reason
    report.price_ticks = order.price_ticks
    report.stop_ticks = order.stop_ticks
    report.trailing_bips = order.trailing_bips
    report.orig_lots = order.orig_lots
    report.created_ns = order.created_ns
    if algo_state in (ALGO_TRIGGERED, ALGO_FINISHED):
        report.counterparty_order_id = order.order_id
        report.executed_lots = order.executed_lots
        report.cumulative_quote_atoms = order.cumulative_quote_atoms
