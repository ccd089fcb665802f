"""System calls of the journal, repeated while they are interrupted; each gives 0 or the errno that stopped it."""

from libc.stdint cimport int64_t, uint8_t

cdef int disk_write(int fd, const uint8_t* data, size_t length, int64_t offset) noexcept nogil   # every byte
# Have blocks ready behind the end of the file, without changing its length.
cdef int disk_promise(int fd, int64_t offset, int64_t length) noexcept nogil
cdef int disk_sync(int fd) noexcept nogil   # fdatasync
cdef int disk_create(const char* path, int* fd) noexcept nogil    # a file that is not there yet, mode 0600
cdef int disk_cut(int fd, int64_t length) noexcept nogil          # ftruncate
cdef void disk_forget(int fd, const char* path) noexcept nogil    # close and remove what `disk_create` made
