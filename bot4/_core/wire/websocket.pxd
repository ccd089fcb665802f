"""Bytes of a websocket's server side to whole messages, in place: no copy of a message that came in one frame.

Source: RFC 6455. No extension is negotiated, so a reserved bit is an error. One thread at a time.
"""

from libc.stdint cimport uint64_t


cpdef enum WsVerdict:
    WS_MORE = 0            # no whole frame is there: read more
    WS_TEXT = 1            # a whole message, put together where it came in fragments
    WS_BINARY = 2
    WS_PING = 3            # to be answered with a pong of the same payload
    WS_PONG = 4
    WS_CLOSE = 5           # the payload holds code and reason; nothing follows
    WS_BAD_FRAME = 6       # from here on the connection has to be failed: reserved bits or opcodes, a mask, a bad length
    WS_BAD_FRAGMENT = 7    # a fragment without its beginning, a beginning inside a message, a split control frame
    WS_TOO_BIG = 8         # a message above the limit, told by its header, before its bytes were taken


ctypedef struct WsReader:
    unsigned char* bytes
    size_t capacity
    size_t message_bytes_max
    size_t head                # first byte not yet looked at
    size_t tail                # end of what was received
    size_t message_start       # of the message in fragments, where there is one
    size_t message_end
    int message_opcode         # 0: no message in fragments
    int failure                # the verdict that ended it, 0 none
    uint64_t frames
    uint64_t messages
    uint64_t moved_bytes       # moved to make room, or to join fragments


ctypedef struct WsFrame:
    const unsigned char* payload   # good until the next ws_room
    size_t length


cdef WsReader* ws_new(size_t message_bytes_max) noexcept     # NULL: memory is out
cdef void ws_free(WsReader* reader) noexcept
cdef void ws_clear(WsReader* reader) noexcept nogil           # a new connection; counters stay
# Where received bytes go, and how many fit: at least 64 KiB. Voids the payloads given out before.
cdef size_t ws_room(WsReader* reader, unsigned char** room) noexcept nogil
cdef void ws_took(WsReader* reader, size_t count) noexcept nogil
cdef int ws_next(WsReader* reader, WsFrame* frame) noexcept nogil


cdef class WebSocketReader:
    cdef WsReader* reader
