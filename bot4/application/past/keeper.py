"""What a run keeps for its next life: how it began, and a snapshot now and then; and how that life gets it back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bot4._core.engine.recovery import Recovery
from bot4._core.journal.reader import JournalError
from bot4._core.journal.record import JournalKind
from bot4.application.past.past_image import PastKeeper
from bot4.application.past.run_opening import OpenedInstrument, RunOpening
from bot4.application.past.run_past import PastUnreadableError
from bot4.application.past.snapshots import RunSnapshots

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from decimal import Decimal
    from pathlib import Path

    from bot4._core.engine.engine import Engine
    from bot4._core.engine.runner import ShardRunner
    from bot4._core.journal.stream import Journal
    from bot4.application.assembly.assembly import Assembly
    from bot4.application.past.accepted_balance import AcceptedBalance


def opening_of(assembly: Assembly, place: str, balances: Mapping[str, Decimal]) -> RunOpening:
    """Return what a run's figures depend on, as its journal begins with it."""
    return RunOpening(
        place=place,
        instruments=tuple(map(OpenedInstrument.of, assembly.instruments)),
        assets=tuple(zip(assembly.assets, assembly.account.decimals, strict=True)),
        balances=dict(balances or assembly.opening),
    )


class RunKeeper:
    """Keeps one run's beginning and snapshots beside its journal.

    Parameters
    ----------
    journal : Journal
        Open.
    path : Path
        Where it is.
    interval_s : float
        Between two snapshots.

    One thread. `notes` says what a reader of the result has to know.

    """

    def __init__(self, journal: Journal, path: Path, interval_s: float) -> None:
        self._journal = journal
        self._snapshots = RunSnapshots(path)
        self._past = PastKeeper(path, journal.sync)
        self._interval_s = interval_s
        self._next_s = time.monotonic() + interval_s
        self.notes: list[str] = []

    def write_opening(self, assembly: Assembly, place: str, balances: Mapping[str, Decimal], now_ns: int) -> None:
        """Begin the journal with what its figures depend on."""
        for piece in opening_of(assembly, place, balances).pieces():
            self._journal.append(int(JournalKind.JOURNAL_OPENING), piece, mono_ns=now_ns, wall_ns=now_ns)

    def read_back(self, make: Callable[[], Engine], accepted: Sequence[AcceptedBalance], now_ns: int) -> None:
        """Bring the engine that `make` gives to where an earlier life of the run ended.

        A user's word for balances is in the journal, and on the disk, before anything is traded on it.
        """
        try:
            _, _, self.notes = self._snapshots.restore(make, self._journal.next_seq - 1)
        except JournalError as error:
            raise PastUnreadableError(f"the run cannot go on: {error}") from error
        for balance in accepted:
            self._journal.append(int(JournalKind.JOURNAL_OPENING), balance.payload(), mono_ns=now_ns, wall_ns=now_ns)
            self.notes.append(f"accepted balance of {balance.line}")
        if accepted:
            self._journal.sync()

    def keep_now_and_then(self, runner: ShardRunner) -> None:
        """Take a snapshot of the running shard where one is due."""
        if time.monotonic() < self._next_s:
            return
        self._next_s = time.monotonic() + self._interval_s
        if (taken := runner.snapshot(timeout_s=1.0)) is not None:
            self._write(taken[2])

    def keep_last(self, engine: Engine) -> None:
        """Take a snapshot of a shard that nobody runs any more."""
        self._write(Recovery(engine).save(self._journal.next_seq - 1, self._journal.epoch))

    def _write(self, image: bytes) -> None:
        try:
            self._snapshots.keep(image, self._journal)
            self._past.keep()
        except (OSError, JournalError, PastUnreadableError) as error:  # the journal alone is enough
            self.notes.append(f"a snapshot could not be written: {error}")
