"""One step of the schema, in the words of each database."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: its number, its name, and its statements for each database."""

    number: int
    name: str
    sqlite: str
    postgresql: str

    def statements(self, dialect: str) -> Sequence[str]:
        """Return the statements for one database."""
        text = self.sqlite if dialect == "sqlite" else self.postgresql
        return [statement.strip() for statement in text.split(";") if statement.strip()]

    def digest(self, dialect: str) -> str:
        """Return what the step is recorded with: the same step, the same digest."""
        return hashlib.sha256("\n".join(self.statements(dialect)).encode()).hexdigest()
