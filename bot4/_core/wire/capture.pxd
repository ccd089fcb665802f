"""Recorded files split into (receive stamp, payload), one line at a time, without a copy.

A payload points into the caller's buffer: it lives as long as that buffer does. Nothing here allocates or reads past
`length`; a line without its line end is left for the next buffer. Any thread may call, on any buffer of its own.
"""

from libc.stdint cimport int64_t


cpdef enum CaptureFormat:
    CAPTURE_FORMAT_STAMPED = 0      # "<ns|us|ms digits> <json>", the unit told by the magnitude of each stamp
    CAPTURE_FORMAT_CRYPTOFEED = 1   # "<seconds>: <json>", with "wss://", "https://" and "configuration:" lines
    CAPTURE_FORMAT_BARE = 2         # "<json>": no receive stamp, recv_ns is 0


cpdef enum CaptureVerdict:
    CAPTURE_FRAME = 0      # recv_ns and payload are set: a websocket frame
    CAPTURE_REST = 1       # the same, from an "https://" line: a snapshot or a list of instruments
    CAPTURE_SKIPPED = 2    # blank, comment, subscription or configuration line
    CAPTURE_BAD = 3        # not of the format, or cut short; `position` is past it
    CAPTURE_MORE = 4       # no full line is left; `position` is at the start of the unfinished one


# Takes the line at `position` and moves `position` past it (but for CAPTURE_MORE).
cdef int capture_next(
    const char* data, size_t length, size_t* position, int format,
    int64_t* recv_ns, const char** payload, size_t* payload_length,
) noexcept nogil

# The value of "symbol=" in the URL that opens a REST line; false where it has none.
cdef bint capture_rest_symbol(
    const char* line, size_t length, const char** symbol, size_t* symbol_length,
) noexcept nogil

# Nanoseconds of a decimal stamp, its unit told by its magnitude; -1 where it is none.
cdef int64_t capture_stamp_ns(const char* digits, size_t length) noexcept nogil
