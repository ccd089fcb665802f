# cython: language_level=3
"""What a bar, a trade or a top of the book must satisfy before it may touch a feature."""

import numpy as np


cdef object int64_rows(object rows, Py_ssize_t columns, str name):
    """Contiguous int64 array of that many columns; never rounds or wraps what it is given."""
    array = np.asarray(rows)
    if array.size == 0:
        return np.empty((0, columns), dtype=np.int64)
    if array.dtype.kind not in "iu" or not np.can_cast(array.dtype, np.int64, casting="safe"):
        raise TypeError(f"{name} must be integers of at most 64 bits (ticks, lots, ns), were {array.dtype}")
    if array.ndim != 2 or array.shape[1] != columns:
        raise ValueError(f"{name} must have shape (n, {columns}), had {array.shape}")
    return np.ascontiguousarray(array, dtype=np.int64)
