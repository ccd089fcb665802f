"""Balances by asset, free and locked, in 128-bit atoms. No balance is ever negative: what would make one is refused."""

from libc.stdint cimport int32_t, int64_t, uint64_t

from bot4._core.account.contract cimport ContractSpec
from bot4._core.account.positions cimport Position
from bot4._core.types cimport money_t


cpdef enum LedgerVerdict:
    LEDGER_OK = 0
    LEDGER_INSUFFICIENT = 1   # refused as a whole: nothing changed
    LEDGER_NO_ASSET = 2       # the contract names an asset the ledger does not hold


cpdef enum LedgerBound:
    LOCK_FILL_SLACK = 1024    # fills of one order whose fee rounding its lock is sure to cover


ctypedef struct AssetBalance:
    money_t available   # free to spend or lock
    money_t locked      # held by open orders
    money_t fees        # fees paid so far; already taken from the balance


ctypedef struct OrderLock:
    money_t remaining   # atoms of `asset` still locked for the order; zero when it is closed
    int64_t asset


ctypedef struct Ledger:
    AssetBalance* balances
    int32_t asset_count
    int32_t refused     # verdicts other than LEDGER_OK


cdef int ledger_credit(Ledger* ledger, int asset, money_t atoms) noexcept nogil   # negative: debit of free atoms
cdef int ledger_lock(Ledger* ledger, OrderLock* lock, int asset, money_t atoms) noexcept nogil
# What an order may cost at most: spot buys their notional (and fee where it is paid in quote), spot sells their base,
# derivatives their fee (their margin is a risk limit, not a balance).
cdef int ledger_lock_order(
    Ledger* ledger, OrderLock* lock, const ContractSpec* spec, int side, int64_t price_ticks, int64_t qty_lots
) noexcept nogil
cdef void ledger_release(Ledger* ledger, OrderLock* lock) noexcept nogil
# One fill: moves the balances and the position together, or neither. `lock` may be NULL; `position` only for spot.
cdef int ledger_apply_fill(
    Ledger* ledger, Position* position, const ContractSpec* spec, OrderLock* lock,
    int side, int64_t price_ticks, int64_t qty_lots, money_t fee_atoms,
) noexcept nogil
# The same with the fee in an asset of the venue's choice.
cdef int ledger_apply_fill_fee(
    Ledger* ledger, Position* position, const ContractSpec* spec, OrderLock* lock,
    int side, int64_t price_ticks, int64_t qty_lots, int fee_asset, money_t fee_atoms,
) noexcept nogil
cdef money_t ledger_total(const Ledger* ledger, int asset) noexcept nogil
# Everything in atoms of `quote_asset` at the marks, rounded down; assets without a mark are left out and counted.
cdef money_t ledger_equity(
    const Ledger* ledger, const Position* positions, const ContractSpec* specs, const int64_t* marks_ticks, int count,
    int quote_asset, int* unvalued,
) noexcept nogil
cdef uint64_t ledger_hash(const Ledger* ledger) noexcept nogil


cdef class Hold:
    cdef OrderLock lock


cdef class Account:
    cdef Ledger ledger
    cdef readonly tuple decimals
    cdef int _check(self, int asset) except -1
