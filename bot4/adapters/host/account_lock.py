"""One live run an account on one machine: a lock that the kernel lets go of when the process ends.

The lock is a file in a folder of this user's own, named by a digest of the key: it says whose account it is to nobody
who does not have the key already. Another machine, another user and another key of the same account are not seen: the
gateway notices them by their trades, which belong to no order of its run. Where a standby may take over, the lease is
what decides who trades; its processes hold the lock together.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bot4.domain.errors import ConfigError, RetryableError

if TYPE_CHECKING:
    from bot4.domain.secret import Secret

_HOLDER_MAX = 1_024


class AccountBusyError(RetryableError):
    """Another live run on this machine has the account; the message names its process."""


class AccountLock:
    """A held lock on one account.

    Parameters
    ----------
    api_key : Secret
    place : str
        Venue, market and endpoint: a key of a test venue may be anything.
    folder : Path, optional
        Where locks are; the user's run-time directory, or one of his own in the temporary one.
    lease : str
        Name of the lease that decides which of several processes trades: those of one lease hold the lock together,
        and nobody else beside them.

    Raises
    ------
    AccountBusyError
        Another process holds it, or those of another lease do.
    ConfigError
        The folder is somebody else's.

    """

    def __init__(self, api_key: Secret, place: str, folder: Path | None = None, *, lease: str = "") -> None:
        digest = hashlib.sha256(place.encode() + b"\0" + api_key.reveal()).hexdigest()[:24]
        path = _own_folder(folder) / f"account-{digest}.lock"
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        holder = _hold(self._handle, lease)
        if holder is not None:
            os.close(self._handle)
            raise AccountBusyError(
                f"{holder} trades on this account ({place}) already: two runs would take each other's orders "
                "for ghosts; stop it, or use a key of another account"
            )
        self._let_go = weakref.finalize(self, os.close, self._handle)

    def close(self) -> None:
        """Let go; the file stays, for a file that is taken away can be locked twice."""
        self._let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _hold(handle: int, lease: str) -> str | None:
    """Lock an open file, alone or together with those of the same lease; returns who has it where that fails."""
    mine = f"lease {lease}" if lease else f"process {os.getpid()}"
    with suppress(BlockingIOError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(handle, 0)
        os.pwrite(handle, mine.encode(), 0)
        if lease:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    holder = os.pread(handle, _HOLDER_MAX, 0).decode("utf-8", "replace").strip() or "another process"
    if not lease or holder != mine:
        return holder
    with suppress(BlockingIOError):
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    return holder


def _own_folder(folder: Path | None) -> Path:
    if folder is None:
        run_time = os.environ.get("XDG_RUNTIME_DIR", "")
        folder = Path(run_time) / "bot4" if run_time else Path(tempfile.gettempdir()) / f"bot4-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise ConfigError(f"the folder of locks {folder} cannot be made: {error.strerror}") from None
    if status.st_uid != os.getuid() or not stat.S_ISDIR(status.st_mode):
        raise ConfigError(f"the folder of locks {folder} must be a folder of the user who runs bot4")
    return folder
