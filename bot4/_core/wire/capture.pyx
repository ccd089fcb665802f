# cython: language_level=3
"""Splitter of recorded websocket captures.

Three line formats are read. A stamp's unit is told by its magnitude, so that files of several recorders read alike::

    1723161256172216566 {"stream":"btcusd_perp@depth@0ms","data":{...}}      nanoseconds (us and ms likewise)
    1633998512.0633569: {"stream":"nknusdt@depth@100ms","data":{...}}        decimal seconds, colon
    {"stream":"nknusdt@depth@100ms","data":{...}}                            no stamp

The splitter looks at the first and the last character of a payload only: a line cut short is told here, what is inside
is the scanner's to judge.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memchr, memcmp

# Seconds, milliseconds, microseconds and nanoseconds of any date from 1973 to 2262 lie in these four decades.
cdef enum:
    _SECONDS_MAX = 100_000_000_000
    _MILLISECONDS_MAX = 100_000_000_000_000
    _MICROSECONDS_MAX = 100_000_000_000_000_000
    _INT64_MAX = 0x7FFFFFFFFFFFFFFF


cdef inline bint _is_digit(char c) noexcept nogil:
    return c >= c'0' and c <= c'9'


cdef inline bint _starts(const char* line, size_t length, const char* prefix, size_t prefix_length) noexcept nogil:
    return length >= prefix_length and memcmp(line, prefix, prefix_length) == 0


cdef inline int64_t _scaled(uint64_t value, int64_t unit_ns) noexcept nogil:
    if value > <uint64_t>(_INT64_MAX // unit_ns):
        return -1
    return <int64_t>value * unit_ns


cdef int64_t capture_stamp_ns(const char* digits, size_t length) noexcept nogil:
    cdef size_t i = 0
    cdef uint64_t value = 0
    cdef int64_t stamp_ns
    cdef int64_t unit_ns = 100_000_000
    while i < length and i < 19 and _is_digit(digits[i]):
        value = value * 10 + <uint64_t>(digits[i] - c'0')
        i += 1
    if i == 0 or value == 0:
        return -1
    if i == length:
        if value < _SECONDS_MAX:
            return _scaled(value, 1_000_000_000)
        if value < _MILLISECONDS_MAX:
            return _scaled(value, 1_000_000)
        if value < _MICROSECONDS_MAX:
            return _scaled(value, 1_000)
        return _scaled(value, 1)
    # A decimal point is only written for seconds; its tenth and later decimals are below our resolution.
    if digits[i] != c'.' or i + 1 == length or value >= _SECONDS_MAX:
        return -1
    stamp_ns = _scaled(value + 1, 1_000_000_000) - 1_000_000_000
    if stamp_ns < 0:
        return -1
    i += 1
    while i < length:
        if not _is_digit(digits[i]):
            return -1
        stamp_ns += (digits[i] - c'0') * unit_ns
        unit_ns //= 10
        i += 1
    return stamp_ns


cdef inline int _payload(
    const char* start, const char* end, const char** payload, size_t* payload_length,
) noexcept nogil:
    """A JSON object or array from `start` to `end`, told by its first and last characters."""
    while start < end and (start[0] == c' ' or start[0] == c'\t'):
        start += 1
    while end > start and ((end - 1)[0] == c' ' or (end - 1)[0] == c'\t'):
        end -= 1
    if end - start < 2:
        return CAPTURE_BAD
    if not ((start[0] == c'{' and (end - 1)[0] == c'}') or (start[0] == c'[' and (end - 1)[0] == c']')):
        return CAPTURE_BAD
    payload[0] = start
    payload_length[0] = <size_t>(end - start)
    return CAPTURE_FRAME


cdef inline const char* _arrow(const char* line, const char* end) noexcept nogil:
    """First " -> " of a line, or NULL."""
    cdef const char* at = line
    while end - at >= 4:
        at = <const char*>memchr(at, c' ', <size_t>(end - at) - 3)
        if at == NULL:
            return NULL
        if at[1] == c'-' and at[2] == c'>' and at[3] == c' ':
            return at
        at += 1
    return NULL


cdef inline int _stamped_after(
    const char* start, const char* end, char separator,
    int64_t* recv_ns, const char** payload, size_t* payload_length,
) noexcept nogil:
    """A stamp up to `separator`, then the payload."""
    cdef size_t limit = <size_t>(end - start)
    cdef const char* stop = <const char*>memchr(start, separator, limit if limit < 40 else 40)
    if stop == NULL:
        return CAPTURE_BAD
    recv_ns[0] = capture_stamp_ns(start, <size_t>(stop - start))
    if recv_ns[0] < 0:
        return CAPTURE_BAD
    return _payload(stop + 1, end, payload, payload_length)


cdef int _cryptofeed(
    const char* line, const char* end, int64_t* recv_ns, const char** payload, size_t* payload_length,
) noexcept nogil:
    cdef size_t length = <size_t>(end - line)
    cdef const char* arrow
    if _is_digit(line[0]):
        return _stamped_after(line, end, c':', recv_ns, payload, payload_length)
    if _starts(line, length, b"https://", 8) or _starts(line, length, b"http://", 7):
        arrow = _arrow(line, end)
        if arrow == NULL:
            return CAPTURE_BAD
        if _stamped_after(arrow + 4, end, c':', recv_ns, payload, payload_length) != CAPTURE_FRAME:
            return CAPTURE_BAD
        return CAPTURE_REST
    if _starts(line, length, b"wss://", 6) or _starts(line, length, b"ws://", 5):
        return CAPTURE_SKIPPED
    if _starts(line, length, b"configuration: ", 15):
        return CAPTURE_SKIPPED
    return CAPTURE_BAD


cdef int capture_next(
    const char* data, size_t length, size_t* position, int format,
    int64_t* recv_ns, const char** payload, size_t* payload_length,
) noexcept nogil:
    cdef const char* line = data + position[0]
    cdef const char* end
    recv_ns[0] = 0
    payload[0] = NULL
    payload_length[0] = 0
    if position[0] >= length:
        return CAPTURE_MORE
    end = <const char*>memchr(line, c'\n', length - position[0])
    if end == NULL:
        return CAPTURE_MORE
    position[0] = <size_t>(end - data) + 1
    if end > line and (end - 1)[0] == c'\r':
        end -= 1
    if end == line or line[0] == c'#':
        return CAPTURE_SKIPPED
    if format == CAPTURE_FORMAT_STAMPED:
        return _stamped_after(line, end, c' ', recv_ns, payload, payload_length)
    if format == CAPTURE_FORMAT_CRYPTOFEED:
        return _cryptofeed(line, end, recv_ns, payload, payload_length)
    return _payload(line, end, payload, payload_length)


cdef bint capture_rest_symbol(
    const char* line, size_t length, const char** symbol, size_t* symbol_length,
) noexcept nogil:
    cdef const char* end = _arrow(line, line + length)
    cdef const char* at = line
    cdef const char* stop
    if end == NULL:
        return False
    while end - at > 8:
        at = <const char*>memchr(at, c's', <size_t>(end - at) - 7)
        if at == NULL:
            return False
        if memcmp(at, b"symbol=", 7) == 0 and at > line and ((at - 1)[0] == c'?' or (at - 1)[0] == c'&'):
            at += 7
            stop = at
            while stop < end and stop[0] != c'&' and stop[0] != c'#':
                stop += 1
            symbol[0] = at
            symbol_length[0] = <size_t>(stop - at)
            return stop > at
        at += 1
    return False


def split_capture(data, int format, Py_ssize_t limit=-1):
    """Split a buffer of whole lines into a list of (verdict, offset, recv_ns, payload start, payload end).

    Parameters
    ----------
    data : bytes-like
        The buffer; what follows its last line end is left.
    format : int
        A ``CAPTURE_FORMAT_*``.
    limit : int
        Lines to take at most; -1 for all.

    Returns
    -------
    list of tuple of int
        One row a line; offsets are into `data`; payload bounds are 0 where the verdict carries none.

    Raises
    ------
    ValueError
        `format` is unknown.

    >>> split_capture(b'1723161256172216566 {"u":1}\\nbroken\\n', CaptureFormat.CAPTURE_FORMAT_STAMPED)
    [(0, 0, 1723161256172216566, 20, 27), (3, 28, 0, 0, 0)]
    """
    cdef Py_buffer view
    cdef size_t position = 0, start
    cdef int verdict
    cdef int64_t recv_ns
    cdef const char* payload
    cdef size_t payload_length
    cdef const char* base
    if not CAPTURE_FORMAT_STAMPED <= format <= CAPTURE_FORMAT_BARE:
        raise ValueError(f"format must be a CAPTURE_FORMAT, was {format}")
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    rows = []
    try:
        base = <const char*>view.buf
        while limit < 0 or len(rows) < limit:
            start = position
            verdict = capture_next(base, <size_t>view.len, &position, format, &recv_ns, &payload, &payload_length)
            if verdict == CAPTURE_MORE:
                break
            if verdict <= CAPTURE_REST:
                rows.append((verdict, start, recv_ns, payload - base, payload - base + <Py_ssize_t>payload_length))
            else:
                rows.append((verdict, start, 0, 0, 0))
    finally:
        PyBuffer_Release(&view)
    return rows


def count_capture(data, int format):
    """Count the lines of a buffer by verdict, without making an object for each.

    Returns
    -------
    tuple of int
        Frames, REST lines, skipped lines, bad lines, and the bytes consumed.

    >>> count_capture(b'{"u":1}\\n\\nbroken\\n{"u"', CaptureFormat.CAPTURE_FORMAT_BARE)
    (1, 0, 1, 1, 16)
    """
    cdef Py_buffer view
    cdef size_t position = 0
    cdef int verdict
    cdef int64_t recv_ns
    cdef int64_t counts[4]
    cdef const char* payload
    cdef size_t payload_length
    if not CAPTURE_FORMAT_STAMPED <= format <= CAPTURE_FORMAT_BARE:
        raise ValueError(f"format must be a CAPTURE_FORMAT, was {format}")
    counts[0] = counts[1] = counts[2] = counts[3] = 0
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        with nogil:
            while True:
                verdict = capture_next(
                    <const char*>view.buf, <size_t>view.len, &position, format, &recv_ns, &payload, &payload_length)
                if verdict == CAPTURE_MORE:
                    break
                counts[verdict] += 1
    finally:
        PyBuffer_Release(&view)
    return counts[0], counts[1], counts[2], counts[3], position


def rest_symbol(line):
    """Return the symbol named by the URL of a recorded REST line, or None.

    >>> rest_symbol(b'https://api.binance.com/api/v3/depth?symbol=NKNUSDT&limit=1000 -> 1633998512.3: {}')
    'NKNUSDT'
    """
    cdef bytes raw = bytes(line)
    cdef const char* symbol
    cdef size_t symbol_length
    if not capture_rest_symbol(raw, len(raw), &symbol, &symbol_length):
        return None
    return symbol[:symbol_length].decode("utf-8", "replace")


def stamp_ns(text):
    """Return the nanoseconds of a decimal stamp in s, ms, us or ns, told by its magnitude; -1 where it is none.

    >>> stamp_ns("1633998512.0633569"), stamp_ns("1741046400062959"), stamp_ns("soon")
    (1633998512063356900, 1741046400062959000, -1)
    """
    cdef bytes raw = text.encode() if isinstance(text, str) else bytes(text)
    return capture_stamp_ns(raw, len(raw))
