"""Python's access to the synchronisation of an order book (the kernel is book_sync.pxd)."""

from bot4._core.book.book_sync cimport BookSync


cdef class DepthSync:
    cdef BookSync* sync
