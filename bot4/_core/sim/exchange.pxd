"""`Exchange`: the simulated exchange, spot and perpetuals, seen from Python (structure in exchange_core.pxd)."""

from bot4._core.sim.margin_tables cimport MarginTables


cdef class Exchange(MarginTables):
    pass
