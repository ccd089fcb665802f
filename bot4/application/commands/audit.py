"""The audit trail of commands: each is written down before it is handed over, and its outcome after."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import orjson

from bot4.application.commands.commands import CancelAll, CancelOrder, Kill
from bot4.domain.errors import Bot4Error
from bot4.domain.run_notes import CommandOutcome, CommandRecord
from bot4.domain.specification import where

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot4.application.commands.commands import Command
    from bot4.ports.unit_of_work import Store

# They only make things safer: a store that cannot be written must not be in their way.
_PROTECTIVE = (Kill, CancelAll, CancelOrder)


class AuditTrail:
    """Lines of one run's trail.

    Parameters
    ----------
    store : Store
        Where they are kept. Each line is a transaction of its own, on the caller's thread, never on the shard's.
    run_id : str
        Whose commands these are.
    now_ns : callable
        Wall time, nanoseconds UTC.

    Attributes
    ----------
    unwritten : int
        Lines and outcomes the store did not take.

    """

    def __init__(self, store: Store, run_id: str, now_ns: Callable[[], int]) -> None:
        self._store = store
        self._run_id = run_id
        self._now_ns = now_ns
        self._last_ns = 0
        self.unwritten = 0

    def earlier_ids(self, limit: int) -> Sequence[str]:
        """Return the ids of the commands that were handed over, or may have been, oldest first."""
        taken = where("outcome").one_of((CommandOutcome.ASKED, CommandOutcome.DONE))
        with self._store.unit_of_work() as unit:
            found = unit.commands.find(self._run_id, taken, limit=limit, newest_first=True)
        return [record.command_id for record in reversed(found)]

    def asked(self, command: Command, *, is_duplicate: bool) -> CommandRecord:
        """Write a command before it is handed over.

        Raises
        ------
        Bot4Error
            It cannot be written, and is none that only makes things safer.

        """
        self._last_ns = max(self._now_ns(), self._last_ns + 1)
        record = CommandRecord(
            command_id=command.command_id,
            asked_ns=self._last_ns,
            kind=type(command).__name__,
            content=orjson.dumps(asdict(command), default=str).decode(),
            outcome=CommandOutcome.DUPLICATE if is_duplicate else CommandOutcome.ASKED,
        )
        try:
            self._write(record)
        except Bot4Error:
            self.unwritten += 1
            if not isinstance(command, _PROTECTIVE):
                raise
        return record

    def done(self, record: CommandRecord | None) -> None:
        """Write that a command was handed over; a store that fails now leaves it as asked."""
        self._answered(record, CommandOutcome.DONE, "")

    def refused(self, record: CommandRecord | None, reason: str) -> None:
        """Write why a command was refused."""
        self._answered(record, CommandOutcome.REFUSED, reason)

    def _answered(self, record: CommandRecord | None, outcome: CommandOutcome, reason: str) -> None:
        if record is None:
            return
        try:
            self._write(replace(record, outcome=outcome, reason=reason, answered_ns=self._now_ns()))
        except Bot4Error:
            self.unwritten += 1

    def _write(self, record: CommandRecord) -> None:
        with self._store.unit_of_work() as unit:
            unit.commands.save(self._run_id, record)
            unit.commit()
