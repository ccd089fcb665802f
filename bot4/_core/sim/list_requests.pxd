"""Placing order lists: OCO, OTO and OTOCO, whole or not at all."""

from libc.stdint cimport int64_t

from bot4._core.sim.exchange_state cimport ExchangeRequest, ExchangeState
from bot4._core.sim.requests cimport RequestResult


# Rows from `rows` on; the results of all legs are written. Returns how many rows the list has, at most `count`.
cdef int64_t place_list(
    ExchangeState* state, const ExchangeRequest* rows, int64_t count, RequestResult* results
) noexcept nogil
