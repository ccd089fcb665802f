# cython: language_level=3
"""Journal: what was decided is on its way to disk before anything is sent.

Invariants
----------
1. ``seq`` grows by one with every record, over every reopening and segment; ``epoch`` grows with every reopening.
2. What was written stays: a torn tail at the very end is cut off, damage anywhere else is refused.

How records are appended is in bot4._core.journal.append.
"""

import errno
import os

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset
from posix.unistd cimport close as c_close

from bot4._core.journal.files import lock_file, segment_path, sync_folder
from bot4._core.journal.append import JournalState as JournalState
from bot4._core.journal.reader import JournalCorrupt, JournalReader

from bot4._core.journal.append cimport (
    JOURNAL_CLOSED, JOURNAL_FAILED, JOURNAL_OPEN, bot4_state_load, bot4_state_store, journal_append, journal_promise,
    journal_put, journal_sync,
)
from bot4._core.journal.disk cimport disk_write
from bot4._core.journal.record cimport (
    JOURNAL_HEADER_BYTES, JOURNAL_KIND_END, JOURNAL_META, JOURNAL_PAYLOAD_MAX, JOURNAL_RECORD_BYTES, FileHeader, header_seal,
)
from bot4._core.types cimport aligned_zalloc


_TO_THE_END = (1 << 64) - 1


ctypedef struct MetaPayload:
    uint64_t build_hash
    uint64_t config_hash
    int64_t torn_bytes
    uint32_t first_epoch
    uint32_t stream_id


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
    segment_bytes : int
        Length of one file: a record that would make it longer begins the next, ``path.1``, ``path.2`` and so on.
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
        self.stream.fd = self.stream.first_fd = self.stream.folder_fd = -1
        self.stream.state = JOURNAL_CLOSED
        self.stream.scratch = <uint8_t*>aligned_zalloc(JOURNAL_RECORD_BYTES + JOURNAL_PAYLOAD_MAX)
        if self.stream.scratch == NULL:
            raise MemoryError

    def __init__(
        self, path, *, stream_id=0, build_hash=0, config_hash=0, mono_ns=0, wall_ns=0, block_bytes=1 << 20,
        reserve_bytes=1 << 16, first_epoch=1, segment_bytes=1 << 26,
    ):
        if self.stream.fd >= 0:
            raise ValueError("a journal is opened once, was open")
        if not (0 < reserve_bytes < block_bytes <= 1 << 40):
            raise ValueError(
                f"reserve_bytes must be above 0 and below block_bytes, were {reserve_bytes} and {block_bytes}"
            )
        if not 0 < first_epoch < 1 << 32:
            raise ValueError(f"first_epoch must have 32 bits and be above 0, was {first_epoch}")
        if not 2 * (JOURNAL_RECORD_BYTES + JOURNAL_PAYLOAD_MAX) <= segment_bytes <= 1 << 40:
            raise ValueError(f"segment_bytes must hold two of the longest records, was {segment_bytes}")
        self.path = os.fspath(path)
        self._remember_path(stream_id, config_hash, segment_bytes)
        self.stream.block_bytes, self.stream.reserve_bytes = block_bytes, reserve_bytes
        self.stream.fd = self.stream.first_fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self.stream.folder_fd = os.open(os.path.dirname(os.path.abspath(self.path)), os.O_RDONLY | os.O_CLOEXEC)
            lock_file(self.stream.fd, self.path)
            if self._is_new():
                self._create(stream_id, build_hash, config_hash, wall_ns, first_epoch)
            else:
                self._reopen(stream_id, build_hash, config_hash, mono_ns, wall_ns, first_epoch)
        except BaseException:
            self.stream.state = JOURNAL_CLOSED
            self._close_files()
            raise

    def _remember_path(self, stream_id, config_hash, segment_bytes):
        self.stream.stream_id, self.stream.config_hash = stream_id, config_hash
        self.stream.segment_bytes = segment_bytes
        path = os.fsencode(self.path)
        self.stream.path_length = len(path)
        self.stream.next_path = <char*>aligned_zalloc(len(path) + 16)
        if self.stream.next_path == NULL:
            raise MemoryError
        memcpy(self.stream.next_path, <const char*>path, len(path))

    def _close_files(self):
        """Close what is open; the lock goes with the first file."""
        cdef int last = self.stream.fd, first = self.stream.first_fd, folder = self.stream.folder_fd
        self.stream.fd = self.stream.first_fd = self.stream.folder_fd = -1
        for fd in (last, first if first != last else -1, folder):
            if fd >= 0:
                os.close(fd)

    def __dealloc__(self):
        if self.stream != NULL:
            if self.stream.fd >= 0 and self.stream.fd != self.stream.first_fd:
                c_close(self.stream.fd)
            if self.stream.first_fd >= 0:
                c_close(self.stream.first_fd)
            if self.stream.folder_fd >= 0:
                c_close(self.stream.folder_fd)
            free(self.stream.next_path)
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
        self.stream.chain = header.crc
        self._start(JOURNAL_HEADER_BYTES, 1, first_epoch)

    def _reopen(self, stream_id, build_hash, config_hash, mono_ns, wall_ns, least_epoch):
        cdef MetaPayload meta
        cdef int64_t seq
        with JournalReader(self.path) as reader:
            if reader.header.stream_id != stream_id:
                raise JournalCorrupt(
                    self.path, 0, f"stream id must be {stream_id}, was {reader.header.stream_id}"
                )
            reader.skip(_TO_THE_END)
            end, self.torn_bytes, next_seq, epoch = reader.offset, reader.torn_bytes, reader.next_seq, reader.epoch
            first_epoch = reader.header.epoch
            self.stream.chain, self.stream.segment = reader.chain, reader.segment
        self._enter_last()
        if self.torn_bytes:
            os.ftruncate(self.stream.fd, end)
            os.fsync(self.stream.fd)
        self._start(end, next_seq, max(epoch + 1, least_epoch))
        meta.build_hash, meta.config_hash, meta.torn_bytes = build_hash, config_hash, self.torn_bytes
        meta.first_epoch, meta.stream_id = first_epoch, stream_id
        seq = journal_append(self.stream, JOURNAL_META, &meta, sizeof(meta), mono_ns, wall_ns)
        if seq < 0:
            self._refuse(seq)

    def _enter_last(self):
        """Write where the last segment ended; one whose making was cut short is removed."""
        last = self.stream.segment
        if last:
            self.stream.fd = os.open(segment_path(self.path, last), os.O_RDWR | os.O_CLOEXEC)
            self.stream.closed_bytes = sum(os.path.getsize(segment_path(self.path, n)) for n in range(last))
        if os.path.exists(segment_path(self.path, last + 1)):
            os.unlink(segment_path(self.path, last + 1))

    def _start(self, offset, next_seq, epoch):
        """Set the stream going; the first promise of space is made here."""
        cdef int error
        self.stream.offset, self.stream.next_seq, self.stream.epoch = offset, next_seq, epoch
        self.stream.allocated, self.stream.error = offset, 0
        error = journal_promise(self.stream)
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
            seq = journal_put(self.stream, c_kind, first, length, mono, wall, from_reserve)
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
                seq = journal_put(self.stream, c_kind, &view[i * <Py_ssize_t>size], size, mono, wall, False)
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
        failed = self.stream.state == JOURNAL_FAILED
        bot4_state_store(&self.stream.state, JOURNAL_CLOSED)
        try:
            if not failed:
                os.ftruncate(self.stream.fd, self.stream.offset)
                os.fsync(self.stream.fd)
        finally:
            self._close_files()

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
        """Bytes written, headers included, in all segments."""
        return self.stream.closed_bytes + self.stream.offset

    @property
    def segment(self) -> int:
        """Number of the segment that is written, from 0."""
        return self.stream.segment

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
