# cython: language_level=3
"""JournalReader: reads records back and tells a torn tail from corruption.

A record that does not check out is a *torn tail* only where nothing intact follows it and what follows is no longer than
one record (or zeros): that is what an append cut short leaves behind. It is reported in ``torn_bytes`` and may be
truncated. Anything else is corruption in the middle, raised as `JournalCorrupt` with its offset, and never skipped. A
whole last record with a wrong checksum cannot be told from a lost sector and counts as torn.
"""

import os
from typing import NamedTuple

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from posix.unistd cimport close as c_close

from bot4._core.journal.record cimport (
    JOURNAL_HEADER_BYTES, JOURNAL_KIND_END, JOURNAL_PAYLOAD_MAX, JOURNAL_RECORD_BYTES, RECORD_GAP, RECORD_INCOMPLETE,
    RECORD_OK, FileHeader, RecordHeader, chain_after, header_is_valid, record_find, record_parse,
)

from bot4._core.journal.files import JournalError, segment_path

_CHUNK_BYTES = 1 << 20
_RECORD_MAX = JOURNAL_RECORD_BYTES + JOURNAL_PAYLOAD_MAX


class JournalCorrupt(JournalError):
    """Damage that is not a torn tail: refuse to start, never skip.

    Attributes
    ----------
    offset : int
        Byte in the file where reading stopped.
    reason : str
        What was wrong there.
    """

    def __init__(self, path: str, offset: int, reason: str) -> None:
        super().__init__(f"{path}: {reason} at byte {offset}")
        self.path = path
        self.offset = offset
        self.reason = reason

    def __reduce__(self):
        return (type(self), (self.segment_path, self.offset, self.reason))


class Header(NamedTuple):
    """File header of a journal."""

    version: int
    build_hash: int
    config_hash: int
    first_seq: int
    created_wall_ns: int
    epoch: int
    stream_id: int


class Record(NamedTuple):
    """One record of a journal."""

    seq: int
    epoch: int
    kind: int
    flags: int
    ts_mono_ns: int
    ts_wall_ns: int
    payload: bytes


cdef class JournalReader:
    """Iterator over the records of a journal, oldest first.

    Parameters
    ----------
    path : str or os.PathLike
        A journal file; its header is read and checked at once.

    Raises
    ------
    JournalCorrupt
        For a header that is none, and while reading for damage in the middle or a sequence that skips.

    One thread for each reader; any number of readers beside the writer.
    """

    def __cinit__(self):
        self.fd = -1

    def __init__(self, path):
        self.path = self.segment_path = os.fspath(path)
        self.fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        self.header = self._open()
        if self.segment != 0:
            raise JournalCorrupt(self.path, 0, f"this is segment {self.segment}: a journal is read from its first file")
        self.next_seq, self.epoch = self.header.first_seq, self.header.epoch

    cdef object _open(self):
        """Read and check the header of the file that was opened; begin behind it."""
        cdef FileHeader header
        cdef const uint8_t[::1] view
        raw = os.pread(self.fd, JOURNAL_HEADER_BYTES, 0)
        if len(raw) < JOURNAL_HEADER_BYTES:
            raise JournalCorrupt(self.segment_path, 0, f"file header cut short after {len(raw)} bytes")
        view = raw
        memcpy(&header, &view[0], JOURNAL_HEADER_BYTES)
        if not header_is_valid(&header):
            raise JournalCorrupt(self.segment_path, 0, "file header has a wrong magic, version or checksum")
        self.buffer = b""
        self.buffer_offset = self.offset = JOURNAL_HEADER_BYTES
        self.torn_bytes = 0
        if header.segment == 0:
            self.chain = header.crc
        self.segment = header.segment
        return Header(
            header.version, header.build_hash, header.config_hash, header.first_seq, header.created_wall_ns,
            header.epoch, header.stream_id,
        )

    cdef bint _has_next(self) except *:
        """Whether another segment has begun; one whose making was cut short has not."""
        try:
            with open(segment_path(self.path, self.segment + 1), "rb") as file:
                head = file.read(JOURNAL_HEADER_BYTES)
        except FileNotFoundError:
            return False
        return len(head) == JOURNAL_HEADER_BYTES and head.strip(b"\0") != b""

    cdef object _enter_next(self):
        """Go on in the next segment, which must say where this one ended."""
        wanted = self.segment + 1
        before = self.chain
        os.close(self.fd)
        self.fd = -1
        self.segment_path = segment_path(self.path, wanted)
        self.fd = os.open(self.segment_path, os.O_RDONLY | os.O_CLOEXEC)
        header = self._open()
        if (self.segment, header.stream_id, header.first_seq) != (wanted, self.header.stream_id, self.next_seq):
            raise JournalCorrupt(
                self.segment_path, 0, f"segment {self.segment} of stream {header.stream_id} from sequence {header.first_seq} "
                f"where segment {wanted} of stream {self.header.stream_id} from {self.next_seq} belongs")
        if header.build_hash != before or header.epoch < self.epoch:
            raise JournalCorrupt(
                self.segment_path, 0, f"the chain is {before:016x} here, the segment was written behind {header.build_hash:016x}")
        self.chain = before
        self.epoch = header.epoch

    def __dealloc__(self):
        if self.fd >= 0:
            c_close(self.fd)

    def close(self) -> None:
        """Close the file; reading on raises ValueError."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def __iter__(self):
        return self

    def __next__(self) -> Record:
        record = self._read_next(False)
        if record is None:
            raise StopIteration
        return record

    cdef object _fill(self, int64_t size):
        """Read on until the buffer holds `size` bytes from the current record, or the file ends."""
        cdef int64_t have = self.buffer_offset + len(self.buffer) - self.offset
        if have >= size:
            return None
        if self.fd < 0:
            raise ValueError("the reader must be open, was closed")
        parts = [self.buffer[self.offset - self.buffer_offset:]]
        self.buffer_offset = self.offset
        while have < size:
            chunk = os.pread(self.fd, max(_CHUNK_BYTES, size - have), self.offset + have)
            if not chunk:
                break
            parts.append(chunk)
            have += len(chunk)
        self.buffer = b"".join(parts)
        return None

    cdef object _read_next(self, bint following):
        """The next record, or None at the end (or, following, where the next record is not there yet)."""
        cdef RecordHeader record
        cdef const uint8_t[::1] view
        cdef size_t start
        cdef size_t have
        cdef int verdict
        self._fill(_RECORD_MAX)
        start = self.offset - self.buffer_offset
        have = len(self.buffer) - start
        while have == 0:
            self.torn_bytes = 0
            if not self._has_next():
                return None
            self._fill(_RECORD_MAX)     # the writer may have ended this one since it was looked at
            if self.buffer_offset + len(self.buffer) == self.offset:
                self._enter_next()
                self._fill(_RECORD_MAX)
            start = self.offset - self.buffer_offset
            have = len(self.buffer) - start
        view = self.buffer
        verdict = record_parse(&view[start], have, self.next_seq, self.epoch, &record)
        if verdict == RECORD_GAP:
            raise JournalCorrupt(
                self.segment_path, self.offset,
                f"sequence {record.seq} of epoch {record.epoch} where {self.next_seq} of epoch {self.epoch} or later belongs",
            )
        if verdict != RECORD_OK:
            return self._judge_tail("record cut short" if verdict == RECORD_INCOMPLETE else "record damaged", following)
        payload = self.buffer[start + JOURNAL_RECORD_BYTES:start + JOURNAL_RECORD_BYTES + record.length]
        self.offset += JOURNAL_RECORD_BYTES + record.length
        self.next_seq += 1
        self.epoch = record.epoch
        self.chain = chain_after(self.chain, &record)
        return Record(
            record.seq, record.epoch, record.kind, record.flags, record.ts_mono_ns, record.ts_wall_ns, payload
        )

    cdef object _judge_tail(self, str reason, bint following):
        """None for a torn tail or a record still being written; the record, where it is whole by now; else raise."""
        cdef int64_t found = self._find_intact()
        if found > 0:
            found = self._find_intact()     # the pages before it may have been read before the writer came to them
        if found == 0:
            return self._read_next(following)
        if found > 0:
            raise JournalCorrupt(self.segment_path, self.offset, f"{reason}, intact records follow from byte {self.offset + found}")
        if len(self.buffer) > _RECORD_MAX and self.buffer[_RECORD_MAX:].strip(b"\0"):
            raise JournalCorrupt(self.segment_path, self.offset, f"{reason}, {len(self.buffer)} bytes follow that are no record")
        if following:
            self.buffer = b""
            self.buffer_offset = self.offset
        elif self._has_next():
            raise JournalCorrupt(self.segment_path, self.offset, f"{reason}, another segment follows")
        else:
            self.torn_bytes = len(self.buffer)
        return None

    cdef int64_t _find_intact(self) except -2:
        """Read anew from the current record to the end of the file: how far on the first intact record is, or -1."""
        cdef const uint8_t[::1] view
        self.buffer = b""   # what was read may have been overtaken by the writer
        self.buffer_offset = self.offset
        self._fill(os.fstat(self.fd).st_size - self.offset)
        view = self.buffer
        return record_find(&view[0], len(self.buffer), 0, self.next_seq - 1) if len(self.buffer) else -1

    def follow(self, wait):
        """Yield records as they are written.

        Parameters
        ----------
        wait : callable
            Called whenever there is nothing new: sleeps as long as it likes and says whether to look again.
        """
        while True:
            record = self._read_next(True)
            if record is not None:
                yield record
            elif not wait():
                return

    def skip(self, until_seq: int) -> int:
        """Read on up to a sequence, or to the end, without making records; returns how many those were.

        They are checked like any others: what is wrong is raised, and a torn tail told.
        """
        cdef uint64_t until = until_seq
        cdef uint64_t first = self.next_seq
        while self.next_seq <= until:
            self._fill(_RECORD_MAX)
            if len(self.buffer):
                self._skip_in_buffer(until)
            # The end of the buffer, of a segment, of everything, or damage: as anybody reads it.
            if self.next_seq <= until and self._read_next(False) is None:
                break
        return self.next_seq - first

    cdef int _skip_in_buffer(self, uint64_t until) except -1:
        cdef const uint8_t[::1] view = self.buffer
        cdef size_t start = self.offset - self.buffer_offset
        cdef size_t end = view.shape[0]
        cdef uint64_t seq = self.next_seq
        cdef uint64_t chain = self.chain
        cdef uint32_t epoch = self.epoch
        cdef RecordHeader record
        with nogil:
            while start < end and seq <= until and record_parse(&view[start], end - start, seq, epoch, &record) == RECORD_OK:
                start += JOURNAL_RECORD_BYTES + record.length
                seq += 1
                epoch = record.epoch
                chain = chain_after(chain, &record)
        self.offset, self.next_seq, self.epoch, self.chain = self.buffer_offset + <int64_t>start, seq, epoch, chain
        return 0

    def payloads(self, kind: int) -> bytes:
        """Payloads of all records of a kind from here on, joined: for ``numpy.frombuffer`` with the payload's dtype."""
        if not 0 < kind < JOURNAL_KIND_END:
            raise ValueError(f"kind must be 1 to {JOURNAL_KIND_END - 1}, was {kind}")
        return b"".join([record.payload for record in self if record.kind == kind])
