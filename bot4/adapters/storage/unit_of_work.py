"""The unit of work of every store: one transaction, or one savepoint inside a transaction of the same thread."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, Self

from bot4.adapters.storage.repositories import Fills, Marks, Orders, Refusals, Runs
from bot4.adapters.storage.research_records import Trials
from bot4.adapters.storage.run_records import Commands, Models, Positions, Signals

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from bot4.adapters.storage.dialect import Connection
    from bot4.domain.errors import Bot4Error


class TransactionalStore(Protocol):
    """What a unit of work asks of its store."""

    def failure(self, error: BaseException) -> Bot4Error | None:
        """Return what an error of the database's library means to us; None where it is none of those."""
        ...

    def begin(self) -> tuple[Connection, int]:
        """Open a transaction or, inside one of this thread, a savepoint; returns it with its depth."""
        ...

    def end(self, depth: int, *, keep: bool) -> None:
        """Commit or roll back what `begin` opened at `depth`."""
        ...


@contextmanager
def transaction(store: TransactionalStore) -> Iterator[Connection]:
    """Yield the connection in a transaction: kept where the block ends, rolled back where it raises."""
    connection, depth = store.begin()
    try:
        yield connection
    except BaseException as error:
        store.end(depth, keep=False)
        if (failure := store.failure(error)) is not None:
            raise failure from error
        raise
    store.end(depth, keep=True)


class SqlUnitOfWork:
    """One transaction, or one savepoint inside a transaction. Used as a context manager, once, by one thread."""

    orders: Orders
    fills: Fills
    marks: Marks
    refusals: Refusals
    runs: Runs
    positions: Positions
    signals: Signals
    models: Models
    commands: Commands
    trials: Trials

    def __init__(self, store: TransactionalStore) -> None:
        self._store = store
        self._depth: int | None = None

    def __enter__(self) -> Self:
        if self._depth is not None:
            raise RuntimeError("a unit of work is used once")
        connection, self._depth = self._store.begin()
        self.orders = Orders(connection)
        self.fills = Fills(connection)
        self.marks = Marks(connection)
        self.refusals = Refusals(connection)
        self.runs = Runs(connection)
        self.positions = Positions(connection)
        self.signals = Signals(connection)
        self.models = Models(connection)
        self.commands = Commands(connection)
        self.trials = Trials(connection)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._depth is not None and self._depth >= 0:
            self.rollback()
        if error is not None and (failure := self._store.failure(error)) is not None:
            raise failure from error

    def commit(self) -> None:
        """Keep this unit's changes; final when the outermost unit commits."""
        self._finish(keep=True)

    def rollback(self) -> None:
        """Undo this unit's changes."""
        self._finish(keep=False)

    def _finish(self, *, keep: bool) -> None:
        if self._depth is None or self._depth < 0:
            raise RuntimeError("this unit of work is not open")
        depth, self._depth = self._depth, -1
        self._store.end(depth, keep=keep)
