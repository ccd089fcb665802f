"""How many trades reach a table at once: one prepared statement in SQLite, binary COPY in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bot4.adapters.storage.copy_format import COPY_HEADER, COPY_TRAILER
from bot4.adapters.storage.partitions import drop_months_before, make_months, month_of

if TYPE_CHECKING:
    from bot4.adapters.storage.dialect import Connection
    from bot4.adapters.storage.postgres import PostgresConnection
    from bot4.adapters.storage.sqlite import SqliteConnection

# A row of COPY: see copy_format.
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
        start, _ = month_of(ts_ns)
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
        return drop_months_before(connection, "ticks", ts_ns)

    def _copy(self, connection: PostgresConnection, table: str, instrument_id: int, ticks: np.ndarray) -> None:
        statement = f"COPY {table} {_COLUMNS} FROM STDIN (FORMAT BINARY)"
        with connection.raw.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            copy.write(COPY_HEADER)
            for at in range(0, len(ticks), _COPY_CHUNK):
                copy.write(_copy_rows(instrument_id, ticks[at : at + _COPY_CHUNK]))
            copy.write(COPY_TRAILER)

    def make_partitions(self, connection: PostgresConnection, first_ns: int, last_ns: int) -> None:
        """Make the months of a span that are not there, and the one after them ahead of its time."""
        make_months(connection, "ticks", first_ns, last_ns)


def _copy_rows(instrument_id: int, ticks: np.ndarray) -> bytes:
    rows = np.empty(len(ticks), _COPY_ROW)
    rows["fields"] = 6
    rows["instrument_length"], rows["instrument"] = 4, instrument_id
    rows["maker_length"], rows["maker"] = 1, ticks["buyer_is_maker"]
    rows["ts_length"] = rows["trade_length"] = rows["price_length"] = rows["qty_length"] = 8
    rows["ts"], rows["trade"] = ticks["ts_ns"], ticks["trade_id"]
    rows["price"], rows["qty"] = ticks["price_ticks"], ticks["qty_lots"]
    return rows.tobytes()
