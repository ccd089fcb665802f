"""Specifications as SQL, with the two outcomes they have in memory."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bot4.domain.specification import AllOf, AnyOf, Comparison, Not, Specification, Where

if TYPE_CHECKING:
    from collections.abc import Collection

    from bot4.adapters.storage.dialect import Dialect


def condition(specification: Specification, fields: Collection[str], dialect: Dialect) -> tuple[str, list[Any]]:
    """Compile a specification to the text after WHERE and the values it binds.

    Parameters
    ----------
    specification : Specification
        The condition.
    fields : collection of str
        Columns that may be named: a name that is none of them never reaches the database.
    dialect : Dialect
        The database's.

    Raises
    ------
    ValueError
        A field is none of the record's.

    """
    compiled = _Condition(fields, dialect)
    return compiled.text(specification), compiled.values


class _Condition:
    """The values bound so far, and the text of one part after the other."""

    def __init__(self, fields: Collection[str], dialect: Dialect) -> None:
        self.values: list[Any] = []
        self._fields = fields
        self._dialect = dialect

    def text(self, part: Specification) -> str:
        match part:
            case AllOf(parts=parts):
                return " AND ".join(f"({self.text(inner)})" for inner in parts) or "1 = 1"
            case AnyOf(parts=parts):
                return " OR ".join(f"({self.text(inner)})" for inner in parts) or "1 = 0"
            case Not(part=inner):
                return f"NOT ({self.text(inner)})"
            case Where():
                return self._comparison(part)
        raise TypeError(f"no specification this store knows: {part!r}")

    def _comparison(self, part: Where) -> str:
        if part.field not in self._fields:
            raise ValueError(f"no field {part.field!r} here; there are {', '.join(sorted(self._fields))}")
        match part.comparison:
            case Comparison.ONE_OF:
                return " OR ".join(self._equal(part.field, value) for value in part.value) or "1 = 0"
            case Comparison.EQUAL:
                return self._equal(part.field, part.value)
            case Comparison.UNEQUAL:
                return f"NOT {self._equal(part.field, part.value)}"
        if part.value is None:
            return "1 = 0"
        return f"({self._bind(part.field, part.value, part.comparison)} AND {part.field} IS NOT NULL)"

    def _equal(self, field: str, value: object) -> str:
        if value is None:
            return f"({field} IS NULL)"
        return f"({self._bind(field, value, Comparison.EQUAL)} AND {field} IS NOT NULL)"

    def _bind(self, field: str, value: object, comparison: Comparison) -> str:
        self.values.append(self._dialect.bound(value))
        match value:
            case Decimal():
                field = self._dialect.compared(field)
            case str():
                field = self._dialect.spelt(field)
        return f"{field} {comparison.value} ?"
