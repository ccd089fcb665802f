"""Files to import, and the commands that do it."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from bot4.entrypoints.cli.main import main

HOUR_MS = 3_600_000
START_MS = 1_722_470_400_000  # August 2024


def put(folder: Path, name: str, content: bytes | list[bytes]) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else b"\n".join(content) + b"\n")
    return path


def hours(first: int, count: int, *, price: int = 60_000, left_out: frozenset[int] = frozenset()) -> bytes:
    """A plain table of hourly bars."""
    lines = ["ts,open,high,low,close,volume"]
    for hour in range(first, first + count):
        if hour not in left_out:
            low = price + hour % 50
            lines.append(f"{START_MS + hour * HOUR_MS},{low + 1},{low + 3},{low},{low + 2},{hour % 7 + 0.5}")
    return "\n".join(lines).encode() + b"\n"


def run(*words: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, [str(word) for word in words])
    return done.exit_code, done.stdout, done.stderr


def result_of(*words: object) -> str:
    code, out, err = run("backtest", *words, "--json", "-", "--quiet")
    assert code == 0, err
    return str(json.loads(out)["result_hash"])
