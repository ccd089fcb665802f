"""Raw Binance frames to events: bounds-checked, strict, no Python object per message (docs/wire.md)."""

from libc.stdint cimport int32_t, int64_t, uint64_t

from bot4._core.types cimport Event


cdef extern from "bot4/scan.h" nogil:
    ctypedef struct SymbolTable "bot4_symbol_table":
        int32_t count

    # Instrument table and counts of one feed. One thread at a time; a second feed takes a second scanner.
    ctypedef struct ScannerState "bot4_scanner":
        uint64_t count[19]          # frames by ScanVerdict
        uint64_t zero_trades        # of the ignored frames: trades of quantity 0
        uint64_t off_book_trades    # of the ignored frames: trades no order of the book made (X is not MARKET)
        uint64_t off_tick_levels    # levels left out of accepted frames (add_instrument, skip_off_tick_levels)
        SymbolTable symbols


cpdef enum ScanVerdict:
    SCAN_OK = 0
    SCAN_IGNORED = 1            # sound, and no market event in it; the verdicts from here on refuse the frame
    SCAN_MALFORMED = 2
    SCAN_TRUNCATED = 3
    SCAN_TOO_DEEP = 4
    SCAN_OVERSIZED = 5
    SCAN_DUPLICATE_FIELD = 6
    SCAN_MISSING_FIELD = 7
    SCAN_WRONG_TYPE = 8
    SCAN_BAD_NUMBER = 9
    SCAN_NEGATIVE = 10
    SCAN_OVERLONG = 11
    SCAN_OFF_TICK = 12
    SCAN_OFF_LOT = 13
    SCAN_ZERO_PRICE = 14
    SCAN_BAD_TIME = 15
    SCAN_BAD_RANGE = 16
    SCAN_UNKNOWN_SYMBOL = 17
    SCAN_TOO_MANY_LEVELS = 18


# Scans the `length` bytes at `frame`, nothing beyond them, into at most `capacity` events from `out`.
# Returns a ScanVerdict, which is also counted. *count events were written with SCAN_OK, 0 otherwise (the memory of `out`
# may have been scribbled on). A snapshot without a symbol is of `default_instrument` (-1: refused).
cdef int scan_frame(
    ScannerState* scanner, const char* frame, size_t length, int64_t recv_ns, int default_instrument,
    Event* out, size_t capacity, size_t* count
) noexcept nogil


cdef class Scanner:
    cdef ScannerState* state
    cdef Event* scratch
    cdef size_t capacity
    cdef int verdict
    cdef int _check_default(self, int index) except -1
