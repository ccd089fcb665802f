"""The embedded store: one SQLite file in write-ahead mode, one writer, units of work that nest."""

from __future__ import annotations

import sqlite3
import time
from decimal import Decimal
from threading import RLock
from typing import TYPE_CHECKING, Any

from bot4.adapters.storage.dialect import SQLITE
from bot4.adapters.storage.migrations import MIGRATIONS, StoreError, migrate
from bot4.adapters.storage.unit_of_work import SqlUnitOfWork

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bot4.adapters.storage.step import Migration


_BUSY_S = 5.0


class SqliteConnection:
    """An open file, for the repositories."""

    dialect = SQLITE

    def __init__(self, raw: sqlite3.Connection) -> None:
        self.raw = raw

    def execute(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run one statement."""
        return self.raw.execute(statement, tuple(values))


class SqliteStore:
    """A store in one file.

    Parameters
    ----------
    path : Path or str
        The file, made where it is not there.
    migrations : sequence of Migration
        Its tables; those of runs where not given.
    cache_kib : int
        Pages kept in memory at most. They come one by one as tables grow: a run that is to stay as large as it is
        after its first minutes has few of them.

    Any thread may open a unit of work; a unit holds the store's lock until it ends, so units of different threads
    queue up and units of one thread nest.

    Raises
    ------
    StoreError
        The file is no database, comes from a newer bot4, or cannot be written.

    """

    def __init__(
        self, path: Path | str, migrations: Sequence[Migration] = MIGRATIONS, *, cache_kib: int = 2_000
    ) -> None:
        self.path = str(path)
        self._migrations = migrations
        self._lock = RLock()
        self._depth = 0
        try:
            self._raw = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=_BUSY_S)
        except sqlite3.Error as error:
            raise StoreError(f"store {self.path} cannot be opened: {error}") from None
        try:
            self._connection = SqliteConnection(self._raw)
            self._raw.create_collation("amount", _compare_amounts)
            _patiently(self._migrate)
            # WAL: readers never wait for the writer; NORMAL: a power cut may lose commits, which the journal has.
            _patiently(lambda: self._raw.execute("PRAGMA journal_mode = WAL"))
            self._raw.execute("PRAGMA synchronous = NORMAL")
            self._raw.execute("PRAGMA foreign_keys = ON")
            self._raw.execute(f"PRAGMA cache_size = -{cache_kib:d}")
        except sqlite3.Error as error:
            self._raw.close()
            raise StoreError(f"store {self.path} cannot be opened: {error}") from None
        except StoreError:
            self._raw.close()
            raise

    def unit_of_work(self) -> SqlUnitOfWork:
        """Return a new unit; inside another one of this thread it becomes a savepoint."""
        return SqlUnitOfWork(self)

    def failure(self, error: BaseException) -> StoreError | None:
        """Return what an error of SQLite means; None for any other."""
        return StoreError(f"store {self.path} cannot be used: {error}") if isinstance(error, sqlite3.Error) else None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._raw.close()

    def _migrate(self) -> None:
        # At once for writing: of two processes that open a new file, one waits for the other's tables.
        self._raw.execute("BEGIN IMMEDIATE")
        try:
            migrate(self._connection, self.path, self._migrations)
        except BaseException:
            self._raw.execute("ROLLBACK")
            raise
        self._raw.execute("COMMIT")

    def begin(self) -> tuple[SqliteConnection, int]:
        """Open a transaction or, inside one, a savepoint; returns it with its depth."""
        self._lock.acquire()
        try:
            self._raw.execute("BEGIN IMMEDIATE" if self._depth == 0 else f"SAVEPOINT unit_{self._depth}")
        except sqlite3.Error as error:
            self._lock.release()
            raise StoreError(f"store {self.path} cannot be written: {error}") from None
        self._depth += 1
        return self._connection, self._depth - 1

    def end(self, depth: int, *, keep: bool) -> None:
        """Commit or roll back what `begin` opened at `depth`."""
        try:
            if depth == 0:
                # A full disk may have made SQLite roll back by itself.
                if keep or self._raw.in_transaction:
                    self._raw.execute("COMMIT" if keep else "ROLLBACK")
            elif self._raw.in_transaction:
                if not keep:
                    self._raw.execute(f"ROLLBACK TO unit_{depth}")
                self._raw.execute(f"RELEASE unit_{depth}")
        except sqlite3.Error as error:
            if depth == 0 and self._raw.in_transaction:
                self._raw.execute("ROLLBACK")
            raise StoreError(f"store {self.path} cannot be written: {error}") from None
        finally:
            self._depth -= 1
            self._lock.release()


def _patiently(step: Callable[[], object]) -> None:
    """Take a step of opening a file that others open, too.

    Changing the journal's mode is refused at once where another process holds the file, whatever the timeout says.
    """
    deadline_s = time.monotonic() + _BUSY_S
    while True:
        try:
            step()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline_s:
                raise
            time.sleep(0.01)
        else:
            return


def _compare_amounts(left: str, right: str) -> int:
    """Order two exact decimals by value."""
    a, b = Decimal(left), Decimal(right)
    return (a > b) - (a < b)
