# cython: language_level=3
"""Disk: pwrite, fallocate and fdatasync, so that an interruption or a short write is nobody else's business."""

from libc.errno cimport EINTR, EIO
from libc.errno cimport errno as c_errno
from libc.stdint cimport int64_t, uint8_t


cdef extern from *:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <fcntl.h>
    #include <unistd.h>
    #include <sys/stat.h>
    static inline int bot4_promise(int fd, int64_t offset, int64_t length) {
        return fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)length);
    }
    static inline int bot4_create(const char *path) { return open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600); }
    """
    int bot4_promise(int fd, int64_t offset, int64_t length) noexcept nogil
    ssize_t c_pwrite "pwrite"(int fd, const void* data, size_t length, int64_t offset) noexcept nogil
    int c_fdatasync "fdatasync"(int fd) noexcept nogil
    int bot4_create(const char* path) noexcept nogil
    int c_ftruncate "ftruncate"(int fd, int64_t length) noexcept nogil
    int c_close "close"(int fd) noexcept nogil
    int c_unlink "unlink"(const char* path) noexcept nogil


cdef int disk_write(int fd, const uint8_t* data, size_t length, int64_t offset) noexcept nogil:
    cdef ssize_t written
    while length > 0:
        written = c_pwrite(fd, data, length, offset)
        if written < 0:
            if c_errno == EINTR:
                continue
            return c_errno
        if written == 0:
            return EIO
        data += written
        length -= written
        offset += written
    return 0


cdef int disk_promise(int fd, int64_t offset, int64_t length) noexcept nogil:
    while bot4_promise(fd, offset, length) != 0:
        if c_errno != EINTR:
            return c_errno
    return 0


cdef int disk_sync(int fd) noexcept nogil:
    while c_fdatasync(fd) != 0:
        if c_errno != EINTR:
            return c_errno
    return 0


cdef int disk_create(const char* path, int* fd) noexcept nogil:
    while True:
        fd[0] = bot4_create(path)
        if fd[0] >= 0:
            return 0
        if c_errno != EINTR:
            return c_errno


cdef int disk_cut(int fd, int64_t length) noexcept nogil:
    while c_ftruncate(fd, length) != 0:
        if c_errno != EINTR:
            return c_errno
    return 0


cdef void disk_forget(int fd, const char* path) noexcept nogil:
    c_unlink(path)
    c_close(fd)
