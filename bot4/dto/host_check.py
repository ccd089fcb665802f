"""What a look at the host found: the shape behind ``bot4 doctor``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Health(StrEnum):
    """How one thing stands."""

    OK = "ok"
    WARN = "warn"  # it works, but less well or less safely than it could
    MISSING = "missing"  # optional, and not there
    FAILED = "failed"  # bot4 cannot run like this


@dataclass(frozen=True, slots=True)
class HostItem:
    """One line: `advice` says what to do unless all is well."""

    name: str
    health: Health
    detail: str
    advice: str = ""


@dataclass(slots=True)
class HostReport:
    """Every item looked at, in order."""

    items: list[HostItem] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 where bot4 can run, else 1; what is missing or could be better does not count."""
        return 1 if any(item.health is Health.FAILED for item in self.items) else 0

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts and lists, for JSON."""
        return {"usable": self.exit_code == 0, "items": [asdict(item) for item in self.items]}
