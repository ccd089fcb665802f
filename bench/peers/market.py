"""The generated events that bot4 and its peers are given: plain columns, nothing of bot4's.

    python bench/peers/market.py FOLDER

writes quotes.npz (1,000,000 quotes) and l2.npz (depth rows and trades, about 1,200,000). Prices are whole ticks of 0.5,
quantities whole lots of 0.001; the venue's stamps lie one millisecond before the receive stamps.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np

START_NS = 1_700_000_000_000_000_000
STEP_NS = 1_000_000
AGE_NS = 1_000_000
QUOTES = 1_000_000
L2_EVENTS = 1_214_723
MID = 120_000
LEVELS = 200
BID, ASK, TRADE_BUY, TRADE_SELL, SNAPSHOT_BID, SNAPSHOT_ASK = range(6)


def quotes(count: int = QUOTES, seed: int = 11) -> dict[str, np.ndarray]:
    """A walk of the touch, one tick wide, a quote a millisecond."""
    rng = np.random.default_rng(seed)
    bid = MID + np.cumsum(rng.integers(-1, 2, count))
    recv = START_NS + np.arange(count, dtype=np.int64) * STEP_NS
    return {
        "venue_ns": recv - AGE_NS, "recv_ns": recv, "bid": bid, "ask": bid + 1,
        "bid_lots": rng.integers(5_000, 50_000, count), "ask_lots": rng.integers(5_000, 50_000, count),
    }  # fmt: skip


def l2(count: int = L2_EVENTS, seed: int = 12) -> dict[str, np.ndarray]:
    """Depth rows of a book of some 200 levels a side and prints; one row is one message but for the snapshot.

    The mid moves by a tick on one event in forty: the level that is passed goes first, so that the book never crosses.
    """
    rng = random.Random(seed)
    kinds, prices, lots, stamps = [], [], [], []
    mid, now = MID, START_NS

    def add(kind: int, price: int, quantity: int) -> None:
        kinds.append(kind)
        prices.append(price)
        lots.append(quantity)
        stamps.append(now)

    for i in range(1, LEVELS + 1):
        add(SNAPSHOT_BID, mid - i, rng.randrange(500, 5_000))
    for i in range(1, LEVELS + 1):
        add(SNAPSHOT_ASK, mid + i, rng.randrange(500, 5_000))
    while len(kinds) < count:
        now += rng.randrange(200_000, 1_800_000)
        drawn = rng.random()
        if drawn < 0.025:
            up = rng.random() < 0.5
            passed = mid + 1 if up else mid - 1
            add(TRADE_BUY if up else TRADE_SELL, passed, rng.randrange(1, 800))
            now += 10_000
            add(ASK if up else BID, passed, 0)
            now += 10_000
            add(BID if up else ASK, mid, rng.randrange(500, 5_000))
            mid = passed
        elif drawn < 0.12:
            buys = rng.random() < 0.5
            add(TRADE_BUY if buys else TRADE_SELL, mid + 1 if buys else mid - 1, rng.randrange(1, 300))
        else:
            bids = rng.random() < 0.5
            away = 1 + min(int(rng.expovariate(0.12)), LEVELS - 1)
            add(BID if bids else ASK, mid - away if bids else mid + away, rng.randrange(500, 5_000))
    columns = {"kind": kinds, "price": prices, "lots": lots, "recv_ns": stamps}
    rows = {name: np.array(column[:count], np.int64) for name, column in columns.items()}
    rows["venue_ns"] = rows["recv_ns"] - AGE_NS
    return rows


def main(words: list[str]) -> int:
    folder = Path(words[0])
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "quotes.npz", **quotes())
    np.savez(folder / "l2.npz", **l2())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
