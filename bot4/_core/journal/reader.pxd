"""Reader of a journal file: from its beginning, or following a file that is being written."""

from libc.stdint cimport int64_t, uint32_t, uint64_t


cdef class JournalReader:
    cdef readonly str path
    cdef readonly str segment_path  # of the segment that is read now
    cdef readonly uint32_t segment
    cdef readonly uint64_t chain   # over the records read so far
    cdef int fd
    cdef bytes buffer             # bytes of the file from `buffer_offset` on
    cdef int64_t buffer_offset
    cdef readonly int64_t offset  # of the next record
    cdef readonly uint64_t next_seq
    cdef readonly uint32_t epoch  # of the last record read, or of the file header
    cdef readonly int64_t torn_bytes
    cdef readonly object header
    cdef object _open(self)
    cdef bint _has_next(self) except *
    cdef object _enter_next(self)
    cdef object _fill(self, int64_t size)
    cdef object _read_next(self, bint following)
    cdef object _judge_tail(self, str reason, bint following)
    cdef int64_t _find_intact(self) except -2
    cdef int _skip_in_buffer(self, uint64_t until) except -1
