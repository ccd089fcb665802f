"""Risk room: breaker, all rules of the risk check, idempotency store, token bucket, each beside its core in plain C.

Percentiles of 64-operation batches: ``python bench/latency/risk_batches.py``.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # loaded by path, and by pytest

import native
import numpy as np
from harness import ns_per_operation

from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.risk.breaker import Breaker
from bot4._core.risk.filters import Filters
from bot4._core.risk.idempotency import IdempotencyStore
from bot4._core.risk.limits import RiskGate, RiskOpKind
from bot4._core.risk.op_dtype import RISK_OP_DTYPE
from bot4._core.risk.token_bucket import TokenBucketGate

OPERATIONS = 64 * 2000
INTENTS_HOT = 64 * 40  # a working set of the second-level cache, checked again and again
NOW_NS = 10**18
IDS_HOT = 64 * 32
IDS_ALL = 64 * 3072
LIBRARY = native.load("risk_reference")
RNG = np.random.default_rng(8)


def loaded_gate(orders_in_window: int) -> RiskGate:
    """A gate with every rule and filter on, that many orders sent within the duplicate window."""
    filters = Filters(
        min_price_ticks=1, max_price_ticks=10**9, price_step_ticks=1, min_qty_lots=1, max_qty_lots=10**6,
        qty_step_lots=1, market_max_qty_lots=10**6, percent_price=True, percent_price_by_side=True,
        bid_down_ppm=200_000, bid_up_ppm=5_000_000, ask_down_ppm=200_000, ask_up_ppm=5_000_000,
        min_notional_ticklots=10**6, max_notional_ticklots=10**15, max_num_orders=200, max_position_lots=10**9,
    )  # fmt: skip
    gate = RiskGate(
        instrument=0, max_order_lots=10**6, max_order_notional=10**15, max_long_lots=10**8, max_short_lots=10**8,
        filters=filters, max_open_orders=64, orders_per_period=200, burst=63, reserve_tokens=2,
        duplicate_window_ns=1_000_000, max_reject_run=5,
    )  # fmt: skip
    gate.apply_reference(6_000_000, NOW_NS)
    gate.apply_equity(10**15)
    ops, intents = np.zeros(orders_in_window, RISK_OP_DTYPE), np.zeros(orders_in_window, INTENT_DTYPE)
    ops["kind"], ops["now_ns"] = RiskOpKind.OP_SENT, NOW_NS
    # As the orders that are checked, but for the price.
    intents["price_ticks"], intents["qty_lots"] = 5_990_000 + np.arange(orders_in_window), 400
    gate.run(ops, intents)
    return gate


def orders(count: int) -> np.ndarray:
    """Entries that pass every rule, all different."""
    intents = np.zeros(count, INTENT_DTYPE)
    intents["side"] = RNG.integers(0, 2, count)
    intents["price_ticks"] = RNG.integers(5_995_000, 6_005_000, count)
    intents["qty_lots"] = RNG.integers(100, 400, count)
    return intents


def id_rows(count: int) -> np.ndarray:
    """Client ids of 36 bytes, shape (count, 36)."""
    names = [f"b4-{i % 7:08x}-{i:016d}-{i * 2654435761 % 2**24:06x}-" for i in range(count)]
    return np.array(names, "S36").view(np.uint8).reshape(count, 36)


BREAKER = Breaker()
NOWS = np.full(OPERATIONS, NOW_NS, np.int64)
INTENTS = orders(OPERATIONS)
HOT = INTENTS[:INTENTS_HOT]
QUIET, BUSY = loaded_gate(2), loaded_gate(57)
PRICES, LOTS = (np.ascontiguousarray(INTENTS[name]) for name in ("price_ticks", "qty_lots"))
VERDICTS = np.zeros(OPERATIONS, np.int32)
TICKETS = np.zeros(OPERATIONS, np.uint64)
ROWS = id_rows(IDS_ALL)
TIMES = np.cumsum(RNG.integers(0, 200_000_000, OPERATIONS))
TAKEN = np.zeros(OPERATIONS, np.uint8)


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)


def call(name: str, *arguments: object) -> int:
    if LIBRARY is None:
        raise RuntimeError("bench/native/risk_reference.c cannot be compiled here")
    function = getattr(LIBRARY, name)
    function.restype = ctypes.c_int64
    return function(*arguments)


def admit() -> float:
    return ns_per_operation(lambda: BREAKER.admit_many(NOWS), OPERATIONS)


def load_and_compare() -> float:
    return call("load_and_compare", pointer(TICKETS), ctypes.c_int64(OPERATIONS)) / OPERATIONS


def check(gate: RiskGate) -> float:
    refused: list[bool] = []

    def many() -> None:
        refused.extend(gate.check_many(HOT, NOWS[:INTENTS_HOT]).any() for _ in range(20))

    taken = ns_per_operation(many, 20 * INTENTS_HOT)
    assert not any(refused)
    return taken


def six_rules() -> float:
    count = ctypes.c_int64(OPERATIONS)
    return call("six_rules", pointer(PRICES), pointer(LOTS), pointer(VERDICTS), count) / OPERATIONS


def insert_and_look_up(count: int) -> float:
    store = IdempotencyStore(seed=1)
    rows = ROWS[:count]
    lengths, nows = np.full(count, 36, np.uint8), np.zeros(count, np.int64)
    inserts, lookups = np.zeros(count, np.uint8), np.full(count, 2, np.uint8)

    def both() -> None:
        assert not store.run(inserts, rows, lengths, nows).any()
        assert store.run(lookups, rows, lengths, nows).all()

    return ns_per_operation(both, 2 * count)


def hash_set(count: int) -> float:
    return call("hash_set", pointer(ROWS), ctypes.c_int64(count), ctypes.c_int64(1 << 18)) / (2 * count)


def take() -> float:
    bucket = TokenBucketGate(tokens=10, period_ns=10**9, burst=20)
    ones = np.ones(OPERATIONS, np.int64)
    return ns_per_operation(lambda: bucket.take_many(ones, TIMES), OPERATIONS)


def virtual_time() -> float:
    return call("virtual_time", pointer(TIMES), pointer(TAKEN), ctypes.c_int64(OPERATIONS)) / OPERATIONS


KERNELS = [
    ("risk.breaker_admit / atomic load and compare", admit, load_and_compare),
    ("risk.check, 2 recent orders / six rules", lambda: check(QUIET), six_rules),
    ("risk.check, 57 recent orders / six rules", lambda: check(BUSY), six_rules),
    ("risk.idempotency, 2,048 ids / hash set", lambda: insert_and_look_up(IDS_HOT), lambda: hash_set(IDS_HOT)),
    ("risk.idempotency, 196,608 ids / hash set", lambda: insert_and_look_up(IDS_ALL), lambda: hash_set(IDS_ALL)),
    ("risk.token_bucket / virtual time", take, virtual_time),
]


def bench_risk_check(benchmark) -> None:
    benchmark(QUIET.check_many, INTENTS, NOWS)


def bench_breaker_admit(benchmark) -> None:
    benchmark(BREAKER.admit_many, NOWS)
