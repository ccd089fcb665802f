"""The requests that only perpetuals take: mark price, funding, settings, algo orders, modify, countdown."""

from bot4._core.sim.exchange_state cimport ExchangeRequest, ExchangeState
from bot4._core.sim.requests cimport RequestResult


# A row of a kind from REQUEST_MARK on.
cdef void margin_apply(ExchangeState* state, const ExchangeRequest* row, RequestResult* result) noexcept nogil
