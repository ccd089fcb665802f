"""Writes what a live feed receives to a file that `bot4 run --replay` reads.

The layout is cryptofeed's: ``<seconds>: <frame>``, REST answers with their URL, comments. Its first line holds the
rules of the instruments, so that a recording needs nothing beside it.
"""

from __future__ import annotations

import gzip
from threading import Event as Flag
from threading import Thread
from typing import IO, TYPE_CHECKING, cast

from bot4._core.wire.frame_log import FrameLog
from bot4.domain.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

_TAKE_BYTES = 1 << 20
_WAIT_S = 0.05
_JOIN_S = 30.0


class FrameRecorder:
    """A recording and the thread that writes it. A context manager.

    Parameters
    ----------
    path : Path
        A new file; with ``.gz`` at its end it is compressed.
    buffer_bytes : int
        Frames that may wait for the file, a power of two.
    bytes_max : int
        Text after which it ends; the run goes on.

    Raises
    ------
    OutputError
        The file is there already, or cannot be made.

    A full buffer and a full disk cost frames, never the run: `notes` says so.

    """

    def __init__(self, path: Path, *, buffer_bytes: int = 1 << 25, bytes_max: int = 4 << 30) -> None:
        self.path = path
        self.log = FrameLog(buffer_bytes)
        self._bytes_max = bytes_max
        self._written = 0
        self._why_ended: str | None = None
        self._closing = Flag()
        try:
            raw = path.open("xb")
        except FileExistsError:
            raise OutputError(f"recording {path} is there already: it is not written over") from None
        except OSError as error:
            raise OutputError(f"recording {path} cannot be written: {error.strerror}") from None
        self._file: IO[bytes] = raw
        self._raw = raw
        if path.suffix == ".gz":
            self._file = cast("IO[bytes]", gzip.GzipFile(path.name, "wb", compresslevel=1, fileobj=raw))
        self._thread = Thread(target=self._write_all, name="bot4-recorder", daemon=True)
        self._thread.start()

    @property
    def notes(self) -> tuple[str, ...]:
        """What the recording lacks, and why."""
        found = []
        dropped = self.log.counters["dropped"]
        if dropped:
            found.append(f"the recording lacks {dropped} frames: its file could not keep up")
        if self._why_ended is not None:
            found.append(f"the recording {self.path} ended early: {self._why_ended}")
        return tuple(found)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write what waits and close the file; may be called again."""
        self._closing.set()
        self._thread.join(_JOIN_S)

    def _write_all(self) -> None:
        try:
            while not self._closing.is_set():
                if not self._write_some():
                    self._file.flush()
                    self._closing.wait(_WAIT_S)
            while self._write_some():
                pass
        except OSError as error:
            self._why_ended = error.strerror or str(error)
        finally:
            self._close_file()
        while not self._closing.wait(_WAIT_S):  # what comes after an early end is taken and dropped
            while self.log.take(_TAKE_BYTES):
                pass

    def _write_some(self) -> bool:
        text = self.log.take(_TAKE_BYTES)
        if not text or self._why_ended is not None:
            return bool(text)
        if self._written + len(text) > self._bytes_max:
            self._why_ended = f"{self._bytes_max:,} bytes are its limit"
            text = b"# the recording ends here: its limit is reached\n"
        self._file.write(text)
        self._written += len(text)
        return True

    def _close_file(self) -> None:
        try:
            self._file.close()
            self._raw.close()
            if self._written == 0:
                self.path.unlink(missing_ok=True)  # a run that never began leaves no recording
        except OSError as error:
            self._why_ended = self._why_ended or error.strerror or str(error)
