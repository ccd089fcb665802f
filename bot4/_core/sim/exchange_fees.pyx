# cython: language_level=3
"""Fees of the exchange (contract in exchange_fees.pxd).

Rates: an account's own, else those of its volume tier where tiers are set, else the symbol's. The tier follows the
volume of the 30 whole UTC days before today and changes at midnight. A fee is rounded up to an atom and a rebate
towards nothing: against the trader. Whoever buys pays in base, whoever sells in quote; an account that chose the fee
asset pays there, at a discount and at the last price of the fee symbol, while its free balance covers the fill's whole
fee and the fee symbol has traded, and in what it receives otherwise. A rebate is paid in what the fill brings.

Not seen from Python: the exchange charges them.
"""

from libc.stdint cimport int32_t, int64_t

from bot4._core.account.balances cimport balance_at
from bot4._core.account.money cimport (
    money_add, money_mul, money_mul_fits, money_rate_up,
)
from bot4._core.sim.exchange_state cimport AccountState, SymbolState
from bot4._core.types cimport SIDE_BUY, money_t, mul_wide

cdef extern from *:
    """
    #define BOT4_DAY_NS INT64_C(86400000000000)
    """
    const int64_t DAY_NS "BOT4_DAY_NS"


cdef money_t _sum_before(const AccountState* account, int64_t day) noexcept nogil:
    """Volume of the 30 days before a day that the buckets have been rolled to."""
    cdef money_t total = 0
    cdef int64_t back
    for back in range(1, 31):
        total = money_add(total, account.volume_atoms[(day + 31 - back) % 31])
    return total


cdef void _roll(ExchangeState* state, AccountState* account) noexcept nogil:
    """Bring the daily buckets to today; the tier is worked out anew when the day has changed."""
    cdef int64_t day = state.now_ns // DAY_NS, gone
    cdef int32_t tier
    cdef money_t volume
    if day == account.volume_day:
        return
    gone = min(day - account.volume_day, 31)
    account.volume_day = day
    while gone > 0:
        gone -= 1
        account.volume_atoms[(day + 31 - gone) % 31] = 0
    volume = _sum_before(account, day)
    account.tier = 0
    for tier in range(state.tier_count):
        if volume >= state.tiers[tier].volume_atoms:
            account.tier = tier


cdef money_t fee_volume_30d(ExchangeState* state, int32_t account) noexcept nogil:
    """Volume of the last 30 whole days, in atoms of the tiers' asset."""
    _roll(state, &state.accounts[account])
    return _sum_before(&state.accounts[account], state.accounts[account].volume_day)


cdef const FeeRates* fee_rates(ExchangeState* state, int32_t account, int symbol) noexcept nogil:
    cdef AccountState* held = &state.accounts[account]
    if held.has_own_rates:
        return &held.own_rates
    if state.tier_count == 0:
        return &state.symbols[symbol].rates
    _roll(state, held)
    return &state.tiers[held.tier].rates


cdef money_t _exchanged(const SymbolState* symbol, money_t atoms, bint to_base) noexcept nogil:
    """Value of an amount on another symbol at its last price: quote to base rounds up, base to quote down. -1: none."""
    cdef money_t lot_value = mul_wide(symbol.last_ticks, symbol.quote_atoms_per_ticklot)
    if symbol.last_ticks == 0:
        return -1
    if to_base:
        if atoms >> 90 != 0:
            return -1            # the product and its rounding would leave 128 bits
        return (money_mul(atoms, symbol.base_atoms_per_lot) + lot_value - 1) // lot_value
    if not money_mul_fits(atoms, symbol.last_ticks) or not money_mul_fits(
        money_mul(atoms, symbol.last_ticks), symbol.quote_atoms_per_ticklot
    ):
        return -1
    return money_mul(money_mul(atoms, symbol.last_ticks), symbol.quote_atoms_per_ticklot) // symbol.base_atoms_per_lot


cdef bint _in_fee_asset(
    ExchangeState* state, int32_t account, int symbol, int64_t rate_e8, money_t quote_atoms, FeeCharge* charge
) noexcept nogil:
    """Work out the fee in the fee asset; false where it cannot be paid there."""
    cdef const SymbolState* traded = &state.symbols[symbol]
    # The discounted rate, rounded up to a part of 10^8.
    cdef int64_t rate = (rate_e8 * (1000000 - state.fee_discount_ppm) + 999999) // 1000000
    cdef money_t atoms = money_rate_up(quote_atoms, rate)
    if traded.fee_symbol < -1:
        return False
    if traded.fee_symbol >= 0:
        atoms = _exchanged(&state.symbols[traded.fee_symbol], atoms, True)
    if atoms < 0 or balance_at(&state.balances, account, state.fee_asset).free_atoms < atoms:
        return False
    charge.atoms = atoms
    charge.asset = state.fee_asset
    charge.from_free = True
    return True


cdef void fee_of(
    ExchangeState* state, int32_t account, int symbol, int side, bint is_maker, int64_t lots, money_t quote_atoms,
    FeeCharge* charge
) noexcept nogil:
    cdef const SymbolState* traded = &state.symbols[symbol]
    cdef const FeeRates* rates = fee_rates(state, account, symbol)
    cdef int64_t rate_e8 = rates.maker_e8 if is_maker else rates.taker_e8
    if rate_e8 > 0 and state.fee_asset >= 0 and state.accounts[account].pays_in_fee_asset and _in_fee_asset(
        state, account, symbol, rate_e8, quote_atoms, charge
    ):
        return
    charge.from_free = False
    if side == SIDE_BUY:
        charge.asset = traded.base_asset
        charge.atoms = money_rate_up(mul_wide(lots, traded.base_atoms_per_lot), rate_e8)
    else:
        charge.asset = traded.quote_asset
        charge.atoms = money_rate_up(quote_atoms, rate_e8)


cdef void fee_volume(ExchangeState* state, int32_t account, int symbol, money_t quote_atoms) noexcept nogil:
    cdef AccountState* held = &state.accounts[account]
    cdef const SymbolState* traded = &state.symbols[symbol]
    cdef money_t value = quote_atoms
    if state.tier_count == 0 or traded.volume_symbol < -1:
        return
    if traded.volume_symbol >= 0:
        value = _exchanged(&state.symbols[traded.volume_symbol], quote_atoms, False)
        if value < 0:
            return
    _roll(state, held)
    held.volume_atoms[held.volume_day % 31] = money_add(held.volume_atoms[held.volume_day % 31], value)
