"""The command bus: one handler for each kind of command, each command id at most once, a trail of what was asked."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from bot4.application.commands.commands import Batch
from bot4.domain.errors import RejectedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot4.application.commands.audit import AuditTrail
    from bot4.application.commands.commands import Command


@dataclass(frozen=True, slots=True)
class Receipt:
    """A command was handed to the engine; `duplicate`: it had been handed over before, so nothing was done."""

    command_id: str
    duplicate: bool = False


class CommandBus:
    """Dispatches commands to their handlers.

    Thread-safe. The ids of the last `remembered_max` commands are kept; an older one is forgotten first, so an id must
    not be reused within that many commands. A batch goes to its handler as a whole, then each of its parts to the
    part's own; parts are remembered one by one, so a batch that was refused half-way can be dispatched again.

    Parameters
    ----------
    audit : AuditTrail, optional
        Where each command is written before it is handed over, and its outcome after; ids of an earlier process are
        remembered from there. What cannot be written is not done, but for commands that only make things safer.
    remembered_max : int
        At least 1.

    >>> from bot4.application.commands.commands import Kill
    >>> done = []
    >>> bus = CommandBus()
    >>> bus.register(Kill, done.append)
    >>> bus.dispatch(Kill(command_id="k1")).duplicate, bus.dispatch(Kill(command_id="k1")).duplicate, len(done)
    (False, True, 1)
    """

    def __init__(self, audit: AuditTrail | None = None, *, remembered_max: int = 65_536) -> None:
        if remembered_max < 1:
            raise ValueError(f"remembered_max must be at least 1, was {remembered_max}")
        self._handlers: dict[type[Any], Callable[[Any], None]] = {}
        self._audit = audit
        self._remembered: OrderedDict[str, None] = OrderedDict()
        if audit is not None:
            self._remembered = OrderedDict.fromkeys(audit.earlier_ids(remembered_max))
        self._remembered_max = remembered_max
        self._lock = Lock()

    def register(self, kind: type[Any], handler: Callable[[Any], None]) -> None:
        """Set the handler of one kind of command; a second one raises ValueError."""
        if kind in self._handlers:
            raise ValueError(f"{kind.__name__} has a handler already")
        self._handlers[kind] = handler

    def dispatch(self, command: Command) -> Receipt:
        """Hand one command to its handler.

        Raises
        ------
        RejectedError
            No handler takes this kind, or the handler refused; the id may then be tried again.
        FatalError, RetryableError
            The audit trail cannot be written: nothing was done.

        """
        with self._lock:
            return self._hand_over(command)

    def _hand_over(self, command: Command) -> Receipt:
        is_duplicate = command.command_id in self._remembered
        line = None if self._audit is None else self._audit.asked(command, is_duplicate=is_duplicate)
        try:
            self._do(command, is_duplicate=is_duplicate)
        except RejectedError as error:
            if self._audit is not None:
                self._audit.refused(line, str(error))
            raise
        if is_duplicate:
            return Receipt(command.command_id, duplicate=True)
        self._remembered[command.command_id] = None
        if len(self._remembered) > self._remembered_max:
            self._remembered.popitem(last=False)
        if self._audit is not None:
            self._audit.done(line)
        return Receipt(command.command_id)

    def _do(self, command: Command, *, is_duplicate: bool) -> None:
        handler = self._handlers.get(type(command))
        if handler is None:
            raise RejectedError(f"no handler takes {type(command).__name__}")
        if is_duplicate:
            return
        handler(command)
        if isinstance(command, Batch):
            for part in command.commands:
                self._hand_over(part)
