"""Received frames on their way to a recording: a bounded ring of bytes between the thread that reads and the one that writes.

The reader never waits: where there is no room a frame is left out and counted, and the next one that fits is written
behind a line that says how many are missing.
"""

from libc.stdint cimport int64_t, uint64_t


ctypedef struct FrameLogState:
    unsigned char* bytes
    uint64_t capacity          # a power of two
    uint64_t frames            # producer's
    uint64_t dropped           # producer's: left out for want of room
    uint64_t dropped_told      # producer's: of them, told by a gap line
    uint64_t tail              # written by the producer
    uint64_t head              # written by the consumer


# One producer. False where the frame was left out.
cdef bint frame_log_push(FrameLogState* log, int64_t recv_ns, const char* frame, size_t length) noexcept nogil


cdef class FrameLog:
    cdef FrameLogState* log
