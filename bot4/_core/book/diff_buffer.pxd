"""Depth messages kept until a snapshot arrives: two bounded rings, of messages and of their levels.

Only whole messages are ever visible. When either ring is full the oldest whole message goes; a message with more
levels than the ring empties it and is dropped itself. `dropped` counts both.
"""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.types cimport DepthBegin


ctypedef struct BufferedLevel:
    int64_t price_ticks
    int64_t qty_lots
    int64_t side


ctypedef struct BufferedMessage:
    DepthBegin ids
    int64_t venue_ns
    int64_t recv_ns
    uint64_t start           # count of levels ever pushed before its first one
    uint64_t flags


ctypedef struct DiffBuffer:
    BufferedMessage* messages
    BufferedLevel* levels
    uint64_t message_mask
    uint64_t level_mask
    uint64_t oldest          # messages ever removed
    uint64_t next            # messages ever completed
    uint64_t level_end       # levels ever pushed
    bint discarding          # the open message does not fit
    int64_t dropped


cdef bint buffer_init(DiffBuffer* buffer, int64_t messages, int64_t levels) noexcept     # powers of two
cdef void buffer_release(DiffBuffer* buffer) noexcept
cdef void buffer_open(
    DiffBuffer* buffer, const DepthBegin* ids, uint64_t flags, int64_t venue_ns, int64_t recv_ns
) noexcept nogil
cdef void buffer_abort(DiffBuffer* buffer) noexcept nogil        # forget the open message
cdef void buffer_close(DiffBuffer* buffer) noexcept nogil        # the open message is whole
cdef void buffer_clear(DiffBuffer* buffer) noexcept nogil


cdef inline int64_t buffer_count(const DiffBuffer* buffer) noexcept nogil:
    """Whole messages held."""
    return <int64_t>(buffer.next - buffer.oldest)


cdef inline const BufferedMessage* buffer_oldest(const DiffBuffer* buffer) noexcept nogil:
    """The oldest whole message; there must be one."""
    return &buffer.messages[buffer.oldest & buffer.message_mask]


cdef inline const BufferedLevel* buffer_level(
    const DiffBuffer* buffer, const BufferedMessage* message, int64_t index
) noexcept nogil:
    return &buffer.levels[(message.start + <uint64_t>index) & buffer.level_mask]


cdef inline void buffer_drop_oldest(DiffBuffer* buffer) noexcept nogil:
    buffer.oldest += 1


cdef inline void buffer_push(DiffBuffer* buffer, int64_t side, int64_t price_ticks, int64_t qty_lots) noexcept nogil:
    """Add a level to the open message; no more than its level_count, for which buffer_open made room."""
    cdef BufferedLevel* level
    if buffer.discarding:
        return
    level = &buffer.levels[buffer.level_end & buffer.level_mask]
    level.price_ticks = price_ticks
    level.qty_lots = qty_lots
    level.side = side
    buffer.level_end += 1
