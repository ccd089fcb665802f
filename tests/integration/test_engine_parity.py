"""The same input ends in the same state, however it is fed; another input does not."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from builders.engine import assembled, synthetic_capture

from bot4._core.engine.feed import Feed
from bot4._core.engine.runner import ShardRunner

ROOT = Path(__file__).resolve().parents[2]
STAMPED = 0
KIB, MIB = 1024, 1024 * 1024


def run(
    data: bytes, *, chunk: int = 4 * MIB, speed: float | None = None, capacity: int = 65_536, timers: bool = False,
    **overrides: object,
) -> str:  # fmt: skip
    """Feed `data`; `speed` None applies inline, 0 goes through the ring at once, above that paced."""
    assembly, _ = assembled(**overrides)
    runner = None if speed is None else ShardRunner(assembly.engine, capacity=capacity)
    if runner is None:
        feed = Feed(assembly.scanner, assembly.engine)
    else:
        feed = Feed(
            assembly.scanner, assembly.engine, ring=runner.ring, room=runner.room, records=runner.records, speed=speed
        )
    thread = None if runner is None else threading.Thread(target=runner.run, daemon=True)
    if thread:
        thread.start()
    if timers:
        for line in data.splitlines(keepends=True):
            now_ns = int(line.split(b" ", 1)[0])
            if now_ns > assembly.engine.now_ns > 0:
                feed.time(assembly.engine.now_ns + (now_ns - assembly.engine.now_ns) // 2)
            feed.lines(line, STAMPED, default_instrument=0)
    else:
        rest = b""
        for start in range(0, len(data), chunk):
            rest += data[start : start + chunk]
            rest = rest[feed.lines(rest, STAMPED, default_instrument=0) :]
        assert rest == b""
    if runner is not None and thread is not None:
        runner.stop()
        thread.join(60)
        assert not thread.is_alive()
    assembly.engine.drain()
    counters = assembly.engine.lane_counters(0)
    assert counters["gaps"] == counters["crossed"] == 0
    assert counters["intents"] > 0, "a run without orders would prove little"
    assert counters["fills"] > 0
    return assembly.engine.state_hash


def head(path: Path, messages: int) -> bytes:
    lines = []
    with gzip.open(path, "rb") as stream:
        for line in stream:
            lines.append(line)
            if len(lines) == messages:
                break
    return b"".join(lines)


@pytest.fixture(scope="module")
def synthetic() -> bytes:
    return synthetic_capture(6_000)


@pytest.fixture(scope="module")
def recorded(shared_data: Path) -> bytes:
    return head(shared_data / "ws_captures/hftbacktest/spot/btcusdt_20240808.gz", 20_000)


WAYS = {
    "small chunks": {"chunk": KIB},
    "through the ring": {"speed": 0.0},
    "through a small ring": {"speed": 0.0, "capacity": 64, "chunk": 8 * KIB},
    "timers between all messages": {"timers": True},
}


@pytest.mark.parametrize("way", WAYS)
def test_a_generated_capture_ends_in_one_state_however_it_is_fed(synthetic, way):
    assert run(synthetic, **WAYS[way]) == run(synthetic)


def test_a_paced_run_ends_where_a_run_at_full_speed_does(synthetic):
    assert run(synthetic, speed=20.0) == run(synthetic)


@pytest.mark.real_data
@pytest.mark.parametrize("way", WAYS)
def test_a_recorded_capture_ends_in_one_state_however_it_is_fed(recorded, way):
    assert run(recorded, **WAYS[way]) == run(recorded)


@pytest.mark.real_data
def test_a_paced_recorded_run_ends_where_a_run_at_full_speed_does(recorded):
    assert run(recorded, speed=100.0) == run(recorded)


IN_PROCESS = """
import sys
sys.path[:0] = sys.argv[1:3]
from builders.engine import synthetic_capture
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("parity", sys.argv[3])
parity = module_from_spec(spec)
spec.loader.exec_module(parity)
print(parity.run(synthetic_capture(6_000)))
"""


@pytest.mark.untraced
def test_the_state_does_not_depend_on_the_process(synthetic):
    hashes = set()
    for seed in ("0", "1", "4242"):
        done = subprocess.run(
            [sys.executable, "-c", IN_PROCESS, str(ROOT), str(ROOT / "tests"), __file__],
            env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        hashes.add(done.stdout.strip())
    assert hashes == {run(synthetic)}


def test_another_seed_of_the_venues_latency_gives_another_state(synthetic):
    assert run(synthetic, run__seed=8) != run(synthetic)


def test_one_message_less_gives_another_state(synthetic):
    lines = synthetic.splitlines(keepends=True)
    without = next(i for i in range(3_000, 6_000) if b"bookTicker" not in lines[i] and b"depthUpdate" not in lines[i])
    assert run(b"".join(lines[:without] + lines[without + 1 :])) != run(synthetic)
