# cython: language_level=3
"""Locks and payments (contract in settlement.pxd).

Everything an order pays comes out of what it has locked, so no fill can fail for want of money. What a buy locks beyond
the price it gets goes back at once. Fees go to the house, account 0, so the sum over all accounts never changes.

Not seen from Python: the exchange settles with it.
"""

from libc.stdint cimport int32_t, int64_t

from bot4._core.account.balances cimport balance_credit, balance_lock, balance_spend, balance_unlock
from bot4._core.account.money cimport money_add, money_sub
from bot4._core.sim.exchange_fees cimport fee_of, fee_volume
from bot4._core.sim.margin cimport margin_settle
from bot4._core.types cimport BOT4_ASSERT


cdef bint lock_exactly(ExchangeState* state, ExchangeOrder* order, money_t atoms) noexcept nogil:
    cdef const SymbolState* symbol = &state.symbols[order.symbol]
    cdef int32_t asset = symbol.quote_asset if order.side == SIDE_BUY else symbol.base_asset
    if symbol.perpetual != NULL:
        return True              # margin is worked out, not locked
    if atoms > order.locked_atoms:
        if not balance_lock(&state.balances, order.account, asset, atoms - order.locked_atoms):
            return False
    elif atoms < order.locked_atoms:
        balance_unlock(&state.balances, order.account, asset, order.locked_atoms - atoms)
    order.locked_atoms = atoms
    return True


cdef void settle_side(
    ExchangeState* state, ExchangeOrder* order, int64_t lots, money_t quote_atoms, bint is_maker, FeeCharge* charge
) noexcept nogil:
    """The order's executed lots already hold this fill."""
    cdef const SymbolState* symbol = &state.symbols[order.symbol]
    cdef money_t base_atoms = mul_wide(lots, symbol.base_atoms_per_lot)
    cdef bint buys = order.side == SIDE_BUY, kept
    cdef money_t pays = quote_atoms if buys else base_atoms
    cdef money_t gets = base_atoms if buys else quote_atoms
    cdef int32_t given = symbol.quote_asset if buys else symbol.base_asset
    cdef int32_t taken = symbol.base_asset if buys else symbol.quote_asset
    if symbol.perpetual != NULL:
        margin_settle(state, order, lots, quote_atoms, is_maker, charge)
        return
    charge.realised_atoms = 0
    balance_spend(&state.balances, order.account, given, pays)
    order.locked_atoms = money_sub(order.locked_atoms, pays)
    if order.lock_ticks != 0 or not buys:
        kept = lock_exactly(state, order, lock_need(symbol, order, left_lots(order)))
        BOT4_ASSERT(kept)        # it only ever shrinks
    fee_of(state, order.account, order.symbol, order.side, is_maker, lots, quote_atoms, charge)
    if charge.from_free:
        balance_credit(&state.balances, order.account, taken, gets)
        balance_credit(&state.balances, order.account, charge.asset, -charge.atoms)
    else:
        balance_credit(&state.balances, order.account, taken, money_sub(gets, charge.atoms))
    if charge.atoms != 0:
        balance_credit(&state.balances, 0, charge.asset, charge.atoms)
    fee_volume(state, order.account, order.symbol, quote_atoms)
    order.cumulative_quote_atoms = money_add(order.cumulative_quote_atoms, quote_atoms)


cdef void transfer_side(ExchangeState* state, ExchangeOrder* order, int64_t lots, money_t quote_atoms) noexcept nogil:
    cdef const SymbolState* symbol = &state.symbols[order.symbol]
    cdef money_t base_atoms = mul_wide(lots, symbol.base_atoms_per_lot)
    cdef bint buys = order.side == SIDE_BUY
    cdef money_t pays = quote_atoms if buys else base_atoms
    balance_spend(&state.balances, order.account, symbol.quote_asset if buys else symbol.base_asset, pays)
    order.locked_atoms = money_sub(order.locked_atoms, pays)
    balance_credit(
        &state.balances, order.account, symbol.base_asset if buys else symbol.quote_asset,
        base_atoms if buys else quote_atoms,
    )
