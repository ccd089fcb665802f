"""How a session tells that it failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot4.domain.errors import FatalError

if TYPE_CHECKING:
    from bot4.dto.summary import RunSummary


class SessionFailedError(FatalError):
    """A run that ended by a failure; its summary was still made. `failed_with` is the failure's own exit code."""

    def __init__(self, message: str, summary: RunSummary, exit_code: int) -> None:
        super().__init__(message)
        self.summary = summary
        self.failed_with = exit_code


@dataclass(slots=True)
class Failure:
    """What failed, and the exit code that tells it."""

    message: str
    exit_code: int
