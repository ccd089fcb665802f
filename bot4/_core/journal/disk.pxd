"""System calls of the journal, repeated while they are interrupted; each gives 0 or the errno that stopped it."""

from libc.stdint cimport int64_t, uint8_t

cdef int disk_write(int fd, const uint8_t* data, size_t length, int64_t offset) noexcept nogil   # every byte
# Have blocks ready behind the end of the file, without changing its length.
cdef int disk_promise(int fd, int64_t offset, int64_t length) noexcept nogil
cdef int disk_sync(int fd) noexcept nogil   # fdatasync
