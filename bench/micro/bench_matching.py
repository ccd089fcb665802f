"""Price-time matching and the whole exchange, an operation each. Reference: the bare floor of matching in C."""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # loaded by path, and by pytest

import native
import numpy as np

from bot4._core.book.matching_book import OP_DTYPE, MatchingBook
from bot4._core.sim.exchange import Exchange
from bot4._core.sim.exchange_dtype import REQUEST_DTYPE, RESULT_DTYPE

LIBRARY = native.load("bare_matching")
MID, ACCOUNTS, RESTING = 1_000_000, 1000, 5_000


def cpu_ns(batch: Callable[[], object], operations: int) -> float:
    """CPU time of this thread, as the reference measures itself: neighbours on the core do not count."""
    start = time.thread_time_ns()
    batch()
    return (time.thread_time_ns() - start) / operations


def orders(count: int, seed: int) -> np.ndarray:
    """Resting orders around the middle, thinning out over some hundred ticks."""
    rng = np.random.default_rng(seed)
    rows = np.zeros(count, OP_DTYPE)
    away = np.minimum(rng.geometric(0.02, count), 2_000)
    rows["side"] = rng.integers(0, 2, count)
    rows["price_ticks"] = np.where(rows["side"] == 0, MID - away, MID + away)
    rows["qty_lots"] = rng.integers(1, 100, count)
    rows["account"] = rng.integers(1, ACCOUNTS, count)
    rows["trade_group"], rows["stp"] = -1, 1
    return rows


def cancels_of(rows: np.ndarray, first_id: int, seed: int) -> np.ndarray:
    """Cancels of these orders, in an order of their own."""
    gone = rows.copy()
    gone["kind"] = 1
    gone["order_id"] = np.arange(first_id, first_id + len(rows))
    return np.random.default_rng(seed).permutation(gone)


def takers_of(rows: np.ndarray) -> np.ndarray:
    """As many takers, which together use up these orders: each takes one or a few, or parts of them."""
    takers = rows.copy()
    takers["side"] = 1 - takers["side"]
    takers["price_ticks"] = np.where(takers["side"] == 0, MID + 4_000, MID - 4_000)
    takers["account"], takers["tif"] = ACCOUNTS + 1, 1
    return takers


def mixed(count: int, seed: int) -> np.ndarray:
    """A running market: 45 % adds, 45 % cancels, 10 % takers over a book of thousands of orders."""
    rng = np.random.default_rng(seed)
    rows, takers = orders(count, seed), takers_of(orders(count, seed + 1))
    live: list[tuple[int, int]] = []
    last_id = 0
    for i, way in enumerate(rng.random(count).tolist()):
        if way < 0.45 and len(live) > RESTING:
            place = int(rng.integers(len(live)))
            rows["kind"][i] = 1
            rows["order_id"][i], rows["side"][i] = live[place]
            live[place] = live[-1]
            live.pop()
            continue
        last_id += 1
        if way > 0.9:
            rows[i] = takers[i]
        else:
            live.append((last_id, int(rows["side"][i])))
    return rows


class Bare:
    """The reference book."""

    def __init__(self) -> None:
        if LIBRARY is None:
            raise RuntimeError("bench/native/bare_matching.c cannot be compiled here")
        LIBRARY.bare_new.restype = ctypes.c_void_p
        LIBRARY.bare_run.restype = ctypes.c_int64
        self.book = ctypes.c_void_p(LIBRARY.bare_new(ctypes.c_int64(MID - 32_768)))

    def __del__(self) -> None:
        LIBRARY.bare_free(self.book)

    def run(self, rows: np.ndarray) -> float:
        pointer = rows.ctypes.data_as(ctypes.c_void_p)
        return LIBRARY.bare_run(self.book, pointer, ctypes.c_int64(len(rows))) / len(rows)


START = orders(RESTING, 3)
ADDS = orders(2_000, 5)
CANCELS = cancels_of(ADDS, RESTING + 1, 7)
TAKERS = takers_of(START)[:2_000]
MIXED = mixed(60_000, 11)
BOOK = MatchingBook(max_orders=1 << 14, max_events=1 << 18)


def fresh() -> MatchingBook:
    """The one book, empty and numbering as a new one would: built once, so that no page is touched first here."""
    BOOK.clear()
    return BOOK


def add() -> float:
    book = fresh()
    book.run(START)
    return cpu_ns(lambda: book.run(ADDS), len(ADDS))


def cancel() -> float:
    book = fresh()
    book.run(START)
    book.run(ADDS)
    return cpu_ns(lambda: book.run(CANCELS), len(CANCELS))


def match() -> float:
    book = fresh()
    book.run(START)
    return cpu_ns(lambda: book.run(TAKERS), len(TAKERS))


def run_mixed() -> float:
    book = fresh()
    return cpu_ns(lambda: book.run(MIXED), len(MIXED))


def bare(*before: np.ndarray) -> Callable[[], float]:
    """The reference over the same rows: the last ones count."""

    def run() -> float:
        book = Bare()
        for rows in before[:-1]:
            book.run(rows)
        return book.run(before[-1])

    return run


def exchange_requests() -> tuple[np.ndarray, np.ndarray]:
    """Deposits, then the mixed stream as limit orders and cancels of accounts with money."""
    funds = np.zeros(2 * (ACCOUNTS + 1), REQUEST_DTYPE)
    funds["kind"] = 10
    funds["account"], funds["symbol"] = np.divmod(np.arange(len(funds)), 2)
    funds["account"] += 1
    funds["quote_atoms_low"] = 10**18
    rows = np.zeros(len(MIXED), REQUEST_DTYPE)
    for name in ("kind", "side", "stp", "tif", "account", "qty_lots", "price_ticks", "order_id"):
        rows[name] = MIXED[name]
    placed = rows["kind"] == 0
    owners = np.zeros(int(placed.sum()) + 1, np.int32)
    owners[1:] = rows["account"][placed]
    rows["account"][~placed] = owners[rows["order_id"][~placed]]
    rows["order_id"][placed] = 0
    rows["client_key"][placed] = np.arange(1, placed.sum() + 1)
    rows["now_ns"] = np.arange(len(rows)) * 1_000
    return funds, rows


FUNDS, REQUESTS = exchange_requests()
RESULTS = np.zeros(len(REQUESTS), RESULT_DTYPE)


def funded_exchange() -> Exchange:
    """One symbol and a thousand accounts with money."""
    exchange = Exchange(max_orders=1 << 14, max_accounts=1 << 11, max_assets=2, max_symbols=1, max_reports=1 << 17)
    exchange.add_asset("USDT", 9)
    exchange.add_asset("BTC", 8)
    exchange.add_symbol(
        "BTCUSDT", 1, 0, tick_size="0.01", lot_size="0.0000001", maker_fee_e8=100_000, taker_fee_e8=100_000
    )
    for number in range(ACCOUNTS + 1):
        exchange.open_account(str(number))
    exchange.run_requests(FUNDS)
    exchange.clear_reports()
    return exchange


def margined_exchange() -> Exchange:
    """The same on a perpetual with a mark price."""
    exchange = Exchange(max_orders=1 << 14, max_accounts=1 << 11, max_assets=2, max_symbols=1, max_reports=1 << 20)
    exchange.add_asset("USDT", 9)
    exchange.add_asset("BTC", 8)
    exchange.add_perpetual(
        "BTCUSDT", 1, 0, tick_size="0.01", lot_size="0.0000001", maker_fee_e8=100_000, taker_fee_e8=100_000
    )
    for number in range(ACCOUNTS + 1):
        exchange.open_account(str(number))
    exchange.run_requests(FUNDS[FUNDS["symbol"] == 0])
    exchange.set_mark(0, MID, now_ns=0)
    exchange.clear_reports()
    return exchange


def run_exchange(make: Callable[[], Exchange] = funded_exchange) -> float:
    """Everything: checks, locks, fees, reports, balances, depth. The log is emptied whenever it is full."""
    exchange = make()

    def run() -> None:
        done = 0
        while done < len(REQUESTS):
            done += exchange.run_requests(REQUESTS[done:], RESULTS[done:])
            exchange.clear_reports()

    return cpu_ns(run, len(REQUESTS))


KERNELS = [
    ("matching.add / bare floor", add, bare(START, ADDS)),
    ("matching.cancel / bare floor", cancel, bare(START, ADDS, CANCELS)),
    ("matching.match / bare floor", match, bare(START, TAKERS)),
    ("matching.mixed / bare floor", run_mixed, bare(MIXED)),
    ("exchange.request / bare floor", run_exchange, bare(MIXED)),
    ("exchange.perpetual / bare floor", lambda: run_exchange(margined_exchange), bare(MIXED)),
]


def bench_matching_mixed(benchmark) -> None:
    benchmark.pedantic(lambda book: book.run(MIXED), setup=lambda: ((fresh(),), {}), rounds=20)
