"""The kill switch of a data directory: a file whose presence kills, and a trail of who set and cleared it.

It needs no database and no running process. `kill` is the file; `control.log` has one JSON object a line, on the disk
before anything goes by it. The switch is set where the file is there *or* the trail ends with a kill: taking the file
away by hand clears nothing.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from bot4.domain.errors import FatalError, OutputError
from bot4.ports.kill_switch import SwitchEntry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE_NAME, TRAIL_NAME = "kill", "control.log"
REASON_MAX = 400


class KilledError(FatalError):
    """The kill switch is set: nothing is traded until it is reset."""

    exit_code = 77


class FileKillSwitch:
    """The switch of one data directory; see `bot4.ports.kill_switch.KillSwitch`.

    Parameters
    ----------
    folder : Path
        The data directory; made where it is not there.

    Any thread and any process: writers take turns by a lock on the trail.

    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self._trail = folder / TRAIL_NAME
        self._folder = folder
        self._seen: tuple[int, int, int] | None = None
        self._state: SwitchEntry | None = None

    def state(self) -> SwitchEntry | None:
        """Return the entry that set the switch, None where it is not set; what cannot be read counts as set.

        Two system calls where nothing changed since the last call.
        """
        is_there = self.path.exists()
        stamp = _stamp(self._trail)
        if stamp != self._seen:
            try:
                self._state, self._seen = _last_word(self.trail()), stamp
            except FatalError as error:
                self._state, self._seen = SwitchEntry(0, "", "kill", "file", str(error)), None
        if self._state is None and is_there:
            return SwitchEntry(0, "", "kill", "file", f"{self.path} is there")
        return self._state

    def require_clear(self) -> None:
        """Raise `KilledError` where the switch is set."""
        if (entry := self.state()) is not None:
            raise KilledError(f"the kill switch is set ({entry}): nothing is traded until `bot4 kill --reset`")

    def kill(self, *, by: str, reason: str) -> SwitchEntry:
        """Set the switch; where it is set already, the entry that did it.

        Raises
        ------
        OutputError
            Neither the trail nor the file can be written.

        """
        try:
            with self._writing():
                before = _last_word(self.trail())
                entry = before or self._append("kill", by, reason)
        except (OSError, FatalError) as error:
            # The trail is damaged or the disk is full: the file needs neither.
            self._touch(str(error))
            return SwitchEntry(0, _now(), "kill", by, reason)
        if not self.path.exists():
            self._touch(f"{entry}\n")
        return entry

    def reset(self, *, by: str, reason: str) -> SwitchEntry | None:
        """Clear the switch; None where it was not set.

        Raises
        ------
        OutputError
            The trail cannot be written: the switch stays set.

        """
        if self.state() is None:
            return None
        try:
            with self._writing():
                entry = self._append("reset", by, reason)
                self.path.unlink(missing_ok=True)
                _sync_folder(self._folder)
        except OSError as error:
            raise OutputError(f"the kill switch stays set: {self._trail} cannot be written: {error.strerror}") from None
        return entry

    def last_reset(self) -> SwitchEntry | None:
        """Return the newest reset that no journal holds yet."""
        trail = self.trail()
        noted = max((entry.of for entry in trail if entry.what == "journalled"), default=0)
        resets = [entry for entry in trail if entry.what == "reset" and entry.entry > noted]
        return resets[-1] if resets else None

    def mark_journalled(self, entry: SwitchEntry, run_id: str) -> None:
        """Say that a run's journal holds an entry."""
        with self._writing():
            self._append("journalled", "run", run_id, of=entry.entry)

    def trail(self) -> list[SwitchEntry]:
        """Return every entry, oldest first; a line that was not finished does not count.

        Raises
        ------
        OutputError
            It cannot be read, or a line in it is none of ours.

        """
        try:
            content = self._trail.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise OutputError(f"{self._trail} cannot be read: {error.strerror}") from None
        whole = content[: content.rfind(b"\n") + 1]
        try:
            return [msgspec.json.decode(line, type=SwitchEntry) for line in whole.splitlines()]
        except msgspec.DecodeError:
            raise OutputError(f"{self._trail} is damaged") from None

    # -- inside

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._trail, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _append(self, what: str, by: str, reason: str, *, of: int = 0) -> SwitchEntry:
        content = self._trail.read_bytes()
        keep = content.rfind(b"\n") + 1
        last = msgspec.json.decode(content[:keep].splitlines()[-1], type=SwitchEntry).entry if keep else 0
        entry = SwitchEntry(last + 1, _now(), what, by, " ".join(reason.split())[:REASON_MAX], of)
        with self._trail.open("r+b") as file:
            file.truncate(keep)  # what a process that died left of its line
            file.seek(keep)
            file.write(msgspec.json.encode(entry) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return entry

    def _touch(self, text: str) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise OutputError(f"the kill switch {self.path} cannot be set: {error.strerror}") from None
        try:
            with suppress(OSError):  # that it is there is what counts
                os.write(handle, text.encode()[:REASON_MAX])
                os.fsync(handle)
                _sync_folder(self._folder)
        finally:
            os.close(handle)


def _last_word(trail: list[SwitchEntry]) -> SwitchEntry | None:
    words = [entry for entry in trail if entry.what in {"kill", "reset"}]
    return words[-1] if words and words[-1].what == "kill" else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return status.st_ino, status.st_size, status.st_mtime_ns


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
