"""Net position of an instrument: lots, exact entry cost and realised result, in 128-bit atoms of the settle asset."""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.account.contract cimport ContractSpec
from bot4._core.types cimport OrderUpdate, money_t


ctypedef struct Position:
    money_t cost        # entry value of the open lots in settle atoms, sign of lots
    money_t realised    # settle atoms, before fees
    money_t fees        # fees paid, in atoms of the settle asset (a base fee of spot is the ledger's)
    int64_t lots        # above zero: long
    int64_t fill_count
    int64_t volume_lots


cpdef enum CumulativeVerdict:
    CUMULATIVE_OK = 0
    CUMULATIVE_REPEAT = 1      # nothing new: the report repeats what is known
    CUMULATIVE_BACKWARDS = 2   # the venue's total is below ours: refuse, reconcile
    CUMULATIVE_MISSING = 3     # the venue's total is above ours plus this fill: a fill was lost, reconcile
    CUMULATIVE_OVERFILL = 4    # more than the order's quantity


# Apply one fill; returns the realised result of this fill in settle atoms.
cdef money_t position_apply_fill(
    Position* position, const ContractSpec* spec, int side, int64_t price_ticks, int64_t qty_lots
) noexcept nogil
cdef void position_apply_fee(Position* position, money_t fee_atoms) noexcept nogil
# Result of closing everything at the mark, before fees; 0 where the mark is unknown (<= 0).
cdef money_t position_unrealised(const Position* position, const ContractSpec* spec, int64_t mark_ticks) noexcept nogil
# Mean entry price to the nearest tick, ties to even; 0 when flat. For display and stops, never for money.
cdef int64_t position_entry_ticks(const Position* position, const ContractSpec* spec) noexcept nogil
cdef uint64_t position_hash(const Position* position) noexcept nogil
# Cross-check of a report: ours before this fill, this fill, the venue's cumulative quantity, the order's quantity.
cdef int cumulative_check(int64_t known_lots, int64_t fill_lots, int64_t reported_lots, int64_t order_lots) noexcept nogil


cdef class Positions:
    cdef Position* positions
    cdef ContractSpec* specs
    cdef readonly int count
    cdef int _check(self, int instrument) except -1
