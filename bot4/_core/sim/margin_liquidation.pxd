"""Accounts that are short of maintenance margin, and what is done with their orders and positions."""

from libc.stdint cimport uint32_t

from bot4._core.sim.exchange_state cimport ExchangeState


# Look at the accounts that the request in work may have cut; liquidate one position and return true, or none is due.
cdef bint liquidate_next(ExchangeState* state) noexcept nogil
