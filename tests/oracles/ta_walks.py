"""Seeded markets for the tests of the feature bank: calm, flat, jumping, tiny and huge prices, in ticks and lots."""

from __future__ import annotations

import random
from typing import NamedTuple

Row = tuple[int, ...]

REGIMES = ("calm", "flat", "steps", "jumps", "tiny", "huge")
_LARGEST = 2**53


class Scale(NamedTuple):
    """Tick and lot sizes of an instrument."""

    tick_size: float
    lot_size: float


SCALES = (Scale(0.01, 0.00001), Scale(1.0, 1.0), Scale(1e-8, 1000.0), Scale(0.25, 1e-8))


def closes(regime: str, length: int, seed: int) -> list[int]:
    """Prices in ticks, each 1 to 2**53."""
    rng = random.Random(seed)
    price = {"tiny": 3, "huge": _LARGEST // 2}.get(regime, rng.randint(1_000, 10_000_000))
    prices = []
    for _ in range(length):
        step = {
            "calm": rng.randint(-20, 20),
            "flat": 0,
            "steps": rng.choice((0, 0, 0, 0, 0, 0, 0, 1, -1)),
            "jumps": rng.choice((0, 1, -1, price * 5, -price * 4 // 5)),
            "tiny": rng.choice((-1, 0, 1)),
            "huge": rng.randint(-(2**50), 2**50),
        }[regime]
        price = min(max(price + step, 1), _LARGEST)
        prices.append(price)
    return prices


def bars(regime: str, length: int, seed: int) -> list[Row]:
    """Bars of 60 ns: open, high, low, close, volume, taker-bought volume, trades, open time, close time."""
    rng = random.Random(seed + 1)
    wick = 1 if regime in ("flat", "steps", "tiny") else 25
    before = None
    rows = []
    for i, close in enumerate(closes(regime, length, seed)):
        opened = close if before is None else before
        high = min(max(opened, close) + rng.randrange(wick), _LARGEST)
        low = max(min(opened, close) - rng.randrange(wick), 1)
        volume = rng.choice((0, 1, rng.randrange(1, 10_000), rng.randrange(1, 2**40)))
        rows.append((opened, high, low, close, volume, rng.randint(0, volume), rng.randrange(50), 60 * i, 60 * i + 60))
        before = close
    return rows


def tops(regime: str, length: int, seed: int) -> list[Row]:
    """Tops of the book in the columns of ``Features.on_tops``; some repeat the one before."""
    rng = random.Random(seed + 2)
    rows: list[Row] = []
    most = 2**50 if regime == "huge" else 500
    for i, price in enumerate(closes(regime, length, seed)):
        if rows and rng.random() < 0.2:
            # The same top again, or the same best level with another quantity below it.
            same = list(rows[-1])
            same[9] += same[20] == 5 and rng.random() < 0.5
            rows.append((*same[:22], i))
            continue
        bid = min(max(price, 10), _LARGEST - 10_000)
        ask = bid + rng.choice((1, 1, 1, 2, 40))
        bid_levels, ask_levels = rng.randint(1, 5), rng.randint(1, 5)
        row = [max(bid - k, 1) if k < bid_levels else 0 for k in range(5)]
        row += [rng.randint(1, most) if k < bid_levels else 0 for k in range(5)]
        row += [ask + k if k < ask_levels else 0 for k in range(5)]
        row += [rng.randint(1, most) if k < ask_levels else 0 for k in range(5)]
        rows.append((*row, bid_levels, ask_levels, i))
    return rows


def trades(regime: str, length: int, seed: int) -> list[Row]:
    """Trades: price, quantity, 1 where the seller was the taker, time; some share a stamp, some run backwards."""
    rng = random.Random(seed + 3)
    now = rng.randrange(10**9)
    most = 2**50 if regime == "huge" else 5_000
    rows = []
    for price in closes(regime, length, seed):
        now = max(now + rng.choice((0, 0, 1, 1_000_000, 300_000_000, -5_000_000, 20_000_000_000)), 0)
        rows.append((price, rng.randint(1, most), rng.randrange(2), now))
    return rows
