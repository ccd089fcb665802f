"""`bot4 run` on a disk that is really full: a tmpfs of a few pages, mounted in a namespace of the test's own.

Nothing outside sees the mount, and it goes with its last process. tests/unit/test_journal_faults.py plants the errors
of single system calls; here the kernel gives them.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.journal.reader import JournalReader
from bot4._core.journal.record import JournalKind
from bot4._core.types import IntentAction

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.untraced  # test_run_file_limits covers these paths without a mount
MAIN = "from bot4.entrypoints.cli.main import main; main()"
# Trades often, so that the store grows by more than a start needs.
BUSY = {
    "BOT4_STRATEGY__COOLDOWN_MS": "100",
    "BOT4_STRATEGY__ENTER_SCORE": "0.2",
    "BOT4_STRATEGY__TAKE_SCORE": "0.3",
    "BOT4_RISK__DRAWDOWN_MAX_BPS": "9000",
}
# Mounts, runs, and copies what is left on the disk to where the test can see it; then, with room, runs once more.
SCRIPT = """
mount -t tmpfs -o "size=$1" tmpfs "$2" || exit 99
bot4() { "$PYTHON" -c "$MAIN" run --data-dir "$disk" --quiet --json - --duration "$seconds" --speed max; }
disk=$2 out=$3 seconds=$4
bot4 > "$out/first.json" 2> "$out/first.err"; echo $? > "$out/first.code"
cp -a "$disk/." "$out/left"
mount -o remount,size=64m "$disk" || exit 99
bot4 > "$out/second.json" 2> "$out/second.err"; echo $? > "$out/second.code"
"""


def namespace() -> list[str] | None:
    """The command that gives a mount namespace, as root or as a user who may be root in one of his own."""
    if (unshare := shutil.which("unshare")) is None:
        return None
    for options in (["--mount"], ["--user", "--map-root-user", "--mount"]):
        tried = [unshare, *options, "mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", "/tmp"]  # noqa: S108 - seen by none
        if subprocess.run(tried, capture_output=True, check=False).returncode == 0:
            return [unshare, *options]
    return None


@pytest.fixture(scope="module")
def alone() -> list[str]:
    if (command := namespace()) is None:
        pytest.skip("no file system may be mounted here: neither as root nor in a user namespace")
    return command


class Outcome:
    """What two runs left: the first on a disk of some size, the second on the same one with room."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.code, self.second_code = (int((folder / f"{name}.code").read_text()) for name in ("first", "second"))
        self.errors = (folder / "first.err").read_text().splitlines()
        self.left = folder / "left"

    def summary(self, name: str) -> dict:
        return json.loads((self.folder / f"{name}.json").read_text())


@pytest.fixture
def on_disk_of(tmp_path, alone):
    def run(size: str, *, duration_s: int = 5) -> Outcome:
        disk, out = tmp_path / "disk", tmp_path / "out"
        for folder in (disk, out, out / "left"):
            folder.mkdir()
        done = subprocess.run(
            [*alone, "sh", "-c", SCRIPT, "sh", size, str(disk), str(out), str(duration_s)],
            cwd=ROOT,
            env=os.environ | BUSY | {"PYTHON": sys.executable, "MAIN": MAIN},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return Outcome(out)

    return run


@pytest.mark.parametrize(
    ("size", "code", "words"),
    [
        ("4k,nr_inodes=2", 73, "data directory"),
        ("4k", 74, "bot4.sqlite cannot be opened: database or disk is full"),
        ("60k", 74, "bot4.sqlite cannot be opened: database or disk is full"),
        ("300k", 73, "cannot be written: No space left on device"),
    ],
)
def test_a_disk_without_room_refuses_the_start_in_one_line_and_does_no_harm(on_disk_of, size, code, words):
    outcome = on_disk_of(size)
    assert outcome.code == code, outcome.errors
    assert len(outcome.errors) == 1
    assert words in outcome.errors[0]
    assert list((outcome.left / "runs").glob("*/*")) == [], "no journal, so no order"
    if "nr_inodes" not in size:  # files remain few there, whatever room is given
        assert outcome.second_code == 0
        assert outcome.summary("second")["status"] == "finished"


def test_a_disk_that_fills_up_while_trading_ends_safely_and_the_next_run_goes_on(on_disk_of):
    outcome = on_disk_of("1500k", duration_s=600)
    assert outcome.code == 74, outcome.errors
    summary = outcome.summary("first")
    assert summary["status"] == "failed"
    assert "bot4.sqlite cannot be " in summary["failure"]
    assert summary["failure"].endswith(": database or disk is full")
    assert outcome.errors[-1] == f"bot4: {summary['failure']}"
    assert summary["open_orders_left"] == 0
    assert summary["orders"] > 0
    # The journal is whole: every order that was counted is in it.
    (journal,) = outcome.left.glob("runs/*/shard-0.journal")
    with JournalReader(journal) as reader:
        intents = [
            np.frombuffer(record.payload, INTENT_DTYPE)[0]
            for record in reader
            if record.kind == JournalKind.JOURNAL_INTENT
        ]
    assert sum(int(intent["action"]) == IntentAction.ACTION_PLACE for intent in intents) == summary["orders"]
    # The store is a sound database that stops at a whole batch.
    with contextlib.closing(sqlite3.connect(outcome.left / "bot4.sqlite")) as store:
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert outcome.second_code == 0
    assert outcome.summary("second")["status"] == "finished"
    assert outcome.summary("second")["orders"] >= summary["orders"]
