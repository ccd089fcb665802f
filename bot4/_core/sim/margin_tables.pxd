"""`MarginTables`: the face of perpetuals, between the tables of an exchange and `Exchange`."""

from bot4._core.sim.exchange_tables cimport ExchangeTables


cdef class MarginTables(ExchangeTables):
    cdef object _positions_cost(self, int asset)
    cdef object _open(self, object account, object symbol, bint algos)
