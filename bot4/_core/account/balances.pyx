# cython: language_level=3
"""The table of balances (contract in balances.pxd).

Money moves in four ways only: credit, lock, unlock and spend. An amount that would leave a locked balance below zero is
a broken invariant and stops the process.

Not seen from Python: an exchange owns it. All functions belong to the thread that owns the table.
"""

from libc.stdint cimport int32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from bot4._core.account.money cimport money_hash
from bot4._core.types cimport aligned_zalloc


cdef bint balances_init(Balances* balances, int32_t accounts, int32_t assets) noexcept:
    cdef size_t cells = <size_t>accounts * <size_t>assets
    memset(balances, 0, sizeof(Balances))
    balances.accounts = accounts
    balances.assets = assets
    balances.round = 1
    balances.cells = <Balance*>aligned_zalloc(cells * sizeof(Balance))
    balances.touched_in = <uint64_t*>aligned_zalloc(cells * sizeof(uint64_t))
    balances.touched = <uint32_t*>aligned_zalloc(cells * sizeof(uint32_t))
    return balances.cells != NULL and balances.touched_in != NULL and balances.touched != NULL


cdef void balances_release(Balances* balances) noexcept:
    free(balances.cells)
    free(balances.touched_in)
    free(balances.touched)
    memset(balances, 0, sizeof(Balances))


cdef money_t balances_total(const Balances* balances, int32_t asset) noexcept nogil:
    cdef money_t total = 0
    cdef int32_t account
    for account in range(balances.accounts):
        total = money_add(total, balance_at(balances, account, asset).free_atoms)
        total = money_add(total, balance_at(balances, account, asset).locked_atoms)
    return total


cdef uint64_t balances_hash(const Balances* balances, int32_t accounts, int32_t assets) noexcept nogil:
    """Hash of the first `accounts` and `assets`, account by account."""
    cdef uint64_t hashed = 0
    cdef int32_t account, asset
    for account in range(accounts):
        for asset in range(assets):
            hashed = money_hash(hashed, balance_at(balances, account, asset).free_atoms)
            hashed = money_hash(hashed, balance_at(balances, account, asset).locked_atoms)
    return hashed
