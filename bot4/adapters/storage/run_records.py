"""Repositories of what a run holds, was told, was asked and decided by."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from bot4.adapters.storage.repositories import RecordsOfRuns
from bot4.domain.position import Position
from bot4.domain.run_notes import CommandOutcome, CommandRecord, ToldSignal, UsedModel


class Positions(RecordsOfRuns[Position]):
    """One position for each instrument that had a fill."""

    _table = "positions"
    _columns = ("symbol", "bought_qty", "sold_qty", "bought_value", "sold_value", "fills", "updated_ns")
    _order = "symbol"

    def save(self, run_id: str, position: Position) -> None:
        """Insert or replace the position of its instrument."""
        self._put({"run_id": run_id}, position, self._replaced(("run_id", "symbol")))

    @staticmethod
    def _record(row: tuple[Any, ...]) -> Position:
        symbol, *sums, fills, updated_ns = row
        bought_qty, sold_qty, bought_value, sold_value = map(Decimal, sums)
        return Position(symbol, bought_qty, sold_qty, bought_value, sold_value, fills, updated_ns)


class Signals(RecordsOfRuns[ToldSignal]):
    """Scores from outside, as the journal has them."""

    _table = "signals"
    _columns = ("seq", "symbol", "source", "score", "confidence", "age_s", "ts_ns")
    _order = "seq"

    def add(self, run_id: str, signal: ToldSignal) -> None:
        """Insert one score; the same sequence again changes nothing."""
        self._insert(run_id, signal)

    @staticmethod
    def _record(row: tuple[Any, ...]) -> ToldSignal:
        return ToldSignal(*row)


class Models(RecordsOfRuns[UsedModel]):
    """Models a run decided by, each as its file was."""

    _table = "models"
    _columns = ("slot", "digest", "name", "content")
    _order = "slot, digest"

    def add(self, run_id: str, model: UsedModel) -> None:
        """Insert one model; the same one again changes nothing."""
        self._insert(run_id, model)

    @staticmethod
    def _record(row: tuple[Any, ...]) -> UsedModel:
        return UsedModel(*row)


class Commands(RecordsOfRuns[CommandRecord]):
    """The audit trail."""

    _table = "commands"
    _columns = ("command_id", "asked_ns", "kind", "content", "outcome", "reason", "answered_ns")
    _order = "asked_ns, command_id"

    def save(self, run_id: str, record: CommandRecord) -> None:
        """Insert a line, or replace that of the same command and moment."""
        self._put({"run_id": run_id}, record, self._replaced(("run_id", "command_id", "asked_ns")))

    @staticmethod
    def _record(row: tuple[Any, ...]) -> CommandRecord:
        command_id, asked_ns, kind, content, outcome, reason, answered_ns = row
        return CommandRecord(command_id, asked_ns, kind, content, CommandOutcome(outcome), reason, answered_ns)
