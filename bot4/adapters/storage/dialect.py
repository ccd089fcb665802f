"""What the stores' SQL has in common, and the few words in which they differ."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class Rows(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int:
        """Rows that were changed."""
        ...

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row, or None."""
        ...

    def fetchall(self) -> Sequence[tuple[Any, ...]]:
        """Return the rows that are left."""
        ...

    def __iter__(self) -> Iterator[tuple[Any, ...]]: ...


class Connection(Protocol):
    """An open transaction: statements with ``?`` for each value, whatever the database writes there."""

    @property
    def dialect(self) -> Dialect:
        """How this database differs."""
        ...

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Rows:
        """Run one statement."""
        ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one database differs from the other.

    Parameters
    ----------
    name : str
        ``sqlite`` or ``postgresql``: which text of a migration is run.
    amount : callable
        A Decimal as the database takes it.
    compared : callable
        A column of amounts as it is compared and sorted: by value, not by letters.
    spelt : callable
        A column of words as it is compared and sorted: by code point, whatever the server's language.
    flag : callable
        A bool as the database takes it.
    table_exists : str
        A query for one table by name: a row where it is there.
    next_marks : str
        A query for points of an equity curve, with room for its ``columns``: of the run bound first, for each number
        of the JSON list bound second the first point at or after it, each one look-up in the index.

    """

    name: str
    amount: Callable[[Decimal], Any]
    compared: Callable[[str], str]
    spelt: Callable[[str], str]
    flag: Callable[[bool], Any]
    table_exists: str
    next_marks: str

    def bound(self, value: object) -> Any:
        """Return a domain value as the database takes it."""
        match value:
            case Decimal():
                return self.amount(value)
            case bool():
                return self.flag(value)
            case Enum():
                return value.value
        return value


SQLITE = Dialect(
    name="sqlite",
    amount=str,
    compared=lambda column: f"{column} COLLATE amount",
    spelt=lambda column: column,
    flag=int,
    table_exists="SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?",
    next_marks=(
        "WITH asked (run, numbers) AS (VALUES (?, ?)) SELECT {columns} FROM marks"
        " WHERE run_id = (SELECT run FROM asked) AND seq IN (SELECT (SELECT min(seq) FROM marks"
        " WHERE run_id = (SELECT run FROM asked) AND seq >= wanted.value)"
        " FROM json_each((SELECT numbers FROM asked)) AS wanted) ORDER BY seq"
    ),
)
"""Amounts are text: SQLite has no exact decimal. The collation ``amount`` is the store's own."""

POSTGRESQL = Dialect(
    name="postgresql",
    amount=lambda amount: amount,
    compared=lambda column: column,
    spelt=lambda column: f'{column} COLLATE "C"',
    flag=bool,
    table_exists="SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = ?",
    next_marks=(
        "WITH asked AS MATERIALIZED (SELECT CAST(? AS TEXT) AS run_id, CAST(value AS BIGINT) AS number"
        " FROM jsonb_array_elements_text(CAST(? AS JSONB)))"
        " SELECT DISTINCT {columns} FROM asked CROSS JOIN LATERAL (SELECT * FROM marks"
        " WHERE marks.run_id = asked.run_id AND seq >= asked.number ORDER BY seq LIMIT 1) AS near ORDER BY seq"
    ),
)
"""Amounts are NUMERIC."""
