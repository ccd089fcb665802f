"""The folder a run keeps its files in: one process at a time, one sub-folder for each run."""

from __future__ import annotations

import fcntl
import os
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from bot4.domain.errors import FatalError, RetryableError

if TYPE_CHECKING:
    from pathlib import Path

STORE_NAME = "bot4.sqlite"
_EPOCH_START_S = 1_577_836_800  # 2020-01-01: seconds since then fit 32 bits until 2156


class DataDirError(FatalError):
    """The data directory cannot be made or written; the message names it and the cause."""

    exit_code = 73


class DataDirBusyError(RetryableError):
    """Another process holds the data directory; the message names its process id."""


class DataDir:
    """A locked data directory.

    Parameters
    ----------
    path : Path
        Made with its parents where it is not there.

    Raises
    ------
    DataDirError
        It cannot be made or written.
    DataDirBusyError
        Another process runs in it. The lock is the kernel's: a process that died left none behind.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            (path / "runs").mkdir(parents=True, exist_ok=True)
            self._lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataDirError(f"data directory {path} cannot be used: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._lock, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._lock)
            raise DataDirBusyError(
                f"data directory {path} is in use by process {holder}: stop it, or set run.data_dir (--data-dir)"
            ) from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)

    @property
    def store_path(self) -> Path:
        """The embedded store's file."""
        return self.path / STORE_NAME

    def new_run(self) -> Path:
        """Make the folder of a new run; its name is the run's id, in the order of time."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        for attempt in range(1, 1_000):
            folder = self.path / "runs" / f"{stamp}-{attempt:03d}"
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            except OSError as error:
                raise DataDirError(f"run folder {folder} cannot be made: {error.strerror}") from None
            return folder
        raise DataDirError(f"there are 999 runs of {stamp} in {self.path} already")

    def runs(self) -> list[Path]:
        """Return the folders of the runs there were, newest first."""
        return sorted((folder for folder in (self.path / "runs").iterdir() if folder.is_dir()), reverse=True)

    @property
    def last_epoch(self) -> int:
        """The newest epoch a run here had; 0 before the first."""
        try:
            return int((self.path / "epoch").read_text(encoding="ascii"))
        except FileNotFoundError:
            return 0
        except (OSError, ValueError) as error:
            raise DataDirError(f"the epoch of {self.path} cannot be read: {error}") from None

    def keep_epoch(self, epoch: int) -> None:
        """Note an epoch that was given elsewhere, on the disk before it is used; it must be above the last one."""
        if self.next_epoch(epoch + _EPOCH_START_S) != epoch:
            raise DataDirError(f"epoch {epoch} is not above those of {self.path}")

    def next_epoch(self, now_s: int) -> int:
        """Return a number no earlier run here had, on the disk before it is used: orders are named by it.

        It is at least the seconds since 2020, so that a data directory that was lost does not repeat another's.
        """
        path = self.path / "epoch"
        try:
            before = int(path.read_text(encoding="ascii")) if path.exists() else 0
            epoch = max(before + 1, now_s - _EPOCH_START_S)
            fresh = self.path / "epoch.new"
            with fresh.open("w", encoding="ascii") as file:
                file.write(f"{epoch}\n")
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
            folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except (OSError, ValueError) as error:
            raise DataDirError(f"the epoch of {self.path} cannot be advanced: {error}") from None
        return epoch

    def discard(self, run_dir: Path) -> None:
        """Remove the folder of a run that never began: nothing was recorded in it."""
        shutil.rmtree(run_dir, ignore_errors=True)

    def close(self) -> None:
        """Release the lock."""
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
