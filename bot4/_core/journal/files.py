"""What the journal asks of its file before the first record: to be the only writer, and to outlive a power cut."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class JournalError(Exception):
    """A journal that cannot be used as it is."""


class JournalBusy(JournalError):  # noqa: N818 - it says what the journal is
    """Another process, or another stream of this one, has the journal open for writing."""


def lock_file(fd: int, path: str) -> None:
    """Take the file for this writer until it is closed; raises JournalBusy where another has it."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as busy:
        raise JournalBusy(f"{path}: another writer has the journal open") from busy


def sync_folder(path: str) -> None:
    """Wait until the name of the file is on the disk, as its content would be lost without it."""
    folder = os.open(Path(path).resolve().parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def segment_path(path: str, segment: int) -> str:
    """Return the file of a segment: the journal's own name for the first, with its number behind for the others."""
    return path if segment == 0 else f"{path}.{segment}"
