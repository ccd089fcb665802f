"""What the application asks of a store: collections that speak the domain's language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from bot4.domain.specification import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot4.domain.fill import Fill, Mark, Refusal
    from bot4.domain.order import Order
    from bot4.domain.position import Position
    from bot4.domain.run_notes import CommandRecord, ToldSignal, UsedModel
    from bot4.domain.specification import Specification
    from bot4.domain.trial import Trial

Found_co = TypeVar("Found_co", covariant=True)


class Searchable(Protocol[Found_co]):
    """Whatever a run wrote of one kind, by condition."""

    def find(
        self,
        run_id: str,
        specification: Specification = EVERYTHING,
        *,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Sequence[Found_co]:
        """Return what of a run meets the condition, oldest first unless asked otherwise."""
        ...

    def count(self, run_id: str, specification: Specification = EVERYTHING) -> int:
        """Return how many of them there are."""
        ...


class OrderRepository(Searchable["Order"], Protocol):
    """Orders of every run."""

    def save(self, run_id: str, order: Order) -> None:
        """Insert or replace one order."""
        ...

    def get(self, run_id: str, order_id: int) -> Order | None:
        """Return one order, or None."""
        ...

    def list(self, run_id: str, *, working_only: bool = False) -> Sequence[Order]:
        """Return a run's orders, oldest first."""
        ...


class FillRepository(Searchable["Fill"], Protocol):
    """Executions of every run."""

    def add(self, run_id: str, fill: Fill) -> bool:
        """Insert one fill; False where this trade id of the symbol is already there."""
        ...

    def list(self, run_id: str) -> Sequence[Fill]:
        """Return a run's fills, oldest first."""
        ...


class MarkRepository(Searchable["Mark"], Protocol):
    """Equity curves."""

    def add(self, run_id: str, mark: Mark) -> None:
        """Insert one point."""
        ...

    def list(self, run_id: str) -> Sequence[Mark]:
        """Return a run's points, oldest first."""
        ...

    def curve(self, run_id: str, points_max: int) -> Sequence[Mark]:
        """Return at most so many points of a run, evenly over its records, the first and the last among them."""
        ...


class RefusalRepository(Searchable["Refusal"], Protocol):
    """Decisions that were refused."""

    def add(self, run_id: str, refusal: Refusal) -> None:
        """Insert one refusal."""
        ...

    def list(self, run_id: str) -> Sequence[Refusal]:
        """Return a run's refusals, oldest first."""
        ...


class PositionRepository(Searchable["Position"], Protocol):
    """What each run holds."""

    def save(self, run_id: str, position: Position) -> None:
        """Insert or replace the position of its instrument."""
        ...

    def list(self, run_id: str) -> Sequence[Position]:
        """Return a run's positions, by symbol."""
        ...


class SignalRepository(Searchable["ToldSignal"], Protocol):
    """Scores that runs were told."""

    def add(self, run_id: str, signal: ToldSignal) -> None:
        """Insert one score."""
        ...

    def list(self, run_id: str) -> Sequence[ToldSignal]:
        """Return a run's scores, oldest first."""
        ...


class ModelRepository(Searchable["UsedModel"], Protocol):
    """Models that runs decided by."""

    def add(self, run_id: str, model: UsedModel) -> None:
        """Insert one model."""
        ...

    def list(self, run_id: str) -> Sequence[UsedModel]:
        """Return a run's models, by slot."""
        ...


class CommandRepository(Searchable["CommandRecord"], Protocol):
    """The audit trail of what runs were asked."""

    def save(self, run_id: str, record: CommandRecord) -> None:
        """Insert a line, or replace that of the same command and moment."""
        ...

    def list(self, run_id: str) -> Sequence[CommandRecord]:
        """Return a run's lines, oldest first."""
        ...


class RunRepository(Protocol):
    """Runs: when each began, on what, and how it ended."""

    def start(self, run_id: str, *, started_utc: str, source: str, settings: dict[str, Any]) -> None:
        """Record the beginning of a run."""
        ...

    def finish(self, run_id: str, *, status: str, summary: dict[str, Any]) -> None:
        """Record its end and its summary."""
        ...

    def get(self, run_id: str) -> dict[str, Any] | None:
        """Return one run as recorded, or None."""
        ...

    def list(self) -> Sequence[dict[str, Any]]:
        """Return every run, oldest first."""
        ...

    def projected_seq(self, run_id: str) -> int:
        """Return the last journal sequence that reached the tables; 0 before the first."""
        ...

    def set_projected_seq(self, run_id: str, seq: int) -> None:
        """Remember the last journal sequence that reached the tables."""
        ...

    def forget_records(self, run_id: str) -> None:
        """Take out what was projected of a run, so that its journal can be projected anew."""
        ...


class TrialRepository(Protocol):
    """What was tried on data."""

    def save(self, trial: Trial) -> None:
        """Insert a trial, or replace the one of the same family, data and parameters."""
        ...

    def find(
        self, specification: Specification = EVERYTHING, *, limit: int | None = None, newest_first: bool = False
    ) -> Sequence[Trial]:
        """Return the trials that meet the condition, by the time they were run last."""
        ...
