"""Writer of a journal: appended inline by the shard that decides, without the GIL and without allocating."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t


cdef extern from *:
    """
    /* The state word is written by the shard and by whoever syncs: a plain word, accessed atomically. */
    static inline int bot4_state_load(const int *state) { return __atomic_load_n(state, __ATOMIC_ACQUIRE); }
    static inline void bot4_state_store(int *state, int value) { __atomic_store_n(state, value, __ATOMIC_RELEASE); }
    """
    int bot4_state_load(const int* state) noexcept nogil
    void bot4_state_store(int* state, int value) noexcept nogil


cpdef enum JournalState:
    JOURNAL_OPEN = 0
    JOURNAL_FULL = 1     # no space for another block: only journal_append_reserved still writes
    JOURNAL_FAILED = 2   # an input/output error: nothing is written any more
    JOURNAL_CLOSED = 3


ctypedef struct JournalStream:
    uint64_t next_seq
    int64_t offset           # where the next record goes
    int64_t allocated        # the file system has promised blocks up to here; 0: it makes no promises
    int64_t block_bytes      # promised at a time
    int64_t reserve_bytes    # kept of the promise for journal_append_reserved
    uint32_t epoch
    int fd
    int state                # JournalState, atomic: sync() may fail on another thread
    int error                # errno that ended the stream
    uint8_t* scratch         # one page, where a record is put together


# Sequence of the record (>= 1), or -errno: EMSGSIZE and EINVAL are broken calls and change nothing; anything else has
# ended the stream (see JournalState) and the caller must stop sending new orders.
cdef int64_t journal_append(
    JournalStream* stream, int kind, const void* payload, uint32_t length, int64_t mono_ns, int64_t wall_ns
) noexcept nogil
# The same, allowed to use the reserve: for cancels and their outcomes once the disk is full.
cdef int64_t journal_append_reserved(
    JournalStream* stream, int kind, const void* payload, uint32_t length, int64_t mono_ns, int64_t wall_ns
) noexcept nogil
cdef uint64_t journal_next_seq(const JournalStream* stream) noexcept nogil
cdef int journal_state(const JournalStream* stream) noexcept nogil
cdef int journal_sync(JournalStream* stream) noexcept nogil   # fdatasync, from any thread; 0 or -errno


cdef class Journal:
    cdef JournalStream* stream
    cdef readonly str path
    cdef readonly int64_t torn_bytes   # dropped when the file was opened
