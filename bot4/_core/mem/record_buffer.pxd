"""Arrays of fixed-size records as plain pointers: the borders between NumPy and the rings. Header only."""

from cpython.buffer cimport PyBUF_CONTIG, PyBUF_CONTIG_RO, PyBuffer_Release, PyObject_GetBuffer


cdef inline Py_ssize_t borrow_records(object array, Py_buffer* view, Py_ssize_t record_bytes, bint writable) except -1:
    """Borrow a contiguous array of `record_bytes` items; returns how many. The caller gives `view` back."""
    PyObject_GetBuffer(array, view, PyBUF_CONTIG if writable else PyBUF_CONTIG_RO)
    if view.itemsize != record_bytes:
        found = view.itemsize
        PyBuffer_Release(view)
        raise ValueError(f"records must be {record_bytes} bytes each, were {found}")
    return view.len // record_bytes


cdef inline size_t checked_capacity(object capacity, size_t least) except 0:
    """A ring's capacity: a power of two between `least` and 2**26."""
    if not least <= capacity <= 1 << 26 or capacity & (capacity - 1):
        raise ValueError(f"capacity must be a power of two from {least} to {1 << 26}, was {capacity}")
    return capacity
