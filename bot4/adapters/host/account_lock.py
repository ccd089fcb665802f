"""One live run an account on one machine: a lock that the kernel lets go of when the process ends.

The lock is a file in a folder of this user's own, named by a digest of the key: it says whose account it is to nobody
who does not have the key already. Another machine, another user and another key of the same account are not seen: the
gateway notices them by their trades, which belong to no order of its run.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bot4.domain.errors import ConfigError, RetryableError

if TYPE_CHECKING:
    from bot4.domain.secret import Secret


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

    Raises
    ------
    AccountBusyError
        Another process holds it.
    ConfigError
        The folder is somebody else's.

    """

    def __init__(self, api_key: Secret, place: str, folder: Path | None = None) -> None:
        digest = hashlib.sha256(place.encode() + b"\0" + api_key.reveal()).hexdigest()[:24]
        path = _own_folder(folder) / f"account-{digest}.lock"
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._handle, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._handle)
            raise AccountBusyError(
                f"process {holder} trades on this account ({place}) already: two runs would take each other's orders "
                "for ghosts; stop it, or use a key of another account"
            ) from None
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, str(os.getpid()).encode(), 0)
        self._let_go = weakref.finalize(self, os.close, self._handle)

    def close(self) -> None:
        """Let go; the file stays, for a file that is taken away can be locked twice."""
        self._let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


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
