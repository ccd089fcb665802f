"""`bot4 run` as a person runs it: a process, its exit code, its output, what it leaves on the disk."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from contextlib import closing

import pytest
from builders.bot4_process import ROOT, bot4, command, environment, summary_of
from builders.synthetic import capture_lines, write_capture

DOCUMENTED = {
    *("messages", "events", "rejected", "sequence_gaps", "resyncs", "crossed_books", "best_bid", "best_ask"),
    *("orders", "fills", "fees", "equity", "state_hash", "events_per_s", "latency_ns", "status", "open_orders_left"),
}


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    return capture_lines(4_000)


@pytest.fixture
def capture(tmp_path, lines):
    return write_capture(tmp_path / "btcusdt", lines)


def test_json_to_stdout_is_nothing_but_the_summary_with_every_documented_key(tmp_path):
    done = bot4("run", "--data-dir", tmp_path, "--duration", "3", "--speed", "max", "--json", "-")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert set(summary) >= DOCUMENTED
    assert {"price", "qty"} == set(summary["best_bid"])
    assert {"scan", "book", "message"} <= set(summary["latency_ns"])
    assert {"count", "p50", "p99", "p99_9", "max"} <= set(summary["latency_ns"]["message"])
    assert summary["status"] == "finished"
    assert summary["is_synthetic"] is True
    assert "SYNTHETIC" in done.stderr


def test_with_nothing_configured_the_first_trade_comes_within_seconds(tmp_path):
    assert summary_of(tmp_path, "--duration", "5", "--speed", "max")["fills"] > 0


def test_the_same_seed_gives_the_same_state_and_another_one_another(tmp_path):
    fixed = ("--duration", "20", "--speed", "max")
    first = summary_of(tmp_path, *fixed, "--seed", "3")
    again = summary_of(tmp_path, *fixed, "--seed", "3")
    other = summary_of(tmp_path, *fixed, "--seed", "4")
    assert first["state_hash"] == again["state_hash"] != other["state_hash"]
    assert first["orders"] == again["orders"]
    assert first["run_id"] != again["run_id"]


def test_a_recorded_market_gives_what_the_generated_one_gave(tmp_path, capture):
    replayed = summary_of(tmp_path, "--replay", capture)
    assert replayed["is_synthetic"] is False
    assert replayed["messages"] == 4_000
    assert replayed["orders"] > 0
    assert replayed["open_orders_left"] == 0


def test_the_summary_goes_to_a_file_and_into_the_store(tmp_path, capture):
    done = bot4(
        "run", "--replay", capture, "--data-dir", tmp_path / "data", "--quiet", "--json", tmp_path / "summary.json"
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "summary.json").read_text())
    with closing(sqlite3.connect(summary["store"])) as store:
        status, kept = store.execute("SELECT status, summary FROM runs").fetchone()
    assert (status, json.loads(kept)) == ("finished", summary)


def test_a_summary_that_cannot_be_written_is_exit_73(tmp_path, capture):
    done = bot4("run", "--replay", capture, "--data-dir", tmp_path / "data", "--quiet", "--json", tmp_path)
    assert done.returncode == 73
    assert done.stderr.splitlines()[-1] == f"bot4: summary {tmp_path} cannot be written: it is a folder"
    assert not (tmp_path / "data").exists(), "it is refused before the run"


def test_a_reader_of_the_screen_that_has_gone_costs_no_summary(tmp_path, capture):
    reading, writing = os.pipe()
    os.close(reading)
    where = tmp_path / "summary.json"
    words = command("run", "--replay", capture, "--data-dir", tmp_path / "data", "--quiet", "--json", where)
    with os.fdopen(writing, "wb") as gone:
        subprocess.run(words, cwd=ROOT, env=environment(), stdout=gone, stderr=gone, timeout=90, check=False)
    assert json.loads(where.read_text())["status"] == "finished"


def test_ten_times_the_pace_takes_a_tenth_of_the_time(tmp_path, lines):
    short = write_capture(tmp_path / "short", lines[:1200])
    summary = summary_of(tmp_path, "--replay", short, "--speed", "10")
    assert summary["messages"] == 1_200
    assert summary["market_span_s"] / 10 * 0.9 < summary["elapsed_s"] < summary["market_span_s"]
    assert summary["open_orders_left"] == 0
