"""Appending to a journal, inline on the thread of the shard that decides: no GIL, no allocation."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t


cdef extern from *:
    """
    /* The state word is written by the shard and by whoever syncs: a plain word, accessed atomically. */
    static inline int bot4_state_load(const int *state) { return __atomic_load_n(state, __ATOMIC_ACQUIRE); }
    static inline void bot4_state_store(int *state, int value) { __atomic_store_n(state, value, __ATOMIC_RELEASE); }
    /* A sync announces itself before it reads which file to sync; a rotation names the new file before it looks whether
       anybody is at it, and leaves the old one open then. One of the two sees the other: all four are sequential. */
    static inline int bot4_sync_begin(int *syncing, const int *fd) {
        __atomic_add_fetch(syncing, 1, __ATOMIC_SEQ_CST);
        return __atomic_load_n(fd, __ATOMIC_SEQ_CST);
    }
    static inline void bot4_sync_end(int *syncing) { __atomic_sub_fetch(syncing, 1, __ATOMIC_SEQ_CST); }
    static inline int bot4_switch_file(int *syncing, int *fd, int next) {
        __atomic_store_n(fd, next, __ATOMIC_SEQ_CST);
        return __atomic_load_n(syncing, __ATOMIC_SEQ_CST) == 0;
    }
    """
    int bot4_state_load(const int* state) noexcept nogil
    void bot4_state_store(int* state, int value) noexcept nogil
    int bot4_sync_begin(int* syncing, const int* fd) noexcept nogil
    void bot4_sync_end(int* syncing) noexcept nogil
    bint bot4_switch_file(int* syncing, int* fd, int next_fd) noexcept nogil


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
    int64_t segment_bytes    # a record that would make the file longer begins the next one
    int64_t closed_bytes     # of the segments before this one
    uint64_t chain           # over every record so far, see chain_after
    uint64_t config_hash
    uint32_t epoch
    uint32_t segment
    uint32_t stream_id
    int fd                   # atomic: a sync on another thread reads it
    int syncing              # atomic: syncs that are at it
    int first_fd             # of the first segment: it holds the lock
    int folder_fd
    char* next_path          # the journal's own name, with room for a segment's number
    size_t path_length
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
cdef int64_t journal_put(
    JournalStream* stream, int kind, const void* payload, uint32_t length, int64_t mono_ns, int64_t wall_ns, bint reserved
) noexcept nogil
# Have the file system promise the next block; 0, or ENOSPC and the like where it cannot.
cdef int journal_promise(JournalStream* stream) noexcept nogil
cdef uint64_t journal_next_seq(const JournalStream* stream) noexcept nogil
cdef int journal_state(const JournalStream* stream) noexcept nogil
cdef int journal_sync(JournalStream* stream) noexcept nogil   # fdatasync, from any thread; 0 or -errno
