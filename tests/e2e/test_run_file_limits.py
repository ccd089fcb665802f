"""`bot4 run` where files cannot grow."""

from __future__ import annotations

import json
import resource
import signal

import numpy as np
import pytest
from builders.bot4_process import MAIN, run, summary_of
from builders.synthetic import capture_lines, write_capture

from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.journal.reader import JournalReader
from bot4._core.journal.record import JournalKind
from bot4._core.types import IntentAction


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    return capture_lines(4_000)


@pytest.fixture
def capture(tmp_path, lines):
    return write_capture(tmp_path / "btcusdt", lines)


# Lifted again when the process ends: in a traced copy it then saves which lines it covered.
LIFT = "import atexit, resource as r; atexit.register(r.setrlimit, r.RLIMIT_FSIZE, (r.RLIM_INFINITY, r.RLIM_INFINITY))"
LIMITED_MAIN = f"{LIFT}; {MAIN}"


def small_files(limit_bytes: int):
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, resource.RLIM_INFINITY))

    return limit


# The store is kept in memory, so that the limit meets the journal alone.
JOURNAL_ONLY = f"""
from bot4.adapters.storage.data_dir import DataDir
DataDir.store_path = ":memory:"
{LIMITED_MAIN}
"""


def test_a_journal_that_cannot_grow_stops_trading_with_exit_74(tmp_path, capture):
    done = run(tmp_path, "--replay", capture, code=JOURNAL_ONLY, preexec_fn=small_files(12_000))
    assert done.returncode == 74, done.stderr
    summary = json.loads(done.stdout)
    assert summary["status"] == "failed"
    assert "shard-0.journal cannot be written" in summary["failure"]
    assert summary["open_orders_left"] == 0
    full = summary_of(tmp_path, "--replay", capture)
    assert 0 < summary["orders"] < full["orders"]
    with JournalReader(summary["journal"]) as reader:
        intents = [record.payload for record in reader if record.kind == JournalKind.JOURNAL_INTENT]
    actions = np.frombuffer(b"".join(intents), INTENT_DTYPE)["action"].tolist()
    dropped = sum(instrument["dropped"] for instrument in summary["instruments"])
    # An order that could not be written was not sent; a cancel is sent all the same.
    assert actions.count(IntentAction.ACTION_PLACE) == summary["orders"] - dropped
    assert actions.count(IntentAction.ACTION_CANCEL) <= summary["cancels"]


def test_a_disk_that_fills_up_ends_the_run_with_exit_74(tmp_path):
    long = write_capture(tmp_path / "long", capture_lines(20_000))
    busy = {"cooldown_ms": 100, "enter_score": 0.2, "take_score": 0.3}
    options = [part for key, value in busy.items() for part in ("--set", f"strategy.{key}={value}")]
    done = run(tmp_path, "--replay", long, *options, code=LIMITED_MAIN, preexec_fn=small_files(160_000))
    assert done.returncode == 74, done.stderr
    summary = json.loads(done.stdout)
    assert summary["status"] == "failed"
    assert summary["open_orders_left"] == 0
    assert done.stderr.splitlines()[-1] == f"bot4: {summary['failure']}"


def test_a_data_directory_without_room_for_a_store_is_refused(tmp_path, capture):
    done = run(tmp_path, "--replay", capture, code=LIMITED_MAIN, preexec_fn=small_files(2_000))
    assert done.returncode == 74
    assert len(done.stderr.splitlines()) == 1
    assert "cannot be opened" in done.stderr
