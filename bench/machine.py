"""Under what conditions figures were taken: printed above every table, recorded in every baseline."""

from __future__ import annotations

import ctypes
import os
import platform
import statistics
import threading
import time
import zlib
from pathlib import Path

import native

from bot4._core import clock
from bot4._core.build_info import build_info


def cpu_model() -> str:
    """Name, family and model of the processor as the system gives them."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    pairs = [line.partition(":") for line in lines]
    fields = {key.strip(): value.strip() for key, colon, value in reversed(pairs) if colon}
    name = fields.get("model name", platform.machine())
    return f"{name} family {fields.get('cpu family', '?')} model {fields.get('model', '?')}"


def machine_class() -> dict[str, str]:
    """What must agree for two ratios, or two instruction counts, to be comparable at all."""
    info = build_info()
    return {
        "cpu": cpu_model(),
        "march": info.march,
        "compiler": info.compiler,
        "cython": info.cython,
        "python": ".".join(platform.python_version_tuple()[:2]),
    }


def line_round_trip_ns(tries: int = 5, rounds: int = 20_000) -> float | None:
    """Best of a few runs of two threads handing one cache line to and fro; None without a compiler."""
    library = native.load("line_round_trip")
    if library is None:
        return None
    library.line_round_trip_ns.restype = ctypes.c_double
    library.line_round_trip_ns.argtypes = [ctypes.c_uint64]
    return min(library.line_round_trip_ns(rounds) for _ in range(tries))


def _work(megabytes: int) -> None:
    block = bytes(1 << 20)
    for _ in range(megabytes):
        zlib.crc32(block)  # releases the GIL


def effective_cores(megabytes: int = 64) -> float:
    """How many cores' worth of work all threads together get done now: below the count while others work here."""
    threads = len(os.sched_getaffinity(0))
    ratios = []
    for _ in range(3):
        start = time.perf_counter()
        _work(megabytes)
        alone = time.perf_counter() - start
        workers = [threading.Thread(target=_work, args=(megabytes,)) for _ in range(threads)]
        start = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        ratios.append(threads * alone / (time.perf_counter() - start))
    return min(statistics.median(ratios), float(threads))


def conditions() -> list[str]:
    """Lines to print above a table of figures."""
    info, costs = build_info(), clock.read_costs()
    trip = line_round_trip_ns()
    build = f"{info.mode}, -march={info.march}, {info.compiler}, Cython {info.cython}"
    reading = f"{costs['ticks_ns']:.1f} ns (CLOCK_MONOTONIC {costs['monotonic_ns']:.1f} ns)"
    return [
        f"machine     {cpu_model()}, {os.cpu_count()} cores, {effective_cores():.1f} effective now",
        f"build       {build}, Python {platform.python_version()}",
        f"resolution  {clock.tick_source()} ticks of {costs['tick_step_ns']:.1f} ns, a reading costs {reading}",
        "line trip   " + (f"{trip:.0f} ns to another thread and back" if trip else "not measured: no C compiler here"),
    ]
