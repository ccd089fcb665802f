"""What other threads may see of a shard: words behind a sequence lock, written by the shard, read by anybody."""

from libc.stdint cimport uint64_t


cdef enum:
    VIEW_HEAD_WORDS = 16
    VIEW_LANE_WORDS = 16


# Why the lock holds is written there; tests/concurrency checks that very text under a model checker.
cdef extern from "bot4/view.h" nogil:
    enum:
        VIEW_WORDS_MAX "BOT4_VIEW_WORDS"     # head + 64 lanes

    ctypedef struct ViewState "bot4_view":
        pass

    void view_begin "bot4_view_begin"(ViewState* view) noexcept
    void view_set "bot4_view_set"(ViewState* view, int index, uint64_t word) noexcept
    void view_end "bot4_view_end"(ViewState* view) noexcept
    void view_set_lanes "bot4_view_set_lanes"(ViewState* view, uint64_t lanes) noexcept
    uint64_t view_lanes "bot4_view_lanes"(const ViewState* view) noexcept
    # False: the writer stayed in the middle of a write for `rests` rests of 0.1 ms.
    bint view_await "bot4_view_await"(const ViewState* view, uint64_t* out, int count, int rests) noexcept


cdef class View:
    cdef ViewState* view
