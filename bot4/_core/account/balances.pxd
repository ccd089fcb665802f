"""Free and locked money of every account in every asset, in exact atoms, and which of them a request touched."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from bot4._core.account.money cimport money_add, money_sub
from bot4._core.types cimport BOT4_ASSERT, money_t


ctypedef struct Balance:
    money_t free_atoms          # below zero only in the house account, which pays rebates
    money_t locked_atoms


ctypedef struct Balances:
    Balance* cells              # account * assets + asset
    uint64_t* touched_in        # the round in which a cell was last noted
    uint32_t* touched           # cells noted in this round, in order
    int32_t accounts
    int32_t assets
    int64_t touched_count
    uint64_t round


cdef bint balances_init(Balances* balances, int32_t accounts, int32_t assets) noexcept     # false: out of memory
cdef void balances_release(Balances* balances) noexcept
cdef money_t balances_total(const Balances* balances, int32_t asset) noexcept nogil        # over every account
cdef uint64_t balances_hash(const Balances* balances, int32_t accounts, int32_t assets) noexcept nogil


cdef inline Balance* balance_at(const Balances* balances, int32_t account, int32_t asset) noexcept nogil:
    return &balances.cells[<int64_t>account * balances.assets + asset]


cdef inline void balance_note(Balances* balances, int32_t account, int32_t asset) noexcept nogil:
    """Remember that this round changes a cell; once a round."""
    cdef uint32_t cell = <uint32_t>(account * balances.assets + asset)
    if balances.touched_in[cell] != balances.round:
        balances.touched_in[cell] = balances.round
        balances.touched[balances.touched_count] = cell
        balances.touched_count += 1


cdef inline void balances_next_round(Balances* balances) noexcept nogil:
    balances.touched_count = 0
    balances.round += 1


cdef inline void balance_credit(Balances* balances, int32_t account, int32_t asset, money_t atoms) noexcept nogil:
    """Add to free; a negative amount is the caller's proven debt."""
    cdef Balance* cell = balance_at(balances, account, asset)
    balance_note(balances, account, asset)
    cell.free_atoms = money_add(cell.free_atoms, atoms)


cdef inline bint balance_lock(Balances* balances, int32_t account, int32_t asset, money_t atoms) noexcept nogil:
    """Move from free to locked; false where free is short (nothing is changed)."""
    cdef Balance* cell = balance_at(balances, account, asset)
    if cell.free_atoms < atoms:
        return False
    balance_note(balances, account, asset)
    cell.free_atoms = money_sub(cell.free_atoms, atoms)
    cell.locked_atoms = money_add(cell.locked_atoms, atoms)
    return True


cdef inline void balance_unlock(Balances* balances, int32_t account, int32_t asset, money_t atoms) noexcept nogil:
    """Move from locked back to free: exactly what was locked."""
    cdef Balance* cell = balance_at(balances, account, asset)
    BOT4_ASSERT(atoms >= 0 and cell.locked_atoms >= atoms)
    balance_note(balances, account, asset)
    cell.locked_atoms = money_sub(cell.locked_atoms, atoms)
    cell.free_atoms = money_add(cell.free_atoms, atoms)


cdef inline void balance_spend(Balances* balances, int32_t account, int32_t asset, money_t atoms) noexcept nogil:
    """Take out of locked: what a fill pays."""
    cdef Balance* cell = balance_at(balances, account, asset)
    BOT4_ASSERT(atoms >= 0 and cell.locked_atoms >= atoms)
    balance_note(balances, account, asset)
    cell.locked_atoms = money_sub(cell.locked_atoms, atoms)
