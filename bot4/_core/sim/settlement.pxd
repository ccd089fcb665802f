"""Money of orders: what an open order locks, and what changes hands when two trade."""

from libc.stdint cimport int64_t

from bot4._core.sim.exchange_fees cimport FeeCharge
from bot4._core.sim.exchange_state cimport ExchangeOrder, ExchangeState, SymbolState, left_lots
from bot4._core.account.money cimport money_mul
from bot4._core.types cimport SIDE_BUY, money_t, mul_wide


# Make the order lock exactly `atoms`; false where the free balance is short (nothing is changed).
cdef bint lock_exactly(ExchangeState* state, ExchangeOrder* order, money_t atoms) noexcept nogil
# Pay one side of a trade: `order` gives what it locked and gets the other asset, less the fee, which `charge` tells.
cdef void settle_side(
    ExchangeState* state, ExchangeOrder* order, int64_t lots, money_t quote_atoms, bint is_maker, FeeCharge* charge
) noexcept nogil

# Hand over prevented lots: as a trade without a fee. `prevented_lots` already holds them.
cdef void transfer_side(ExchangeState* state, ExchangeOrder* order, int64_t lots, money_t quote_atoms) noexcept nogil


cdef inline money_t quote_of(const SymbolState* symbol, int64_t price_ticks, int64_t lots) noexcept nogil:
    """Quote atoms of a price and a quantity, exact."""
    return money_mul(mul_wide(price_ticks, lots), symbol.quote_atoms_per_ticklot)


cdef inline money_t lock_need(const SymbolState* symbol, const ExchangeOrder* order, int64_t lots) noexcept nogil:
    """What an order must lock for so many lots: quote at its lock price, or base."""
    if order.side == SIDE_BUY:
        return quote_of(symbol, order.lock_ticks, lots)
    return mul_wide(lots, symbol.base_atoms_per_lot)
