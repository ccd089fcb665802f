"""`Exchange`: the simulated spot exchange, seen from Python (structure in exchange_core.pxd)."""

from bot4._core.sim.exchange_tables cimport ExchangeTables


cdef class Exchange(ExchangeTables):
    pass
