"""Deltas for the order book's benchmarks: drawn with a fixed seed, or recorded.

Both are kept under build/bench once made: making them takes seconds, under valgrind minutes.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve()
RECORDED = HERE.parents[2] / "shared" / "data" / "ws_captures" / "hftbacktest"
KEPT = HERE.parents[1] / "build" / "bench"
CAPTURES = {
    "spot": (("spot/btcusdt_20240808.gz", "spot/btcusdt_20240809.gz"), 2, 8),
    "usdm": (("usdm/btcusdt_20240808.gz",), 1, 3),
    "cm": (("cm/btcusd_perp_20240808.gz",), 1, 0),
}


class Deltas(NamedTuple):
    """Level changes in order: sides (0 bid, 1 ask), prices in ticks, quantities in lots (0 removes)."""

    sides: NDArray[np.uint8]
    price_ticks: NDArray[np.int64]
    qty_lots: NDArray[np.int64]


class Stream(NamedTuple):
    """What fills the book first, untimed, and what is then timed."""

    snapshot: Deltas
    deltas: Deltas


def columns(rows: list[tuple[int, int, int]]) -> Deltas:
    sides, prices, lots = zip(*rows, strict=True)
    return Deltas(np.array(sides, np.uint8), np.array(prices, np.int64), np.array(lots, np.int64))


class _Market:
    """A drawn book that never crosses: what the drifting mid passes is removed, as a real feed would."""

    LEVELS_MAX = 3000

    def __init__(self, seed: int, wide_share: float) -> None:
        self.rng = np.random.default_rng(seed)
        self.wide_share = wide_share
        self.mid = 6_180_000
        self.held: tuple[dict[int, None], dict[int, None]] = ({}, {})  # in the order of their arrival
        self.rows: list[tuple[int, int, int]] = []

    def put(self, side: int, price: int, lots: int) -> None:
        if lots == 0:
            self.held[side].pop(price, None)
        else:
            self.held[side][price] = None
        self.rows.append((side, price, lots))

    def move(self, step: int) -> None:
        passed = range(self.mid + 1, self.mid + step + 1) if step > 0 else range(self.mid + step + 1, self.mid + 1)
        side = 1 if step > 0 else 0
        for price in passed:
            if price in self.held[side]:
                self.put(side, price, 0)
        self.mid += step

    def draw(self, count: int) -> None:
        """Geometric distances near the touch, a share of them spread over a million ticks; two fifths are removals.

        Beyond LEVELS_MAX the oldest level of the side is withdrawn, so that the book does not grow without end.
        """
        near = self.rng.geometric(1 / 60, count) - 1
        wide = (2.0 ** self.rng.uniform(6, 20, count)).astype(np.int64)
        offsets = np.where(self.rng.random(count) < self.wide_share, wide, near).tolist()
        sides = self.rng.integers(0, 2, count).tolist()
        lots = np.where(self.rng.random(count) < 0.4, 0, self.rng.integers(1, 10_000, count)).tolist()
        steps = (self.rng.integers(-40, 101, count) * (self.rng.random(count) < 0.02)).tolist()
        for side, offset, quantity, step in zip(sides, offsets, lots, steps, strict=True):
            if step:
                self.move(step)
            if len(self.held[side]) > self.LEVELS_MAX:
                self.put(side, next(iter(self.held[side])), 0)
            self.put(side, self.mid - offset if side == 0 else self.mid + 1 + offset, quantity)


def kept(name: str, make: Callable[[], Stream]) -> Stream:
    """Return the stream from its file, made by this very version of this file, else make and keep it."""
    version = hashlib.sha256(HERE.read_bytes()).hexdigest()[:12]
    path = KEPT / f"book-{name}-{version}.npz"
    if not path.exists():
        stream = make()
        KEPT.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".fresh.npz")
        np.savez(fresh, *stream.snapshot, *stream.deltas)
        fresh.replace(path)
    with np.load(path) as arrays:
        found = [arrays[f"arr_{index}"] for index in range(6)]
    return Stream(Deltas(*found[:3]), Deltas(*found[3:]))


def drawn(*, wide_share: float, count: int = 100_000, seed: int = 11) -> Stream:
    """Return a book of up to 3,000 levels a side, then `count` deltas and the removals their moves cause."""

    def make() -> Stream:
        market = _Market(seed, wide_share)
        market.draw(20_000)
        filled = len(market.rows)
        market.draw(count)
        return Stream(columns(market.rows[:filled]), columns(market.rows[filled:]))

    return kept(f"drawn-{wide_share}-{count}-{seed}", make)


def is_recorded(name: str) -> bool:
    return all((RECORDED / file).is_file() for file in CAPTURES[name][0])


def recorded(name: str) -> Stream:
    """Return the snapshot and the later diffs of a Binance capture."""
    return kept(name, lambda: _read_capture(*CAPTURES[name]))


def _read_capture(files: tuple[str, ...], price_decimals: int, qty_decimals: int) -> Stream:
    snapshot: list[tuple[int, int, int]] = []
    deltas: list[tuple[int, int, int]] = []
    for file in files:
        with gzip.open(RECORDED / file, "rt", encoding="ascii") as lines:
            for line in lines:
                text = line[line.index(" ") + 1 :]
                is_snapshot = text.startswith('{"lastUpdateId"')
                if not is_snapshot and ('"depthUpdate"' not in text[:120] or not snapshot):
                    continue
                body = json.loads(text)
                body = body if is_snapshot else body["data"]
                rows = snapshot if is_snapshot else deltas
                for side, key in enumerate(("bids", "asks") if is_snapshot else ("b", "a")):
                    rows.extend(
                        (side, round(float(price) * 10**price_decimals), round(float(lots) * 10**qty_decimals))
                        for price, lots in body[key]
                    )
    return Stream(columns(snapshot), columns(deltas))
