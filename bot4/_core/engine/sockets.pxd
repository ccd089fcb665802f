"""The system's calls on sockets, as the receiver makes them: without the GIL, and without an exception."""

cdef extern from "<poll.h>" nogil:
    struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd* fds, unsigned long count, int timeout_ms) noexcept
    const short POLLIN

cdef extern from "<sys/socket.h>" nogil:
    ssize_t recv(int fd, void* buffer, size_t size, int flags) noexcept
    const int MSG_DONTWAIT

cdef extern from "<unistd.h>" nogil:
    ssize_t read(int fd, void* buffer, size_t size) noexcept
