"""Funding of perpetuals: what a settlement costs who holds a position, paid out of what is free."""

from libc.stdint cimport int64_t

from bot4._core.account.contract cimport ContractSpec, contract_value
from bot4._core.account.ledger cimport Ledger, ledger_credit
from bot4._core.account.money cimport money_fits_64, money_min, money_rate_up, money_sub
from bot4._core.types cimport money_t


cdef inline money_t funding_book(Ledger* ledger, int asset, money_t due) noexcept nogil:
    """Pay `due` atoms out of what is free of an asset, or receive them (below 0); returns what was."""
    cdef money_t given = money_min(due, ledger.balances[asset].available)
    ledger_credit(ledger, asset, money_sub(0, given))
    return given


cdef inline money_t funding_pay(
    Ledger* ledger, const ContractSpec* spec, int64_t mark_ticks, int64_t lots, int64_t rate_e8, money_t* unpaid
) noexcept nogil:
    """Settle a position of `lots` at its mark: pay atoms, or receive them (below 0), rounded against the account.

    Above 0 who is long pays. What free money does not cover is left `unpaid`, and so is all that 64 bits do not hold.
    """
    cdef money_t due = 0, given
    if lots != 0 and mark_ticks > 0:
        due = money_rate_up(contract_value(spec, mark_ticks, lots if lots > 0 else -lots),
                            rate_e8 if lots > 0 else -rate_e8)
    given = funding_book(ledger, spec.settle_asset, due) if money_fits_64(due) else 0
    unpaid[0] = money_sub(due, given)
    return given
