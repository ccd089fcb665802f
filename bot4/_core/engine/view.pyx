# cython: language_level=3
"""The view as Python sees it: whole copies or an error, never a torn one (see include/bot4/view.h)."""

from libc.stdint cimport uint64_t
from libc.stdlib cimport free

from bot4._core.types cimport aligned_zalloc

# Reads that fail this often in a row meet a writer that never rests, or one that died at work.
cdef int ATTEMPTS_MAX = 10_000


cdef class View:
    """Owner of one shard's visible words. Any thread may read."""

    def __cinit__(self):
        self.view = <ViewState*>aligned_zalloc(sizeof(ViewState))
        if self.view == NULL:
            raise MemoryError("no memory for a view")

    def __dealloc__(self):
        free(self.view)

    def words(self) -> list:
        """Return a consistent copy of the words in use; raises TimeoutError where the writer never rests."""
        cdef uint64_t copy[VIEW_WORDS_MAX]
        cdef int count = VIEW_HEAD_WORDS + <int>view_lanes(self.view) * VIEW_LANE_WORDS
        cdef int _attempt
        cdef bint whole = False
        with nogil:
            for _attempt in range(ATTEMPTS_MAX):
                whole = view_read(self.view, copy, count)
                if whole:
                    break
        if not whole:
            raise TimeoutError(f"the shard's view changed during {ATTEMPTS_MAX} reads in a row")
        return [copy[i] for i in range(count)]
