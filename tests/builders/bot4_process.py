"""``bot4 run`` as a process of its own, what it printed and what it left on the disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from bot4._core.journal.reader import JournalReader
from bot4._core.journal.record import JournalKind

ROOT = Path(__file__).resolve().parents[2]
MAIN = "from bot4.entrypoints.cli.main import main; main()"


def command(*arguments, code: str = MAIN) -> list[str]:
    return [sys.executable, "-c", code, *map(str, arguments)]


def environment(**extra: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "BOT4_DATA_DIR"} | extra


def bot4(*arguments, code: str = MAIN, preexec_fn=None, **extra: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        command(*arguments, code=code),
        cwd=ROOT,
        env=environment(**extra),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        preexec_fn=preexec_fn,
    )


def run(tmp_path, *arguments, **options) -> subprocess.CompletedProcess:
    return bot4("run", "--data-dir", tmp_path / "data", "--quiet", "--json", "-", *arguments, **options)


def summary_of(tmp_path, *arguments, code: int = 0, **options) -> dict:
    done = run(tmp_path, *arguments, **options)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def journal_kinds(path: str) -> list[JournalKind]:
    with JournalReader(path) as reader:
        return [JournalKind(record.kind) for record in reader]
