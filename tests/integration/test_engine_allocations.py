"""Nothing is allocated for a message: every malloc, free and mmap of the process is counted while messages are fed.

A call of `Feed.lines` costs a few allocations of its own (the Python call, the buffer of its argument). They are the
same in a call that feeds one message, so a call over thousands must cost exactly what that one does.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "tests" / "native" / "count_allocations.c"

pytestmark = pytest.mark.untraced

COUNTED = """
import ctypes, gc, json, sys
from pathlib import Path
sys.path[:0] = sys.argv[1:3]
from builders.engine import assembled, synthetic_capture
from bot4._core.engine.feed import Feed

counter = ctypes.CDLL(sys.argv[3]).counted
words = (ctypes.c_uint64 * 3)()

assembly, journal = assembled(Path(sys.argv[4]), **json.loads(sys.argv[5]))
feed = Feed(assembly.scanner, assembly.engine)
lines = synthetic_capture(24_000).splitlines(keepends=True)
parts = {"warm": lines[:8_000], "one": lines[8_000:8_001], "some": lines[8_001:10_001], "many": lines[10_001:]}
pieces = {name: b"".join(part) for name, part in parts.items()}
taken = {}
feed.lines(pieces["warm"], 0, default_instrument=0)
gc.collect()
gc.disable()

def measure(name, work):
    counter(words)
    before = words[0], words[1], words[2]
    work()
    counter(words)
    taken[name] = [words[i] - before[i] for i in range(3)]

def call(piece):
    return lambda: feed.lines(piece, 0, default_instrument=0)

for name in ("one", "some", "many"):
    work = call(pieces[name])
    if name == "one":
        measure("none", call(b""))
    measure(name, work)
def per_line():
    for line in lines[:200]:
        planted.append(bytearray(5_000))
planted = []
measure("planted", per_line)
lane = assembly.engine.lane_counters(0)
print(json.dumps({"taken": taken, "messages": {name: len(part) for name, part in parts.items()}, "lane": lane}))
"""


@pytest.fixture(scope="module")
def counter_library(tmp_path_factory) -> Path:
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        pytest.skip("there is no C compiler: the allocation counter cannot be built")
    library = tmp_path_factory.mktemp("native") / "count_allocations.so"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
    return library


# Each policy, and for the one with reasons a belief that lets the made-up market see orders.
POLICIES = {
    "linear": {},
    "reasoned": {
        "strategy.policy": "reasoned", "strategy.enter_score": 0.3, "strategy.take_score": 0.3, "gate.prior_bps": 100,
        "gate.prior_samples": 1_000, "gate.samples_min": 0, "gate.standard_errors": 0, "gate.confirm_bars": 0,
        "gate.timeframes_min": 0, "gate.confidence_min": 0, "regime.warm_up_bars": 2,
    },
}  # fmt: skip


@pytest.fixture(scope="module", params=POLICIES)
def counted(request, counter_library: Path, tmp_path_factory) -> dict:
    if "-fsanitize" in os.environ.get("CFLAGS", "") or "BOT4_SANITIZE" in os.environ:
        pytest.skip("a sanitizer replaces the allocator")
    command = [
        sys.executable, "-c", COUNTED, str(ROOT), str(ROOT / "tests"), str(counter_library),
        str(tmp_path_factory.mktemp("journal") / "j"), json.dumps(POLICIES[request.param]),
    ]  # fmt: skip
    done = subprocess.run(
        command, env=os.environ | {"LD_PRELOAD": str(counter_library)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_messages_allocate_nothing(counted):
    lane = counted["lane"]
    assert lane["intents"] > 4, "orders were placed and journalled on the way"
    assert lane["fills"] > 4
    taken = counted["taken"]
    assert counted["messages"]["many"] == 13_999
    assert taken["some"] == taken["one"], taken
    assert taken["many"] == taken["one"], taken
    assert taken["many"][0] < 50


def test_an_allocation_a_line_is_counted(counted):
    assert counted["taken"]["planted"][0] >= 200
