"""`Flow`: background trading on one symbol of an exchange, seen from Python (kernels in flow_run.pxd)."""

from bot4._core.sim.flow_state cimport FlowState


cdef class Flow:
    cdef FlowState* flow
    cdef object exchange
    cdef void _thin_out(self) noexcept
    cdef int _fund(self, tuple accounts) except -1
