# cython: language_level=3
"""Bounded store of whole depth messages (contract in diff_buffer.pxd).

Not seen from Python: a ``BookSync`` owns one. All functions belong to the thread that owns the book.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from bot4._core.types cimport aligned_zalloc


cdef bint buffer_init(DiffBuffer* buffer, int64_t messages, int64_t levels) noexcept:
    """Allocate an empty buffer; false where memory is out."""
    memset(buffer, 0, sizeof(DiffBuffer))
    buffer.message_mask = <uint64_t>messages - 1
    buffer.level_mask = <uint64_t>levels - 1
    buffer.messages = <BufferedMessage*>aligned_zalloc(<size_t>messages * sizeof(BufferedMessage))
    buffer.levels = <BufferedLevel*>aligned_zalloc(<size_t>levels * sizeof(BufferedLevel))
    return buffer.messages != NULL and buffer.levels != NULL


cdef void buffer_release(DiffBuffer* buffer) noexcept:
    free(buffer.messages)
    free(buffer.levels)
    memset(buffer, 0, sizeof(DiffBuffer))


cdef inline uint64_t _levels_held(const DiffBuffer* buffer) noexcept nogil:
    if buffer.oldest == buffer.next:
        return 0
    return buffer.level_end - buffer_oldest(buffer).start


cdef void buffer_open(
    DiffBuffer* buffer, const DepthBegin* ids, uint64_t flags, int64_t venue_ns, int64_t recv_ns
) noexcept nogil:
    """Begin a message of ids.level_count levels (not negative), dropping the oldest ones until it fits."""
    cdef uint64_t wanted = <uint64_t>ids.level_count
    cdef BufferedMessage* message
    buffer.discarding = wanted > buffer.level_mask + 1
    while buffer.oldest != buffer.next and (
        buffer.next - buffer.oldest > buffer.message_mask
        or buffer.discarding
        or _levels_held(buffer) + wanted > buffer.level_mask + 1
    ):
        buffer_drop_oldest(buffer)
        buffer.dropped += 1
    message = &buffer.messages[buffer.next & buffer.message_mask]
    message.ids = ids[0]
    message.flags = flags
    message.venue_ns = venue_ns
    message.recv_ns = recv_ns
    message.start = buffer.level_end


cdef void buffer_abort(DiffBuffer* buffer) noexcept nogil:
    if not buffer.discarding:
        buffer.level_end = buffer.messages[buffer.next & buffer.message_mask].start
    buffer.discarding = False


cdef void buffer_close(DiffBuffer* buffer) noexcept nogil:
    if buffer.discarding:
        buffer.discarding = False
        buffer.dropped += 1
        return
    buffer.next += 1


cdef void buffer_clear(DiffBuffer* buffer) noexcept nogil:
    buffer.oldest = buffer.next
