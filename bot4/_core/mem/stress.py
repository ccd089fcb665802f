"""Stress of the rings and the pool on this machine: real threads, every record accounted for.

``python -m bot4._core.mem.stress`` runs all of it and prints one line a run; its exit code is 1 if anything FORBIDDEN
was seen. What is ACCEPTABLE and what is FORBIDDEN is written in `include/bot4/stress.h`.
"""

from __future__ import annotations

import argparse
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bot4._core.mem.stress_loops import PoolUnderStress, RingUnderStress, Stress, Tally
from bot4._core.mem.waiter import Waiter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

THREADS = (2, 8, 64, 256)
FORBIDDEN = ("lost", "doubled", "reordered", "torn", "stuck")


@dataclass(frozen=True, slots=True)
class StressReport:
    """What one run showed.

    Attributes
    ----------
    records : int
        Records sent (ring) or records acquired (pool).
    lost, doubled, reordered, torn, stuck : int
        FORBIDDEN outcomes; all zero on a correct primitive.
    seconds : float
        From the first thread's start to the last one's end.
    fairness : float
        Jain's index of what the consumers took (pool: of the threads' own rates): 1 is equal, 1/n is all for one.
    latency_ns : dict[str, float]
        p50, p99 and max of push to pop, from one record in 16; empty where records carry no stamp.

    """

    kind: str
    threads: int
    records: int
    lost: int
    doubled: int
    reordered: int
    torn: int
    stuck: int
    seconds: float
    fairness: float
    latency_ns: dict[str, float]

    @property
    def forbidden(self) -> int:
        """All FORBIDDEN outcomes together."""
        return sum(getattr(self, name) for name in FORBIDDEN)

    @property
    def rate_per_s(self) -> float:
        """Records a second, all threads together."""
        return self.records / self.seconds if self.seconds > 0 else 0.0

    def __str__(self) -> str:
        verdict = "ok" if not self.forbidden else " ".join(f"{name}={getattr(self, name)}" for name in FORBIDDEN)
        latency = "  ".join(f"{name} {value / 1e3:,.1f} us" for name, value in self.latency_ns.items())
        return (
            f"{self.kind:<24} {self.threads:>4} threads {self.records:>9,} records {self.rate_per_s / 1e6:>8.2f} M/s"
            f"  fairness {self.fairness:.2f}  {latency}  {verdict}"
        )


def _jain(shares: Sequence[float]) -> float:
    """Jain's fairness index. Source: Jain, Chiu, Hawe 1984, DEC-TR-301, eq. 1."""
    total = sum(shares)
    return total * total / (len(shares) * sum(share * share for share in shares)) if total else 0.0


def _percentiles(counts: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> dict[str, float]:
    """P50, p99 and max of a latency histogram with eight steps to an octave; the lower edge of the step."""
    total = int(counts.sum())
    if total == 0:
        return {}
    edges = [2.0 ** (3 + bucket // 8) * (1 + bucket % 8 / 8) for bucket in range(len(counts))]
    reached = np.cumsum(counts)
    places = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {name: edges[int(np.searchsorted(reached, max(1, int(total * q))))] for name, q in places.items()}


def _run(stresses: Sequence[Stress], loops: Sequence[Callable[[], None]]) -> None:
    """Run each loop in a thread of its own; all wait at the start line until the last is there."""
    threads = [threading.Thread(target=loop, daemon=True) for loop in loops]
    for thread in threads:
        thread.start()
    pause = threading.Event()
    while sum(stress.at_start() for stress in stresses) < len(threads):
        pause.wait(0.0005)
    for stress in stresses:
        stress.go()
    for thread in threads:
        thread.join()


def _seconds(tallies: Sequence[dict[str, int]]) -> float:
    return (max(tally["end_ns"] for tally in tallies) - min(tally["begin_ns"] for tally in tallies)) / 1e9


def stress_ring(
    kind: str,
    threads: int,
    *,
    records: int = 200_000,
    capacity: int = 1024,
    batch: int = 1,
    park: bool = False,
    patience_s: float = 20.0,
) -> StressReport:
    """Send `records` through rings of `kind` with `threads` threads and account for each.

    Parameters
    ----------
    kind : str
        mpmc_event, mpmc_word: one ring, half of the threads produce. spsc_event, spsc_word: threads / 2 pairs with a
        ring each. lossy: one ring, one producer, the others consume. planted_* and relaxed_*: the controls.
    threads : int
        At least 2.
    records : int
        All producers together; rounded down to a multiple of them.
    capacity : int
        Slots of each ring, a power of two.
    batch : int
        Records a call, 1 to 64.
    park : bool
        Sleep on waiters when full or empty, instead of spin and yield.
    patience_s : float
        A thread without progress for so long counts as stuck.

    """
    if threads < 2:  # noqa: PLR2004 - one of each side
        raise ValueError(f"threads must be at least 2, was {threads}")
    lossy = kind.endswith("lossy")
    paired = "spsc" in kind
    groups = threads // 2 if paired else 1
    producers = 1 if paired or lossy else threads // 2
    consumers = 1 if paired else threads - producers
    per_producer = max(records // (groups * producers), 1)
    loops: list[Callable[[], None]] = []
    stresses: list[Stress] = []
    produced: list[Tally] = []
    consumed: list[Tally] = []
    for _ in range(groups):
        stress = Stress(
            producers=producers,
            per_producer=per_producer,
            batch=batch,
            patience_s=patience_s,
            records=Waiter("park", spins=32, yields=2) if park else None,
            room=Waiter("park", spins=32, yields=2) if park else None,
        )
        ring = RingUnderStress(kind, capacity)
        stresses.append(stress)
        for number in range(producers):
            produced.append(Tally(producers))
            loops.append(lambda r=ring, s=stress, t=produced[-1], n=number: r.produce(s, t, n))  # type: ignore[misc]
        for number in range(consumers):
            consumed.append(Tally(producers))
            loops.append(lambda r=ring, s=stress, t=consumed[-1], n=number: r.consume(s, t, n))  # type: ignore[misc]
    _run(stresses, loops)
    sent = [tally.counters() for tally in produced]
    taken = [tally.counters() for tally in consumed]
    tallies = sent + taken
    return StressReport(
        kind=kind + ("+park" if park else ""),
        threads=len(loops),
        records=sum(tally["moved"] for tally in sent),
        lost=0 if lossy else sum(stress.lost() for stress in stresses),
        doubled=sum(tally["doubled"] for tally in taken),
        reordered=sum(tally["reordered"] for tally in taken),
        torn=sum(tally["torn"] for tally in taken),
        stuck=sum(tally["stuck"] for tally in tallies),
        seconds=_seconds(tallies),
        fairness=_jain([float(tally["moved"]) for tally in taken]),
        latency_ns=_percentiles(np.sum([tally.latency() for tally in consumed], axis=0)),
    )


def stress_pool(
    threads: int, *, rounds: int = 20_000, capacity: int = 4096, planted: bool = False, strict: bool = False
) -> StressReport:
    """Acquire, own, hand over and release records of one pool with `threads` threads.

    `rounds` are shared by all threads; in each a thread takes 1 to 16 records and gives them (or another thread's)
    back, each with a second release that must be refused.
    """
    stress = Stress(producers=threads, per_producer=max(rounds // threads, 1), batch=16, patience_s=20.0)
    pool = PoolUnderStress(capacity, planted=planted, strict=strict)
    tallies = [Tally(threads) for _ in range(threads)]
    _run([stress], [lambda t=tally, n=n: pool.work(stress, t, n) for n, tally in enumerate(tallies)])  # type: ignore[misc]
    counted = [tally.counters() for tally in tallies]
    return StressReport(
        kind="pool" + ("+planted" if planted else "") + ("+strict" if strict else ""),
        threads=threads,
        records=sum(tally["moved"] for tally in counted),
        lost=pool.missing_or_doubled(),
        doubled=sum(tally["doubled"] for tally in counted),
        reordered=sum(tally["reordered"] for tally in counted),
        torn=sum(tally["torn"] for tally in counted),
        stuck=sum(tally["stuck"] for tally in counted),
        seconds=_seconds(counted),
        fairness=_jain([tally["moved"] / max(tally["end_ns"] - tally["begin_ns"], 1) for tally in counted]),
        latency_ns={},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every kind at every thread count; return 1 if anything FORBIDDEN was seen."""
    parser = argparse.ArgumentParser(prog="python -m bot4._core.mem.stress", description=__doc__)
    parser.add_argument("--records", type=int, default=200_000, help="records a run (default 200000)")
    parser.add_argument("--threads", type=int, nargs="+", default=list(THREADS), help="thread counts (2 8 64 256)")
    parser.add_argument("--kind", nargs="+", help="only these: spsc_event spsc_word mpmc_event mpmc_word lossy pool")
    options = parser.parse_args(arguments)
    kinds = options.kind or ["spsc_event", "spsc_word", "mpmc_event", "mpmc_word", "lossy", "pool"]
    forbidden = 0
    for kind in kinds:
        for threads in options.threads:
            if kind == "pool":
                reports = [stress_pool(threads, rounds=options.records // 8)]
            else:
                reports = [stress_ring(kind, threads, records=options.records, batch=batch) for batch in (1, 16)]
                if kind != "lossy" and not kind.startswith(("planted", "relaxed")):
                    reports.append(stress_ring(kind, threads, records=options.records, park=True))
            for report in reports:
                print(report, flush=True)  # noqa: T201 - the command's output
                forbidden += report.forbidden
    return 1 if forbidden else 0


if __name__ == "__main__":
    sys.exit(main())
