"""Round trip and throughput of two threads over each ring, beside those of a bare cache line and of a bare slot.

    python bench/latency/ring_pairs.py [ROUNDS]

Every window (200 round trips, or 10,000 records one way) has two windows of the bare cache line right before it, looked
at with a pause at every look, as the rings are, and in a plain loop (`plain`), and one of a slot each way: one line
with a message in it, written by one side and looked at by the other, the least that any channel is which does not put
the answer where the question stood. A ratio is of such neighbours, and what is printed is the median of them, once for
windows where the two cores were near (line round trip under 250 ns) and once where they were far. A virtual machine may
move its cores between the two within a run. Windows in which a neighbour held a core (line above 1.2 us) are left out,
and counted. The plain ring (`/ ring`: what it takes a record over what the ring takes) remembers the other side's index
and wraps by comparison.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(HERE.parent), str(HERE)]

import machine  # noqa: E402
import native  # noqa: E402
import numpy as np  # noqa: E402

from bot4._core.build_info import require_release  # noqa: E402

NAMES = ("plain ring, words", "SpscWordRing", "plain ring, events", "SpscRing", "MpmcWordRing")
PLAIN = {1: 0, 3: 2, 4: 0}  # row of the plain ring with the same records
NEAR_NS, SPOILT_NS = 250.0, 1_200.0


def windows(rounds: int, *, pinned: bool) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Round trips of line, slot and ring, nanoseconds a record, round trip of the line in a plain loop, of each window.

    Shape (rounds, rings, 5).
    """
    library = native.load("ring_pairs")
    if library is None:
        raise SystemExit("ring_pairs: bench/native/ring_pairs.c does not compile here")
    library.ring_pairs.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p]
    if library.ring_pairs_contenders() != len(NAMES):
        raise SystemExit("ring_pairs: the rings of bench/native/ring_pairs.c are not those named here")
    out = np.zeros((rounds, len(NAMES), 5))
    if not library.ring_pairs(rounds, pinned, out.ctypes.data):
        raise SystemExit("ring_pairs: no thread or no memory")
    return out


def table(figures: np.ndarray[tuple[int, ...], np.dtype[np.float64]], *, near: bool) -> list[str]:
    """Rows of one placement of the cores; none where it did not occur."""
    line = figures[:, :, 0]
    kept = (line < NEAR_NS) if near else ((line >= NEAR_NS) & (line < SPOILT_NS))
    rows = []
    for i, name in enumerate(NAMES):
        rounds = kept[:, i] & kept[:, PLAIN.get(i, i)]
        if rounds.sum() < 20:  # fewer say nothing
            continue
        own = figures[rounds, i]
        of_line, of_plain, of_slot = (np.median(own[:, 2] / own[:, column]) for column in (0, 4, 1))
        against = np.median(figures[rounds, PLAIN.get(i, i), 3] / own[:, 3])
        slot, trip, record = np.median(own[:, 1]), np.median(own[:, 2]), np.median(own[:, 3])
        rows.append(
            f"{'near' if near else 'far':<5} {name:<20} {rounds.sum():>7} {np.median(own[:, 0]):>8.0f} "
            f"{np.median(own[:, 4]):>8.0f} {slot:>8.0f} {trip:>9.0f} {of_line:>7.2f} {of_plain:>7.2f} {of_slot:>7.2f} "
            f"{record:>9.1f} {1000 / record:>8.0f} {against:>8.2f}"
        )
    return rows


def main() -> None:
    """Print both placements, pinned and unpinned."""
    require_release()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    print(*machine.conditions(), sep="\n")
    for pinned in (True, False):
        figures = windows(rounds, pinned=pinned)
        spoilt = float((figures[:, :, 0] >= SPOILT_NS).mean())
        print(f"\n{'pinned to two cores' if pinned else 'wherever the system puts them'}; windows spoilt: {spoilt:.0%}")
        print(
            f"{'cores':<5} {'ring':<20} {'windows':>7} {'line ns':>8} {'plain ns':>8} {'slot ns':>8} {'trip ns':>9} "
            f"{'/ line':>7} {'/ plain':>7} {'/ slot':>7} {'ns/record':>9} {'M/s':>8} {'/ ring':>8}"
        )
        print(*table(figures, near=True), *table(figures, near=False), sep="\n")


if __name__ == "__main__":
    main()
