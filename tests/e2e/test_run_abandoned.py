"""A paper run that was killed is ended in the tables by the next start of its data directory."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import time
from contextlib import closing

from builders.bot4_process import ROOT, bot4, command, environment

from bot4.adapters.storage.sqlite import SqliteStore
from bot4.application.past.abandoned_runs import end_abandoned


def statuses(folder):
    with closing(sqlite3.connect(folder / "bot4.sqlite")) as store:
        return dict(store.execute("SELECT run_id, status FROM runs ORDER BY started_utc, run_id"))


def test_a_killed_paper_run_ends_as_aborted_at_the_next_start_and_runs_elsewhere_are_left_alone(tmp_path):
    folder = tmp_path / "data"
    process = subprocess.Popen(
        command("run", "--data-dir", folder, "--quiet"),
        cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not ((folder / "bot4.sqlite").exists() and _has_run(folder)):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (killed,) = statuses(folder)
    assert statuses(folder) == {killed: "running"}
    store = SqliteStore(folder / "bot4.sqlite")
    with store.unit_of_work() as unit:  # of another data directory, on the same server: it may well run
        unit.runs.start("elsewhere-001", started_utc="2026-01-01", source="", settings={})
        unit.commit()
    store.close()
    done = bot4("run", "--data-dir", folder, "--quiet", "--duration", "1", "--speed", "max", "--json", "-")
    assert done.returncode == 0, done.stderr
    assert statuses(folder) == {
        "elsewhere-001": "running",
        killed: "aborted",
        json.loads(done.stdout)["run_id"]: "finished",
    }
    # The control: without its folder nobody says that it ended.
    store = SqliteStore(folder / "bot4.sqlite")
    assert end_abandoned(store, []) == []
    store.close()


def _has_run(folder):
    try:
        return bool(statuses(folder))
    except sqlite3.OperationalError:
        return False  # its tables are being made
