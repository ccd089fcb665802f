"""The compiled core in worlds of one seed each: markets, a venue, a gateway, crashes, with every fault on.

    python ci/simulate.py --seeds 1000 --events 10000      (make simulate SEEDS=1000)
    python ci/simulate.py --seed 17                        (one seed again: what a failure prints)
    python ci/simulate.py --adapters --seeds 200           (make simulate-adapters)
    python ci/simulate.py --adapters --seed 17             (make simulate-adapters SEED=17)

With --adapters it is Binance's feed, gateway and user stream on an event loop of virtual time, against a venue in
memory (tests/builders/adapter_world.py): some 50 seconds of the loop's time a seed.

Ends with 1 where a seed broke a rule (tests/builders/core_world.py), or where a fault or an outcome of an order was
never reached. The digest covers every seed's end: equal for equal code, whatever the hash seed.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
for part in (ROOT, ROOT / "tests"):
    sys.path.insert(0, str(part))

from builders import adapter_world  # noqa: E402
from builders.core_world import FAULTS, STATES, World  # noqa: E402


class Outcome:
    """What many seeds came to; `wanted` has to be reached."""

    def __init__(self, wanted: Iterable[str] = FAULTS | STATES) -> None:
        self.wanted = frozenset(wanted)
        self.reached: Counter[str] = Counter()
        self.failures: list[str] = []
        self.digest = hashlib.sha256()
        self.seeds = self.events = self.orders = self.trades = 0
        self.seconds = 0.0  # of virtual time

    @property
    def missing(self) -> list[str]:
        """Return the faults and outcomes that never happened."""
        return sorted(word for word in self.wanted if not self.reached[word])

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


def simulate_adapters(seeds: Iterable[int], *, plant: Callable[[adapter_world.World], None] | None = None) -> Outcome:
    """Live every seed of the adapters' world."""
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # its handlers are cut off on purpose
    outcome = Outcome(adapter_world.FAULTS | adapter_world.OUTCOMES)
    for seed in seeds:
        world = adapter_world.World(seed, plant=plant)
        began_s = world.loop.time()
        try:
            outcome.digest.update(world.live().encode())
        except AssertionError as broken:
            outcome.failures.append(str(broken))
        outcome.reached += world.reached
        outcome.seeds += 1
        outcome.events += world.streams.beats
        outcome.orders += world.orders
        outcome.trades += world.trades
        outcome.seconds += world.loop.time() - began_s
    return outcome


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adapters", action="store_true", help="the adapters in virtual time instead of the core")
    parser.add_argument("--seeds", type=int, help="1,000 of the core, 200 of the adapters")
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--seed", type=int, help="this one alone")
    given = parser.parse_args()
    used = time.process_time()
    seeds = range(given.seeds or (200 if given.adapters else 1_000)) if given.seed is None else [given.seed]
    outcome = simulate_adapters(seeds) if given.adapters else simulate(seeds, events=given.events)
    more = "--adapters " if given.adapters else ""
    end = "" if given.adapters else f" --events {given.events}"
    for word, times in outcome.reached.most_common():
        print(f"  {times:>8} x {word}", file=sys.stderr)
    for line in outcome.failures[:20]:
        print(f"{line}\n    again: python ci/simulate.py {more}--seed {line.split()[1].rstrip(',')}{end}")
    if given.seed is None and outcome.missing:
        print(f"never reached: {' '.join(outcome.missing)}")
    counted = f"seeds={outcome.seeds} events={outcome.events} orders={outcome.orders} trades={outcome.trades}"
    counted += f" virtual_s={outcome.seconds:.0f}" if given.adapters else ""
    digest = outcome.digest.hexdigest()[:16]
    print(f"{counted} failures={len(outcome.failures)} digest={digest} cpu_s={time.process_time() - used:.0f}")
    return 0 if not outcome.failures and (given.seed is not None or not outcome.missing) else 1


if __name__ == "__main__":
    sys.exit(main())
