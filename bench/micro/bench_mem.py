"""Rings and pool: one thread there and back, two threads, 2 to 256 threads, acquire and release.

The references are in bench/native/mem_reference.c: a plain SPSC ring with cached indices and wrap by comparison, a ring
under a mutex, malloc and free. `python bench/micro/bench_mem.py` prints the threaded figures as well: round trip and
throughput of two threads beside the machine's own cache-line round trip, the park strategy, and 2, 8, 64, 256 threads.
"""

from __future__ import annotations

import ctypes
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
if __name__ == "__main__":
    sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent)]

import native  # noqa: E402
from harness import ns_per_operation  # noqa: E402

from bot4._core.mem import timing  # noqa: E402
from bot4._core.mem.lossy_ring import LossyRing  # noqa: E402
from bot4._core.mem.mpmc_ring import MpmcRing, MpmcWordRing  # noqa: E402
from bot4._core.mem.object_pool import ObjectPool  # noqa: E402
from bot4._core.mem.spsc_ring import SpscRing, SpscWordRing  # noqa: E402
from bot4._core.mem.stress import stress_ring  # noqa: E402
from bot4._core.mem.waiter import Waiter  # noqa: E402

CAPACITY = 1024
TURNS = 200_000
HELD = 4_096  # far above a cache's 64: every batch goes through the shared ring
# Valgrind runs one thread at a time, some fifty times slower; what waits there is not counted as repeatable anyway.
UNDER_VALGRIND = "vgpreload" in os.environ.get("LD_PRELOAD", "")
SENT = 2_000 if UNDER_VALGRIND else 200_000
SUSTAINED = 2_560 if UNDER_VALGRIND else 1_000_000  # 256 threads need a few thousand records each to get going
TRIPS = 20_000
PARKED = Waiter("park")

WORDS = SpscWordRing(CAPACITY)
EVENTS = SpscRing(CAPACITY)
SHARED_WORDS = MpmcWordRing(CAPACITY)
SHARED_EVENTS = MpmcRing(CAPACITY)
LOSSY = LossyRing(CAPACITY)
CURSOR = LOSSY.cursor()
CACHE = ObjectPool(10_000, 64).cache()


def reference_functions() -> ctypes.CDLL | None:
    """The reference loops, with their argument types; None without a compiler."""
    library = native.load("mem_reference")
    if library is None:
        return None
    for name in ("plain_words", "plain_records"):
        getattr(library, f"{name}_new").restype = ctypes.c_void_p
        for loop in ("send", "receive", "cycle"):
            getattr(library, f"{name}_{loop}").argtypes = [ctypes.c_void_p, ctypes.c_uint64]
    library.locked_words_cycle.argtypes = library.locked_records_cycle.argtypes = [ctypes.c_void_p, ctypes.c_uint64]
    library.malloc_hot.argtypes = [ctypes.c_uint64]
    library.malloc_cold.argtypes = [ctypes.c_uint64, ctypes.c_uint64]
    return library


REFERENCE = reference_functions()
PLAIN_WORDS = REFERENCE.plain_words_new() if REFERENCE else None
PLAIN_RECORDS = REFERENCE.plain_records_new() if REFERENCE else None


def timed(loop: Callable[..., object], *arguments: object, turns: int = TURNS) -> Callable[[], float]:
    """Nanoseconds a turn of a loop that takes the turns last."""
    return lambda: ns_per_operation(lambda: loop(*arguments, turns), turns)


def two_threads(first: Callable[[], object], second: Callable[[], object], operations: int) -> float:
    """Nanoseconds an operation of two loops that run at the same time."""
    other = threading.Thread(target=second)
    start = time.perf_counter_ns()
    other.start()
    first()
    other.join()
    return (time.perf_counter_ns() - start) / operations


def throughput_words() -> float:
    return two_threads(lambda: timing.send_words(WORDS, SENT), lambda: timing.receive_words(WORDS, SENT), SENT)


def throughput_plain_words() -> float:
    return two_threads(
        lambda: REFERENCE.plain_words_send(PLAIN_WORDS, SENT),
        lambda: REFERENCE.plain_words_receive(PLAIN_WORDS, SENT),
        SENT,
    )


def throughput_events(batch: int = 1) -> float:
    return two_threads(
        lambda: timing.send_events(EVENTS, SENT, batch), lambda: timing.receive_events(EVENTS, SENT, batch), SENT
    )


def throughput_plain_records() -> float:
    return two_threads(
        lambda: REFERENCE.plain_records_send(PLAIN_RECORDS, SENT),
        lambda: REFERENCE.plain_records_receive(PLAIN_RECORDS, SENT),
        SENT,
    )


def round_trip() -> float:
    there, back = SpscWordRing(CAPACITY), SpscWordRing(CAPACITY)
    return two_threads(
        lambda: timing.ping_words(there, back, TRIPS), lambda: timing.echo_words(there, back, TRIPS), TRIPS
    )


def shared_round_trip() -> float:
    there, back = MpmcWordRing(CAPACITY), MpmcWordRing(CAPACITY)
    return two_threads(
        lambda: timing.ping_shared_words(there, back, TRIPS),
        lambda: timing.echo_shared_words(there, back, TRIPS),
        TRIPS,
    )


def mpmc_threads(threads: int, kind: str = "mpmc_word", records: int = SUSTAINED) -> Callable[[], float]:
    """Nanoseconds a record with so many threads, as the stress harness counts them."""
    return lambda: 1e9 / stress_ring(kind, threads, records=records, capacity=CAPACITY).rate_per_s


# Two threads that share nothing but a ring are too much at the mercy of where they run to be gated; main prints them.
ABSENT: dict[str, str] = {}
KERNELS: list[tuple[str, Callable[[], float], Callable[[], float]]] = [
    ("mpmc.word 256 threads / 8 threads", mpmc_threads(256), mpmc_threads(8)),
]
NATIVE_KERNELS = {
    "spsc.word / plain ring": lambda lib: (
        timed(timing.spsc_words, WORDS),
        timed(lib.plain_words_cycle, PLAIN_WORDS),
    ),
    "spsc.event / plain ring": lambda lib: (
        timed(timing.spsc_events, EVENTS),
        timed(lib.plain_records_cycle, PLAIN_RECORDS),
    ),
    "mpmc.word / locked ring": lambda lib: (
        timed(timing.mpmc_words, SHARED_WORDS),
        timed(lib.locked_words_cycle, PLAIN_WORDS),
    ),
    "mpmc.event / locked ring": lambda lib: (
        timed(timing.mpmc_events, SHARED_EVENTS),
        timed(lib.locked_records_cycle, PLAIN_RECORDS),
    ),
    "lossy.event / plain ring": lambda lib: (
        timed(timing.lossy_events, LOSSY, CURSOR),
        timed(lib.plain_records_cycle, PLAIN_RECORDS),
    ),
    "pool.hot / malloc": lambda lib: (timed(timing.pool_hot, CACHE), timed(lib.malloc_hot)),
    "pool.cold / malloc": lambda lib: (timed(timing.pool_cold, CACHE, HELD), timed(lib.malloc_cold, HELD)),
}
for label, make in NATIVE_KERNELS.items():
    if REFERENCE is None:
        ABSENT[label] = "bench/native/mem_reference.c does not compile here"
    else:
        KERNELS.append((label, *make(REFERENCE)))


def interleaved(rows: dict[str, Callable[[], float]], rounds: int = 7) -> dict[str, tuple[float, float]]:
    """Median and least nanoseconds of each row, one round after the other."""
    figures: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(rounds):
        for name, run in rows.items():
            figures[name].append(run())
    return {name: (statistics.median(values), min(values)) for name, values in figures.items()}


def main() -> None:
    import machine  # noqa: PLC0415 - needed by the command alone

    print(*machine.conditions(), sep="\n")
    line_ns = machine.line_round_trip_ns
    rows: dict[str, Callable[[], float]] = {}
    for name, run, reference in KERNELS[1:]:
        kernel, _, other = name.partition(" / ")
        rows[kernel], rows[f"{other} ({kernel})"] = run, reference
    if REFERENCE:
        rows["spsc.word two threads"], rows["plain ring (spsc.word two threads)"] = (
            throughput_words,
            throughput_plain_words,
        )
        rows["spsc.event two threads"] = throughput_events
        rows["plain ring (spsc.event two threads)"] = throughput_plain_records
    rows |= {
        "spsc.word + notify of a parked waiter": lambda: ns_per_operation(
            lambda: timing.spsc_words(WORDS, TURNS, PARKED), TURNS
        ),
        "spsc.event + notify of a parked waiter": lambda: ns_per_operation(
            lambda: timing.spsc_events(EVENTS, TURNS, PARKED), TURNS
        ),
        "spsc.event two threads, batches of 16": lambda: throughput_events(16),
        "spsc.word round trip, two threads": round_trip,
        "mpmc.word round trip, two threads": shared_round_trip,
        "cache-line round trip, two threads": lambda: line_ns(tries=1) or float("nan"),
    }
    for kind in ("mpmc_word", "mpmc_event"):
        rows |= {f"{kind} {threads} threads": mpmc_threads(threads, kind) for threads in (2, 8, 64, 256)}
    print(f"{'':<56} {'median':>9} {'least':>9}  ns/op")
    figures = interleaved(rows)
    for name, (median, least) in figures.items():
        print(f"{name:<56} {median:>9.2f} {least:>9.2f}")
    line = figures["cache-line round trip, two threads"][0]
    for kind in ("spsc.word", "mpmc.word"):
        print(f"{kind} round trip / line round trip: {figures[f'{kind} round trip, two threads'][0] / line:.2f}")
    for kind in ("mpmc_word", "mpmc_event"):
        print(f"{kind} rate at 256 / at 8: {figures[f'{kind} 8 threads'][0] / figures[f'{kind} 256 threads'][0]:.2f}")
    for threads in (2, 8, 64, 256):
        print(stress_ring("mpmc_event", threads, records=SUSTAINED, capacity=CAPACITY))


def bench_spsc_events(benchmark) -> None:
    benchmark(timing.spsc_events, EVENTS, 10_000)


def bench_mpmc_events(benchmark) -> None:
    benchmark(timing.mpmc_events, SHARED_EVENTS, 10_000)


def bench_pool_hot(benchmark) -> None:
    benchmark(timing.pool_hot, CACHE, 10_000)


if __name__ == "__main__":
    main()
