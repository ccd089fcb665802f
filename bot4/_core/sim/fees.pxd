"""Fees the simulated venue charges: maker and taker rates of the contract, summed by liquidity."""

from libc.stdint cimport int64_t

from bot4._core.account.contract cimport ContractSpec
from bot4._core.types cimport money_t


ctypedef struct FeeTotals:
    money_t maker_atoms     # in the asset each fill pays in; see contract_fee_asset
    money_t taker_atoms
    int64_t maker_fills
    int64_t taker_fills


# Fee of one fill in atoms of contract_fee_asset, rounded up (a rebate towards nothing), added to the totals. The caller
# has checked contract_is_in_range: a fee that does not fit 64 bits is a broken invariant.
cdef int64_t fees_charge(
    FeeTotals* totals, const ContractSpec* spec, int side, int64_t price_ticks, int64_t qty_lots, bint is_maker
) noexcept nogil
