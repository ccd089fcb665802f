"""What other threads may see of a shard: words behind a sequence lock, written by the shard, read by anybody."""

from libc.stdint cimport int64_t, uint64_t


cdef enum:
    VIEW_HEAD_WORDS = 16
    VIEW_LANE_WORDS = 16
    VIEW_WORDS_MAX = 1040    # head + 64 lanes


ctypedef struct ViewState:
    uint64_t version         # odd while the shard writes
    uint64_t lanes
    uint64_t words[VIEW_WORDS_MAX]


cdef void view_begin(ViewState* view) noexcept nogil
cdef void view_set(ViewState* view, int index, uint64_t word) noexcept nogil
cdef void view_end(ViewState* view) noexcept nogil
cdef bint view_read(const ViewState* view, uint64_t* out, int count) noexcept nogil   # false: try again


cdef class View:
    cdef ViewState* view
