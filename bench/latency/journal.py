"""Percentiles of the order path through the journal: from an order asked for to its intent in the gateway's ring.

    python bench/latency/journal.py

Each order passes gate, risk, account and breaker, is journalled (a control record and the intent) and pushed. `group`
writes before it sends, while another thread syncs every 10 ms as a session does; `paranoid` waits for the disk first.
Timed in Python, around one call: some 0.5 us of that is the call. The journal lies in the current directory.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT, ROOT / "tests"):
    sys.path.insert(0, str(folder))

import numpy as np  # noqa: E402
from builders.engine import Rig, depth, report  # noqa: E402

from bot4._core import clock  # noqa: E402
from bot4._core.build_info import require_release  # noqa: E402
from bot4._core.engine.control import ControlCode  # noqa: E402
from bot4._core.engine.link import VenueLink  # noqa: E402
from bot4._core.engine.runner import ShardRunner  # noqa: E402
from bot4._core.types import EventKind  # noqa: E402

PERCENTILES = (50, 99, 99.9, 100)
ORDERS = {"group": 50_000, "paranoid": 1_000}
PLACE, OPEN = int(ControlCode.CONTROL_PLACE), int(ControlCode.CONTROL_GATE_OPEN)


def measure(folder: Path, policy: str) -> np.ndarray:
    """Nanoseconds of each order."""
    rig = Rig(
        journal=folder / policy, link=VenueLink(), policy={"enter_score": 10.0, "take_score": 10.0},
        gate={"orders_per_period": 10**6, "burst": 10**6}, engine={"sync_orders": policy == "paranoid"},
    )  # fmt: skip
    runner, engine, now = ShardRunner(rig.engine), rig.engine, clock.SystemClock().monotonic_ns
    rig.apply(depth(0, 0, 100, [(99_999, 50)], [(100_001, 50)], snapshot=True))
    engine.control(OPEN)
    over = threading.Event()

    def sync() -> None:
        while not over.wait(0.010):
            rig.journal.sync()

    syncing = threading.Thread(target=sync)
    syncing.start()
    taken = np.empty(ORDERS[policy], np.int64)
    for number in range(len(taken)):
        begun = now()
        engine.control(PLACE, instrument=0, value=99_990, qty_lots=10)
        taken[number] = now() - begun
        (intent,) = runner.take_intents(4)
        engine.apply(report(EventKind.EVENT_ORDER_CANCELED, int(intent["order_id"])))
    over.set()
    syncing.join()
    rig.journal.close()
    return taken


def main() -> None:
    """Measure both policies and print."""
    require_release()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        for policy in ORDERS:
            taken = measure(Path(folder), policy)
            shown = "  ".join(f"p{p:g} {np.percentile(taken, p) / 1_000:.1f}" for p in PERCENTILES)
            print(f"{policy:<9} {len(taken):>6} orders, us: {shown}")


if __name__ == "__main__":
    main()
