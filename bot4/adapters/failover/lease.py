"""The lease: one row for what is traded, with its holder, its epoch, and its end by the database's own clock.

An epoch is given once. Whoever takes the lease raises it by one in the statement that takes it, so two processes can
never have the same: the epoch is the fencing token in every order's name. A row is taken only once it has run out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from bot4.domain.errors import RetryableError

#: Seconds of 2020-01-01: epochs of data directories are counted from there, and a first lease begins above them.
EPOCH_START_S = 1_577_836_800
_SCHEMA_LOCK = 0x626F7435
_SCHEMA = """
CREATE TABLE IF NOT EXISTS bot4_leases (
    name       TEXT PRIMARY KEY,
    holder     TEXT NOT NULL,
    epoch      BIGINT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    released   BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE TABLE IF NOT EXISTS bot4_terms (
    name    TEXT NOT NULL,
    epoch   BIGINT NOT NULL,
    run_id  TEXT NOT NULL,
    segment INTEGER NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (name, epoch)
);
CREATE TABLE IF NOT EXISTS bot4_journal_mirror (
    name     TEXT NOT NULL,
    epoch    BIGINT NOT NULL,
    segment  INTEGER NOT NULL,
    at       BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    bytes    BYTEA NOT NULL,
    PRIMARY KEY (name, epoch, segment, at)
)
"""
_TAKE = """
INSERT INTO bot4_leases AS lease (name, holder, epoch, expires_at)
VALUES (%(name)s, %(holder)s,
        GREATEST(%(floor)s, extract(epoch FROM clock_timestamp())::BIGINT - %(start)s),
        clock_timestamp() + %(ttl)s * INTERVAL '1 second')
ON CONFLICT (name) DO UPDATE
   SET holder = excluded.holder, epoch = GREATEST(lease.epoch + 1, %(floor)s), expires_at = excluded.expires_at,
       released = FALSE
 WHERE lease.expires_at <= clock_timestamp()
RETURNING epoch
"""
_RENEW = """
UPDATE bot4_leases SET expires_at = clock_timestamp() + %(ttl)s * INTERVAL '1 second'
 WHERE name = %(name)s AND holder = %(holder)s AND epoch = %(epoch)s
"""
_LET_GO = """
UPDATE bot4_leases SET expires_at = '-infinity', released = %(released)s
 WHERE name = %(name)s AND holder = %(holder)s AND epoch = %(epoch)s
"""
_LOOK = """
SELECT holder, epoch, released, expires_at::TEXT,
       CASE WHEN isfinite(expires_at) THEN extract(epoch FROM expires_at - clock_timestamp())::FLOAT8
            ELSE '-infinity'::FLOAT8 END
  FROM bot4_leases WHERE name = %(name)s
"""


class FailoverError(RetryableError):
    """The database of the lease cannot be reached or used, or another process holds the lease."""


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """A lease as it stands; `left_s` is negative once it has run out, minus infinity where it was given up."""

    holder: str
    epoch: int
    is_released: bool
    expires_at: str
    left_s: float


def connect(url: str, ttl_s: float) -> psycopg.Connection[tuple[Any, ...]]:
    """Return a connection that commits each statement, and gives up on a server it does not hear within a lease.

    No statement of ours leaves a transaction open: a process that is stopped in the middle holds no row.
    """
    wait_ms = max(500, round(ttl_s * 1_000))
    return psycopg.connect(
        url,
        autocommit=True,
        connect_timeout=2,
        application_name="bot4-failover",
        keepalives=1,
        keepalives_idle=1,
        keepalives_interval=1,
        keepalives_count=2,
        tcp_user_timeout=wait_ms,
        options=f"-c statement_timeout={wait_ms} -c idle_in_transaction_session_timeout={wait_ms} -c timezone=UTC",
    )


def make_tables(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Make the tables where they are not there."""
    row = connection.execute("SELECT to_regclass('bot4_journal_mirror')").fetchone()
    if row is not None and row[0] is not None:
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_SCHEMA_LOCK,))
        for statement in _SCHEMA.split(";"):
            connection.execute(statement.encode())


class Lease:
    """One row of the table, as one process sees it.

    Parameters
    ----------
    connection : psycopg.Connection
        Of `connect`. One thread.
    name : str
        What is led: account, venue, market and instruments.
    holder : str
        Who asks; no two processes have the same.
    ttl_s : float
        How long it lasts from each renewal.

    """

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]], name: str, holder: str, ttl_s: float) -> None:
        self.connection = connection
        self._values: dict[str, Any] = {"name": name, "holder": holder, "ttl": ttl_s, "start": EPOCH_START_S}

    def look(self) -> LeaseRow | None:
        """Return the row; None where nobody has ever led."""
        row = self.connection.execute(_LOOK, self._values).fetchone()
        return None if row is None else LeaseRow(*row)

    def take(self, floor: int = 0) -> int | None:
        """Take the lease where it has run out; returns the new epoch, or None where somebody has it.

        The epoch is one more than the one before, and at least `floor`.
        """
        row = self.connection.execute(_TAKE, self._values | {"floor": floor}).fetchone()
        return None if row is None else int(row[0])

    def renew(self, epoch: int) -> bool:
        """Have it last from now on; False where another process has taken it: then it is gone for good.

        One that has run out is renewed all the same while nobody else has taken it: its epoch is still the newest.
        """
        return self.connection.execute(_RENEW, self._values | {"epoch": epoch}).rowcount == 1

    def let_go(self, epoch: int, *, in_order: bool) -> bool:
        """End it now; `in_order` tells standbys that there is nothing to take over."""
        values = self._values | {"epoch": epoch, "released": in_order}
        return self.connection.execute(_LET_GO, values).rowcount == 1
