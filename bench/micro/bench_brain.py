"""The reasoned policy: a quote through a lane that decides with reasons, and single kernels. Reference: CRC-32."""

from __future__ import annotations

import sys
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # loaded by path, and by pytest
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

import numpy as np
from builders.engine import START_NS, assembled
from harness import ns_per_operation

from bot4._core.brain.study import EDGE_STEP_DTYPE, run_edge, run_regime
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.types import EventKind
from bot4.strategy.targets import REGIME_RULES

QUOTES = 20_000
RETURNS = np.random.default_rng(7).normal(0.0, 0.01, 20_000)
HIDDEN = {
    "labels": [0, 1, 3], "initial": [0.4, 0.3, 0.3], "mean": [0.001, -0.001, 0.0], "deviation": [0.005, 0.01, 0.03],
    "transition": [[0.9, 0.05, 0.05], [0.05, 0.9, 0.05], [0.1, 0.1, 0.8]],
}  # fmt: skip
EDGE_RULES = {"horizon_ns": 1_200, "step_ns": 100, "keep": 0.999, "prior_slope": 0.0, "prior_weight": 60.0}
RAW = RETURNS.tobytes()


def quotes() -> np.ndarray:
    """A mid that walks by a tick, quantities drawn, ten a second."""
    dice = np.random.default_rng(5)
    rows = np.zeros(QUOTES, EVENT_DTYPE)
    mid = 6_000_000 + np.cumsum(dice.integers(-1, 2, QUOTES))
    rows["kind"], rows["flags"] = EventKind.EVENT_QUOTE, 3
    rows["recv_ns"] = START_NS + np.arange(QUOTES) * 100_000_000
    rows["a"], rows["c"], rows["e"] = mid - 1, mid + 1, np.arange(1, QUOTES + 1)
    rows["b"], rows["d"] = dice.integers(1, 900, QUOTES), dice.integers(1, 900, QUOTES)
    return rows


EVENTS = quotes()
RAW_EVENTS = EVENTS.tobytes()


def steps() -> np.ndarray:
    rows = np.zeros(len(RETURNS), EDGE_STEP_DTYPE)
    rows["now_ns"] = np.arange(len(RETURNS)) * 100
    rows["mid2_ticks"] = np.rint(1e7 * np.exp(np.cumsum(RETURNS * 0.01)))
    rows["score"] = np.clip(RETURNS * 50, -1, 1)
    return rows


STEPS = steps()


def touches(policy: str) -> float:
    assembly, _ = assembled(strategy__policy=policy)
    return ns_per_operation(lambda: assembly.engine.apply(EVENTS), QUOTES)


def with_reasons() -> float:
    return touches("reasoned")


def checksum_of_events() -> float:
    return ns_per_operation(lambda: zlib.crc32(RAW_EVENTS), QUOTES)


def hidden_filter() -> float:
    return ns_per_operation(lambda: run_regime(RETURNS, REGIME_RULES, HIDDEN), len(RETURNS))


def worth() -> float:
    return ns_per_operation(lambda: run_edge(STEPS, EDGE_RULES), len(STEPS))


def checksum() -> float:
    return ns_per_operation(lambda: zlib.crc32(RAW), len(RETURNS))


KERNELS = [
    ("brain.quote through a lane with reasons / crc-32", with_reasons, checksum_of_events),
    ("brain.regime, three hidden states / crc-32 of a return", hidden_filter, checksum),
    ("brain.worth of a score, added and read / crc-32 of a return", worth, checksum),
]
