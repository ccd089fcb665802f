"""Draws, queue positions, the measure, the order-flow generator. References: NumPy's draws and sort, copied events."""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # loaded by path, and by pytest

import numpy as np
from harness import ns_per_operation

from bot4._core.account.contract import Contract
from bot4._core.book.order_book import Book
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.sim.distributions import Draws
from bot4._core.sim.fill_model import FillModel
from bot4._core.sim.latency import Latency
from bot4._core.sim.market_measure import MarketMeasure
from bot4._core.sim.paper import Paper
from bot4._core.sim.queue_position import Queue
from bot4.quant.market_generate import START_NS, GeneratedMarket
from bot4.quant.market_model import load_market_model

COUNT = 100_000
SECONDS = 60
NO_INTENTS = np.zeros(0, INTENT_DTYPE)
NUMPY = np.random.default_rng(7)
DRAWS = Draws(7)
SHARES, COUNTS = np.zeros(COUNT), np.zeros(COUNT, np.int64)
UNSORTED = NUMPY.random(COUNT)
MODEL = load_market_model()

GENERATED = GeneratedMarket(MODEL, seed=3)
GENERATED.run(30.0, 100.0)
RECORDED = np.concatenate([GENERATED.snapshot(), *GENERATED.run(300.0, 100.0)])


def numpy_sort() -> float:
    return ns_per_operation(lambda: np.sort(UNSORTED), COUNT)


def flow_request() -> float:
    """One request of the generator, matched by the exchange, its reports forgotten."""
    market = GeneratedMarket(MODEL, seed=5)
    market.flow.advance(START_NS)
    market.exchange.clear_reports()
    before, now_ns, taken_ns = market.flow.counts["requests"], START_NS, 0
    for _ in range(SECONDS):
        now_ns += 1_000_000_000
        start = time.perf_counter_ns()
        while market.flow.advance(now_ns):
            market.exchange.clear_reports()
        taken_ns += time.perf_counter_ns() - start
        market.exchange.clear_reports()
    return taken_ns / (market.flow.counts["requests"] - before)


def measure_events() -> float:
    measure = MarketMeasure()

    def batch() -> None:
        used = 0
        while used < len(RECORDED):
            used += measure.events_many(RECORDED[used:])
            measure.take_records()

    taken = ns_per_operation(batch, len(RECORDED))
    assert measure.is_live
    return taken


def copy_recorded() -> float:
    return ns_per_operation(RECORDED.copy, len(RECORDED))


def queue_events(queue: Queue) -> float:
    """Levels and prints of a generated market with 16 own orders resting near its touch."""
    at_once = Latency.zero()
    venue = Paper(
        Contract(0, tick_size="1", lot_size="1"), seed=1, submit_latency=at_once, report_latency=at_once,
        fills=FillModel(queue=queue),
    )  # fmt: skip
    book = Book()
    cut = 1 + int(np.flatnonzero(RECORDED["flags"] & 2)[0])
    venue.replay(RECORDED[:cut], NO_INTENTS, book)
    now_ns = int(RECORDED["recv_ns"][cut])
    for index in range(16):
        side = index % 2
        best = (book.best_bid if side == 0 else book.best_ask)[0]
        price = best - 40 * index if side == 0 else best + 40 * index
        venue.submit(now_ns=now_ns, order_id=index + 1, side=side, price_ticks=price, qty_lots=1 << 40)
    return ns_per_operation(lambda: venue.replay(RECORDED[cut:], NO_INTENTS, book), len(RECORDED) - cut)


KERNELS = [
    (
        "draws.poisson / numpy poisson",
        lambda: ns_per_operation(lambda: DRAWS.fill_poisson(COUNTS, 3.0), COUNT),
        lambda: ns_per_operation(lambda: NUMPY.poisson(3.0, COUNT), COUNT),
    ),
    (
        "draws.beta / numpy beta",
        lambda: ns_per_operation(lambda: DRAWS.fill_beta(SHARES, 2.0, 5.0), COUNT),
        lambda: ns_per_operation(lambda: NUMPY.beta(2.0, 5.0, COUNT), COUNT),
    ),
    ("flow.request on the exchange / numpy sort", flow_request, numpy_sort),
    ("measure.event / copy of it", measure_events, copy_recorded),
    ("paper.queue trade-through, 16 orders / copy", lambda: queue_events(Queue.trade_through()), copy_recorded),
    ("paper.queue conservative, 16 orders / copy", lambda: queue_events(Queue.conservative()), copy_recorded),
    ("paper.queue probabilistic, 16 orders / copy", lambda: queue_events(Queue.probabilistic()), copy_recorded),
]


def bench_flow_request(benchmark) -> None:
    benchmark.pedantic(flow_request, rounds=5)


def bench_measure_events(benchmark) -> None:
    benchmark.pedantic(measure_events, rounds=10)
