"""The requests an exchange takes, each whole or not at all: place, cancel, amend, advance the time."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from bot4._core.sim.exchange_state cimport ExchangeRequest, ExchangeState


# Outcome of one request row, 16 bytes.
ctypedef struct RequestResult:
    uint64_t order_id           # of the new order; 0: none
    int32_t verdict
    int32_t cancel_verdict      # of the cancel in a cancel-replace


cdef void place_order(ExchangeState* state, const ExchangeRequest* request, RequestResult* result) noexcept nogil
cdef int cancel_order(ExchangeState* state, const ExchangeRequest* request) noexcept nogil
cdef int cancel_all_orders(ExchangeState* state, int32_t account, int symbol) noexcept nogil
cdef void cancel_replace(ExchangeState* state, const ExchangeRequest* request, RequestResult* result) noexcept nogil
cdef int amend_order(ExchangeState* state, const ExchangeRequest* request) noexcept nogil
# Move the time forward and expire what is due; LOG_FULL where that stopped half way.
cdef int advance_time(ExchangeState* state, int64_t now_ns) noexcept nogil
cdef int check_admission(const ExchangeState* state, const ExchangeRequest* request) noexcept nogil
# One order row after its checks. A verdict; the new order's number goes to `order_id`.
cdef int admit_order(ExchangeState* state, const ExchangeRequest* request, uint64_t* order_id) noexcept nogil
# Whether the log holds what so many new orders may write at most: a verdict.
cdef int check_log(const ExchangeState* state, const ExchangeRequest* rows, int count) noexcept nogil
cdef void report_rejection(ExchangeState* state, const ExchangeRequest* request, int verdict) noexcept nogil
cdef uint32_t find_order(const ExchangeState* state, const ExchangeRequest* request) noexcept nogil
