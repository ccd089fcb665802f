"""Nothing is allocated for a request: a call over many rows costs exactly what a call over fewer does.

Both counts are above 256, as a greater number is an object that Python allocates.
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
sys.path[:0] = sys.argv[1:3]
import numpy as np
from builders.exchange_flow import Flow, Pair
from bot4._core.sim.exchange_dtype import RESULT_DTYPE

counter = ctypes.CDLL(sys.argv[3]).counted
words = (ctypes.c_uint64 * 3)()
flow, exchange = Flow(3), Pair(with_tiers=True).exchange
taken = {}

def measure(name, rows):
    results = np.zeros(len(rows), RESULT_DTYPE)
    exchange.clear_reports()
    gc.collect()
    gc.disable()
    counter(words)
    before = words[0], words[1], words[2]
    done = exchange.run_requests(rows, results)
    if name == "planted":
        kept = [bytearray(5_000) for _ in rows]
    counter(words)
    taken[name] = [words[i] - before[i] for i in range(3)]
    gc.enable()
    return done

for _ in range(20):
    measure("warm", flow.chunk(100))
fewer = measure("fewer", flow.chunk(300)[:300])
rows = flow.chunk(600)
done = measure("many", rows)
measure("planted", rows[:50])
print(json.dumps({"taken": taken, "done": [fewer, done]}))
"""


@pytest.fixture(scope="module")
def counted(tmp_path_factory) -> dict:
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        pytest.skip("there is no C compiler: the allocation counter cannot be built")
    if "BOT4_SANITIZE" in os.environ:
        pytest.skip("a sanitizer replaces the allocator")
    library = tmp_path_factory.mktemp("native") / "count_allocations.so"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
    done = subprocess.run(
        [sys.executable, "-c", COUNTED, str(ROOT), str(ROOT / "tests"), str(library)],
        env={**os.environ, "LD_PRELOAD": str(library), "PYTHONMALLOC": "malloc", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_request_allocates_nothing(counted):
    fewer, many = counted["done"]
    assert fewer > 256
    assert many > fewer + 200
    assert counted["taken"]["many"] == counted["taken"]["fewer"]


def test_control_a_planted_allocation_is_counted(counted):
    assert counted["taken"]["planted"][0] >= counted["taken"]["fewer"][0] + 50
