"""Percentiles of the order book's delta: batches of 64, re-centring included, the empty timing frame subtracted.

    python bench/latency/book_batches.py

The deltas are applied as the engine applies them (inlined into a compiled loop, here bench/native/book_batches.pyx),
run by turns with the reference book (bench/native/sorted_book.c), several times over; printed is the median over the
repetitions of each percentile. Needs the compiled core in release mode, Cython and a C compiler.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parents[1]
ROOT = HERE.parent
for folder in (ROOT, HERE, HERE / "micro"):
    sys.path.insert(0, str(folder))

import numpy as np  # noqa: E402
from bench_book import SortedBook, filled_book  # noqa: E402
from book_streams import CAPTURES, Stream, drawn, is_recorded, recorded  # noqa: E402

from bot4._core import clock  # noqa: E402
from bot4._core.build_info import build_info, require_release  # noqa: E402

BATCH = 64
REPETITIONS = 15
PERCENTILES = (50, 99, 99.9, 100)

BUILD = """
import sys
from Cython.Build import cythonize
from setuptools import Extension, setup

march, output = sys.argv[1:3]
extension = Extension("book_batches", ["bench/native/book_batches.pyx"], include_dirs=["bot4/_core/include"],
                      extra_compile_args=["-O3", "-std=gnu11", "-ffp-contract=off"] + [f"-march={march}"] * bool(march))
setup(name="book_batches", script_args=["-q", "build_ext", "--build-lib", output, "--build-temp", output],
      ext_modules=cythonize([extension], build_dir=output, include_path=["."], quiet=True))
"""


def compiled_loop() -> ModuleType:
    """The timed loop, compiled against the core as it is now."""
    output = ROOT / "build" / "bench"
    march = build_info().march
    command = [sys.executable, "-c", BUILD, "" if march == "default" else march, str(output)]
    subprocess.run(command, cwd=ROOT, check=True)
    library = next(output.glob("book_batches.*.so"))
    spec = importlib.util.spec_from_file_location("book_batches", library)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def percentiles(loop: ModuleType, stream: Stream) -> tuple[np.ndarray, np.ndarray, int]:
    """ns a delta at PERCENTILES, of the book and of the reference; and how often the book's windows moved."""
    batches = len(stream.deltas.sides) // BATCH
    ours, theirs, moved = [], [], 0
    for _ in range(REPETITIONS):
        ticks, empty, ns = (np.zeros(batches, np.int64) for _ in range(3))
        book = filled_book(stream)
        moves_before = book.recentres(0) + book.recentres(1)
        loop.run(book, *stream.deltas, BATCH, ticks, empty)
        moved = book.recentres(0) + book.recentres(1) - moves_before
        frame = float(np.median(empty))
        ours.append(np.percentile(np.maximum(ticks - frame, 0.0), PERCENTILES) * 1e9 / clock.ticks_per_second() / BATCH)
        reference = SortedBook()
        reference.apply_many(stream.snapshot)
        whole = type(stream.deltas)(*(column[: batches * BATCH] for column in stream.deltas))
        reference.apply_many(whole, ns, BATCH)
        theirs.append(np.percentile(ns, PERCENTILES) / BATCH)
    return np.median(ours, axis=0), np.median(theirs, axis=0), moved


def main() -> int:
    require_release()
    loop = compiled_loop()
    print(f"ns a delta in batches of {BATCH}; one TSC step of 10 ns is {10 / BATCH:.2f} ns a delta")
    heads = " ".join(f"{f'p{percentile:g}':>8}" for percentile in PERCENTILES)
    print(f"{'stream':<16}{'deltas':>9}{'moves':>7} {heads}   | sorted array {heads}")
    streams = {"near": drawn(wide_share=0.0), "wide": drawn(wide_share=0.1)}
    streams |= {f"recorded {name}": recorded(name) for name in CAPTURES if is_recorded(name)}
    for name, stream in streams.items():
        ours, theirs, moved = percentiles(loop, stream)
        row = " ".join(f"{value:>8.1f}" for value in ours), " ".join(f"{value:>8.1f}" for value in theirs)
        print(f"{name:<16}{len(stream.deltas.sides):>9}{moved:>7} {row[0]}   |              {row[1]}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
