"""The embedded store: one SQLite file in write-ahead mode, one writer, units of work that nest."""

from __future__ import annotations

import sqlite3
from threading import RLock
from typing import TYPE_CHECKING, Self

from bot4.adapters.storage.schema import SCHEMA_VERSION, TABLES
from bot4.adapters.storage.sqlite_repositories import (
    SqliteFills,
    SqliteMarks,
    SqliteOrders,
    SqliteRefusals,
    SqliteRuns,
)
from bot4.domain.errors import FatalError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


class StoreError(FatalError):
    """The store cannot be opened or written; the message names the file and the cause."""

    exit_code = 74


class SqliteStore:
    """A store in one file.

    Any thread may open a unit of work; a unit holds the store's lock until it ends, so units of different threads
    queue up and units of one thread nest.

    Raises
    ------
    StoreError
        The file is no database, comes from a newer bot4, or cannot be written.

    """

    def __init__(self, path: Path | str) -> None:
        self.path = str(path)
        self._lock = RLock()
        self._depth = 0
        try:
            self._connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=5.0)
        except sqlite3.Error as error:
            raise StoreError(f"store {self.path} cannot be opened: {error}") from None
        try:
            self._require_known_schema()
            # WAL: readers never wait for the writer; NORMAL: a power cut may lose commits, which the journal has.
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._migrate()
        except sqlite3.Error as error:
            self._connection.close()
            raise StoreError(f"store {self.path} cannot be opened: {error}") from None
        except StoreError:
            self._connection.close()
            raise
        self.orders = SqliteOrders(self._connection)
        self.fills = SqliteFills(self._connection)
        self.marks = SqliteMarks(self._connection)
        self.refusals = SqliteRefusals(self._connection)
        self.runs = SqliteRuns(self._connection)

    def unit_of_work(self) -> SqliteUnitOfWork:
        """Return a new unit; inside another one of this thread it becomes a savepoint."""
        return SqliteUnitOfWork(self)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _require_known_schema(self) -> None:
        version = int(self._connection.execute("PRAGMA user_version").fetchone()[0])
        if version > SCHEMA_VERSION:
            raise StoreError(f"store {self.path} has schema {version}, this bot4 knows {SCHEMA_VERSION}: update bot4")

    def _migrate(self) -> None:
        self._connection.executescript(TABLES)
        self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def begin(self) -> int:
        """Open a transaction or, inside one, a savepoint; returns its depth."""
        self._lock.acquire()
        try:
            self._connection.execute("BEGIN IMMEDIATE" if self._depth == 0 else f"SAVEPOINT unit_{self._depth}")
        except sqlite3.Error as error:
            self._lock.release()
            raise StoreError(f"store {self.path} cannot be written: {error}") from None
        self._depth += 1
        return self._depth - 1

    def end(self, depth: int, *, keep: bool) -> None:
        """Commit or roll back what `begin` opened at `depth`."""
        try:
            if depth == 0:
                # A full disk may have made SQLite roll back by itself.
                if keep or self._connection.in_transaction:
                    self._connection.execute("COMMIT" if keep else "ROLLBACK")
            elif self._connection.in_transaction:
                if not keep:
                    self._connection.execute(f"ROLLBACK TO unit_{depth}")
                self._connection.execute(f"RELEASE unit_{depth}")
        except sqlite3.Error as error:
            if depth == 0 and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise StoreError(f"store {self.path} cannot be written: {error}") from None
        finally:
            self._depth -= 1
            self._lock.release()


class SqliteUnitOfWork:
    """One transaction, or one savepoint inside a transaction. Used as a context manager, once."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._depth: int | None = None
        self.orders = store.orders
        self.fills = store.fills
        self.marks = store.marks
        self.refusals = store.refusals
        self.runs = store.runs

    def __enter__(self) -> Self:
        if self._depth is not None:
            raise RuntimeError("a unit of work is used once")
        self._depth = self._store.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._depth is not None and self._depth >= 0:
            self.rollback()
        if isinstance(error, sqlite3.Error):
            raise StoreError(f"store {self._store.path} cannot be used: {error}") from error

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
