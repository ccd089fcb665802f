"""Bytes of a recorded file, plain or compressed, as chunks of whole lines in bounded memory.

A damaged end is not an exception but a `Damage`: what could be read is delivered, and the damage says where it stopped.
What cannot be read at all raises when it is opened.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Protocol

from bot4.domain.errors import DataError, NoInputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHUNK_BYTES = 4 << 20
LINE_BYTES_MAX = 64 << 20  # the largest real line, an exchangeInfo, is below 20 MB
# Deflate cannot shrink below 1/1032; JSON and CSV of markets shrink to about 1/15. Past this ratio it is a bomb.
BOMB_RATIO = 300
BOMB_FLOOR_BYTES = 256 << 20
_READ_BYTES = 256 << 10
_BOM = b"\xef\xbb\xbf"

_MAGIC = (
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x28\xb5\x2f\xfd", "zstandard"),
    (b"\xfd7zXZ", "xz"),
    (b"BZh", "bzip2"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"PAR1", "parquet"),
)
_READABLE = ("plain", "gzip", "zip")


@dataclass(frozen=True, slots=True)
class Damage:
    """Why a stream stopped before its end, and after how many bytes of content."""

    reason: str
    offset: int

    def __str__(self) -> str:
        return f"{self.reason}; {self.offset:,} bytes of content were read"


class Decompressor(Protocol):
    """The part of zlib's decompression object used here, which the library keeps unnamed."""

    def decompress(self, data: bytes, max_length: int = 0, /) -> bytes:
        """Decompress what `data` completes."""

    def copy(self) -> Decompressor:
        """Return another of the same state."""


class Source:
    """One file's content as chunks of whole lines. One thread; read once.

    Parameters
    ----------
    path : Path
        A regular file: plain, gzip (several members chain) or zip with a single member.

    Attributes
    ----------
    compression : str
        ``plain``, ``gzip`` or ``zip``.
    name : str
        The content's own name: the member's for a zip, else the file's without ``.gz``.
    bytes_total : int
        Size of the file on disk: what `bytes_read` counts up to, for progress.
    bytes_read : int
        Bytes of the file taken so far, before decompression.
    content_bytes : int
        Bytes of content delivered so far.
    damage : Damage or None
        Set when the stream of `chunks` ended early.
    head_damage : Damage or None
        Set when `head` met damage.

    Raises
    ------
    NoInputError
        The path is missing, not a regular file, or may not be read.
    DataError
        The file is empty, of a compression not read here, a zip that is not of one member, or a broken zip.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes_read = 0
        self.content_bytes = 0
        self.damage: Damage | None = None
        self.head_damage: Damage | None = None
        self.bytes_total = _size_of_regular_file(path)
        self.compression = _compression_of(path)
        self.name = path.name.removesuffix(".gz")
        if self.compression == "zip":
            self.name = _single_member(path).filename.rsplit("/", 1)[-1]

    def chunks(self, size: int = CHUNK_BYTES) -> Iterator[bytes]:
        """Yield content in pieces of about `size` bytes, each ending at a line end.

        A last line without its line end is delivered with one added. A line longer than 64 MiB ends the stream with a
        damage. The bytes held at a time are at most `size` plus one line.
        """
        if size < 1:
            raise ValueError(f"size must be at least 1, was {size}")
        pending: list[bytes] = []
        pending_bytes = tail_bytes = 0  # held, and held since the last line end
        for piece in self._content():
            pending.append(piece)
            pending_bytes += len(piece)
            after_line_end = len(piece) - (piece.rfind(b"\n") + 1)
            tail_bytes = after_line_end if after_line_end < len(piece) else tail_bytes + len(piece)
            if tail_bytes > LINE_BYTES_MAX:
                self.damage = Damage(f"a line is longer than {LINE_BYTES_MAX:,} bytes", self.content_bytes)
                return
            if pending_bytes < size or tail_bytes == pending_bytes:
                continue
            held = b"".join(pending)
            whole, rest = held[: len(held) - tail_bytes], held[len(held) - tail_bytes :]
            pending, pending_bytes = ([rest] if rest else []), len(rest)
            self.content_bytes += len(whole)
            yield whole
        yield from self._last(b"".join(pending))

    def _last(self, held: bytes) -> Iterator[bytes]:
        """Deliver what is left at the end; the unfinished line of a damaged stream is dropped."""
        if self.damage is not None:
            held = held[: held.rfind(b"\n") + 1]
        if held:
            self.content_bytes += len(held)
            yield held if held.endswith(b"\n") else held + b"\n"

    def head(self, size: int) -> bytes:
        """Return the first bytes of content, about `size`, without consuming the source."""
        probe = Source(self.path)
        taken: list[bytes] = []
        length = 0
        for piece in probe._content():
            taken.append(piece)
            length += len(piece)
            if length >= size:
                break
        self.head_damage = probe.damage
        return b"".join(taken)[:size]

    def _content(self) -> Iterator[bytes]:
        """Yield the content without a byte order mark, which would make the first line another one."""
        pieces = self._pieces()
        first = b""
        while len(first) < len(_BOM) and (piece := next(pieces, None)) is not None:
            first += piece
        if first := first.removeprefix(_BOM):
            yield first
        yield from pieces

    def _pieces(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            if self.compression == "gzip":
                yield from self._gunzip(file)
            elif self.compression == "zip":
                yield from self._unzip(file)
            else:
                while piece := file.read(_READ_BYTES):
                    self.bytes_read += len(piece)
                    yield piece

    def _gunzip(self, file: IO[bytes]) -> Iterator[bytes]:
        produced = 0
        engine = zlib.decompressobj(wbits=31)
        fresh = True  # nothing of the current member was read yet
        while raw := file.read(_READ_BYTES):
            while raw := raw.lstrip(b"\0") if fresh else raw:  # members may be padded with zeros
                piece = self._inflate(engine, raw, produced)
                produced += len(piece)
                rest, fresh = (engine.unused_data, True) if engine.eof else (engine.unconsumed_tail, False)
                self.bytes_read = file.tell() - len(rest)
                if piece:
                    yield piece
                if self.damage is not None or self._is_bomb(produced):
                    return
                raw = rest
                if fresh:
                    engine = zlib.decompressobj(wbits=31)
            self.bytes_read = file.tell()
        if not fresh:
            if piece := engine.flush():
                produced += len(piece)
                yield piece
            if not engine.eof:
                self.damage = Damage("the gzip data ends in the middle: the file is truncated", produced)

    def _inflate(self, engine: Decompressor, raw: bytes, produced: int) -> bytes:
        """Decompress some input; where it is corrupt, what can be had of it, with the damage set."""
        before = engine.copy()
        try:
            return engine.decompress(raw, _READ_BYTES)
        except zlib.error as error:
            rescued = _rescue(before, raw)
            self.damage = Damage(f"the gzip data is corrupt ({_plain(error)})", produced + len(rescued))
            return rescued

    def _unzip(self, file: IO[bytes]) -> Iterator[bytes]:
        produced = 0
        with zipfile.ZipFile(file) as archive, _open_member(self.path, archive) as member:
            while True:
                try:
                    piece = member.read(_READ_BYTES)
                except (zipfile.BadZipFile, zlib.error, EOFError) as error:
                    self.damage = Damage(f"the zip data is corrupt ({_plain(error)})", produced)
                    return
                if not piece:
                    self.bytes_read = self.bytes_total
                    return
                produced += len(piece)
                self.bytes_read = min(self.bytes_total, file.tell())
                yield piece
                if self._is_bomb(produced):
                    return

    def _is_bomb(self, produced: int) -> bool:
        if produced <= BOMB_FLOOR_BYTES or produced <= BOMB_RATIO * max(self.bytes_read, 1):
            return False
        self.damage = Damage(f"decompresses to more than {BOMB_RATIO} times its size: not read further", produced)
        return True


def _rescue(engine: Decompressor, raw: bytes) -> bytes:
    """Return what can be had of the input that fails as a whole: taken byte by byte up to the fault."""
    pieces: list[bytes] = []
    with suppress(zlib.error):
        pieces.extend(engine.decompress(raw[at : at + 1]) for at in range(len(raw)))
    return b"".join(pieces)[:_READ_BYTES]


def _plain(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _size_of_regular_file(path: Path) -> int:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise NoInputError(f"{path} is a directory: name the files in it")
        if not stat.S_ISREG(status.st_mode):
            raise NoInputError(f"{path} is not a regular file")
        with path.open("rb"):
            pass
    except OSError as error:
        raise NoInputError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from None
    if status.st_size == 0:
        raise DataError(f"{path} is empty")
    return status.st_size


def _compression_of(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(8)
    kind = next((name for magic, name in _MAGIC if start.startswith(magic)), "plain")
    if kind not in _READABLE:
        raise DataError(f"{path} is {kind} data: only plain, .gz and .zip files are read")
    return kind


def _open_member(path: Path, archive: zipfile.ZipFile) -> IO[bytes]:
    try:
        return archive.open(archive.infolist()[0])
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise DataError(f"{path} is a zip that cannot be read ({_plain(error)})") from None


def _single_member(path: Path) -> zipfile.ZipInfo:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except zipfile.BadZipFile as error:
        raise DataError(f"{path} is a broken or truncated zip ({_plain(error)})") from None
    if len(members) != 1 or members[0].is_dir():
        names = ", ".join(member.filename for member in members[:5]) or "none"
        raise DataError(f"{path} must hold exactly one file, holds {len(members)}: {names}")
    if members[0].flag_bits & 1:
        raise DataError(f"{path} is an encrypted zip: it cannot be read")
    return members[0]
