# cython: language_level=3
"""Settings of perpetuals (contract in margin_settings.pxd): refused, they leave everything as it was.

Not seen from Python: `MarginTables` asks for them.
"""

from libc.stdint cimport int32_t, int64_t

from bot4._core.account.money cimport money_abs
from bot4._core.sim.exchange_reports cimport log_room, report_balances
from bot4._core.sim.exchange_state cimport SymbolState, holding_of, open_orders_of
from bot4._core.sim.exchange_types cimport (
    REASON_CAUSE_MARGIN_TRANSFER, REQUEST_ADJUST_MARGIN, REQUEST_LEVERAGE, REQUEST_MARGIN_TYPE, REQUEST_POSITION_MODE,
    VERDICT_BAD_AMOUNT, VERDICT_BAD_EXPIRY, VERDICT_BAD_LEVERAGE, VERDICT_INSUFFICIENT_MARGIN,
    VERDICT_ISOLATED_LEVERAGE, VERDICT_LEVERAGE_POSITION, VERDICT_LOG_FULL, VERDICT_NO_CHANGE, VERDICT_NO_POSITION,
    VERDICT_NOT_ISOLATED, VERDICT_OK, VERDICT_OPEN_ORDERS, VERDICT_OPEN_POSITION, VERDICT_POSITION_SIDE,
)
from bot4._core.sim.margin cimport (
    MarginFigures, margin_available, margin_cap, margin_exposure, margin_figures, margin_move,
)
from bot4._core.sim.margin_orders cimport plan_countdowns
from bot4._core.sim.margin_state cimport (
    MAX_LEVERAGE, POSITION_SHORT, Holding, Position, at_mark, leverage_of, position_of, unrealised,
)
from bot4._core.types cimport money_t

cdef int64_t _ROOM = 64


cdef bint _has_position(const Holding* holding) noexcept nogil:
    return holding.positions[0].lots != 0 or holding.positions[1].lots != 0 or holding.positions[2].lots != 0


cdef int _set_leverage(ExchangeState* state, const ExchangeRequest* row) noexcept nogil:
    cdef const SymbolState* symbol = &state.symbols[row.symbol]
    cdef Holding* holding = holding_of(state, row.account, row.symbol)
    cdef int32_t old = holding.leverage
    cdef int was = leverage_of(holding)
    cdef money_t cap
    cdef MarginFigures figures
    if not 1 <= row.qty_lots <= MAX_LEVERAGE:
        return VERDICT_BAD_LEVERAGE
    cap = margin_cap(symbol.perpetual, <int>row.qty_lots)
    if cap == 0:
        return VERDICT_BAD_LEVERAGE
    if margin_exposure(state, row.account, row.symbol, 0, 0) > cap:
        return VERDICT_LEVERAGE_POSITION
    if row.qty_lots < was and holding.is_isolated and _has_position(holding):
        return VERDICT_ISOLATED_LEVERAGE
    holding.leverage = <int32_t>row.qty_lots
    if row.qty_lots < was and (_has_position(holding) or holding.open_lots[0] != 0 or holding.open_lots[1] != 0):
        margin_figures(state, row.account, symbol.quote_asset, &figures)
        if margin_available(&figures) < 0:
            holding.leverage = old
            return VERDICT_INSUFFICIENT_MARGIN
    return VERDICT_OK


cdef int _check_idle(const ExchangeState* state, int32_t account, int symbol) noexcept nogil:
    if open_orders_of(state, account, symbol).count != 0:
        return VERDICT_OPEN_ORDERS
    return VERDICT_OPEN_POSITION if _has_position(holding_of(state, account, symbol)) else VERDICT_OK


cdef int _set_margin_type(ExchangeState* state, const ExchangeRequest* row) noexcept nogil:
    cdef Holding* holding = holding_of(state, row.account, row.symbol)
    cdef int verdict
    if holding.is_isolated == (row.qty_lots != 0):
        return VERDICT_NO_CHANGE
    verdict = _check_idle(state, row.account, row.symbol)
    if verdict == VERDICT_OK:
        holding.is_isolated = row.qty_lots != 0
        holding.is_called = False
    return verdict


cdef int _set_position_mode(ExchangeState* state, const ExchangeRequest* row) noexcept nogil:
    cdef int symbol, verdict
    if state.accounts[row.account].is_hedged == (row.qty_lots != 0):
        return VERDICT_NO_CHANGE
    for symbol in range(state.symbol_count):
        if state.symbols[symbol].perpetual != NULL:
            verdict = _check_idle(state, row.account, symbol)
            if verdict != VERDICT_OK:
                return verdict
    state.accounts[row.account].is_hedged = row.qty_lots != 0
    return VERDICT_OK


cdef int _adjust_margin(ExchangeState* state, const ExchangeRequest* row) noexcept nogil:
    """Move cross money to an isolated position, or back what its initial margin and its loss leave."""
    cdef Holding* holding = holding_of(state, row.account, row.symbol)
    cdef int index = position_of(row.flags)
    cdef const Position* position = &holding.positions[index if index <= POSITION_SHORT else 0]
    cdef const SymbolState* symbol = &state.symbols[row.symbol]
    cdef MarginFigures figures
    cdef money_t spare, profit, worth
    cdef int leverage = leverage_of(holding)
    if index > POSITION_SHORT or (index != 0) != state.accounts[row.account].is_hedged:
        return VERDICT_POSITION_SIDE
    if not holding.is_isolated:
        return VERDICT_NOT_ISOLATED
    if position.lots == 0:
        return VERDICT_NO_POSITION
    if row.quote_atoms == 0 or row.quote_atoms >> 90 not in (0, -1):
        return VERDICT_BAD_AMOUNT
    if log_room(state) < _ROOM:
        return VERDICT_LOG_FULL
    if row.quote_atoms > 0:
        margin_figures(state, row.account, symbol.quote_asset, &figures)
        spare = margin_available(&figures)
        if figures.cross_wallet < spare:
            spare = figures.cross_wallet
    else:
        profit = unrealised(symbol.perpetual, position)
        worth = money_abs(at_mark(symbol.perpetual, position.lots))
        spare = position.isolated_atoms - (worth + leverage - 1) // leverage
        if profit < 0:
            spare += profit
    if money_abs(row.quote_atoms) > spare:
        return VERDICT_INSUFFICIENT_MARGIN
    state.margin.cause = REASON_CAUSE_MARGIN_TRANSFER
    margin_move(state, row.account, row.symbol, index, row.quote_atoms)
    report_balances(state)
    return VERDICT_OK


cdef int _set_countdown(ExchangeState* state, const ExchangeRequest* row) noexcept nogil:
    if row.expire_ns != 0 and row.expire_ns <= state.now_ns:
        return VERDICT_BAD_EXPIRY
    holding_of(state, row.account, row.symbol).countdown_ns = row.expire_ns
    plan_countdowns(state)
    return VERDICT_OK


cdef int margin_setting(ExchangeState* state, const ExchangeRequest* row) noexcept nogil:
    if row.kind == REQUEST_LEVERAGE:
        return _set_leverage(state, row)
    if row.kind == REQUEST_MARGIN_TYPE:
        return _set_margin_type(state, row)
    if row.kind == REQUEST_POSITION_MODE:
        return _set_position_mode(state, row)
    if row.kind == REQUEST_ADJUST_MARGIN:
        return _adjust_margin(state, row)
    return _set_countdown(state, row)
