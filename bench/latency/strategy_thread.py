"""A strategy in Python on its own thread: from a quote that wakes the shard to its method, and to its intent.

    python bench/latency/strategy_thread.py [--events N] [--rate N] [--busy] [--json]

The shard runs as in a live run, on a thread of its own that never holds the interpreter; the strategy answers each
quote with an order. Quotes come at a fixed rate whatever the strategy does (open loop). "called" is when `on_book`
began, "intent" when the thread that stands for the gateway, asleep on the ring's eventfd, had it in its hands; both
are counted from the moment the quote was handed to the shard. With `--busy` another thread runs Python all the time,
as the gateway's and the store's may: the interpreter is given up every five milliseconds only. A book that changed
again before the strategy looked is told once: such quotes are counted as "merged", and time runs from the newest.
"""

from __future__ import annotations

import argparse
import json
import select
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT, ROOT / "tests"):
    sys.path.insert(0, str(folder))

import numpy as np  # noqa: E402
from builders.engine import Rig, quote  # noqa: E402

from bot4._core.engine.control import ControlCode  # noqa: E402
from bot4._core.engine.link import VenueLink  # noqa: E402
from bot4._core.engine.runner import ShardRunner  # noqa: E402
from bot4._core.engine.strategy_thread import ThreadedHost  # noqa: E402
from bot4.strategy.base import Strategy  # noqa: E402

WARM_UP = 100


class Answers(Strategy):
    """Asks for one order at each quote and notes when."""

    def __init__(self) -> None:
        self.called_ns: list[int] = []
        self.seen: list[int] = []  # the quote's number, which is in its quantity

    def on_book(self, market) -> None:
        self.called_ns.append(time.monotonic_ns())
        self.seen.append(market.bid_lots - 50)
        market.buy(1, market.bid_ticks - 1_000 - len(self.called_ns) % 500, post_only=True)


class Desk:
    """The shard, the strategy and what stands for the gateway, each on its thread."""

    def __init__(self, events: int, folder: Path) -> None:
        self.strategy = Answers()
        open_orders = {"max_open_orders": 64, "orders_per_period": 10**6, "burst": 10**6, "max_long_lots": 10**12}
        self.rig = Rig(link=VenueLink(intents_capacity=2_048), gate=open_orders, journal=folder / "journal")
        self.runner = ShardRunner(self.rig.engine)
        self.host = ThreadedHost(self.strategy, self.rig.engine, wants=("book",), records=self.runner.records)
        self.rig.engine.control(int(ControlCode.CONTROL_GATE_OPEN))
        self.rig.engine.set_strategy(self.host, features=False)
        self.runner.take_asks(self.host.asks)
        self.taken_ns: list[int] = []
        self.is_over = False
        self.events = min(events, 60)  # working orders that are never answered: one round has room for so many
        self.threads = [threading.Thread(target=work) for work in (self.runner.run, self.host.run, self._take)]

    def _take(self) -> None:
        poller = select.poll()
        poller.register(self.runner.intents_fileno(), select.POLLIN)
        while not self.is_over:
            if self.runner.arm_intents():
                poller.poll(100)
            self.runner.acknowledge_intents()
            now = time.monotonic_ns()
            self.taken_ns += [now] * len(self.runner.take_intents(64))

    def run(self, rate: int) -> tuple[list[int], list[int]]:
        """One round; nanoseconds to the call and to the intent."""
        rows = [quote(index + 1, index + 1, (100_000, 50 + index), (100_002, 50)) for index in range(self.events)]
        for thread in self.threads:
            thread.start()
        due, pushed_ns = time.monotonic_ns(), []
        for row in rows:
            due += 1_000_000_000 // rate
            while (left := due - time.monotonic_ns()) > 0:
                time.sleep(left / 1e9)
            pushed_ns.append(time.monotonic_ns())
            self.runner.ring.push_wait(row, self.runner.room, self.runner.records, 5.0)
        deadline = time.monotonic() + 5.0
        seen = self.strategy.seen
        while not seen or seen[-1] != self.events - 1 or len(self.taken_ns) < len(seen):
            if time.monotonic() > deadline:
                raise SystemExit(f"{self.events} quotes, {len(seen)} calls, {len(self.taken_ns)} intents")
            time.sleep(0.005)
        self.is_over = True
        self.runner.stop()
        self.host.finish()
        for thread in self.threads:
            thread.join()
        called = [at - pushed_ns[number] for at, number in zip(self.strategy.called_ns, seen, strict=True)]
        return called, [at - pushed_ns[number] for at, number in zip(self.taken_ns, seen, strict=True)]


def measure(events: int, rate: int, *, is_busy: bool) -> dict[str, float]:
    """Rounds until there are enough; microseconds."""
    stop = threading.Event()
    neighbour = threading.Thread(target=lambda: all(not stop.is_set() for _ in iter(int, 1)))
    if is_busy:
        neighbour.start()
    called: list[int] = []
    taken: list[int] = []
    rounds = 0
    try:
        while len(called) < events + WARM_UP:
            with tempfile.TemporaryDirectory() as folder:
                one, two = Desk(events, Path(folder)).run(rate)
            rounds += 1
            called += one
            taken += two
    finally:
        stop.set()
    figures = {"answers": float(len(called) - WARM_UP), "merged": float(rounds * min(events, 60) - len(called))}
    for name, values in (("called", called), ("intent", taken)):
        for share in (50, 99):
            figures[f"{name}_us_p{share}"] = round(float(np.percentile(values[WARM_UP:], share)) / 1_000, 1)
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = measure(options.events, options.rate, is_busy=options.busy)
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:<16}{value:>12,.1f}")


if __name__ == "__main__":
    main()
