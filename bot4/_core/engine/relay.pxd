"""A receiver for venues whose frames Python reads: messages go up as they came, events come down."""

from bot4._core.engine.receiver cimport Receiver


cdef class Relay(Receiver):
    pass
