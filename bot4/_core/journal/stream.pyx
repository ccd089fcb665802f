# cython: language_level=3
"""Journal: what was decided is on its way to disk before anything is sent.

Invariants
----------
1. ``seq`` grows by one with every record, over every reopening; ``epoch`` grows by one with every reopening.
2. A record counts only when all of its bytes were written: a short write is continued, an interrupted one repeated.
3. After a failed write or sync nothing more is written: the kernel may have dropped pages it calls clean (fsyncgate).
4. Blocks are promised ahead (``fallocate`` beyond the end of the file), so that a full disk is seen while a reserve is
   left in which cancels still fit.
"""

import errno
import os

from libc.errno cimport EBADF, EINVAL, EIO, EMSGSIZE, ENOSPC, ENOSYS, EOPNOTSUPP
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset
from posix.unistd cimport close as c_close

from bot4._core.journal.files import lock_file, sync_folder
from bot4._core.journal.reader import JournalCorrupt, JournalReader

from bot4._core.journal.disk cimport disk_promise, disk_sync, disk_write
from bot4._core.journal.record cimport (
    JOURNAL_FROM_RESERVE, JOURNAL_HEADER_BYTES, JOURNAL_KIND_END, JOURNAL_META, JOURNAL_PAYLOAD_MAX,
    JOURNAL_RECORD_BYTES, FileHeader, RecordHeader, header_seal, record_seal,
)
from bot4._core.types cimport aligned_zalloc


ctypedef struct MetaPayload:
    uint64_t build_hash
    uint64_t config_hash
    int64_t torn_bytes
    uint32_t first_epoch
    uint32_t stream_id


cdef int64_t _fail(JournalStream* stream, int error) noexcept nogil:
    stream.error = error
    bot4_state_store(&stream.state, JOURNAL_FAILED)
    return -error


cdef int _promise_block(JournalStream* stream) noexcept nogil:
    """Have the file system promise the next block; 0, or ENOSPC and the like where it cannot."""
    cdef int error = disk_promise(stream.fd, stream.allocated, stream.block_bytes)
    if error == EOPNOTSUPP or error == ENOSYS:
        stream.allocated = 0   # no promises on this file system: a full disk will show as a failed write
        return 0
    if error == 0:
        stream.allocated += stream.block_bytes
    return error


cdef int64_t _append(
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
    if state == JOURNAL_OPEN and stream.allocated > 0 and end > stream.allocated - stream.reserve_bytes:
        error = _promise_block(stream)
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
    return <int64_t>record.seq


cdef int64_t journal_append(
    JournalStream* stream, int kind, const void* payload, uint32_t length, int64_t mono_ns, int64_t wall_ns
) noexcept nogil:
    return _append(stream, kind, payload, length, mono_ns, wall_ns, False)


cdef int64_t journal_append_reserved(
    JournalStream* stream, int kind, const void* payload, uint32_t length, int64_t mono_ns, int64_t wall_ns
) noexcept nogil:
    return _append(stream, kind, payload, length, mono_ns, wall_ns, True)


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
    error = disk_sync(stream.fd)
    return 0 if error == 0 else <int>_fail(stream, error)


cdef class Journal:
    """Owner of a journal stream: creates the file, or goes on where it ended.

    Parameters
    ----------
    path : str or os.PathLike
        Created with mode 0600 where it is not there. A torn tail is truncated, damage in the middle is refused.
    stream_id : int
        Shard of the stream; must be that of an existing file.
    build_hash, config_hash : int
        64-bit identities of the code and the settings, kept in the header or, on reopening, in a META record.
    mono_ns, wall_ns : int
        Now, for the header or the META record.
    block_bytes, reserve_bytes : int
        Space promised at a time, and what of it is kept for cancels once the disk is full.
    first_epoch : int
        Epoch of a new file, and the least one of an existing one. Orders are named by epoch and sequence: two runs on
        one account need different ones.

    Raises
    ------
    JournalBusy
        Where another writer holds the file.
    JournalCorrupt
        Where an existing file is damaged other than by a torn tail, is another stream's, or is no journal at all.
    OSError
        For what the operating system refuses.

    One writer thread; `sync` from any thread, but not during `close`.

    >>> import tempfile, os
    >>> path = os.path.join(tempfile.mkdtemp(), "0.journal")
    >>> with Journal(path, mono_ns=1, wall_ns=2) as journal:
    ...     journal.append(2, b"intent", mono_ns=3, wall_ns=4)
    1
    >>> Journal(path, mono_ns=5, wall_ns=6).epoch
    2
    """

    def __cinit__(self):
        self.stream = <JournalStream*>aligned_zalloc(sizeof(JournalStream))
        if self.stream == NULL:
            raise MemoryError
        self.stream.fd = -1
        self.stream.state = JOURNAL_CLOSED
        self.stream.scratch = <uint8_t*>aligned_zalloc(JOURNAL_RECORD_BYTES + JOURNAL_PAYLOAD_MAX)
        if self.stream.scratch == NULL:
            raise MemoryError

    def __init__(
        self, path, *, stream_id=0, build_hash=0, config_hash=0, mono_ns=0, wall_ns=0, block_bytes=1 << 20,
        reserve_bytes=1 << 16, first_epoch=1,
    ):
        if self.stream.fd >= 0:
            raise ValueError("a journal is opened once, was open")
        if not (0 < reserve_bytes < block_bytes <= 1 << 40):
            raise ValueError(
                f"reserve_bytes must be above 0 and below block_bytes, were {reserve_bytes} and {block_bytes}"
            )
        if not 0 < first_epoch < 1 << 32:
            raise ValueError(f"first_epoch must have 32 bits and be above 0, was {first_epoch}")
        self.path = os.fspath(path)
        self.stream.block_bytes, self.stream.reserve_bytes = block_bytes, reserve_bytes
        self.stream.fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            lock_file(self.stream.fd, self.path)
            if self._is_new():
                self._create(stream_id, build_hash, config_hash, wall_ns, first_epoch)
            else:
                self._reopen(stream_id, build_hash, config_hash, mono_ns, wall_ns, first_epoch)
        except BaseException:
            os.close(self.stream.fd)
            self.stream.fd = -1
            self.stream.state = JOURNAL_CLOSED
            raise

    def __dealloc__(self):
        if self.stream != NULL:
            if self.stream.fd >= 0:
                c_close(self.stream.fd)
            free(self.stream.scratch)
            free(self.stream)

    def _is_new(self):
        """True for an empty file, or for a header cut short by a crash while it was created."""
        head = os.pread(self.stream.fd, JOURNAL_HEADER_BYTES, 0)
        return len(head) < JOURNAL_HEADER_BYTES and head[:8] == b"BOT4JRNL"[:len(head)]

    def _create(self, stream_id, build_hash, config_hash, wall_ns, first_epoch):
        cdef FileHeader header
        cdef int error
        memset(&header, 0, sizeof(header))
        header.build_hash, header.config_hash, header.stream_id = build_hash, config_hash, stream_id
        header.created_wall_ns, header.first_seq, header.epoch = wall_ns, 1, first_epoch
        header_seal(&header)
        error = disk_write(self.stream.fd, <const uint8_t*>&header, sizeof(header), 0)
        if error != 0:
            self._refuse(-error)
        os.fsync(self.stream.fd)
        sync_folder(self.path)
        self._start(JOURNAL_HEADER_BYTES, 1, first_epoch)

    def _reopen(self, stream_id, build_hash, config_hash, mono_ns, wall_ns, least_epoch):
        cdef MetaPayload meta
        cdef int64_t seq
        with JournalReader(self.path) as reader:
            if reader.header.stream_id != stream_id:
                raise JournalCorrupt(
                    self.path, 0, f"stream id must be {stream_id}, was {reader.header.stream_id}"
                )
            for _ in reader:
                pass
            end, self.torn_bytes, next_seq, epoch = reader.offset, reader.torn_bytes, reader.next_seq, reader.epoch
            first_epoch = reader.header.epoch
        if self.torn_bytes:
            os.ftruncate(self.stream.fd, end)
            os.fsync(self.stream.fd)
        self._start(end, next_seq, max(epoch + 1, least_epoch))
        meta.build_hash, meta.config_hash, meta.torn_bytes = build_hash, config_hash, self.torn_bytes
        meta.first_epoch, meta.stream_id = first_epoch, stream_id
        seq = journal_append(self.stream, JOURNAL_META, &meta, sizeof(meta), mono_ns, wall_ns)
        if seq < 0:
            self._refuse(seq)

    def _start(self, offset, next_seq, epoch):
        """Set the stream going; the first promise of space is made here."""
        cdef int error
        self.stream.offset, self.stream.next_seq, self.stream.epoch = offset, next_seq, epoch
        self.stream.allocated, self.stream.error = offset, 0
        error = _promise_block(self.stream)
        if error != 0:
            self._refuse(-error)
        bot4_state_store(&self.stream.state, JOURNAL_OPEN)

    def _refuse(self, negative_errno):
        raise OSError(-negative_errno, os.strerror(-negative_errno), self.path)

    def _check(self, kind, payload_bytes):
        if not 0 < kind < JOURNAL_KIND_END:
            raise ValueError(f"kind must be 1 to {JOURNAL_KIND_END - 1}, was {kind}")
        if not 0 <= payload_bytes <= JOURNAL_PAYLOAD_MAX:
            raise ValueError(f"a payload must be at most {JOURNAL_PAYLOAD_MAX} bytes, was {payload_bytes}")

    def append(self, kind: int, payload, *, mono_ns: int, wall_ns: int, reserved: bool = False) -> int:
        """Append one record and return its sequence.

        Parameters
        ----------
        kind : int
            JOURNAL_*.
        payload : bytes-like
            At most JOURNAL_PAYLOAD_MAX bytes.
        mono_ns, wall_ns : int
            Stamps of the record.
        reserved : bool
            Allow the reserve once the disk is full: for cancels.

        Raises
        ------
        ValueError
            For a kind or a length out of range; the stream goes on.
        OSError
            For a failed write; the stream is FULL or FAILED and takes no more.
        """
        cdef const uint8_t[::1] view = payload
        cdef uint32_t length = view.shape[0]
        cdef const void* first = &view[0] if view.shape[0] else NULL
        cdef int c_kind = kind
        cdef int64_t mono = mono_ns
        cdef int64_t wall = wall_ns
        cdef int64_t seq
        cdef bint from_reserve = reserved
        self._check(kind, view.shape[0])
        with nogil:
            seq = _append(self.stream, c_kind, first, length, mono, wall, from_reserve)
        if seq < 0:
            self._refuse(seq)
        return seq

    def append_many(self, kind: int, payloads, payload_bytes: int, *, mono_ns: int, wall_ns: int) -> int:
        """Append consecutive payloads of one size; return the sequence of the last, as `append` would.

        Parameters
        ----------
        payloads : bytes-like
            A whole number of payloads of `payload_bytes` each, such as a structured array of intents or events.
        """
        cdef const uint8_t[::1] view = memoryview(payloads).cast("B")
        cdef uint32_t size = payload_bytes
        cdef int64_t mono = mono_ns
        cdef int64_t wall = wall_ns
        cdef int64_t seq = <int64_t>self.stream.next_seq - 1
        cdef int c_kind = kind
        cdef Py_ssize_t count
        cdef Py_ssize_t i
        self._check(kind, payload_bytes)
        if payload_bytes == 0 or view.shape[0] % payload_bytes:
            raise ValueError(
                f"payloads must be a whole number of {payload_bytes} bytes each, were {view.shape[0]} bytes"
            )
        count = view.shape[0] // <Py_ssize_t>size
        with nogil:
            for i in range(count):
                seq = _append(self.stream, c_kind, &view[i * <Py_ssize_t>size], size, mono, wall, False)
                if seq < 0:
                    break
        if seq < 0:
            self._refuse(seq)
        return seq

    def sync(self) -> None:
        """Wait until everything appended is on the disk (fdatasync); a failure ends the stream."""
        cdef int error
        with nogil:
            error = journal_sync(self.stream)
        if error != 0:
            self._refuse(error)

    def close(self) -> None:
        """Close the file and give back what was promised but not used; appending on raises OSError."""
        if self.stream.fd < 0:
            return
        fd, self.stream.fd = self.stream.fd, -1
        failed = self.stream.state == JOURNAL_FAILED
        bot4_state_store(&self.stream.state, JOURNAL_CLOSED)
        try:
            if not failed:
                os.ftruncate(fd, self.stream.offset)
                os.fsync(fd)
        finally:
            os.close(fd)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def fileno(self) -> int:
        """File descriptor of the open journal, -1 when closed."""
        return self.stream.fd

    @property
    def next_seq(self) -> int:
        """Sequence the next record will get."""
        return self.stream.next_seq

    @property
    def epoch(self) -> int:
        """Epoch of the records written now: 1 for a new file, one more with each reopening."""
        return self.stream.epoch

    @property
    def size_bytes(self) -> int:
        """Bytes written, header included."""
        return self.stream.offset

    @property
    def has_reserve(self) -> bool:
        """Whether the file system promises space ahead, so that cancels still fit when the disk is full."""
        return self.stream.allocated > 0

    @property
    def state(self) -> JournalState:
        """JOURNAL_OPEN, JOURNAL_FULL, JOURNAL_FAILED or JOURNAL_CLOSED."""
        return JournalState(bot4_state_load(&self.stream.state))

    @property
    def error(self) -> str:
        """What ended the stream, as errno's name; empty while it is well."""
        return errno.errorcode.get(self.stream.error, str(self.stream.error)) if self.stream.error else ""
