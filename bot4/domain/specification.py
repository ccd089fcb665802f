"""A condition on a record as a value: combined with ``&``, ``|`` and ``~``, asked of an object, or compiled by a store.

>>> from types import SimpleNamespace
>>> wanted = (where("symbol") == "BTCUSDT") & ~(where("qty") < 2)
>>> wanted.is_satisfied_by(SimpleNamespace(symbol="BTCUSDT", qty=3))
True
>>> wanted.is_satisfied_by(SimpleNamespace(symbol="BTCUSDT", qty=1))
False

A condition has two outcomes, never three: None equals None, and it is neither below nor above anything.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Comparison(Enum):
    """How a field is compared with a value."""

    EQUAL = "="
    UNEQUAL = "<>"
    BELOW = "<"
    AT_MOST = "<="
    ABOVE = ">"
    AT_LEAST = ">="
    ONE_OF = "IN"


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """None is neither below nor above anything."""
    return lambda actual, value: actual is not None and value is not None and bool(compare(actual, value))


_HOLDS: dict[Comparison, Callable[[Any, Any], bool]] = {
    Comparison.EQUAL: lambda actual, value: bool(actual == value),
    Comparison.UNEQUAL: lambda actual, value: bool(actual != value),
    Comparison.BELOW: _ordered(operator.lt),
    Comparison.AT_MOST: _ordered(operator.le),
    Comparison.ABOVE: _ordered(operator.gt),
    Comparison.AT_LEAST: _ordered(operator.ge),
    Comparison.ONE_OF: lambda actual, values: actual in values,
}


class Specification:
    """A condition. Immutable: the operators return new ones."""

    __slots__ = ()

    def is_satisfied_by(self, record: object) -> bool:
        """Whether `record` meets the condition; raises AttributeError where it has no such field."""
        raise NotImplementedError

    def __and__(self, other: Specification) -> Specification:
        return AllOf((self, other))

    def __or__(self, other: Specification) -> Specification:
        return AnyOf((self, other))

    def __invert__(self) -> Specification:
        return Not(self)


@dataclass(frozen=True, slots=True)
class Where(Specification):
    """One field compared with one value, or with several (`Comparison.ONE_OF`)."""

    field: str
    comparison: Comparison
    value: Any

    def is_satisfied_by(self, record: object) -> bool:
        """Compare the record's field."""
        return _HOLDS[self.comparison](getattr(record, self.field), self.value)


@dataclass(frozen=True, slots=True)
class AllOf(Specification):
    """Every part holds; without parts, always."""

    parts: tuple[Specification, ...] = ()

    def is_satisfied_by(self, record: object) -> bool:
        """Ask the parts until one does not hold."""
        return all(part.is_satisfied_by(record) for part in self.parts)


@dataclass(frozen=True, slots=True)
class AnyOf(Specification):
    """At least one part holds; without parts, never."""

    parts: tuple[Specification, ...] = ()

    def is_satisfied_by(self, record: object) -> bool:
        """Ask the parts until one holds."""
        return any(part.is_satisfied_by(record) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not(Specification):
    """The part does not hold."""

    part: Specification

    def is_satisfied_by(self, record: object) -> bool:
        """Ask the part."""
        return not self.part.is_satisfied_by(record)


EVERYTHING = AllOf()
"""The condition that every record meets."""


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """A field that waits for its comparison; see `where`."""

    name: str

    def __eq__(self, value: object) -> Specification:  # type: ignore[override]
        return Where(self.name, Comparison.EQUAL, value)

    def __ne__(self, value: object) -> Specification:  # type: ignore[override]
        return Where(self.name, Comparison.UNEQUAL, value)

    def __lt__(self, value: Any) -> Specification:
        return Where(self.name, Comparison.BELOW, value)

    def __le__(self, value: Any) -> Specification:
        return Where(self.name, Comparison.AT_MOST, value)

    def __gt__(self, value: Any) -> Specification:
        return Where(self.name, Comparison.ABOVE, value)

    def __ge__(self, value: Any) -> Specification:
        return Where(self.name, Comparison.AT_LEAST, value)

    __hash__ = None  # type: ignore[assignment]

    def one_of(self, values: Iterable[Any]) -> Specification:
        """Return the condition that the field is one of `values`; of none, never."""
        return Where(self.name, Comparison.ONE_OF, tuple(values))


def where(field: str) -> Field:
    """Return a field to compare: ``where("price") >= Decimal("10")``."""
    return Field(field)
