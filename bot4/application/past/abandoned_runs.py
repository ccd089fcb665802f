"""Runs whose process was killed: nobody ended them in the tables, so the next start of their data directory does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4.application.past.past_image import read_past_on
from bot4.application.past.run_past import JOURNAL_NAME, PastUnreadableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bot4.ports.unit_of_work import Store

ABORTED = "aborted"


def end_abandoned(store: Store, folders: Sequence[Path]) -> list[str]:
    """Give every run of these folders that is `running` in the store the status `aborted`.

    A live run that did not end is left alone: the next live run goes on with it.

    Parameters
    ----------
    store : Store
        Where the runs are listed.
    folders : sequence of Path
        Of the runs of one data directory, whose lock is held: no process runs in any of them. A store may know runs of
        other directories; these are left alone.

    Returns
    -------
    list of str
        The runs' ids.

    """
    own = {folder.name: folder for folder in folders}
    with store.unit_of_work() as unit:
        runs = [run["run_id"] for run in unit.runs.list() if run["status"] == "running" and run["run_id"] in own]
        ended = [run_id for run_id in runs if not _is_gone_on_with(own[run_id] / JOURNAL_NAME)]
        for run_id in ended:
            why = "its process ended without ending the run; the journal has what it did"
            unit.runs.finish(run_id, status=ABORTED, summary={"run_id": run_id, "status": ABORTED, "failure": why})
        unit.commit()
    return ended


def _is_gone_on_with(journal: Path) -> bool:
    try:
        past = read_past_on(journal)
    except PastUnreadableError:
        return True  # a live start refuses it by name; what it did is not for us to say
    return past is not None and past.opening.is_live and not past.is_over
