"""Snapshots of a shard beside its journal: the newest and the one before, each written whole or not at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bot4._core.engine.recovery import Recovery, RecoveryError
from bot4._core.journal.reader import JournalReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot4._core.engine.engine import Engine
    from bot4._core.journal.stream import Journal


class RunSnapshots:
    """The snapshots of one run.

    Parameters
    ----------
    journal_path : Path
        Of the run's journal; the snapshots lie beside it.

    """

    def __init__(self, journal_path: Path) -> None:
        self._journal_path = journal_path
        self.newest = journal_path.with_suffix(".snapshot")
        self.before = journal_path.with_suffix(".snapshot.1")

    def keep(self, image: bytes, journal: Journal) -> None:
        """Write one; what it holds of the journal is on the disk before it is.

        Raises
        ------
        OSError
            It could not be written; those there were are as they were.

        """
        journal.sync()
        fresh = self.newest.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(image)
            file.flush()
            os.fsync(file.fileno())
        if self.newest.exists():
            self.newest.replace(self.before)
        fresh.replace(self.newest)
        folder = os.open(self.newest.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def restore(self, make: Callable[[], Engine], last_seq: int) -> tuple[Engine, Recovery, list[str]]:
        """Bring an engine to the journal's end, from the newest snapshot that can be read, else from its beginning.

        Parameters
        ----------
        make : callable
            Makes the engine as it was when the journal began; once for each attempt.
        last_seq : int
            Of the journal's last record.

        Returns
        -------
        tuple
            The engine, what read it back, and a line for each snapshot that could not be used.

        Raises
        ------
        RecoveryError, JournalCorrupt
            The journal itself cannot be read back.

        """
        lines: list[str] = []
        for path in (self.newest, self.before):
            if not path.exists():
                continue
            engine = make()
            recovery = Recovery(engine)
            try:
                recovery.load(path.read_bytes())
                if recovery.seq > last_seq:
                    raise RecoveryError(f"it holds record {recovery.seq}, the journal ends with {last_seq}")  # noqa: TRY301
            except (RecoveryError, OSError) as error:
                lines.append(f"snapshot {path.name} is not used: {error}")
                continue
            self._read(recovery)
            return engine, recovery, lines
        if lines:
            lines.append("the whole journal was read instead")
        engine = make()
        recovery = Recovery(engine)
        self._read(recovery)
        return engine, recovery, lines

    def _read(self, recovery: Recovery) -> None:
        with JournalReader(self._journal_path) as reader:
            reader.skip(recovery.seq)
            recovery.replay(reader)
