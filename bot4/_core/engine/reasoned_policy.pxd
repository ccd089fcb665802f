"""The reasoned policy's owner: rules from Python, state and higher banks in one place."""

from bot4._core.engine.outlook cimport Claims, Reasoned


cdef class ReasonedPolicy:
    cdef Reasoned* reasoned
    cdef readonly object portfolio
    cdef object _features    # the bank whose timeframes are read


cdef class StatedGate:
    cdef Claims* claims
