"""CRC-32 of zlib and gzip, which Kraken and OKX sign their books with (see include/bot4/crc32.h)."""

from libc.stdint cimport uint32_t

# CRC-32 of `length` bytes, continued from `crc` (0 to start). Any thread.
cdef uint32_t crc32_update(uint32_t crc, const char* data, size_t length) noexcept nogil
