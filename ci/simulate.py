"""The compiled core in worlds of one seed each: markets, a venue, a gateway, crashes, with every fault on.

    python ci/simulate.py --seeds 1000 --events 10000      (make simulate SEEDS=1000)
    python ci/simulate.py --seed 17                        (one seed again: what a failure prints)

Ends with 1 where a seed broke a rule (tests/builders/core_world.py), or where a fault or an outcome of an order was
never reached. The digest covers every seed's end: equal for equal code, whatever the hash seed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
for part in (ROOT, ROOT / "tests"):
    sys.path.insert(0, str(part))

from builders.core_world import FAULTS, STATES, World  # noqa: E402


class Outcome:
    """What many seeds came to."""

    def __init__(self) -> None:
        self.reached: Counter[str] = Counter()
        self.failures: list[str] = []
        self.digest = hashlib.sha256()
        self.seeds = self.events = self.orders = self.trades = 0

    @property
    def missing(self) -> list[str]:
        """Return the faults and outcomes that never happened."""
        return sorted(word for word in FAULTS | STATES if not self.reached[word])

    @property
    def holds(self) -> bool:
        """Whether no seed broke a rule and everything was reached."""
        return not self.failures and not self.missing


def simulate(seeds: Iterable[int], *, events: int = 10_000, plant: str = "") -> Outcome:
    """Live every seed; journals lie in memory where there is a folder in it."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of a random name is made in it
    outcome = Outcome()
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        for seed in seeds:
            world = World(seed, Path(folder), events=events, plant=plant)
            try:
                outcome.digest.update(world.live().encode())
            except AssertionError as broken:
                outcome.failures.append(str(broken))
            outcome.reached += world.reached
            outcome.seeds += 1
            outcome.events += len(world.market) * world.market.shape[1]
            outcome.orders += len(world.seen)
            outcome.trades += len(world.trades)
    return outcome


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1_000)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--seed", type=int, help="this one alone")
    given = parser.parse_args()
    used = time.process_time()
    seeds = range(given.seeds) if given.seed is None else [given.seed]
    outcome = simulate(seeds, events=given.events)
    for word, times in outcome.reached.most_common():
        print(f"  {times:>8} x {word}", file=sys.stderr)
    for line in outcome.failures[:20]:
        print(f"{line}\n    again: python ci/simulate.py --seed {line.split()[1].rstrip(',')} --events {given.events}")
    if given.seed is None and outcome.missing:
        print(f"never reached: {' '.join(outcome.missing)}")
    counted = f"seeds={outcome.seeds} events={outcome.events} orders={outcome.orders} trades={outcome.trades}"
    digest = outcome.digest.hexdigest()[:16]
    print(f"{counted} failures={len(outcome.failures)} digest={digest} cpu_s={time.process_time() - used:.0f}")
    return 0 if not outcome.failures and (given.seed is not None or not outcome.missing) else 1


if __name__ == "__main__":
    sys.exit(main())
