# cython: language_level=3
"""Fees: the rate of the fill's liquidity times its notional, rounded against the trader to one atom.

A fee of 0.1 atoms costs one atom and a rebate of 0.9 atoms pays none, so that no pattern of small fills earns from
rounding. Volume tiers are the contract's rates changed by whoever knows the account's volume.
"""

from libc.stdint cimport int64_t

from bot4._core.account.contract cimport contract_fee
from bot4._core.account.money cimport money_add, money_fits_64
from bot4._core.types cimport BOT4_ASSERT, money_t


cdef int64_t fees_charge(
    FeeTotals* totals, const ContractSpec* spec, int side, int64_t price_ticks, int64_t qty_lots, bint is_maker
) noexcept nogil:
    cdef money_t fee = contract_fee(spec, side, price_ticks, qty_lots, is_maker)
    BOT4_ASSERT(money_fits_64(fee))
    if is_maker:
        totals.maker_atoms = money_add(totals.maker_atoms, fee)
        totals.maker_fills += 1
    else:
        totals.taker_atoms = money_add(totals.taker_atoms, fee)
        totals.taker_fills += 1
    return <int64_t>fee
