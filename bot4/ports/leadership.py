"""The right to trade one account's instruments: who has it, until when, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


class Leadership(Protocol):
    """A lease with an epoch. Every call may come from any thread."""

    @property
    def epoch(self) -> int:
        """The fencing token: part of every order's name, above that of every leader before."""
        ...

    @property
    def fence_until_s(self) -> float:
        """Monotonic time before which requests of an earlier leader may still reach the venue; 0: there is none."""
        ...

    def may_send(self) -> bool:
        """Whether an order may be written now: asked right before each write, by this process's own monotonic clock."""
        ...

    def why_closed(self) -> str | None:
        """Return why nothing may be opened now, or None."""
        ...

    def is_lost(self) -> bool:
        """Whether another process leads: what has a newer epoch in its name is its, and not to be touched."""
        ...

    def beat(self, *, is_ready: bool) -> None:
        """Say that trading is alive, and whether it can reach its venue: the lease is renewed by this alone."""
        ...

    def rest(self) -> None:
        """Expect no sign of life while the run is brought to its end."""
        ...

    def begin(self, run_id: str, journal: Path) -> None:
        """Begin to copy a run's journal to where a standby reads it."""
        ...

    def end(self, *, in_order: bool) -> None:
        """Let go: in order, nobody takes over; else the lease runs out and another process does."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the result has to know."""
        ...
