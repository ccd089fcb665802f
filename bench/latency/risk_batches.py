"""Percentiles of the risk room's calls: batches of 64, the empty timing frame subtracted.

    python bench/latency/risk_batches.py

The calls are made as the engine makes them, from a compiled loop (bench/native/risk_batches.pyx); printed is the median
over the repetitions of each percentile. On a shared machine the higher ones hold the neighbours' work too. Needs the
compiled core in release mode, Cython and a C compiler.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parents[1]
ROOT = HERE.parent
for folder in (ROOT, HERE, HERE / "micro"):
    sys.path.insert(0, str(folder))

import bench_risk  # noqa: E402
import numpy as np  # noqa: E402

from bot4._core import clock  # noqa: E402
from bot4._core.build_info import build_info, require_release  # noqa: E402
from bot4._core.risk.breaker import Breaker  # noqa: E402
from bot4._core.risk.idempotency import IdempotencyStore  # noqa: E402
from bot4._core.risk.token_bucket import TokenBucketGate  # noqa: E402

BATCH = 64
BATCHES = 2000
REPETITIONS = 15
PERCENTILES = (50, 90, 99, 99.9)

BUILD = """
import sys
from Cython.Build import cythonize
from setuptools import Extension, setup

march, output = sys.argv[1:3]
extension = Extension("risk_batches", ["bench/native/risk_batches.pyx"], include_dirs=["bot4/_core/include"],
                      extra_compile_args=["-O3", "-std=gnu11", "-ffp-contract=off"] + [f"-march={march}"] * bool(march))
setup(name="risk_batches", script_args=["-q", "build_ext", "--build-lib", output, "--build-temp", output],
      ext_modules=cythonize([extension], build_dir=output, include_path=["."], quiet=True))
"""


def compiled_loop() -> ModuleType:
    """The timed loops, compiled against the core as it is now."""
    output = ROOT / "build" / "bench"
    march = build_info().march
    command = [sys.executable, "-c", BUILD, "" if march == "default" else march, str(output)]
    subprocess.run(command, cwd=ROOT, check=True)
    library = next(output.glob("risk_batches.*.so"))
    spec = importlib.util.spec_from_file_location("risk_batches", library)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def percentiles(run: Callable[[np.ndarray, np.ndarray], object], batches: int = BATCHES) -> np.ndarray:
    """ns an operation at PERCENTILES."""
    figures = []
    for _ in range(REPETITIONS):
        ticks, empty = np.zeros(batches, np.int64), np.zeros(batches, np.int64)
        run(ticks, empty)
        net = np.maximum(ticks - float(np.median(empty)), 0.0)
        figures.append(np.percentile(net, PERCENTILES) * 1e9 / clock.ticks_per_second() / BATCH)
    return np.median(figures, axis=0)


def main() -> int:
    require_release()
    loop = compiled_loop()
    hot, every = bench_risk.ROWS[: bench_risk.IDS_HOT], bench_risk.ROWS
    stores = {len(rows): IdempotencyStore(seed=1) for rows in (hot, every)}
    for rows in (hot, every):
        loop.ids(stores[len(rows)], rows, True, *(np.zeros(len(rows) // BATCH, np.int64) for _ in range(2)))
    intents, now_ns = bench_risk.INTENTS, bench_risk.NOW_NS
    shuffled = np.ascontiguousarray(every[np.random.default_rng(1).permutation(len(every))])
    runs: dict[str, tuple[Callable[[np.ndarray, np.ndarray], object], int]] = {
        "breaker admit + readmit, each": (lambda t, e: loop.breaker(Breaker(), t, e), BATCHES),
        "risk check, 2 recent orders": (lambda t, e: loop.risk(bench_risk.QUIET, intents, now_ns, t, e), BATCHES),
        "risk check, 57 recent orders": (lambda t, e: loop.risk(bench_risk.BUSY, intents, now_ns, t, e), BATCHES),
        "id lookup, 2,048 ids": (lambda t, e: loop.ids(stores[len(hot)], hot, False, t, e), len(hot) // BATCH),
        "id duplicate, 2,048 ids": (lambda t, e: loop.ids(stores[len(hot)], hot, True, t, e), len(hot) // BATCH),
        "id new, 2,048 ids, cold store": (
            lambda t, e: loop.ids(IdempotencyStore(seed=1), hot, True, t, e), len(hot) // BATCH
        ),
        "id lookup, 196,608 ids shuffled": (lambda t, e: loop.ids(stores[len(every)], shuffled, False, t, e), 3072),
        "token bucket take": (
            lambda t, e: loop.bucket(
                TokenBucketGate(tokens=10, period_ns=10**9, burst=20), bench_risk.TIMES, t, e
            ),
            BATCHES,
        ),
    }  # fmt: skip
    print(f"ns an operation in batches of {BATCH}; one TSC step of 10 ns is {10 / BATCH:.2f} ns an operation")
    print(f"{'operation':<34}" + " ".join(f"{f'p{percentile:g}':>8}" for percentile in PERCENTILES))
    for name, (run, batches) in runs.items():
        print(f"{name:<34}" + " ".join(f"{value:>8.1f}" for value in percentiles(run, batches)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
