"""A journal's files as they grow: pieces of whole, intact records, to be copied byte by byte."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

from bot4._core.journal.crc32c import crc32c
from bot4._core.journal.files import segment_path
from bot4._core.journal.reader import JournalReader
from bot4._core.journal.record import JournalSize

_RECORD = struct.Struct("<IIQIBBHqq")  # bot4/_core/journal/record.pxd
_HEADER_BYTES = int(JournalSize.JOURNAL_HEADER_BYTES)
_RECORD_BYTES = int(JournalSize.JOURNAL_RECORD_BYTES)
_PAYLOAD_MAX = int(JournalSize.JOURNAL_PAYLOAD_MAX)
_TO_THE_END = (1 << 64) - 1


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a journal: its segment, and the byte there."""

    segment: int = 0
    at: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of one segment from `place` on: whole records, before them the segment's header where `place.at` is 0."""

    place: Place
    data: bytes
    last_seq: int

    @property
    def end(self) -> Place:
        """The place behind it."""
        return Place(self.place.segment, self.place.at + len(self.data))


class JournalTail:
    """Reads a journal from a place on, while it is written.

    Parameters
    ----------
    path : Path
        Of its first segment.
    place : Place
        The beginning of a record, or of a segment.

    One thread. `place` is behind what was read; `last_seq` and `last_epoch` are those of the last record read, 0
    before the first.

    """

    def __init__(self, path: Path, place: Place | None = None) -> None:
        self.path = path
        self.place = place or Place()
        self.last_seq = 0
        self.last_epoch = 0

    def read(self, bytes_max: int) -> Piece | None:
        """Return what there is behind the last piece, None where nothing is; about `bytes_max` at most."""
        while True:
            try:
                with Path(segment_path(str(self.path), self.place.segment)).open("rb") as file:
                    data = os.pread(file.fileno(), bytes_max + _RECORD_BYTES + _PAYLOAD_MAX, self.place.at)
            except FileNotFoundError:
                return None
            length = self._whole(data, bytes_max)
            if length:
                piece = Piece(self.place, data[:length], self.last_seq)
                self.place = piece.end
                return piece
            if not self._has_next():
                return None
            self.place = Place(self.place.segment + 1, 0)

    def to_end(self, bytes_max: int = 1 << 20) -> Place:
        """Read on to the end; returns where that is."""
        while self.read(bytes_max) is not None:
            pass
        return self.place

    def _whole(self, data: bytes, bytes_max: int) -> int:
        """Length of the intact records (and header) that `data` begins with."""
        at = 0
        if self.place.at == 0:
            if len(data) < _HEADER_BYTES or not data[:_HEADER_BYTES].strip(b"\0"):
                return 0
            at = _HEADER_BYTES
        view = memoryview(data)
        while at + _RECORD_BYTES <= len(data) and at < bytes_max:
            crc, length, seq, epoch, *_ = _RECORD.unpack_from(data, at)
            end = at + _RECORD_BYTES + length
            if seq == 0 or length > _PAYLOAD_MAX or end > len(data) or crc32c(view[at + 4 : end]) != crc:
                break  # not written yet, or not whole yet
            self.last_seq, self.last_epoch = seq, epoch
            at = end
        return at

    def _has_next(self) -> bool:
        """Whether the next segment has begun: then nothing more comes in this one."""
        try:
            head = Path(segment_path(str(self.path), self.place.segment + 1)).read_bytes()[:_HEADER_BYTES]
        except FileNotFoundError:
            return False
        if len(head) < _HEADER_BYTES or not head.strip(b"\0"):
            return False
        with Path(segment_path(str(self.path), self.place.segment)).open("rb") as file:
            return self._whole(os.pread(file.fileno(), 1 << 13, self.place.at), 1) == 0


def journal_end(path: Path) -> tuple[Place, int, int]:
    """Return where a journal that nobody writes ends, a torn tail left out, and its last sequence and epoch.

    Raises
    ------
    JournalError
        It is damaged before that.

    """
    with JournalReader(path) as reader:
        reader.skip(_TO_THE_END)
        return Place(reader.segment, reader.offset), reader.next_seq - 1, reader.epoch


def seal_record(*, seq: int, epoch: int, kind: int, mono_ns: int, wall_ns: int, payload: bytes) -> bytes:
    """Return a record as a journal holds it."""
    body = _RECORD.pack(0, len(payload), seq, epoch, kind, 0, 0, mono_ns, wall_ns)[4:] + payload
    return struct.pack("<I", crc32c(body)) + body
