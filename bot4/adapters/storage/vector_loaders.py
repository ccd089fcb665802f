"""How many feature vectors move at once: one prepared statement in SQLite, binary COPY in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bot4.adapters.storage.copy_format import COPY_HEADER, COPY_TRAILER
from bot4.adapters.storage.partitions import make_months

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bot4.adapters.storage.postgres import PostgresConnection
    from bot4.adapters.storage.sqlite import SqliteConnection

_CHUNK = 16_384
_FLOAT8_OID = 701


class SqliteVectors:
    """Vectors as bytes, eight a feature, little-endian."""

    def prepare(self, connection: SqliteConnection, first_ns: int, last_ns: int) -> None:
        """Do nothing: the table has room."""

    def load(
        self, connection: SqliteConnection, set_id: int, ts_ns: NDArray[np.int64], values: NDArray[np.float64]
    ) -> None:
        """Insert vectors whose stamps are not there."""
        width = values.shape[1] * 8
        for at in range(0, len(ts_ns), _CHUNK):
            part = values[at : at + _CHUNK].astype("<f8").tobytes()
            stamps = ts_ns[at : at + _CHUNK].tolist()
            connection.raw.executemany(
                "INSERT INTO features (set_id, ts_ns, vector) VALUES (?, ?, ?)",
                ((set_id, ts, part[i * width : (i + 1) * width]) for i, ts in enumerate(stamps)),
            )

    def read(
        self, connection: SqliteConnection, set_id: int, width: int, from_ns: int, to_ns: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return stamps and vectors of a span, oldest first."""
        rows = connection.execute(
            "SELECT ts_ns, vector FROM features WHERE set_id = ? AND ts_ns >= ? AND ts_ns < ? ORDER BY ts_ns",
            (set_id, from_ns, to_ns),
        ).fetchall()
        stamps = np.array([ts for ts, _ in rows], np.int64)
        return stamps, np.frombuffer(b"".join(vector for _, vector in rows), "<f8").reshape(-1, width).copy()


class PostgresVectors:
    """Vectors as arrays, a partition a month."""

    def prepare(self, connection: PostgresConnection, first_ns: int, last_ns: int) -> None:
        """Make the months of a span that are not there, and the one after them ahead of its time."""
        make_months(connection, "features", first_ns, last_ns)

    def load(
        self, connection: PostgresConnection, set_id: int, ts_ns: NDArray[np.int64], values: NDArray[np.float64]
    ) -> None:
        """Insert vectors whose stamps are not there."""
        row = _copied(values.shape[1], with_set=True)
        with (
            connection.raw.cursor() as cursor,
            cursor.copy("COPY features (set_id, ts_ns, vector) FROM STDIN (FORMAT BINARY)") as copy,
        ):
            copy.write(COPY_HEADER)
            for at in range(0, len(ts_ns), _CHUNK):
                part = values[at : at + _CHUNK]
                rows = _framed(row, len(part), part.shape[1])
                rows["set_length"], rows["set"] = 4, set_id
                rows["ts"], rows["items"]["value"] = ts_ns[at : at + _CHUNK], part
                copy.write(rows.tobytes())
            copy.write(COPY_TRAILER)

    def read(
        self, connection: PostgresConnection, set_id: int, width: int, from_ns: int, to_ns: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return stamps and vectors of a span, oldest first."""
        span = f"set_id = {set_id:d} AND ts_ns >= {from_ns:d} AND ts_ns < {to_ns:d}"
        query = f"COPY (SELECT ts_ns, vector FROM features WHERE {span} ORDER BY ts_ns) TO STDOUT (FORMAT BINARY)"  # noqa: S608 - whole numbers
        with connection.raw.cursor() as cursor, cursor.copy(query.encode()) as copy:
            data = b"".join(copy)
        body = memoryview(data)[len(COPY_HEADER) : -len(COPY_TRAILER)]
        rows = np.frombuffer(body, _copied(width, with_set=False))
        return rows["ts"].astype(np.int64), rows["items"]["value"].astype(np.float64)


def _copied(width: int, *, with_set: bool) -> np.dtype[np.void]:
    """Return the layout of a row: every vector of a set is as wide, so every row is as long."""
    of_set = [("set_length", ">i4"), ("set", ">i4")] if with_set else []
    return np.dtype(
        [
            ("fields", ">i2"),
            *of_set,
            ("ts_length", ">i4"),
            ("ts", ">i8"),
            ("vector_length", ">i4"),
            ("dimensions", ">i4"),
            ("has_nulls", ">i4"),
            ("item_type", ">u4"),
            ("item_count", ">i4"),
            ("first_index", ">i4"),
            ("items", [("length", ">i4"), ("value", ">f8")], (width,)),
        ]
    )


def _framed(row: np.dtype[np.void], count: int, width: int) -> NDArray[np.void]:
    """Return rows of one-dimensional arrays of doubles without nulls, but for what they hold."""
    rows = np.zeros(count, row)
    rows["fields"], rows["ts_length"], rows["vector_length"] = 3, 8, 20 + 12 * width
    rows["dimensions"], rows["item_type"], rows["item_count"], rows["first_index"] = 1, _FLOAT8_OID, width, 1
    rows["items"]["length"] = 8
    return rows
