"""Sockets to events in one thread: poll, read, split into messages, scan, deliver, without the GIL."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from bot4._core.engine.feed cimport Feed, FeedState
from bot4._core.types cimport Event
from bot4._core.wire.frame_log cimport FrameLog, FrameLogState
from bot4._core.wire.websocket cimport WebSocketReader, WsReader


cdef enum:
    SOCKETS_MAX = 16
    NOTICES_MAX = 1024       # frames without a market event kept for the caller in one call; more are counted (raw: all)
    CONTROL_MAX = 125        # bytes of a control frame's payload


cpdef enum SocketStatus:
    SOCKET_OPEN = 0
    SOCKET_READABLE = 1      # encrypted bytes wait: the caller reads them and hands over how many came, by `parse`
    SOCKET_CLOSED = 2        # a close frame came
    SOCKET_ENDED = 3         # the connection ended without one
    SOCKET_FAILED = 4        # reading failed; see `error`
    SOCKET_BROKEN = 5        # what came is no websocket, or a message above the limit; see `error`


cpdef enum StreamKind:
    STREAM_DEPTH = 0
    STREAM_QUOTES = 1
    STREAM_TRADES = 2


ctypedef struct SocketState:
    WsReader* reader         # NULL: a free place
    int fd
    bint is_tls
    bint is_raw              # every message goes to the caller, none to the scanner
    int status               # SocketStatus
    int error                # errno, or a WsVerdict
    bint has_ping
    int control_length       # of the last ping, or of the close
    uint8_t control[CONTROL_MAX]
    int64_t last_useful_ns   # last message with a market event; a ping is none
    int64_t last_byte_ns
    uint64_t messages
    uint64_t useful


# How regularly one stream of one instrument speaks.
ctypedef struct StreamAge:
    int64_t last_ns          # 0: never
    int64_t gap_ns           # mean of the times between two messages, each new one weighing a sixteenth
    uint64_t messages


ctypedef struct ReceiverState:
    FeedState* feed
    FrameLogState* log       # NULL: nothing is recorded
    int wake_fd
    int64_t utc_offset_ns    # UTC minus CLOCK_MONOTONIC
    int64_t told_utc_ns      # above 0: the time is what the caller says, and nothing is waited for
    uint64_t attention       # sockets, by bit, that the caller has to look at
    uint64_t notices_dropped
    uint64_t reads
    uint64_t bytes
    SocketState sockets[SOCKETS_MAX]
    StreamAge ages[64][3]


cdef void receiver_note_age(ReceiverState* state, const Event* event, int64_t now_ns) noexcept nogil


cdef class Receiver:
    cdef ReceiverState* state
    cdef readonly Feed feed
    cdef FrameLog _log
    cdef list _readers
    cdef list _notices
    cdef int _add_notice(self, int place, const unsigned char* payload, size_t length) except -1
    cdef SocketState* _socket(self, int place) except NULL
