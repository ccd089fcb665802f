# cython: language_level=3
"""Frames of a websocket's server side (contract in websocket.pxd).

A message stays where it was received. Only what is cut off at the buffer's end moves, to its beginning, and a fragment
after the first moves up to it, over the header between them.
"""

from cpython.buffer cimport PyBuffer_FillInfo
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memmove, memset

cdef enum:
    _ROOM_MIN = 1 << 16
    _MESSAGE_MAX = 1 << 28
    _HEADER_MAX = 10
    _CONTROL_MAX = 125
    _OPCODE_CONTINUATION = 0
    _OPCODE_TEXT = 1
    _OPCODE_BINARY = 2
    _OPCODE_CLOSE = 8
    _OPCODE_PING = 9
    _OPCODE_PONG = 10


cdef WsReader* ws_new(size_t message_bytes_max) noexcept:
    cdef WsReader* reader = <WsReader*>malloc(sizeof(WsReader))
    if reader == NULL:
        return NULL
    memset(reader, 0, sizeof(WsReader))
    reader.message_bytes_max = message_bytes_max
    # The kernel gives pages only where bytes arrive, so a large limit costs address space.
    reader.capacity = message_bytes_max + 4 * _ROOM_MIN
    reader.bytes = <unsigned char*>malloc(reader.capacity)
    if reader.bytes == NULL:
        free(reader)
        return NULL
    return reader


cdef void ws_free(WsReader* reader) noexcept:
    if reader != NULL:
        free(reader.bytes)
        free(reader)


cdef void ws_clear(WsReader* reader) noexcept nogil:
    reader.head = reader.tail = reader.message_start = reader.message_end = 0
    reader.message_opcode = reader.failure = 0


cdef size_t ws_room(WsReader* reader, unsigned char** room) noexcept nogil:
    # What is kept is the joined part of a message and one frame that is not whole, together no more than the largest
    # message and a header: after a move there is always room.
    cdef size_t kept = reader.message_end - reader.message_start if reader.message_opcode else 0
    cdef size_t unread = reader.tail - reader.head
    if kept == 0 and unread == 0 and reader.message_opcode == 0:
        reader.head = reader.tail = 0
    elif reader.capacity - reader.tail < _ROOM_MIN:
        memmove(reader.bytes, reader.bytes + reader.message_start, kept)
        memmove(reader.bytes + kept, reader.bytes + reader.head, unread)
        reader.moved_bytes += kept + unread
        reader.message_start = 0
        reader.message_end = reader.head = kept
        reader.tail = kept + unread
    room[0] = reader.bytes + reader.tail
    return reader.capacity - reader.tail


cdef void ws_took(WsReader* reader, size_t count) noexcept nogil:
    reader.tail += count


cdef inline int _fail(WsReader* reader, int verdict) noexcept nogil:
    reader.failure = verdict
    return verdict


cdef inline uint64_t _big_endian(const unsigned char* at, int count) noexcept nogil:
    cdef uint64_t value = 0
    cdef int i
    for i in range(count):
        value = value << 8 | at[i]
    return value


cdef int _control(WsReader* reader, int opcode, WsFrame* frame) noexcept nogil:
    if opcode == _OPCODE_PING:
        return WS_PING
    if opcode == _OPCODE_PONG:
        return WS_PONG
    if opcode == _OPCODE_CLOSE and frame.length != 1:
        return _fail(reader, WS_CLOSE)         # nothing is read after it
    return _fail(reader, WS_BAD_FRAME)


cdef int _data(WsReader* reader, int opcode, bint is_last, size_t start, WsFrame* frame) noexcept nogil:
    """A data frame whose payload is from `start`: the message it completes, or WS_MORE."""
    if opcode != _OPCODE_CONTINUATION and is_last:
        reader.messages += 1
        return WS_TEXT if opcode == _OPCODE_TEXT else WS_BINARY
    if opcode != _OPCODE_CONTINUATION:
        reader.message_opcode = opcode
        reader.message_start = start
        reader.message_end = start + frame.length
        return WS_MORE
    if reader.message_end != start:
        memmove(reader.bytes + reader.message_end, frame.payload, frame.length)
        reader.moved_bytes += frame.length
    reader.message_end += frame.length
    if not is_last:
        return WS_MORE
    frame.payload = reader.bytes + reader.message_start
    frame.length = reader.message_end - reader.message_start
    opcode = reader.message_opcode
    reader.message_opcode = 0
    reader.messages += 1
    return WS_TEXT if opcode == _OPCODE_TEXT else WS_BINARY


cdef int ws_next(WsReader* reader, WsFrame* frame) noexcept nogil:
    cdef const unsigned char* at
    cdef size_t there, header, joined
    cdef uint64_t length
    cdef int opcode, verdict
    cdef bint is_last
    frame.payload = reader.bytes
    frame.length = 0
    if reader.failure:
        return reader.failure
    while True:
        at = reader.bytes + reader.head
        there = reader.tail - reader.head
        if there < 2:
            return WS_MORE
        opcode = at[0] & 15
        is_last = at[0] >> 7
        if at[0] & 0x70 or at[1] & 0x80 or opcode > _OPCODE_PONG or _OPCODE_BINARY < opcode < _OPCODE_CLOSE:
            return _fail(reader, WS_BAD_FRAME)
        length = at[1]
        header = 2
        if length >= 126:
            header = 4 if length == 126 else 10
            if opcode >= _OPCODE_CLOSE:
                return _fail(reader, WS_BAD_FRAME)
            if there < header:
                return WS_MORE
            length = _big_endian(at + 2, <int>header - 2)
            if length < (126 if header == 4 else 65_536):
                return _fail(reader, WS_BAD_FRAME)     # a length has one form only, the shortest
        if opcode >= _OPCODE_CLOSE:
            if not is_last:
                return _fail(reader, WS_BAD_FRAGMENT)
        elif (opcode == _OPCODE_CONTINUATION) != (reader.message_opcode != 0):
            return _fail(reader, WS_BAD_FRAGMENT)
        joined = reader.message_end - reader.message_start if opcode == _OPCODE_CONTINUATION else 0
        if length > reader.message_bytes_max - joined:
            return _fail(reader, WS_TOO_BIG)
        if there - header < length:
            return WS_MORE
        frame.payload = at + header
        frame.length = <size_t>length
        reader.frames += 1
        header += reader.head                          # now the place of the payload
        reader.head = header + <size_t>length
        if opcode >= _OPCODE_CLOSE:
            return _control(reader, opcode, frame)
        verdict = _data(reader, opcode, is_last, header, frame)
        if verdict != WS_MORE:
            return verdict


cdef class _Room:
    """The free part of a reader's buffer, for `recv_into`."""
    cdef WebSocketReader owner
    cdef unsigned char* start
    cdef Py_ssize_t size

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        PyBuffer_FillInfo(buffer, self, self.start, self.size, 0, flags)


cdef class WebSocketReader:
    """Splits what a websocket server sent into messages.

    Parameters
    ----------
    message_bytes_max : int
        Largest message, 125 bytes to 256 MiB; a larger one fails the connection before it was received.

    Raises
    ------
    ValueError
        `message_bytes_max` is out of range.

    One thread at a time.

    >>> reader = WebSocketReader()
    >>> reader.take(bytes([0x81, 5]) + b"hel")
    >>> reader.next() is None
    True
    >>> reader.take(b"lo")
    >>> reader.next()
    (<WsVerdict.WS_TEXT: 1>, b'hello')
    """

    def __cinit__(self, Py_ssize_t message_bytes_max = 16 << 20):
        if not _CONTROL_MAX <= message_bytes_max <= _MESSAGE_MAX:
            raise ValueError(
                f"message_bytes_max must be between {_CONTROL_MAX} and {_MESSAGE_MAX}, was {message_bytes_max}")
        self.reader = ws_new(message_bytes_max)
        if self.reader == NULL:
            raise MemoryError("no memory for a websocket's buffer")

    def __dealloc__(self):
        ws_free(self.reader)

    def clear(self) -> None:
        """Forget what was received: a new connection begins."""
        ws_clear(self.reader)

    def room(self) -> memoryview:
        """Return the free part of the buffer, 64 KiB or more, for `recv_into`; say how much came with `took`.

        .. DANGER:: It is good until the next call of any method, and no longer than this reader.
        """
        cdef _Room room = _Room()
        room.owner = self
        room.size = ws_room(self.reader, &room.start)
        return memoryview(room)

    def took(self, Py_ssize_t count) -> None:
        """Count bytes that were received into `room`."""
        if not 0 <= count <= <Py_ssize_t>(self.reader.capacity - self.reader.tail):
            raise ValueError(f"count must be between 0 and the room there is, was {count}")
        ws_took(self.reader, count)

    def take(self, const unsigned char[::1] data) -> None:
        """Receive a copy of `data`, at most 64 KiB; `next` takes out what is whole before more is received."""
        cdef unsigned char* room = NULL
        cdef Py_ssize_t size = ws_room(self.reader, &room)
        if data.shape[0] > min(size, _ROOM_MIN):
            raise ValueError(f"data must be at most {min(size, _ROOM_MIN)} bytes here, was {data.shape[0]}")
        if data.shape[0]:
            memcpy(room, &data[0], data.shape[0])
        ws_took(self.reader, data.shape[0])

    def next(self) -> tuple | None:
        """Return the next message or control frame as (verdict, payload), None where more has to be received.

        A verdict from WS_CLOSE on comes again and again: nothing after it is read.
        """
        cdef WsFrame frame
        cdef int verdict = ws_next(self.reader, &frame)
        if verdict == WS_MORE:
            return None
        if verdict > WS_CLOSE:
            return WsVerdict(verdict), b""
        return WsVerdict(verdict), frame.payload[:frame.length]

    @property
    def counters(self) -> dict:
        """Frames, messages, bytes moved to make room or to join fragments, bytes that wait."""
        return {
            "frames": self.reader.frames,
            "messages": self.reader.messages,
            "moved_bytes": self.reader.moved_bytes,
            "waiting_bytes": self.reader.tail - self.reader.head,
        }
