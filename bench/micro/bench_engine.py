"""Engine: an event of a depth message through a lane, a decision, a trade id. References: CRC-32, a NumPy score."""

from __future__ import annotations

import subprocess
import sys
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # loaded by path, and by pytest
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "latency"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

import decision
import numpy as np
from book_streams import drawn
from builders.engine import Rig, depth
from harness import ns_per_operation

from bot4._core.engine.trade_ids import TradeIdSet

MESSAGES = 2_000
DECISIONS = 100_000
ENGINE = decision.warmed_engine()
ABSENT: dict[str, str] = {}
try:
    LOOP = decision.compiled_loop()
except (OSError, subprocess.CalledProcessError):
    LOOP = None
    ABSENT["engine.decide / numpy score"] = "there is no C compiler or no Cython here"


def depth_events() -> np.ndarray:
    """A snapshot and diffs of eight levels a message."""
    stream = drawn(wide_share=0.1)
    sides, prices, lots = (column.tolist() for column in stream.snapshot)
    levels = [list(zip(sides, prices, lots, strict=True))]
    sides, prices, lots = (column[: MESSAGES * 8].tolist() for column in stream.deltas)
    rows = list(zip(sides, prices, lots, strict=True))
    levels += [rows[i : i + 8] for i in range(0, len(rows), 8)]
    parts = []
    for i, some in enumerate(levels):
        bids, asks = ([row[1:] for row in some if row[0] == side] for side in (0, 1))
        parts.append(depth(i, 100 + i, 100 + i, bids, asks, snapshot=i == 0))
    return np.concatenate(parts)


EVENTS = depth_events()
RAW = EVENTS.tobytes()
# Twice what the set holds: each half is forgotten while the other comes, so every id is new again in every round.
TRADES = np.random.default_rng(3).permutation(8_192).astype(np.int64) * 7
KNOWN = TradeIdSet(len(TRADES) // 2)
RAW_IDS = TRADES.tobytes()
ROUNDS = 8
FEATURES = np.linspace(-2.0, 2.0, 3 * DECISIONS // 10).reshape(-1, 3)
WEIGHTS = np.array([0.35, 0.25, 0.40])


def depth_through_a_lane() -> float:
    rig = Rig()
    taken = ns_per_operation(lambda: rig.engine.apply(EVENTS), len(EVENTS))
    assert rig.lane["depth_messages"] == MESSAGES + 1
    return taken


def checksum() -> float:
    return ns_per_operation(lambda: zlib.crc32(RAW), len(EVENTS))


def decide() -> float:
    assert LOOP is not None
    return ns_per_operation(lambda: LOOP.decide_only(ENGINE, DECISIONS), DECISIONS)


def numpy_score() -> float:
    return ns_per_operation(lambda: np.clip(FEATURES, -1.0, 1.0) @ WEIGHTS, len(FEATURES))


def trade_ids() -> float:
    """New ids into a set that is full, so that each takes the place of the oldest."""
    return ns_per_operation(lambda: [KNOWN.add_many(TRADES) for _ in range(ROUNDS)], ROUNDS * len(TRADES))


def checksum_of_ids() -> float:
    return ns_per_operation(lambda: [zlib.crc32(RAW_IDS) for _ in range(ROUNDS)], ROUNDS * len(TRADES))


KERNELS = [("engine.depth event through a lane / crc-32", depth_through_a_lane, checksum)]
if LOOP is not None:
    KERNELS.append(("engine.decide / numpy score", decide, numpy_score))
KERNELS.append(("engine.trade id / crc-32", trade_ids, checksum_of_ids))


def bench_engine_depth(benchmark) -> None:
    benchmark.pedantic(lambda rig: rig.engine.apply(EVENTS), setup=lambda: ((Rig(),), {}), rounds=20)
