"""The store on PostgreSQL: a pool of connections, a transaction for each thread's unit of work, savepoints inside."""

from __future__ import annotations

from functools import lru_cache
from threading import local
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import errors as pg_errors
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from bot4.adapters.storage.dialect import POSTGRESQL
from bot4.adapters.storage.migrations import StoreError, migrate
from bot4.adapters.storage.unit_of_work import SqlUnitOfWork
from bot4.domain.errors import Bot4Error, RetryableError

if TYPE_CHECKING:
    from collections.abc import Sequence

# One process migrates at a time; the others wait for it. The number is only this lock's name.
_MIGRATION_LOCK = 0x626F7434


class StoreBusyError(RetryableError):
    """Another unit of work changed the same rows, or no connection came free: nothing was kept, try again."""


class PostgresConnection:
    """An open transaction, for the repositories."""

    dialect = POSTGRESQL

    def __init__(self, raw: psycopg.Connection[tuple[Any, ...]]) -> None:
        self.raw = raw

    def execute(self, statement: str, values: Sequence[Any] = ()) -> psycopg.Cursor[tuple[Any, ...]]:
        """Run one statement."""
        return self.raw.execute(_with_psycopg_marks(statement), tuple(values))


class PostgresStore:
    """A store in a PostgreSQL database.

    Parameters
    ----------
    url : str
        ``postgresql://user:password@host:port/database``, or any libpq connection string.
    connections_max : int
        Connections of the pool. A thread that finds none free waits `wait_s`, then gets `StoreBusyError`.
    wait_s : float
        For a free connection.
    statement_timeout_s : float
        The server ends a statement that takes longer.

    Any thread may open a unit of work; units of different threads run side by side, each on one snapshot of the data
    (REPEATABLE READ). Units of one thread nest.

    Raises
    ------
    StoreError
        The server cannot be reached or refuses us, or the tables are those of a newer bot4.

    """

    def __init__(
        self, url: str, *, connections_max: int = 4, wait_s: float = 5.0, statement_timeout_s: float = 30.0
    ) -> None:
        self.path = without_password(url)
        self._current = local()
        self._wait_s = wait_s
        try:
            psycopg.connect(url, connect_timeout=max(2, round(wait_s))).close()
        except psycopg.Error as error:
            raise StoreError(f"store {self.path} cannot be reached: {_one_line(error)}") from None
        self._pool = ConnectionPool(
            url,
            min_size=1,
            max_size=connections_max,
            timeout=wait_s,
            configure=_configured,
            check=ConnectionPool.check_connection,  # one that the server ended meanwhile is replaced
            kwargs={
                "connect_timeout": max(2, round(wait_s)),
                "options": f"-c statement_timeout={round(statement_timeout_s * 1_000)} -c timezone=UTC",
                "application_name": "bot4",
            },
            open=True,
        )
        try:
            self._migrate()
        except psycopg.Error as error:
            self._pool.close()
            raise StoreError(f"store {self.path} cannot be opened: {_one_line(error)}") from None
        except BaseException:
            self._pool.close()
            raise

    def unit_of_work(self) -> SqlUnitOfWork:
        """Return a new unit; inside another one of this thread it becomes a savepoint."""
        return SqlUnitOfWork(self)

    def failure(self, error: BaseException) -> Bot4Error | None:
        """Return what an error of PostgreSQL means; None for any other."""
        if isinstance(error, (pg_errors.SerializationFailure, pg_errors.DeadlockDetected)):
            return StoreBusyError(f"store {self.path}: {_one_line(error)}")
        if isinstance(error, psycopg.Error):
            return StoreError(f"store {self.path} cannot be used: {_one_line(error)}")
        return None

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    def _migrate(self) -> None:
        with self._pool.connection() as raw:
            raw.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
            migrate(PostgresConnection(raw), self.path)

    def begin(self) -> tuple[PostgresConnection, int]:
        """Open a transaction or, inside one, a savepoint; returns it with its depth."""
        raw: psycopg.Connection[tuple[Any, ...]] | None = getattr(self._current, "raw", None)
        if raw is None:
            try:
                self._current.raw = raw = self._pool.getconn(self._wait_s)
            except PoolTimeout:
                raise StoreBusyError(f"store {self.path} had no free connection for {self._wait_s:g} s") from None
            except PoolClosed:
                raise StoreError(f"store {self.path} is closed") from None
            self._current.depth = 0
        else:
            try:
                raw.execute(f"SAVEPOINT unit_{self._current.depth}")
            except psycopg.Error as error:
                raise self.failure(error) or error from None
        self._current.depth += 1
        return PostgresConnection(raw), self._current.depth - 1

    def end(self, depth: int, *, keep: bool) -> None:
        """Commit or roll back what `begin` opened at `depth`."""
        raw: psycopg.Connection[tuple[Any, ...]] = self._current.raw
        self._current.depth -= 1
        try:
            if keep and raw.info.transaction_status is TransactionStatus.INERROR:
                # The server would answer this COMMIT with a roll-back, and no error.
                raise StoreError(f"store {self.path} cannot commit: a statement of this unit failed")
            if raw.closed and not keep:
                return  # what a lost connection had not committed is undone already
            if depth == 0:
                raw.commit() if keep else raw.rollback()
            else:
                if not keep:
                    raw.execute(f"ROLLBACK TO SAVEPOINT unit_{depth}")
                raw.execute(f"RELEASE SAVEPOINT unit_{depth}")
        except psycopg.Error as error:
            raise self.failure(error) or error from None
        finally:
            if depth == 0:
                self._current.raw = None
                # A connection given back in a transaction is rolled back by the pool, a broken one replaced.
                self._pool.putconn(raw)


def _configured(raw: psycopg.Connection[Any]) -> None:
    raw.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ


@lru_cache(maxsize=512)
def _with_psycopg_marks(statement: str) -> str:
    """Return a statement of the repositories, whose text holds no question mark but for values."""
    return statement.replace("%", "%%").replace("?", "%s")


def without_password(url: str) -> str:
    """Return a connection string that may be shown."""
    if "://" not in url:
        return " ".join("password=***" if part.startswith("password=") else part for part in url.split())
    parts = urlsplit(url)
    if parts.password is None:
        return url
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{place}"))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
