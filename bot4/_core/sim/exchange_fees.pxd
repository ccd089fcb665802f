"""What a fill costs: rates by account, tier or symbol; in the asset received, or in the fee asset at a discount."""

from libc.stdint cimport int32_t, int64_t

from bot4._core.sim.exchange_state cimport ExchangeState, FeeRates
from bot4._core.types cimport money_t


ctypedef struct FeeCharge:
    money_t atoms            # below zero: a rebate
    money_t realised_atoms   # profit of a fill that closes a position; on spot 0
    int32_t asset
    bint from_free           # taken from the free balance of the fee asset rather than from what the fill brings


cdef const FeeRates* fee_rates(ExchangeState* state, int32_t account, int symbol) noexcept nogil
# Fee of one fill, nothing charged yet.
cdef void fee_of(
    ExchangeState* state, int32_t account, int symbol, int side, bint is_maker, int64_t lots, money_t quote_atoms,
    FeeCharge* charge
) noexcept nogil
# Count a fill's value towards the account's 30-day volume.
cdef void fee_volume(ExchangeState* state, int32_t account, int symbol, money_t quote_atoms) noexcept nogil
cdef money_t fee_volume_30d(ExchangeState* state, int32_t account) noexcept nogil
