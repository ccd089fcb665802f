# cython: language_level=3
"""The receiving end of market data: the sockets of one thread, read into the feed (contract in receiver.pxd).

A plain socket is read here, without the GIL and without a Python object for a message or a read. A TLS socket is
decrypted by Python's ssl module, one call a read; its messages take the same way from there on.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

import os

from bot4._core.clock cimport monotonic_ns
from bot4._core.engine.feed cimport (
    FEED_DELIVERED,
    FEED_NOTHING,
    FEED_REPEATED,
    FEED_STOPPED,
    Feed,
    feed_frame,
    feed_time,
)
from bot4._core.engine.shard cimport shard_publish
from bot4._core.engine.sockets cimport MSG_DONTWAIT, POLLIN, poll, pollfd, read, recv
from bot4._core.types cimport EVENT_AGG_TRADE, EVENT_DEPTH_BEGIN, EVENT_QUOTE, EVENT_TRADE, Event, aligned_zalloc
from bot4._core.wire.frame_log cimport FrameLog, frame_log_push
from bot4._core.wire.scan cimport SCAN_IGNORED, ScannerState
from bot4._core.wire.websocket cimport (
    WS_BINARY,
    WS_CLOSE,
    WS_MORE,
    WS_PING,
    WS_TEXT,
    WebSocketReader,
    WsFrame,
    ws_next,
    ws_room,
    ws_took,
)

# Longest sleep without a look at the stop flag, and the step in which time passes for the shard in a silence.
cdef int SLICE_MS = 20


cdef inline int64_t _utc_ns(const ReceiverState* state) noexcept nogil:
    return state.told_utc_ns if state.told_utc_ns > 0 else monotonic_ns() + state.utc_offset_ns


cdef void receiver_note_age(ReceiverState* state, const Event* event, int64_t now_ns) noexcept nogil:
    cdef StreamAge* age
    cdef int kind
    if event.kind == EVENT_DEPTH_BEGIN:
        kind = STREAM_DEPTH
    elif event.kind == EVENT_QUOTE:
        kind = STREAM_QUOTES
    elif event.kind == EVENT_TRADE or event.kind == EVENT_AGG_TRADE:
        kind = STREAM_TRADES
    else:
        return
    age = &state.ages[event.instrument & 63][kind]
    if age.messages == 1:
        age.gap_ns = now_ns - age.last_ns
    elif age.messages > 1:
        age.gap_ns += ((now_ns - age.last_ns) - age.gap_ns) >> 4
    age.last_ns = now_ns
    age.messages += 1


cdef bint _message(
    ReceiverState* state, SocketState* socket, const WsFrame* message, int64_t now_ns
) noexcept nogil:
    """One message to the feed and to the recording; true where the caller has to see it."""
    cdef ScannerState* scanner = state.feed.scanner
    cdef uint64_t ignored = scanner.count[<int>SCAN_IGNORED]
    cdef uint64_t set_aside = scanner.zero_trades + scanner.off_book_trades
    cdef int verdict
    socket.messages += 1
    if socket.is_raw:
        if state.log != NULL and message.length:
            frame_log_push(state.log, now_ns, <const char*>message.payload, message.length)
        return True
    verdict = feed_frame(state.feed, <const char*>message.payload, message.length, now_ns, -1)
    if verdict == FEED_STOPPED:
        return False                             # not delivered, so not recorded
    if verdict == FEED_REPEATED:
        socket.useful += 1
        socket.last_useful_ns = now_ns
        return False
    if state.log != NULL and message.length:
        frame_log_push(state.log, now_ns, <const char*>message.payload, message.length)
    if verdict == FEED_DELIVERED:
        socket.useful += 1
        socket.last_useful_ns = now_ns
        receiver_note_age(state, state.feed.events, now_ns)
        return False
    return (verdict == FEED_NOTHING and scanner.count[<int>SCAN_IGNORED] != ignored
            and scanner.zero_trades + scanner.off_book_trades == set_aside)


cdef void _end(ReceiverState* state, int place, int status, int error) noexcept nogil:
    state.sockets[place].status = status
    state.sockets[place].error = error
    state.attention |= <uint64_t>1 << place


cdef void _control(ReceiverState* state, int place, int verdict, const WsFrame* frame) noexcept nogil:
    cdef SocketState* socket = &state.sockets[place]
    if verdict == WS_PING or verdict == WS_CLOSE:
        # Of several pings in a row the last is answered, as RFC 6455 5.5.3 allows.
        socket.control_length = <int>frame.length
        memcpy(socket.control, frame.payload, frame.length)
        socket.has_ping = verdict == WS_PING
        state.attention |= <uint64_t>1 << place
    if verdict == WS_CLOSE:
        _end(state, place, SOCKET_CLOSED, 0)


cdef int _parse(Receiver owner, int place, int64_t now_ns) except -1 nogil:
    """Take out what is whole."""
    cdef ReceiverState* state = owner.state
    cdef SocketState* socket = &state.sockets[place]
    cdef WsFrame frame
    cdef int verdict = ws_next(socket.reader, &frame)
    while verdict != WS_MORE and not state.feed.stop:
        if verdict == WS_TEXT or verdict == WS_BINARY:
            if _message(state, socket, &frame, now_ns):
                with gil:
                    owner._add_notice(place, frame.payload, frame.length)
        elif verdict <= WS_CLOSE:
            _control(state, place, verdict, &frame)
            if verdict == WS_CLOSE:
                return 0
        else:
            _end(state, place, SOCKET_BROKEN, verdict)
            return 0
        verdict = ws_next(socket.reader, &frame)
    return 0


cdef int _read_plain(Receiver owner, int place) except -1 nogil:
    cdef ReceiverState* state = owner.state
    cdef SocketState* socket = &state.sockets[place]
    cdef unsigned char* room = NULL
    cdef size_t size = ws_room(socket.reader, &room)
    cdef ssize_t count = recv(socket.fd, room, size, MSG_DONTWAIT)
    cdef int64_t now_ns = _utc_ns(state)
    if count > 0:
        state.reads += 1
        state.bytes += count
        socket.last_byte_ns = now_ns
        ws_took(socket.reader, count)
        return _parse(owner, place, now_ns)
    if count == 0:
        _end(state, place, SOCKET_ENDED, 0)
    elif errno != EAGAIN and errno != EINTR:
        _end(state, place, SOCKET_FAILED, errno)
    return 0


cdef int _watched(const ReceiverState* state, pollfd* fds, int* places) noexcept nogil:
    cdef int place, count = 1
    fds[0].fd = state.wake_fd
    fds[0].events = POLLIN
    for place in range(SOCKETS_MAX):
        if state.sockets[place].reader != NULL and state.sockets[place].status == SOCKET_OPEN:
            fds[count].fd = state.sockets[place].fd
            fds[count].events = POLLIN
            places[count] = place
            count += 1
    return count


cdef int _receive(Receiver owner, int64_t deadline_ns) except -1 nogil:
    cdef ReceiverState* state = owner.state
    cdef pollfd[SOCKETS_MAX + 1] fds
    cdef int[SOCKETS_MAX + 1] places
    cdef int count, ready, i, wait_ms
    cdef uint64_t token
    cdef bint is_woken = False
    cdef int64_t left_ns
    cdef bint is_told = state.told_utc_ns > 0
    state.attention = 0
    count = _watched(state, fds, places)
    while not state.feed.stop:
        wait_ms = 0
        if not is_told:
            left_ns = deadline_ns - monotonic_ns()
            if left_ns <= 0:
                return 0
            wait_ms = <int>min((left_ns + 999_999) // 1_000_000, <int64_t>SLICE_MS)
        ready = poll(fds, count, wait_ms)
        if ready <= 0:
            feed_time(state.feed, _utc_ns(state))
            if is_told:
                return 0
            continue
        if fds[0].revents:
            is_woken = read(state.wake_fd, &token, sizeof(token)) != 0     # its token is taken
        for i in range(1, count):
            if not fds[i].revents:
                continue
            if state.sockets[places[i]].is_tls:
                state.sockets[places[i]].status = SOCKET_READABLE
                state.attention |= <uint64_t>1 << places[i]
            else:
                _read_plain(owner, places[i])
        if state.attention or is_woken or is_told:
            return 0
    return 0


cdef class Receiver:
    """Reads sockets into a feed.

    Parameters
    ----------
    feed : Feed
        Where market events go.
    utc_offset_ns : int
        UTC minus `CLOCK_MONOTONIC`, taken once: receive stamps never step with the wall clock.
    log : FrameLog, optional
        Takes every message but the prints that a second socket repeats.

    One thread calls; `wake` may be called by any.
    """

    def __cinit__(self, Feed feed, *, int64_t utc_offset_ns, FrameLog log=None):
        self.feed = feed
        self._log = log
        self._readers = [None] * SOCKETS_MAX
        self._notices = []
        self.state = <ReceiverState*>aligned_zalloc(sizeof(ReceiverState))
        if self.state == NULL:
            raise MemoryError("no memory for a receiver")
        self.state.wake_fd = -1
        self.state.wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.state.feed = &feed.feed
        self.state.log = log.log if log is not None else NULL
        self.state.utc_offset_ns = utc_offset_ns

    def __dealloc__(self):
        if self.state != NULL:
            if self.state.wake_fd >= 0:
                os.close(self.state.wake_fd)
            free(self.state)

    def utc_ns(self) -> int:
        """Return the time that a message arriving now would be stamped with."""
        return _utc_ns(self.state)

    def tell_time(self, int64_t utc_ns) -> None:
        """Let the caller's clock be the receiver's from now on: stamps are `utc_ns`, `receive` reads and does not wait.

        Raises ValueError unless `utc_ns` is above 0.
        """
        if utc_ns <= 0:
            raise ValueError(f"utc_ns must be above 0, was {utc_ns}")
        self.state.told_utc_ns = utc_ns

    def add(self, WebSocketReader reader, int fd, *, bint is_tls, bint is_raw=False) -> int:
        """Watch a connected socket and return its place; what its reader holds already is taken in at once.

        A raw socket's messages are not scanned: each is a notice.

        Raises ValueError where 16 sockets are watched already.
        """
        cdef int place
        for place in range(SOCKETS_MAX):
            if self.state.sockets[place].reader == NULL:
                break
        else:
            raise ValueError(f"a receiver watches at most {SOCKETS_MAX} sockets")
        memset(&self.state.sockets[place], 0, sizeof(SocketState))
        self.state.sockets[place].reader = reader.reader
        self.state.sockets[place].fd = fd
        self.state.sockets[place].is_tls = is_tls
        self.state.sockets[place].is_raw = is_raw
        self.state.sockets[place].last_byte_ns = _utc_ns(self.state)
        self._readers[place] = reader
        self.parse(place, 0)
        return place

    def remove(self, int place) -> None:
        """Watch a socket no longer. The caller closes it."""
        self._socket(place).reader = NULL
        self._readers[place] = None

    def receive(self, int64_t timeout_ns) -> int:
        """Read until a socket needs the caller, `wake` was called, or the time is over.

        Returns the places that need the caller, by bit; `status`, `take_ping` and `take_notices` say what for.
        """
        cdef int64_t deadline_ns = monotonic_ns() + timeout_ns
        self.feed._lock()
        try:
            with nogil:
                _receive(self, deadline_ns)
                if self.state.feed.shard != NULL:
                    shard_publish(self.state.feed.shard)
        finally:
            self.feed._unlock()
        return self.state.attention

    def parse(self, int place, Py_ssize_t count) -> None:
        """Take in `count` bytes that were decrypted into the reader's `room`."""
        cdef SocketState* socket = self._socket(place)
        if not 0 <= count <= <Py_ssize_t>(socket.reader.capacity - socket.reader.tail):
            raise ValueError(f"count must be between 0 and the room there is, was {count}")
        if socket.status == SOCKET_READABLE:
            socket.status = SOCKET_OPEN
        self.feed._lock()
        try:
            with nogil:
                if count:
                    self.state.reads += 1
                    self.state.bytes += count
                    socket.last_byte_ns = _utc_ns(self.state)
                    ws_took(socket.reader, count)
                _parse(self, place, _utc_ns(self.state))
                if self.state.feed.shard != NULL:
                    shard_publish(self.state.feed.shard)
        finally:
            self.feed._unlock()

    def wake(self) -> None:
        """Make the `receive` in progress, or the next one, return. Any thread may call."""
        os.eventfd_write(self.state.wake_fd, 1)

    def status(self, int place) -> SocketStatus:
        """Return how a socket is."""
        return SocketStatus(self._socket(place).status)

    def error(self, int place) -> int:
        """Return the errno of a failed socket, or the `WsVerdict` of a broken one."""
        return self._socket(place).error

    def close_payload(self, int place) -> bytes:
        """Return code and reason as the close frame of a closed socket had them."""
        cdef SocketState* socket = self._socket(place)
        return PyBytes_FromStringAndSize(<const char*>socket.control, socket.control_length)

    def take_ping(self, int place) -> bytes | None:
        """Return the payload of a ping that waits for its pong, once."""
        cdef SocketState* socket = self._socket(place)
        if not socket.has_ping:
            return None
        socket.has_ping = False
        return PyBytes_FromStringAndSize(<const char*>socket.control, socket.control_length)

    def take_notices(self) -> list:
        """Return the frames without a market event since the last call: (place, bytes), at most 64."""
        notices = self._notices
        self._notices = []
        return notices

    def socket_counters(self, int place) -> dict:
        """Messages, useful ones (with a market event), and the stamps of the last useful one and of the last byte."""
        cdef SocketState* socket = self._socket(place)
        return {
            "messages": socket.messages,
            "useful": socket.useful,
            "last_useful_ns": socket.last_useful_ns,
            "last_byte_ns": socket.last_byte_ns,
        }

    def age(self, int instrument, int kind) -> tuple:
        """Return stamp of the last message, mean gap and count of one `StreamKind` of an instrument."""
        if not (0 <= instrument < 64 and 0 <= kind < 3):
            raise ValueError(f"instrument must be 0 to 63 and kind 0 to 2, was {instrument} and {kind}")
        cdef StreamAge* age = &self.state.ages[instrument][kind]
        return age.last_ns, age.gap_ns, age.messages

    @property
    def counters(self) -> dict:
        """Reads, bytes, and notices that found no room."""
        return {
            "reads": self.state.reads,
            "bytes": self.state.bytes,
            "notices_dropped": self.state.notices_dropped,
        }

    cdef int _add_notice(self, int place, const unsigned char* payload, size_t length) except -1:
        self.state.attention |= <uint64_t>1 << place
        if len(self._notices) >= NOTICES_MAX and not self.state.sockets[place].is_raw:
            self.state.notices_dropped += 1
            return 0
        self._notices.append((place, PyBytes_FromStringAndSize(<const char*>payload, length)))
        return 0

    cdef SocketState* _socket(self, int place) except NULL:
        if not 0 <= place < SOCKETS_MAX or self.state.sockets[place].reader == NULL:
            raise ValueError(f"place must be one that add returned, was {place}")
        return &self.state.sockets[place]
