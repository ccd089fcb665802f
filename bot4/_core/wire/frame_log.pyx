# cython: language_level=3
"""The ring of bytes between the receiving thread and the recording's writer (contract in frame_log.pxd).

A record is a head of 16 bytes (stamp, length of a prefix, length of the payload), then prefix and payload. The producer
copies bytes; lines are made of them by the consumer, without the GIL.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memchr, memcpy, memset

from bot4._core.types cimport aligned_zalloc

cdef extern from "bot4/atomics.h" nogil:
    """
    /* The consumer's acquire of `tail` pairs with the producer's release of it: a record is whole once it can be seen.
     * The producer's acquire of `head` pairs with the consumer's release: bytes are free once nobody reads them. */
    #define BOT4_LOG_ACQUIRE(p) BOT4_LOAD((p), BOT4_ACQUIRE)
    #define BOT4_LOG_RELEASE(p, v) BOT4_STORE((p), (v), BOT4_RELEASE)
    #define BOT4_LOG_RELAXED(p) BOT4_LOAD((p), BOT4_RELAXED)
    #define BOT4_LOG_COUNT(p, n) BOT4_STORE((p), BOT4_LOAD((p), BOT4_RELAXED) + (n), BOT4_RELAXED)
    """
    uint64_t _acquire "BOT4_LOG_ACQUIRE"(const uint64_t* p) noexcept
    void _release "BOT4_LOG_RELEASE"(uint64_t* p, uint64_t value) noexcept
    uint64_t _relaxed "BOT4_LOG_RELAXED"(const uint64_t* p) noexcept
    void _count "BOT4_LOG_COUNT"(uint64_t* p, uint64_t n) noexcept

ctypedef struct _Head:
    int64_t recv_ns
    uint32_t prefix
    uint32_t payload

cdef enum:
    _STAMP_BYTES = 24              # "<seconds>.<9 digits>: " and the line's end
    _RECORD_MAX = 64 << 20
    _LINE_ONLY = 0                 # recv_ns of a line that is written as it is


cdef void _write(FrameLogState* log, uint64_t at, const void* source, size_t length) noexcept nogil:
    cdef size_t start = <size_t>(at & (log.capacity - 1))
    cdef size_t first = min(length, <size_t>log.capacity - start)
    memcpy(log.bytes + start, source, first)
    memcpy(log.bytes, <const char*>source + first, length - first)


cdef void _read(const FrameLogState* log, uint64_t at, void* target, size_t length) noexcept nogil:
    cdef size_t start = <size_t>(at & (log.capacity - 1))
    cdef size_t first = min(length, <size_t>log.capacity - start)
    memcpy(target, log.bytes + start, first)
    memcpy(<char*>target + first, log.bytes, length - first)


cdef size_t _decimal(char* out, uint64_t value, int digits) noexcept nogil:
    """Write `value`, at least `digits` digits; returns how many."""
    cdef char reverse[20]
    cdef int count = 0, i
    while value or count < digits:
        reverse[count] = <char>(48 + value % 10)
        value //= 10
        count += 1
    for i in range(count):
        out[i] = reverse[count - 1 - i]
    return count


cdef bint _push(
    FrameLogState* log, int64_t recv_ns, const char* prefix, size_t prefix_length, const char* payload, size_t length
) noexcept nogil:
    cdef uint64_t tail = log.tail
    cdef uint64_t room = log.capacity - (tail - _acquire(&log.head))
    cdef uint64_t missing = log.dropped - log.dropped_told
    cdef uint64_t wanted = sizeof(_Head) + prefix_length + length
    cdef char gap[64]
    cdef size_t size
    cdef _Head head
    if missing:
        wanted += sizeof(_Head) + 64
    if wanted > room or prefix_length + length > _RECORD_MAX:
        _count(&log.dropped, 1)
        return False
    if missing:
        memcpy(gap, b"# gap: ", 7)
        size = 7 + _decimal(gap + 7, missing, 1)
        memcpy(gap + size, b" frames left out\n", 17)
        head.recv_ns = _LINE_ONLY
        head.prefix = <uint32_t>size + 17
        head.payload = 0
        _write(log, tail, &head, sizeof(_Head))
        _write(log, tail + sizeof(_Head), gap, head.prefix)
        tail += sizeof(_Head) + head.prefix
        log.dropped_told = log.dropped
    head.recv_ns = recv_ns
    head.prefix = <uint32_t>prefix_length
    head.payload = <uint32_t>length
    _write(log, tail, &head, sizeof(_Head))
    if prefix_length:               # a frame as it came has no prefix, and nothing is copied from nowhere
        _write(log, tail + sizeof(_Head), prefix, prefix_length)
    _write(log, tail + sizeof(_Head) + prefix_length, payload, length)
    _count(&log.frames, recv_ns != _LINE_ONLY)
    _release(&log.tail, tail + sizeof(_Head) + prefix_length + length)
    return True


cdef bint frame_log_push(FrameLogState* log, int64_t recv_ns, const char* frame, size_t length) noexcept nogil:
    return _push(log, recv_ns, NULL, 0, frame, length)


cdef size_t _line(const FrameLogState* log, uint64_t at, const _Head* head, char* out) noexcept nogil:
    """Write one record as a line; returns its bytes."""
    cdef char* end = out
    cdef char* stray
    _read(log, at, end, head.prefix)
    end += head.prefix
    if head.recv_ns == _LINE_ONLY:
        return end - out
    end += _decimal(end, <uint64_t>head.recv_ns // 1_000_000_000, 1)
    end[0] = c'.'
    end += 1 + _decimal(end + 1, <uint64_t>head.recv_ns % 1_000_000_000, 9)
    end[0] = c':'
    end[1] = c' '
    end += 2
    _read(log, at + head.prefix, end, head.payload)
    # A line end inside a frame can only be space between two tokens of its JSON.
    stray = <char*>memchr(end, 10, head.payload)
    while stray != NULL:
        stray[0] = c' '
        stray = <char*>memchr(stray, 10, head.payload - (stray - end))
    end += head.payload
    end[0] = c'\n'
    return end + 1 - out


cdef class FrameLog:
    """Frames between the thread that receives them and the one that writes them to a file.

    Parameters
    ----------
    capacity : int
        Bytes it holds, a power of two from 4 KiB to 1 GiB. A frame that finds no room is left out and counted; the
        receiving thread never waits.

    Raises
    ------
    ValueError
        `capacity` is not such a number.

    One thread adds, one takes; `counters` may be read by any.

    >>> log = FrameLog(4096)
    >>> log.frame(b'{"u":1}', 1_700_000_000_000_000_001)
    True
    >>> log.take()
    b'1700000000.000000001: {"u":1}\\n'
    """

    def __cinit__(self, capacity: int = 1 << 25):
        if not 4_096 <= capacity <= 1 << 30 or capacity & (capacity - 1):
            raise ValueError(f"capacity must be a power of two from 4096 to {1 << 30}, was {capacity}")
        self.log = <FrameLogState*>aligned_zalloc(sizeof(FrameLogState))
        if self.log == NULL:
            raise MemoryError("no memory for a frame log")
        self.log.capacity = capacity
        self.log.bytes = <unsigned char*>malloc(capacity)
        if self.log.bytes == NULL:
            raise MemoryError(f"no memory for a frame log of {capacity} bytes")
        memset(self.log.bytes, 0, capacity)          # touched now, so that no push waits for a page

    def __dealloc__(self):
        if self.log != NULL:
            free(self.log.bytes)
            free(self.log)

    def frame(self, const unsigned char[::1] data, int64_t recv_ns) -> bool:
        """Add a frame that arrived at `recv_ns`, ns UTC; False where it was left out."""
        if data.shape[0] == 0 or recv_ns <= 0:
            raise ValueError(f"a frame needs bytes and a stamp, was {data.shape[0]} bytes at {recv_ns}")
        return frame_log_push(self.log, recv_ns, <const char*>&data[0], data.shape[0])

    def rest(self, str url, const unsigned char[::1] data, int64_t recv_ns) -> bool:
        """Add the answer to a GET of `url`; False where it was left out."""
        cdef bytes prefix = f"{url} -> ".encode("ascii")
        if data.shape[0] == 0 or recv_ns <= 0:
            raise ValueError(f"an answer needs bytes and a stamp, was {data.shape[0]} bytes at {recv_ns}")
        return _push(self.log, recv_ns, prefix, len(prefix), <const char*>&data[0], data.shape[0])

    def line(self, str text) -> bool:
        """Add a line as it is: a comment (``# ...``) or what was sent (``wss://... <- ...``)."""
        if "\n" in text:
            raise ValueError(f"a line must be one line, was {text!r}")
        cdef bytes whole = f"{text}\n".encode()
        return _push(self.log, _LINE_ONLY, whole, len(whole), NULL, 0)

    def take(self, size_t bytes_max = 1 << 20) -> bytes:
        """Return whole lines, about `bytes_max` or the one next to come; empty where there is nothing."""
        cdef uint64_t head = self.log.head
        cdef uint64_t tail = _acquire(&self.log.tail)
        cdef uint64_t at = head
        cdef size_t size = 0
        cdef _Head record
        cdef char* out
        while at != tail:
            _read(self.log, at, &record, sizeof(_Head))
            if size and size + record.prefix + record.payload + _STAMP_BYTES > bytes_max:
                break
            size += record.prefix + record.payload + _STAMP_BYTES
            at += sizeof(_Head) + record.prefix + record.payload
        if at == head:
            return b""
        text = PyBytes_FromStringAndSize(NULL, size)
        out = PyBytes_AS_STRING(text)
        with nogil:
            while head != at:
                _read(self.log, head, &record, sizeof(_Head))
                out += _line(self.log, head + sizeof(_Head), &record, out)
                head += sizeof(_Head) + record.prefix + record.payload
            _release(&self.log.head, head)
        return text[:out - PyBytes_AS_STRING(text)]

    @property
    def counters(self) -> dict:
        """Frames added, frames left out for want of room, bytes that wait."""
        cdef uint64_t head = _acquire(&self.log.head)
        return {
            "frames": _relaxed(&self.log.frames),
            "dropped": _relaxed(&self.log.dropped),
            "waiting_bytes": _acquire(&self.log.tail) - head,
        }
