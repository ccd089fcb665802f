"""Backtests: a quote through a compiled strategy, a row of depth, a grid's orders. Reference: CRC-32 of the rows."""

from __future__ import annotations

import sys
import zlib
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # loaded by path, and by pytest
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

import market
from builders.backtest import instrument, quotes, roomy
from harness import ns_per_operation

from bot4._core.engine.array_feed import ArrayFeed
from bot4.application.assembly.assembly import Assembly, assemble
from bot4.application.assembly.shape import InputShape
from bot4.domain.instrument import ContractKind
from bot4.dto.rows import Rows
from bot4.strategy.base import CompiledStrategy, host_strategy
from bot4.strategy.ema_cross import compiled_ema_cross
from bot4.strategy.grid import compiled_grid

QUOTES = quotes(50_000)
RAW_QUOTES = QUOTES.tobytes()
NOTHING = CompiledStrategy(1, wants=())
CROSS = compiled_ema_cross(lots=100, slippage_ticks=20)
GRID = compiled_grid(levels=10, interval_ticks=7, half_spread_ticks=2, lots=10, position_max_lots=1_000)
SETTINGS = roomy()
DELAYED = roomy(paper__latency="fixed", paper__latency_fixed_ms=2, paper__queue_model="probabilistic")


def depth_rows(count: int) -> np.ndarray:
    """Rows of depth alone, one a message but for the snapshot."""
    columns = market.l2(count)
    chosen = (columns["kind"] != market.TRADE_BUY) & (columns["kind"] != market.TRADE_SELL)
    kinds = columns["kind"][chosen]
    rows = np.zeros(len(kinds), Rows.L2)
    for name in ("venue_ns", "recv_ns"):
        rows[name] = columns[name][chosen]
    rows["price_ticks"], rows["qty_lots"] = columns["price"][chosen], columns["lots"][chosen]
    rows["side"] = (kinds == market.ASK) | (kinds == market.SNAPSHOT_ASK)
    rows["flags"] = np.where(kinds >= market.SNAPSHOT_BID, 4, 2)
    rows["flags"][np.flatnonzero(kinds >= market.SNAPSHOT_BID)[-1]] = 6
    return rows


DEPTH = depth_rows(50_000)
RAW_DEPTH = DEPTH.tobytes()


def fed(rows: np.ndarray, strategy: CompiledStrategy, *, delayed: bool = False) -> float:
    """Nanoseconds a row of one run; the engine is made outside of it."""
    kind = ContractKind.SPOT if rows.dtype == Rows.QUOTES else ContractKind.LINEAR
    assembly: Assembly = assemble(
        DELAYED if delayed else SETTINGS, [instrument(kind=kind)], journal=None, shape=InputShape(), sample_every=65_536
    )
    host = host_strategy(strategy, assembly.engine)
    feed = ArrayFeed(assembly.engine, venue_clock=True)
    feed.add(rows)
    taken = ns_per_operation(feed.run, len(rows))
    assert feed.rows == len(rows)
    assert host.error is None
    return taken


KERNELS = [
    (
        "backtest.quote and EMA cross / crc-32",
        lambda: fed(QUOTES, CROSS),
        lambda: ns_per_operation(lambda: zlib.crc32(RAW_QUOTES), len(QUOTES)),
    ),
    (
        "backtest.depth row / crc-32",
        lambda: fed(DEPTH, NOTHING),
        lambda: ns_per_operation(lambda: zlib.crc32(RAW_DEPTH), len(DEPTH)),
    ),
    (
        "backtest.depth row and grid / crc-32",
        lambda: fed(DEPTH, GRID, delayed=True),
        lambda: ns_per_operation(lambda: zlib.crc32(RAW_DEPTH), len(DEPTH)),
    ),
]


def bench_backtest_quotes(benchmark) -> None:
    benchmark.pedantic(lambda: fed(QUOTES, CROSS), rounds=10)
