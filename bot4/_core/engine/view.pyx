# cython: language_level=3
"""The view as Python sees it: whole copies or an error, never a torn one (see include/bot4/view.h)."""

from libc.stdint cimport uint64_t
from libc.stdlib cimport free

from bot4._core.types cimport aligned_zalloc

# Of a tenth of a millisecond each: a writer that is not back after ten seconds died at work.
cdef int RESTS_MAX = 100_000


cdef class View:
    """Owner of one shard's visible words. Any thread may read."""

    def __cinit__(self):
        self.view = <ViewState*>aligned_zalloc(sizeof(ViewState))
        if self.view == NULL:
            raise MemoryError("no memory for a view")

    def __dealloc__(self):
        free(self.view)

    def words(self) -> list:
        """Return a consistent copy of the words in use; waits while the shard is off its core in the middle of a write.

        Raises TimeoutError where the shard is not back after some ten seconds.
        """
        cdef uint64_t copy[VIEW_WORDS_MAX]
        cdef int count = VIEW_HEAD_WORDS + <int>view_lanes(self.view) * VIEW_LANE_WORDS
        cdef bint whole
        with nogil:
            whole = view_await(self.view, copy, count, RESTS_MAX)
        if not whole:
            raise TimeoutError(f"the shard's view stayed half written for {RESTS_MAX // 10_000} s")
        return [copy[i] for i in range(count)]
