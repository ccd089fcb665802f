"""Partitions of plain PostgreSQL tables: a month each, of what a table keeps by ``ts_ns``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot4.adapters.storage.dialect import Connection

# The number is only this lock's name.
_PARTITION_LOCK = 0x626F7435


def month_of(ts_ns: int) -> tuple[int, int]:
    """Return the begin and the end of the month of a moment, ns UTC.

    >>> month_of(1_722_470_400_000_000_000)
    (1722470400000000000, 1725148800000000000)
    """
    moment = datetime.fromtimestamp(ts_ns // 1_000_000_000, UTC)
    begin = datetime(moment.year, moment.month, 1, tzinfo=UTC)
    end = datetime(moment.year + moment.month // 12, moment.month % 12 + 1, 1, tzinfo=UTC)
    return int(begin.timestamp()) * 1_000_000_000, int(end.timestamp()) * 1_000_000_000


def make_months(connection: Connection, table: str, first_ns: int, last_ns: int) -> None:
    """Make the months of a span that are not there, and the one after them ahead of its time."""
    start, end = month_of(first_ns)
    is_locked = False
    while start <= last_ns or start == month_of(last_ns)[1]:
        name = _partition(table, start)
        if connection.execute("SELECT to_regclass(?)", (name,)).fetchone() == (None,):
            if not is_locked:  # of two that load at once, the second finds the first one's
                connection.execute("SELECT pg_advisory_xact_lock(?)", (_PARTITION_LOCK,))
                is_locked = True
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table} FOR VALUES FROM ({start}) TO ({end})"
            )
        start, end = month_of(end)


def drop_months_before(connection: Connection, table: str, ts_ns: int) -> int:
    """Drop the partitions of the months before that of `ts_ns`; returns how many went."""
    kept = _partition(table, month_of(ts_ns)[0])
    names = connection.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = CAST(? AS regclass)", (table,)
    ).fetchall()
    old = [name for (name,) in names if name < kept]
    for name in old:
        connection.execute(f"DROP TABLE {name}")
    return len(old)


def _partition(table: str, begin_ns: int) -> str:
    """Return the name of a month's partition: in the order of time, for four-digit years."""
    return f"{table}_{datetime.fromtimestamp(begin_ns // 1_000_000_000, UTC):%Y%m}"
