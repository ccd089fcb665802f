"""Repositories of what is tried on data: records that belong to no run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.storage.repositories import Records
from bot4.domain.specification import EVERYTHING, Specification
from bot4.domain.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Sequence


class Trials(Records[Trial]):
    """Trials; the same choice on the same data is one, however often it is run."""

    _table = "trials"
    _columns = (
        *("family", "parameters", "symbols", "first_ns", "last_ns", "rows", "result_hash", "ran_utc", "period"),
        *("sharpe", "profit_share", "drawdown_max"),
    )
    _order = "ran_utc, family, symbols, first_ns, last_ns, parameters"
    _KEY = ("family", "symbols", "first_ns", "last_ns", "parameters")

    def save(self, trial: Trial) -> None:
        """Insert a trial, or replace the one of the same family, data and parameters."""
        self._put({}, trial, self._replaced(self._KEY))

    def find(
        self, specification: Specification = EVERYTHING, *, limit: int | None = None, newest_first: bool = False
    ) -> Sequence[Trial]:
        """Return the trials that meet the condition, by the time they were run last."""
        return self._select({}, specification, limit=limit, newest_first=newest_first)

    @staticmethod
    def _record(row: tuple[Any, ...]) -> Trial:
        return Trial(*row)
