"""Exact decimal text to whole grid steps (see include/bot4/decimal.h)."""

from libc.stdint cimport int32_t, int64_t


cdef extern from "bot4/decimal.h" nogil:
    ctypedef struct DecimalGrid "bot4_grid":
        int64_t mantissa
        int32_t decimals

    # Both return a DecimalVerdict; *steps means something only with DECIMAL_OK.
    int grid_parse "bot4_grid_parse"(const char* step, size_t length, DecimalGrid* grid) noexcept
    int decimal_parse "bot4_decimal_parse"(const DecimalGrid* grid, const char* text, size_t length, int64_t* steps) noexcept
    # The same rule byte by byte, whatever the length: what the vector path is checked against.
    int decimal_parse_any "bot4_decimal_parse_any"(
        const DecimalGrid* grid, const char* text, size_t length, int64_t* steps
    ) noexcept


cpdef enum DecimalVerdict:
    DECIMAL_OK = 0
    DECIMAL_EMPTY = 1
    DECIMAL_MALFORMED = 2
    DECIMAL_NEGATIVE = 3
    DECIMAL_OVERLONG = 4
    DECIMAL_OFF_GRID = 5


cdef class Grid:
    cdef DecimalGrid grid
    cdef readonly str step
