"""What one instrument is worth: grid, assets, money scale and fee rates, all exact integers."""

from libc.stdint cimport int32_t, int64_t

from bot4._core.account.money cimport money_div_half_even, money_mul, money_rate_up
from bot4._core.types cimport CONTRACT_INVERSE, SIDE_BUY, money_t, mul_wide


cpdef enum FeeMode:
    FEE_IN_SETTLE = 0     # spot: the quote asset on both sides; linear and inverse: the settle asset
    FEE_IN_RECEIVED = 1   # spot only: a buy pays in base, a sell in quote


ctypedef struct ContractSpec:
    int32_t kind                      # CONTRACT_SPOT, CONTRACT_LINEAR, CONTRACT_INVERSE
    int32_t fee_mode                  # FEE_IN_SETTLE, FEE_IN_RECEIVED
    int32_t base_asset                # indices in the session's asset table
    int32_t quote_asset
    int32_t settle_asset              # quote for spot and linear, base for inverse
    int32_t base_decimals             # an atom of the base asset is 10^-base_decimals
    int32_t quote_decimals
    int32_t settle_decimals
    int64_t tick_mantissa             # one tick is tick_mantissa * 10^-tick_decimals quote
    int32_t tick_decimals
    int32_t lot_decimals
    int64_t lot_mantissa              # one lot is lot_mantissa * 10^-lot_decimals base (inverse: contracts)
    int64_t contract_size             # inverse: quote units of one contract; else 1
    int64_t maker_rate_e8             # parts of 10^8 of the notional; negative is a rebate
    int64_t taker_rate_e8
    int64_t quote_atoms_per_ticklot   # spot and linear: price_ticks * qty_lots * this = quote atoms, exactly
    int64_t base_atoms_per_lot        # spot and linear
    int64_t inverse_numerator         # inverse: qty_lots * this / (price_ticks * tick_mantissa) = coin atoms


cdef inline money_t contract_value(const ContractSpec* spec, int64_t price_ticks, int64_t qty_lots) noexcept nogil:
    """Notional of a fill in settle atoms, never negative.

    Spot and linear: exact. Inverse: contracts * size / price, to the nearest atom, ties to even.
    """
    if spec.kind == CONTRACT_INVERSE:
        return money_div_half_even(
            mul_wide(qty_lots, spec.inverse_numerator), mul_wide(price_ticks, spec.tick_mantissa)
        )
    return money_mul(mul_wide(price_ticks, qty_lots), spec.quote_atoms_per_ticklot)


cdef inline money_t contract_base_atoms(const ContractSpec* spec, int64_t qty_lots) noexcept nogil:
    """Base atoms of a spot or linear quantity, exact."""
    return mul_wide(qty_lots, spec.base_atoms_per_lot)


cdef inline int contract_fee_asset(const ContractSpec* spec, int side) noexcept nogil:
    """Asset index in which a fill of this side pays its fee."""
    if spec.fee_mode == FEE_IN_RECEIVED and side == SIDE_BUY:
        return spec.base_asset
    return spec.settle_asset


cdef inline money_t contract_fee(
    const ContractSpec* spec, int side, int64_t price_ticks, int64_t qty_lots, bint is_maker
) noexcept nogil:
    """Fee of a fill in atoms of `contract_fee_asset`, rounded up (a rebate towards nothing): against the trader."""
    cdef int64_t rate_e8 = spec.maker_rate_e8 if is_maker else spec.taker_rate_e8
    if spec.fee_mode == FEE_IN_RECEIVED and side == SIDE_BUY:
        return money_rate_up(contract_base_atoms(spec, qty_lots), rate_e8)
    return money_rate_up(contract_value(spec, price_ticks, qty_lots), rate_e8)


# base atoms at a mark, in quote atoms, rounded down; 0 where the mark is unknown (<= 0)
cdef money_t contract_base_to_quote(const ContractSpec* spec, money_t base_atoms, int64_t mark_ticks) noexcept nogil
# 1 where value and fee of this fill fit the core's integers (fee in 64 bits), so that no later step can overflow
cdef bint contract_is_in_range(const ContractSpec* spec, int64_t price_ticks, int64_t qty_lots) noexcept nogil


cdef class Contract:
    cdef ContractSpec spec
    cdef int _check(self, object price_ticks, object qty_lots) except -1
