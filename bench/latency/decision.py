"""Percentiles of the decision pass: touch -> features -> score -> size -> risk -> breaker -> intent.

    python bench/latency/decision.py

Batches of 64 calls from a compiled loop (bench/native/engine_batches.pyx), the empty timing frame subtracted; printed
is the median over the repetitions of each percentile of a batch's mean. The lane was warmed on a generated market. On a
shared machine the higher percentiles hold the neighbours' work too. Needs Cython and a C compiler.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parents[1]
ROOT = HERE.parent
for folder in (ROOT, HERE, ROOT / "tests"):
    sys.path.insert(0, str(folder))

import numpy as np  # noqa: E402
from builders.engine import assembled, synthetic_capture  # noqa: E402

from bot4._core import clock  # noqa: E402
from bot4._core.build_info import build_info, require_release  # noqa: E402
from bot4._core.engine.engine import Engine  # noqa: E402
from bot4._core.engine.feed import Feed  # noqa: E402

BATCH = 64
BATCHES = 2_000
REPETITIONS = 15
PERCENTILES = (50, 90, 99, 99.9)

BUILD = """
import sys
from Cython.Build import cythonize
from setuptools import Extension, setup

march, output = sys.argv[1:3]
extension = Extension("engine_batches", ["bench/native/engine_batches.pyx"], include_dirs=["bot4/_core/include"],
                      extra_compile_args=["-O3", "-std=gnu11", "-ffp-contract=off"] + [f"-march={march}"] * bool(march))
setup(name="engine_batches", script_args=["-q", "build_ext", "--build-lib", output, "--build-temp", output],
      ext_modules=cythonize([extension], build_dir=output, include_path=["."], quiet=True))
"""


def compiled_loop() -> ModuleType:
    """The timed loops, compiled against the core as it is now."""
    output = ROOT / "build" / "bench"
    march = build_info().march
    command = [sys.executable, "-c", BUILD, "" if march == "default" else march, str(output)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    library = next(output.glob("engine_batches.*.so"))
    spec = importlib.util.spec_from_file_location("engine_batches", library)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def warmed_engine() -> Engine:
    """An engine that has seen enough of a generated market for every feature of the strategy."""
    assembly, _ = assembled()
    Feed(assembly.scanner, assembly.engine).lines(synthetic_capture(10_000), 0, default_instrument=0)
    assembly.engine.drain()
    return assembly.engine


def main() -> int:
    require_release()
    loop, engine = compiled_loop(), warmed_engine()
    figures, asked, admitted = [], 0, 0
    for _ in range(REPETITIONS):
        ticks, empty = np.zeros(BATCHES, np.int64), np.zeros(BATCHES, np.int64)
        more, passed = loop.decision(engine, ticks, empty)
        asked, admitted = asked + more, admitted + passed
        net = np.maximum(ticks - float(np.median(empty)), 0.0)
        figures.append(np.percentile(net, PERCENTILES) * 1e9 / clock.ticks_per_second() / BATCH)
    passes = REPETITIONS * BATCHES * BATCH
    print(f"{passes:,} passes, {asked / passes:.0%} asked for an order, {admitted:,} of {asked:,} admitted")
    for percentile, value in zip(PERCENTILES, np.median(figures, axis=0), strict=True):
        print(f"p{percentile:<5} {value:8.1f} ns a pass")
    return 0


if __name__ == "__main__":
    sys.exit(main())
