"""`make bench-db` in small: it fills, asks, explains, and says what was slow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from builders.servers import ServerMissingError, postgres_binaries

ROOT = Path(__file__).resolve().parents[2]


def test_the_figures_of_a_small_table_are_whole():
    pytest.importorskip("psycopg", reason="psycopg is not installed (extra: postgres)")
    try:
        postgres_binaries()
    except ServerMissingError as error:
        pytest.skip(str(error))
    command = [sys.executable, ROOT / "bench" / "storage" / "queries.py", "--rows", "20000", "--repeat", "1", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=ROOT)
    plain = json.loads(done.stdout)
    assert (plain["rows"], plain["partitions"]) == (20_000, 13)
    assert [name for name, found in plain["questions"].items() if not found["rows"]] == []
    assert done.stderr.count("Execution Time") >= len(plain["questions"])
    slow = [name for name, found in plain["questions"].items() if found["p99_ms"] >= 50.0]
    assert done.returncode == (1 if slow else 0)
