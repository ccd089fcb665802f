# cython: language_level=3
"""The sequence lock between a shard and those who watch it.

The writer never waits. A reader copies the words and takes them only where the version was even and the same before and
after; every access is atomic, so a torn copy is thrown away rather than shown.
"""

from libc.stdint cimport uint64_t
from libc.stdlib cimport free

from bot4._core.types cimport aligned_zalloc


cdef extern from * nogil:
    """
    #define BOT4_VIEW_LOAD(p, order) __atomic_load_n((p), (order))
    #define BOT4_VIEW_STORE(p, v, order) __atomic_store_n((p), (v), (order))
    """
    uint64_t _load "BOT4_VIEW_LOAD"(const uint64_t* p, int order) noexcept
    void _store "BOT4_VIEW_STORE"(uint64_t* p, uint64_t value, int order) noexcept
    const int _RELAXED "__ATOMIC_RELAXED"
    const int _ACQUIRE "__ATOMIC_ACQUIRE"
    const int _RELEASE "__ATOMIC_RELEASE"

# Reads that fail this often in a row meet a writer that never rests; the caller then shows the last good copy.
cdef int ATTEMPTS_MAX = 10_000


cdef void view_begin(ViewState* view) noexcept nogil:
    _store(&view.version, view.version + 1, _RELAXED)


cdef void view_set(ViewState* view, int index, uint64_t word) noexcept nogil:
    # Release: a reader that sees this word also sees the odd version before it.
    _store(&view.words[index], word, _RELEASE)


cdef void view_end(ViewState* view) noexcept nogil:
    # Release: a reader that sees the even version sees every word before it.
    _store(&view.version, view.version + 1, _RELEASE)


cdef bint view_read(const ViewState* view, uint64_t* out, int count) noexcept nogil:
    cdef uint64_t before = _load(&view.version, _ACQUIRE)
    cdef int i
    if before & 1:
        return False
    for i in range(count):
        # Acquire: no word is read after the second look at the version.
        out[i] = _load(&view.words[i], _ACQUIRE)
    return _load(&view.version, _RELAXED) == before


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
        cdef int count = VIEW_HEAD_WORDS + <int>_load(&self.view.lanes, _ACQUIRE) * VIEW_LANE_WORDS
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
