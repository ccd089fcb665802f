"""Owner of a journal's files: creates them, or goes on where they ended."""

from libc.stdint cimport int64_t

from bot4._core.journal.append cimport JournalStream


cdef class Journal:
    cdef JournalStream* stream
    cdef readonly str path
    cdef readonly int64_t torn_bytes   # dropped when the file was opened
