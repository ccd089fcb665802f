"""The simulated exchange as a whole: construction, release, one request row at a time, hash of its state."""

from libc.stdint cimport int32_t, int64_t, uint64_t

from bot4._core.sim.exchange_state cimport ExchangeRequest, ExchangeState
from bot4._core.sim.requests cimport RequestResult


cdef ExchangeState* exchange_new(
    int64_t max_orders, int32_t max_accounts, int32_t max_assets, int32_t max_symbols, int64_t max_reports
) noexcept                                                       # max_orders a power of two; NULL: out of memory
# Make the tables of positions, with the first perpetual; false: out of memory.
cdef bint exchange_add_margin(ExchangeState* state) noexcept
cdef void exchange_free(ExchangeState* state) noexcept
# Apply a row, and the rows behind it where it is a list. Returns how many were used; 0: the log is too full for it.
cdef int64_t exchange_apply(
    ExchangeState* state, const ExchangeRequest* rows, int64_t count, RequestResult* result
) noexcept nogil
cdef uint64_t exchange_hash(const ExchangeState* state) noexcept nogil
