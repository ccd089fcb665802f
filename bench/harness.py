"""Runs kernels and their references interleaved and reports each kernel as a ratio to its reference.

A benchmark file ``bench/micro/bench_NOUN.py`` holds ``KERNELS``: a list of ``(name, run_kernel, run_reference)``. Both
callables take no argument, time a batch of their own and return nanoseconds an operation. The reference is a kernel
of the same kind that bot4 does not change (a NumPy loop, a C library call), so that their ratio survives a change of
machine or a busy neighbour better than either figure alone.

A file whose kernels need something that is not everywhere (recorded data) also holds ``ABSENT``: name to reason, of the
kernels it left out this time. They are printed and not taken for deleted ones.

    python bench/harness.py [PART OF A NAME ...]
"""

from __future__ import annotations

import importlib.util
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
MICRO = HERE / "micro"


class Kernel(NamedTuple):
    """One benchmark: what is measured, and against what."""

    name: str
    run: Callable[[], float]
    reference: Callable[[], float]


class Measured(NamedTuple):
    """Medians over the rounds; `ratio` is best round over best round, `spread` half the middle half of round by round.

    Neighbours only ever add time: on a busy machine the ratio of the best rounds repeats to a few percent where that of
    the medians does to tens.
    """

    name: str
    kernel_ns: float
    reference_ns: float
    ratio: float
    spread: float
    rounds: int


class BenchError(RuntimeError):
    """A benchmark that cannot be run as it is written."""


def ns_per_operation(batch: Callable[[], object], operations: int) -> float:
    """Time one batch. For authors of kernels: the loop belongs inside `batch`, without the GIL."""
    start = time.perf_counter_ns()
    batch()
    return (time.perf_counter_ns() - start) / operations


def load_file(path: Path) -> tuple[list[Kernel], dict[str, str]]:
    """Return the kernels of one benchmark file, and those it left out with the reason."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise BenchError(f"{path.name} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    if not hasattr(module, "KERNELS"):
        raise BenchError(f"{path.name} has no KERNELS: a list of (name, run_kernel, run_reference)")
    return [Kernel(*entry) for entry in module.KERNELS], getattr(module, "ABSENT", {})


def load_all(folder: Path = MICRO) -> tuple[list[Kernel], dict[str, str]]:
    """Return the kernels of every ``bench_*.py`` in `folder`, and those left out with the reason."""
    kernels: list[Kernel] = []
    absent: dict[str, str] = {}
    for path in sorted(folder.glob("bench_*.py")):
        here, missing = load_file(path)
        kernels += here
        absent |= missing
    names = [kernel.name for kernel in kernels]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BenchError(f"kernel names must be unique, found twice: {', '.join(twice)}")
    return kernels, absent


def load_kernels(folder: Path = MICRO, only: Iterable[str] = ()) -> list[Kernel]:
    """Return the kernels of `folder`, or those whose name holds a word of `only`."""
    kernels, words = load_all(folder)[0], list(only)
    return [kernel for kernel in kernels if not words or any(word in kernel.name for word in words)]


def measure(kernel: Kernel, *, budget_s: float = 1.0, rounds_min: int = 5, rounds_max: int = 51) -> Measured:
    """Run kernel and reference by turns until the budget is spent.

    The order within a round alternates, so that neither always runs with the other's caches.
    """
    kernel.run()
    kernel.reference()
    ours: list[float] = []
    theirs: list[float] = []
    deadline = time.perf_counter() + budget_s
    while len(ours) < rounds_min or (len(ours) < rounds_max and time.perf_counter() < deadline):
        if len(ours) % 2:
            theirs.append(kernel.reference())
            ours.append(kernel.run())
        else:
            ours.append(kernel.run())
            theirs.append(kernel.reference())
    if min(ours) <= 0 or min(theirs) <= 0:
        raise BenchError(f"{kernel.name}: nanoseconds an operation must be above zero, was {min(*ours, *theirs)}")
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    quarter = len(ratios) // 4
    return Measured(
        name=kernel.name,
        kernel_ns=statistics.median(ours),
        reference_ns=statistics.median(theirs),
        ratio=min(ours) / min(theirs),
        spread=(ratios[-1 - quarter] - ratios[quarter]) / 2,
        rounds=len(ratios),
    )


def row(result: Measured) -> str:
    """One line of the table."""
    return (
        f"{result.name:<44} {result.kernel_ns:>10.2f} {result.reference_ns:>10.2f} {result.ratio:>8.3f} "
        f"{result.spread:>7.3f} {result.rounds:>6}"
    )


HEADER = f"{'kernel':<44} {'ns/op':>10} {'ref ns/op':>10} {'ratio':>8} {'+-':>7} {'rounds':>6}"


def main(words: list[str]) -> int:
    """Print the table of all kernels, or of those whose name holds one of `words`."""
    from machine import conditions  # noqa: PLC0415 - needs the compiled core, the rest of this file does not

    from bot4._core.build_info import require_release  # noqa: PLC0415

    require_release()
    print(*conditions(), sep="\n")
    print(HEADER)
    for kernel in load_kernels(only=words):
        print(row(measure(kernel)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
