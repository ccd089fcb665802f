"""`ExchangeTables`: owner of an exchange's state, and of the names of what it trades (structure in exchange_core.pxd)."""

from bot4._core.sim.exchange_state cimport ExchangeState


cdef class ExchangeTables:
    cdef ExchangeState* state
    cdef list asset_names
    cdef list asset_decimals
    cdef list symbol_names
    cdef list account_names
    cdef bint adds_perpetual        # the symbol being added is one
    cdef int _check_symbol(self, object symbol) except -1
    cdef int _check_account(self, object account) except -1
    cdef int _check_asset(self, object asset) except -1
