"""Percentiles of the exchange's order path and of matching alone: CPU time of batches of 64 requests.

    python bench/latency/exchange_batches.py

One call of `run_requests` (or of `MatchingBook.run`) is one batch; what an empty call costs is subtracted. CPU time of
the thread, so that neighbours on the core show only in its caches. Printed is the median over the repetitions of each
percentile, per request. Needs the compiled core in release mode.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
for folder in (HERE.parent, HERE, HERE / "micro"):
    sys.path.insert(0, str(folder))

import bench_matching  # noqa: E402
import numpy as np  # noqa: E402

from bot4._core.build_info import require_release  # noqa: E402

BATCH = 64
REPETITIONS = 9
PERCENTILES = (50, 90, 99, 99.9)


def timed(run: Callable[[np.ndarray], object], rows: np.ndarray) -> np.ndarray:
    """Nanoseconds a request of each batch, an empty call subtracted."""
    parts = [rows[start : start + BATCH] for start in range(0, len(rows) - BATCH + 1, BATCH)]
    empty = min(_call(run, rows[:0]) for _ in range(200))
    return np.array([_call(run, part) - empty for part in parts]) / BATCH


def _call(run: Callable[[np.ndarray], object], part: np.ndarray) -> int:
    start = time.thread_time_ns()
    run(part)
    return time.thread_time_ns() - start


def exchange_batches() -> np.ndarray:
    exchange = bench_matching.funded_exchange()
    results = np.zeros(BATCH, bench_matching.RESULT_DTYPE)

    def run(part: np.ndarray) -> None:
        done = 0
        while done < len(part):
            done += exchange.run_requests(part[done:], results[done:])
        exchange.clear_reports()

    return timed(run, bench_matching.REQUESTS)


def matching_batches() -> np.ndarray:
    book = bench_matching.fresh()

    def run(part: np.ndarray) -> None:
        book.run(part)
        book.clear_events()

    return timed(run, bench_matching.MIXED)


def main() -> int:
    """Print the table."""
    require_release()
    print(f"{'':<28}" + "".join(f"{f'p{p}':>10}" for p in PERCENTILES) + "   ns a request")
    for name, batches in (("exchange, running market", exchange_batches), ("matching alone", matching_batches)):
        found = [np.percentile(batches(), PERCENTILES) for _ in range(REPETITIONS)]
        print(f"{name:<28}" + "".join(f"{value:>10.1f}" for value in np.median(found, axis=0)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
