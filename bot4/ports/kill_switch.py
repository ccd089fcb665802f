"""The kill switch as a run sees it: kept outside the run, so that neither its end nor its start clears it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class SwitchEntry:
    """One line of the switch's trail.

    `what` is ``kill``, ``reset`` or ``journalled`` (a run wrote entry `of` into its journal); `by` says who asked:
    ``command``, ``rest``, ``signal``, ``file`` or ``run``.
    """

    entry: int
    at_utc: str
    what: str
    by: str
    reason: str
    of: int = 0

    def __str__(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        return f"{self.what} {self.entry} by {self.by} at {self.at_utc}{why}"


class KillSwitch(Protocol):
    """Set by anybody, cleared by an explicit reset alone. Any thread, any process."""

    def state(self) -> SwitchEntry | None:
        """Return the entry that set the switch, None where it is not set; what cannot be read counts as set."""
        ...

    def kill(self, *, by: str, reason: str) -> SwitchEntry:
        """Set the switch; where it is set already, the entry that did it."""
        ...

    def reset(self, *, by: str, reason: str) -> SwitchEntry | None:
        """Clear the switch; None where it was not set."""
        ...

    def last_reset(self) -> SwitchEntry | None:
        """Return the newest reset that no journal holds yet."""
        ...

    def mark_journalled(self, entry: SwitchEntry, run_id: str) -> None:
        """Say that a run's journal holds an entry."""
        ...

    def trail(self) -> Sequence[SwitchEntry]:
        """Return every entry, oldest first."""
        ...
