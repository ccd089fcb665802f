"""What a run was told and asked, and which models it decided by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class ToldSignal:
    """A score that a source told the engine; `symbol` is empty where it was told of every instrument."""

    seq: int
    symbol: str
    source: str
    score: float
    confidence: float
    age_s: float
    ts_ns: int


@dataclass(frozen=True, slots=True)
class UsedModel:
    """A model a run decided by: the slot it filled, the digest of its file, and the file itself."""

    slot: str
    digest: str
    name: str
    content: str


class CommandOutcome(StrEnum):
    """How far a command came."""

    ASKED = "asked"  # written before it is handed over: where nothing follows, the process ended in between
    DONE = "done"  # handed to the engine, whose journal says what came of it
    DUPLICATE = "duplicate"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """One line of the audit trail: what was asked, when, and how it was answered."""

    command_id: str
    asked_ns: int
    kind: str
    content: str
    outcome: CommandOutcome
    reason: str = ""
    answered_ns: int = 0
