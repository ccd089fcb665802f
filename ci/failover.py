"""Have leaders fail in six ways, and count at their exchange's own ledger what came of it.

    python ci/failover.py --runs 10 --seed 1            (make failover RUNS=100)

Each run: the served exchange, a private PostgreSQL, `bot4 run --live` and `bot4 run --live --standby` beside it. The
leader fails while it trades: killed, stopped and continued, cut off, without its database, with a clock that jumps,
killed and started again as the standby of its own, which is killed.
Somebody trades on; then that run ends in order, and its tables are compared with the exchange's ledger. The last line
is

    runs=N max_s=S p99_s=S stray=0 lost=0 doubled=0

Seconds are from the failure (of the database: from its return) to an open gate on an instrument without an unknown
order that the venue does not know. `stray` counts orders at the exchange that the tables do not know - what a leader
still sent after its lease, above all - or that are open at the end; `lost` what only one side has or what differs,
`doubled` what is there twice. It ends with 1 where one of the three is not 0, or the 99th percentile is --limit (5 s)
or more.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "ci")]

from builders.failover_pair import FAULTS, Outcome, Round  # noqa: E402 - the path is made above
from builders.servers import ServerMissingError, postgres_server  # noqa: E402

LIMIT_S = 5.0


class Verdict:
    """What was counted over all runs."""

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self.limit_s = limit_s
        self.runs = 0
        self.seconds: list[float] = []
        self.stray = self.lost = self.doubled = 0

    def add(self, outcome: Outcome) -> None:
        """Count one more."""
        self.runs += 1
        if outcome.seconds is not None:
            self.seconds.append(outcome.seconds)
        self.stray += outcome.stray
        self.lost += outcome.lost
        self.doubled += outcome.doubled

    @property
    def p99_s(self) -> float:
        """The 99th percentile: the value that at most one in a hundred is above."""
        ordered = sorted(self.seconds)
        return ordered[max(0, math.ceil(0.99 * len(ordered)) - 1)] if ordered else math.inf

    @property
    def holds(self) -> bool:
        """Whether nothing is amiss."""
        return not (self.stray or self.lost or self.doubled) and self.p99_s < self.limit_s

    def __str__(self) -> str:
        return (
            f"runs={self.runs} max_s={max(self.seconds, default=math.inf):.2f} p99_s={self.p99_s:.2f} "
            f"stray={self.stray} lost={self.lost} doubled={self.doubled}"
        )


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fault", choices=FAULTS, action="append", help="only this one; may be repeated")
    parser.add_argument(
        "--limit", type=float, default=LIMIT_S, metavar="S", help="of the 99th percentile; more where others work, too"
    )
    given = parser.parse_args()
    faults = given.fault or FAULTS
    rng, verdict, by_fault = random.Random(given.seed), Verdict(given.limit), Counter[str]()  # noqa: S311 - which moment is hit
    started = time.monotonic()
    try:
        with postgres_server() as server:
            for number in range(given.runs):
                fault = faults[number % len(faults)]
                with tempfile.TemporaryDirectory(prefix="bot4-failover-") as folder:
                    outcome = Round(Path(folder), server, random.Random(rng.random())).run(fault)  # noqa: S311
                verdict.add(outcome)
                by_fault[fault] += 1
                print(f"{number + 1:4} {fault:8} {outcome}", file=sys.stderr, flush=True)
    except ServerMissingError as error:
        print(f"skipped: no failover without PostgreSQL: {error}", file=sys.stderr)
        return 0
    counted = ", ".join(f"{count} x {fault}" for fault, count in sorted(by_fault.items()))
    print(f"{time.monotonic() - started:.0f} s, seed {given.seed}: {counted}", file=sys.stderr)
    print(verdict)
    return 0 if verdict.holds else 1


if __name__ == "__main__":
    sys.exit(main())
