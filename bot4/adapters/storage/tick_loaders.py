"""How many trades reach a table at once: one prepared statement in SQLite, binary COPY in PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from bot4.adapters.storage.dialect import Connection
    from bot4.adapters.storage.postgres import PostgresConnection
    from bot4.adapters.storage.sqlite import SqliteConnection

# Each field of a binary COPY is its length and its bytes, big-endian; the row begins with how many there are.
_COPY_ROW = np.dtype(
    [
        ("fields", ">i2"),
        ("instrument_length", ">i4"),
        ("instrument", ">i4"),
        ("maker_length", ">i4"),
        ("maker", "u1"),
        ("ts_length", ">i4"),
        ("ts", ">i8"),
        ("trade_length", ">i4"),
        ("trade", ">i8"),
        ("price_length", ">i4"),
        ("price", ">i8"),
        ("qty_length", ">i4"),
        ("qty", ">i8"),
    ]
)
# The number is only this lock's name.
_PARTITION_LOCK = 0x626F7435
_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_TRAILER = b"\xff\xff"
_COPY_CHUNK = 65_536
_COLUMNS = "(instrument_id, buyer_is_maker, ts_ns, trade_id, price_ticks, qty_lots)"


class SqliteTickLoader:
    """One prepared statement over all rows."""

    def load(self, connection: SqliteConnection, instrument_id: int, ticks: np.ndarray) -> int:
        """Insert what is not there; returns how many were new."""
        rows = zip(
            [instrument_id] * len(ticks), *(ticks[name].tolist() for name in ticks.dtype.names or ()), strict=True
        )
        before = connection.raw.total_changes
        connection.raw.executemany("INSERT OR IGNORE INTO ticks VALUES (?, ?, ?, ?, ?, ?)", rows)
        return connection.raw.total_changes - before

    def forget_before(self, connection: Connection, ts_ns: int) -> int:
        """Delete what is older than the month of `ts_ns`; returns 1 where there was something."""
        start, _ = _month(ts_ns)
        return int(connection.execute("DELETE FROM ticks WHERE ts_ns < ?", (start,)).rowcount > 0)


class PostgresTickLoader:
    """Binary COPY, a partition a month; straight into the table where the trades are newer than all that is there."""

    def load(self, connection: PostgresConnection, instrument_id: int, ticks: np.ndarray) -> int:
        """Insert what is not there; returns how many were new."""
        first, last = int(ticks["ts_ns"][0]), int(ticks["ts_ns"][-1])
        self.make_partitions(connection, first, last)
        overlap = connection.execute(
            "SELECT 1 FROM ticks WHERE instrument_id = ? AND ts_ns >= ? AND ts_ns <= ? LIMIT 1",
            (instrument_id, first, last),
        ).fetchone()
        if overlap is None:
            self._copy(connection, "ticks", instrument_id, ticks)
            return len(ticks)
        connection.execute("CREATE TEMPORARY TABLE incoming (LIKE ticks) ON COMMIT DROP")
        self._copy(connection, "incoming", instrument_id, ticks)
        done = connection.execute(
            f"INSERT INTO ticks {_COLUMNS} SELECT {_COLUMNS[1:-1]} FROM incoming ON CONFLICT DO NOTHING"  # noqa: S608 - own names
        )
        connection.execute("DROP TABLE incoming")
        return done.rowcount

    def forget_before(self, connection: PostgresConnection, ts_ns: int) -> int:
        """Drop the partitions of the months before that of `ts_ns`."""
        start, _ = _month(ts_ns)
        kept = _partition(start)
        names = connection.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'ticks'::regclass"
        ).fetchall()
        old = [name for (name,) in names if name < kept]
        for name in old:
            connection.execute(f"DROP TABLE {name}")
        return len(old)

    def _copy(self, connection: PostgresConnection, table: str, instrument_id: int, ticks: np.ndarray) -> None:
        statement = f"COPY {table} {_COLUMNS} FROM STDIN (FORMAT BINARY)"
        with connection.raw.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            copy.write(_COPY_HEADER)
            for at in range(0, len(ticks), _COPY_CHUNK):
                copy.write(_copy_rows(instrument_id, ticks[at : at + _COPY_CHUNK]))
            copy.write(_COPY_TRAILER)

    def make_partitions(self, connection: PostgresConnection, first_ns: int, last_ns: int) -> None:
        """Make the months of a span that are not there, and the one after them ahead of its time."""
        start, end = _month(first_ns)
        is_locked = False
        while start <= last_ns or start == _month(last_ns)[1]:
            name = _partition(start)
            if connection.execute("SELECT to_regclass(?)", (name,)).fetchone() == (None,):
                if not is_locked:  # of two that load at once, the second finds the first one's
                    connection.execute("SELECT pg_advisory_xact_lock(?)", (_PARTITION_LOCK,))
                    is_locked = True
                connection.execute(
                    f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF ticks FOR VALUES FROM ({start}) TO ({end})"
                )
            start, end = _month(end)


def _copy_rows(instrument_id: int, ticks: np.ndarray) -> bytes:
    rows = np.empty(len(ticks), _COPY_ROW)
    rows["fields"] = 6
    rows["instrument_length"], rows["instrument"] = 4, instrument_id
    rows["maker_length"], rows["maker"] = 1, ticks["buyer_is_maker"]
    rows["ts_length"] = rows["trade_length"] = rows["price_length"] = rows["qty_length"] = 8
    rows["ts"], rows["trade"] = ticks["ts_ns"], ticks["trade_id"]
    rows["price"], rows["qty"] = ticks["price_ticks"], ticks["qty_lots"]
    return rows.tobytes()


def _month(ts_ns: int) -> tuple[int, int]:
    """Return the begin and the end of the month of a moment, ns UTC."""
    moment = datetime.fromtimestamp(ts_ns // 1_000_000_000, UTC)
    begin = datetime(moment.year, moment.month, 1, tzinfo=UTC)
    end = datetime(moment.year + moment.month // 12, moment.month % 12 + 1, 1, tzinfo=UTC)
    return int(begin.timestamp()) * 1_000_000_000, int(end.timestamp()) * 1_000_000_000


def _partition(begin_ns: int) -> str:
    """Return the name of a month's partition: in the order of time, for four-digit years."""
    return f"ticks_{datetime.fromtimestamp(begin_ns // 1_000_000_000, UTC):%Y%m}"
