"""What a request has set off beyond its own order: triggered stops, and pending orders whose turn has come."""

from bot4._core.sim.exchange_state cimport ExchangeState


# Work off the queue, one order after the other, until nothing is left.
cdef void settle_queue(ExchangeState* state) noexcept nogil
