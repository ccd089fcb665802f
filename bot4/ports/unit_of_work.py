"""All or nothing: repositories that share one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from types import TracebackType

    from bot4.ports.repositories import (
        CommandRepository,
        FillRepository,
        MarkRepository,
        ModelRepository,
        OrderRepository,
        PositionRepository,
        RefusalRepository,
        RunRepository,
        SignalRepository,
        TrialRepository,
    )


class UnitOfWork(Protocol):
    """One transaction over every repository.

    What was not committed when the block ends is rolled back. A unit opened inside another one is a savepoint: its
    roll-back undoes only its own part, and its commit becomes final with the outer one's.
    """

    @property
    def orders(self) -> OrderRepository:
        """Orders."""
        ...

    @property
    def fills(self) -> FillRepository:
        """Fills."""
        ...

    @property
    def marks(self) -> MarkRepository:
        """Equity curve."""
        ...

    @property
    def refusals(self) -> RefusalRepository:
        """Refused decisions."""
        ...

    @property
    def runs(self) -> RunRepository:
        """Runs."""
        ...

    @property
    def positions(self) -> PositionRepository:
        """What is held."""
        ...

    @property
    def signals(self) -> SignalRepository:
        """Scores from outside."""
        ...

    @property
    def models(self) -> ModelRepository:
        """Models decided by."""
        ...

    @property
    def commands(self) -> CommandRepository:
        """What was asked, and how it was answered."""
        ...

    @property
    def trials(self) -> TrialRepository:
        """What was tried on data."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def commit(self) -> None:
        """Make this unit's changes final (or part of the outer unit)."""
        ...

    def rollback(self) -> None:
        """Undo this unit's changes."""
        ...


class Store(Protocol):
    """Where units of work come from."""

    @property
    def path(self) -> str:
        """What the store is called in summaries and messages: a file, or a server without its password."""
        ...

    def unit_of_work(self) -> UnitOfWork:
        """Return a new unit; nested inside one that is open on this store."""
        ...

    def close(self) -> None:
        """Release the connection."""
        ...
