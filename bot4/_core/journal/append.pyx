# cython: language_level=3
"""Append: one record to the end of the last segment, the next segment where it is full, and the sync of what was written.

Invariants
----------
1. A record counts only when all of its bytes were written: a short write is continued, an interrupted one repeated.
2. After a failed write or sync nothing more is written: the kernel may have dropped pages it calls clean (fsyncgate).
3. Blocks are promised ahead (``fallocate`` beyond the end of the file), so that a full disk is seen while a reserve is
   left in which cancels still fit.
4. A segment begins with the chain over all records before it, and has a record only once those are on the disk whole.
"""

from libc.errno cimport EBADF, EDQUOT, EINVAL, EIO, EMSGSIZE, ENOSPC, ENOSYS, EOPNOTSUPP
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.string cimport memcpy, memset
from posix.unistd cimport close as c_close

from bot4._core.journal.disk cimport disk_create, disk_cut, disk_forget, disk_promise, disk_sync, disk_write
from bot4._core.journal.record cimport (
    JOURNAL_FROM_RESERVE, JOURNAL_HEADER_BYTES, JOURNAL_KIND_END, JOURNAL_PAYLOAD_MAX, JOURNAL_RECORD_BYTES, FileHeader,
    RecordHeader, chain_after, header_seal, record_seal,
)


cdef int64_t _fail(JournalStream* stream, int error) noexcept nogil:
    stream.error = error
    bot4_state_store(&stream.state, JOURNAL_FAILED)
    return -error


cdef int journal_promise(JournalStream* stream) noexcept nogil:
    cdef int error = disk_promise(stream.fd, stream.allocated, stream.block_bytes)
    if error == EOPNOTSUPP or error == ENOSYS:
        stream.allocated = 0   # no promises on this file system: a full disk will show as a failed write
        return 0
    if error == 0:
        stream.allocated += stream.block_bytes
    return error


cdef int _fill_next(JournalStream* stream, int fd, int64_t wall_ns, int64_t* promised) noexcept nogil:
    """Give the file of the next segment its blocks and its header, once everything before it is on the disk."""
    cdef FileHeader header
    cdef int error = disk_promise(fd, 0, stream.block_bytes)
    promised[0] = stream.block_bytes if error == 0 else 0
    if error != 0 and error != EOPNOTSUPP and error != ENOSYS:
        return error
    error = disk_sync(stream.fd)
    if error != 0:
        return error if error != ENOSPC and error != EDQUOT else EIO      # a failed sync is never only a full disk
    memset(&header, 0, sizeof(header))
    header.build_hash, header.config_hash = stream.chain, stream.config_hash
    header.first_seq, header.created_wall_ns, header.epoch = stream.next_seq, wall_ns, stream.epoch
    header.stream_id, header.segment = stream.stream_id, stream.segment + 1
    header_seal(&header)
    error = disk_write(fd, <const uint8_t*>&header, sizeof(header), 0)
    if error == 0:
        error = disk_sync(fd)
    return disk_sync(stream.folder_fd) if error == 0 else error


cdef int _rotate(JournalStream* stream, int64_t wall_ns) noexcept nogil:
    """Begin the next segment; 0, or the errno that kept the stream where it was."""
    cdef int left_fd = stream.fd, fd = -1, error
    cdef int64_t promised = 0
    snprintf(stream.next_path + stream.path_length, 16, ".%u", stream.segment + 1)
    error = disk_create(stream.next_path, &fd)
    if error != 0:
        return error
    error = _fill_next(stream, fd, wall_ns, &promised)
    if error != 0:
        disk_forget(fd, stream.next_path)
        return error
    disk_cut(left_fd, stream.offset)       # of no consequence where it fails: the reader knows zeros behind the end
    stream.closed_bytes += stream.offset
    stream.segment += 1
    stream.offset, stream.allocated = JOURNAL_HEADER_BYTES, promised
    if bot4_switch_file(&stream.syncing, &stream.fd, fd) and left_fd != stream.first_fd:
        c_close(left_fd)
    return 0


cdef int64_t journal_put(
    JournalStream* stream, int kind, const void* payload, uint32_t length, int64_t mono_ns, int64_t wall_ns, bint reserved
) noexcept nogil:
    cdef RecordHeader* record = <RecordHeader*>stream.scratch
    cdef size_t size = JOURNAL_RECORD_BYTES + length
    cdef int64_t end = stream.offset + <int64_t>size
    cdef int state = bot4_state_load(&stream.state)
    cdef int error
    if length > JOURNAL_PAYLOAD_MAX:
        return -EMSGSIZE
    if kind <= 0 or kind >= JOURNAL_KIND_END:
        return -EINVAL
    if state == JOURNAL_CLOSED:
        return -EBADF
    if state != JOURNAL_OPEN and not (state == JOURNAL_FULL and reserved):
        return -(stream.error if stream.error != 0 else EIO)
    if state == JOURNAL_OPEN and end > stream.segment_bytes and stream.offset > JOURNAL_HEADER_BYTES:
        error = _rotate(stream, wall_ns)
        end = stream.offset + <int64_t>size
        if error == ENOSPC or error == EDQUOT:
            stream.error = error
            bot4_state_store(&stream.state, JOURNAL_FULL)
            if not reserved:
                return -error
        elif error != 0:
            return _fail(stream, error)
    if bot4_state_load(&stream.state) == JOURNAL_OPEN and stream.allocated > 0 and end > stream.allocated - stream.reserve_bytes:
        error = journal_promise(stream)
        if error != 0:
            stream.error = error
            bot4_state_store(&stream.state, JOURNAL_FULL)
            if not reserved:
                return -error
    if stream.allocated > 0 and end > stream.allocated:
        return -(stream.error if stream.error != 0 else ENOSPC)
    record.length = length
    record.seq = stream.next_seq
    record.epoch = stream.epoch
    record.kind = <uint8_t>kind
    record.flags = JOURNAL_FROM_RESERVE if bot4_state_load(&stream.state) == JOURNAL_FULL else 0
    record.reserved = 0
    record.ts_mono_ns = mono_ns
    record.ts_wall_ns = wall_ns
    if length > 0:   # an empty payload may come without a pointer
        memcpy(stream.scratch + JOURNAL_RECORD_BYTES, payload, length)
    record_seal(record)
    error = disk_write(stream.fd, stream.scratch, size, stream.offset)
    if error != 0:
        return _fail(stream, error)
    stream.offset = end
    stream.next_seq += 1
    stream.chain = chain_after(stream.chain, record)
    return <int64_t>record.seq


cdef int64_t journal_append(
    JournalStream* stream, int kind, const void* payload, uint32_t length, int64_t mono_ns, int64_t wall_ns
) noexcept nogil:
    return journal_put(stream, kind, payload, length, mono_ns, wall_ns, False)


cdef int64_t journal_append_reserved(
    JournalStream* stream, int kind, const void* payload, uint32_t length, int64_t mono_ns, int64_t wall_ns
) noexcept nogil:
    return journal_put(stream, kind, payload, length, mono_ns, wall_ns, True)


cdef uint64_t journal_next_seq(const JournalStream* stream) noexcept nogil:
    return stream.next_seq


cdef int journal_state(const JournalStream* stream) noexcept nogil:
    return bot4_state_load(&stream.state)


cdef int journal_sync(JournalStream* stream) noexcept nogil:
    cdef int state = bot4_state_load(&stream.state)
    cdef int error
    if state == JOURNAL_CLOSED:
        return -EBADF
    if state == JOURNAL_FAILED:
        return -(stream.error if stream.error != 0 else EIO)
    error = disk_sync(bot4_sync_begin(&stream.syncing, &stream.fd))
    bot4_sync_end(&stream.syncing)
    return 0 if error == 0 else <int>_fail(stream, error)
