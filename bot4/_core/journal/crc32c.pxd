"""CRC-32C of a buffer: the checksum of every journal record."""

from libc.stdint cimport uint32_t

# crc: 0 to begin, or the value so far to go on.
cdef uint32_t crc32c_update(uint32_t crc, const void* data, size_t length) noexcept nogil
cdef uint32_t crc32c_update_by_table(uint32_t crc, const void* data, size_t length) noexcept nogil
