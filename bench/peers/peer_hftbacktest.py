"""hftbacktest over the L2 rows of market.py: plain replay, and the grid market maker of ours.py.

    python peer_hftbacktest.py FOLDER [REPEATS]
    python peer_hftbacktest.py FOLDER trace FILE

Prints one JSON line a run; compiling, and copying the events into its own memory, are not timed. The grid looks at the
same moments as bot4's: its clock begins with the venue's first stamp, a millisecond before the first event is heard.
With ``trace`` each order of the grid is written, under the cautious queue, and which of them filled (grid_fills.py).
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from hftbacktest import (
    BUY,
    BUY_EVENT,
    DEPTH_EVENT,
    EXCH_EVENT,
    FILLED,
    GTX,
    LIMIT,
    LOCAL_EVENT,
    SELL_EVENT,
    TRADE_EVENT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
    ROIVectorMarketDepthBacktest,
    event_dtype,
)
from numba import njit

TICK, LOT = 0.5, 0.001
LEVELS, INTERVAL, HALF, LOTS, BOUND = 10, 7, 2, 10, 1_000
REQUOTE_NS, HEARD_LATER_NS = 100_000_000, 1_000_000


def events(folder: Path) -> np.ndarray:
    columns = np.load(folder / "l2.npz")
    kinds = columns["kind"]
    rows = np.zeros(len(kinds), event_dtype)
    side = np.where((kinds == 0) | (kinds == 2) | (kinds == 4), BUY_EVENT, SELL_EVENT)
    what = np.where((kinds == 2) | (kinds == 3), TRADE_EVENT, DEPTH_EVENT)
    rows["ev"] = EXCH_EVENT | LOCAL_EVENT | side | what
    rows["exch_ts"], rows["local_ts"] = columns["venue_ns"], columns["recv_ns"]
    rows["px"], rows["qty"] = columns["price"] * TICK, columns["lots"] * LOT
    return rows


def asset(rows: np.ndarray, *, cautious: bool = False) -> BacktestAsset:
    made = BacktestAsset()
    made = made.risk_adverse_queue_model() if cautious else made.power_prob_queue_model(1.0)
    return (
        made.data(rows)
        .linear_asset(1.0)
        .constant_order_latency(2_000_000, 2_000_000)
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0002, 0.0004)
        .tick_size(TICK)
        .lot_size(LOT)
        .roi_lb(50_000.0)
        .roi_ub(70_000.0)
    )


@njit
def replay(hbt: Any) -> int:
    steps = 0
    while hbt.elapse(1_000_000_000) == 0:
        steps += 1
    return steps


@njit
def note(sent: np.ndarray, number: int, now: int, side: int, price: int) -> None:
    if number <= len(sent):
        sent[number - 1, 0], sent[number - 1, 1], sent[number - 1, 2], sent[number - 1, 3] = number, now, side, price


@njit
def grid(hbt: Any, sent: np.ndarray, filled: np.ndarray) -> int:  # noqa: C901 - one loop, compiled as one
    """Orders sent; noted in `sent` (id, stamp, side, price), and in `filled` where they did, while there is room."""
    submits, fills = 0, 0
    hbt.elapse(HEARD_LATER_NS)
    while hbt.elapse(REQUOTE_NS) == 0:
        ended = hbt.orders(0).values()
        while ended.has_next() and fills < len(filled):
            order = ended.get()
            if order.status == FILLED:
                filled[fills] = order.order_id
                fills += 1
        hbt.clear_inactive_orders(0)
        depth = hbt.depth(0)
        bid, ask = depth.best_bid_tick, depth.best_ask_tick
        mid = (bid + ask) // 2
        first_bid, first_ask = min(mid - HALF, bid), max(mid + HALF, ask)
        position = round(hbt.position(0) / LOT)
        bids = LEVELS if position < BOUND else 0
        asks = LEVELS if position > -BOUND else 0
        held_bids, held_asks = np.zeros(LEVELS, np.bool_), np.zeros(LEVELS, np.bool_)
        orders = hbt.orders(0)
        values = orders.values()
        while values.has_next():
            order = values.get()
            distance = first_bid - order.price_tick if order.side == BUY else order.price_tick - first_ask
            level = distance // INTERVAL
            count = bids if order.side == BUY else asks
            on_grid = 0 <= level < count and level * INTERVAL == distance
            if on_grid:
                if order.side == BUY:
                    held_bids[level] = True
                else:
                    held_asks[level] = True
            elif order.cancellable:
                hbt.cancel(0, order.order_id, False)
        for level in range(bids):
            if not held_bids[level]:
                price = first_bid - level * INTERVAL
                hbt.submit_buy_order(0, submits + 1, price * TICK, LOTS * LOT, GTX, LIMIT, False)
                submits += 1
                note(sent, submits, hbt.current_timestamp, 1, price)
        for level in range(asks):
            if not held_asks[level]:
                price = first_ask + level * INTERVAL
                hbt.submit_sell_order(0, submits + 1, price * TICK, LOTS * LOT, GTX, LIMIT, False)
                submits += 1
                note(sent, submits, hbt.current_timestamp, -1, price)
    return submits


def trace(folder: Path, path: Path) -> int:
    sent, filled = np.zeros((400_000, 4), np.int64), np.zeros(100_000, np.int64)
    rows = events(folder)  # read where it lies, and not kept by who reads it
    hbt = ROIVectorMarketDepthBacktest([asset(rows, cautious=True)])
    submits = grid(hbt, sent, filled)
    hbt.close()
    np.savez(path, orders=sent[:submits], filled=filled[filled > 0])
    return 0


def main(words: list[str]) -> int:
    if words[1:2] == ["trace"]:
        return trace(Path(words[0]), Path(words[2]))
    folder, repeats = Path(words[0]), int(words[1]) if len(words) > 1 else 3
    rows, nothing = events(folder), np.zeros((0, 4), np.int64)
    version = importlib.metadata.version("hftbacktest")
    for depth, kind in (("vector", ROIVectorMarketDepthBacktest), ("hash map", HashMapMarketDepthBacktest)):
        for name, loop in (("L2 replay", replay), ("L2 grid 10x2", grid)):
            rates, submits, values = [], 0, None
            for number in range(repeats + 1):
                hbt = kind([asset(rows)])
                start = time.process_time()
                submits = loop(hbt) if loop is replay else grid(hbt, nothing, nothing[:, 0])
                taken = time.process_time() - start
                state = hbt.state_values(0)
                values = (state.position, state.balance, state.fee, state.num_trades, state.trading_volume)
                hbt.close()
                if number > 0:  # the first compiles
                    rates.append(len(rows) / taken)
            print(json.dumps({
                "engine": f"hftbacktest {version} ({depth})", "run": name, "events": len(rows),
                "events_per_s": round(float(np.median(rates))), "orders": int(submits) if loop is grid else 0,
                "fills": int(values[3]), "position_lots": round(values[0] / LOT), "balance": round(values[1], 6),
                "fees": round(values[2], 6), "volume_lots": round(values[4] / LOT),
            }), flush=True)  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
