"""The compiled exchange against its plain twins over a million random requests, and its books against theirs.

    python ci/differential.py [--requests N] [--seed S]

Flows of 20,000 requests each, from successive seeds; after every 500 requests each verdict, report, level and balance
must be equal, the depth diffs must rebuild the book, and every asset must be conserved to the atom. Every fourth flow
is one of perpetuals, whose orders, positions, wallets and reports must be equal. Stops at the first difference with
the seed of its flow.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLOW = 20_000


def main() -> int:
    """Run the flows; 0 all equal, 1 a difference."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    from builders.exchange_flow import run_flow  # noqa: PLC0415 - the tests' folder is no package of ours
    from builders.margin_flow import run_margin_flow  # noqa: PLC0415

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    begun, done, seed = time.monotonic(), 0, options.seed
    while done < options.requests:
        size = min(FLOW, options.requests - done)
        try:
            if seed % 4 == 3:  # noqa: PLR2004
                run_margin_flow(seed, size, chunk=200)
            else:
                run_flow(seed, size, chunk=500)
        except AssertionError as difference:
            print(f"FAILED flow of seed {seed}, {size} requests: {difference}")
            return 1
        done, seed = done + size, seed + 1
        print(f"{done:>9,} requests equal, {time.monotonic() - begun:6.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
