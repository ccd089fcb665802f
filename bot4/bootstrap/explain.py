"""One decision explained: the data directory's run, its journal, the reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from bot4.dto.explanation import Explanation


def explain_order(data_dir: Path, wanted: str, *, run_id: str | None = None) -> Explanation:
    """Read why an order exists; the run may still be going on, as nothing is locked or written.

    Raises
    ------
    NoInputError
        There is no such run.
    NoReasonsError, JournalReadError
        See `bot4.application.records.explain`.

    """
    from bot4.application.records.explain import explain
    from bot4.domain.errors import NoInputError

    runs = sorted(path for path in (data_dir / "runs").glob("*") if (path / "shard-0.journal").is_file())
    if run_id is not None:
        runs = [path for path in runs if path.name == run_id]
    if not runs:
        raise NoInputError(f"{data_dir} holds no run{f' {run_id}' if run_id else ''} with a journal")
    return explain(runs[-1] / "shard-0.journal", runs[-1].name, wanted)
