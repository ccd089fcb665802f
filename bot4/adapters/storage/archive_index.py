"""The archive's index: which file holds what, in a small SQLite database of its own beside the files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from bot4.adapters.storage.sqlite import SqliteStore
from bot4.adapters.storage.step import Migration
from bot4.adapters.storage.unit_of_work import transaction
from bot4.domain.instrument import Instrument

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bot4.ports.archive import TakenFile

_TABLES = """
CREATE TABLE imports (
    digest       TEXT PRIMARY KEY,
    name         TEXT NOT NULL,
    path         TEXT NOT NULL,
    imported_utc TEXT NOT NULL,
    format       TEXT NOT NULL,
    defects      TEXT NOT NULL
) STRICT;

CREATE TABLE instruments (
    venue  TEXT NOT NULL,
    market TEXT NOT NULL,
    symbol TEXT NOT NULL,
    rules  TEXT NOT NULL,
    PRIMARY KEY (venue, market, symbol)
) STRICT;

CREATE TABLE pieces (
    venue     TEXT NOT NULL,
    market    TEXT NOT NULL,
    symbol    TEXT NOT NULL,
    kind      TEXT NOT NULL,
    digest    TEXT NOT NULL REFERENCES imports (digest),
    file      TEXT NOT NULL,
    bytes     INTEGER NOT NULL,
    rows      INTEGER NOT NULL,
    first_ns  INTEGER NOT NULL,
    last_ns   INTEGER NOT NULL,
    first_key INTEGER NOT NULL,
    last_key  INTEGER NOT NULL,
    gaps      INTEGER NOT NULL,
    missing   INTEGER NOT NULL,
    PRIMARY KEY (venue, market, symbol, kind, digest)
) STRICT
"""
STEPS = (Migration(1, "imports, instruments, pieces", _TABLES, _TABLES),)
_COLUMNS = (
    "venue, market, symbol, kind, digest, file, bytes, rows, first_ns, last_ns, first_key, last_key, gaps, missing"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the archive. Keys are trade ids or the open times of bars; 0 for captures.

    `number` rises in the order of the imports.
    """

    venue: str
    market: str
    symbol: str
    kind: str
    digest: str
    file: str
    bytes: int
    rows: int
    first_ns: int
    last_ns: int
    first_key: int
    last_key: int
    gaps: int
    missing: int
    number: int = 0


class ArchiveIndex:
    """The index in one file. Any thread; processes take turns.

    Raises
    ------
    StoreError
        The file is no index, of a newer bot4, or cannot be written.

    """

    def __init__(self, path: Path) -> None:
        self._store = SqliteStore(path, STEPS)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def names(self) -> dict[str, str]:
        """Return the name of each file that was taken in, by digest."""
        with transaction(self._store) as connection:
            return {str(digest): str(name) for digest, name in connection.execute("SELECT digest, name FROM imports")}

    def entries(self, symbol: str | None = None, *, digest: str | None = None) -> Sequence[Entry]:
        """Return what there is, of one symbol, of one file or of all, in the order of time within each kind."""
        column, value = ("symbol", symbol) if symbol is not None else ("digest", digest)
        chosen, values = ("", ()) if value is None else (f"WHERE {column} = ?", (value,))
        query = f"SELECT {_COLUMNS}, rowid FROM pieces {chosen} ORDER BY venue, market, symbol, kind, first_ns, digest"  # noqa: S608 - own names
        with transaction(self._store) as connection:
            return [Entry(*row) for row in connection.execute(query, values)]

    def instrument(self, venue: str, market: str, symbol: str) -> Instrument | None:
        """Return the rules an instrument's rows count in; None where it has none."""
        query = "SELECT rules FROM instruments WHERE venue = ? AND market = ? AND symbol = ?"
        with transaction(self._store) as connection:
            row = connection.execute(query, (venue, market, symbol)).fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=Instrument)

    def add(
        self, taken: TakenFile, entries: Sequence[Entry], instruments: Sequence[Instrument], *, has_rows: bool
    ) -> None:
        """Record one file with what it holds, in one transaction; rules of rows go before rules of captures."""
        otherwise = "(venue, market, symbol) DO UPDATE SET rules = excluded.rules" if has_rows else "DO NOTHING"
        marks = ", ".join("?" * len(_COLUMNS.split(", ")))
        with transaction(self._store) as connection:
            connection.execute(
                "INSERT INTO imports (digest, name, path, imported_utc, format, defects) VALUES (?, ?, ?, ?, ?, ?)",
                (taken.digest, taken.name, taken.path, taken.imported_utc, taken.format, taken.defects),
            )
            for item in instruments:
                rules = msgspec.json.encode(item).decode()
                connection.execute(
                    "INSERT INTO instruments (venue, market, symbol, rules) VALUES (?, ?, ?, ?)"  # noqa: S608 - own words
                    f" ON CONFLICT {otherwise}",
                    (item.venue, item.market.value, item.symbol, rules),
                )
            for entry in entries:
                values = tuple(getattr(entry, name) for name in _COLUMNS.split(", "))
                connection.execute(f"INSERT INTO pieces ({_COLUMNS}) VALUES ({marks})", values)  # noqa: S608 - own names
