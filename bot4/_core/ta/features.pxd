"""The feature bank for Python."""

from libc.stdint cimport int64_t

from bot4._core.ta.bank cimport FeatureBank


cdef class Features:
    cdef FeatureBank* bank
    cdef Py_ssize_t exported_shape[1]
    cdef readonly tuple selected        # names
    cdef readonly tuple intervals_ns
    cdef str parameters
    cdef int64_t _frame(self, object interval_ns) except -1
    cdef object _feed(self, object rows, int kind, object interval_ns, object references, bint keep)
