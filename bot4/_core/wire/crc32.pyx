# cython: language_level=3
"""CRC-32 (the polynomial of zlib), for the book checksums of Kraken and OKX."""

from libc.stdint cimport uint32_t


cdef extern from "bot4/crc32.h" nogil:
    ctypedef struct Tables "bot4_crc32_tables":
        pass
    void build_tables "bot4_crc32_build"(Tables* tables) noexcept
    uint32_t update_with "bot4_crc32_update"(const Tables* tables, uint32_t crc, const char* data, size_t length) noexcept


cdef Tables tables
build_tables(&tables)


cdef uint32_t crc32_update(uint32_t crc, const char* data, size_t length) noexcept nogil:
    return update_with(&tables, crc, data, length)


def crc32(data: bytes | memoryview, crc: int = 0) -> int:
    """CRC-32 of `data`, continued from `crc`; equal to `zlib.crc32`.

    Parameters
    ----------
    data : bytes-like, contiguous
    crc : int
        What the bytes before `data` gave; 0 to start.

    Returns
    -------
    int
        Unsigned 32-bit checksum.

    Notes
    -----
    Any thread may call it; the GIL is released while it runs.

    >>> hex(crc32(b"123456789"))
    '0xcbf43926'
    """
    cdef const unsigned char[::1] view = data
    cdef uint32_t value = crc
    cdef size_t length = view.shape[0]
    if length == 0:
        return value
    with nogil:
        value = crc32_update(value, <const char*>&view[0], length)
    return value
