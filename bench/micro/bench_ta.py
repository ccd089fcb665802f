"""The feature bank: one bar, one top of the book, one trade, and one simple average.

Each beside a plain compiled loop of about its size: NumPy's running sum over 128 doubles (a chain of 128 dependent
additions), or over one double for the single average. As a program, `python bench/micro/bench_ta.py`, it adds
calls from Python and TA-Lib's stream handles, one input each.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Literal

import numpy as np
from harness import ns_per_operation

from bot4._core.ta.averages import SimpleAverage
from bot4._core.ta.features import Features
from bot4._core.ta.registry import FEATURES
from bot4._core.ta.selection import Garch

ROUNDS = 20_000
RANDOM = np.random.default_rng(11)
CLOSES = 6_000_000 + np.cumsum(RANDOM.integers(-50, 51, ROUNDS))
OPENS = np.concatenate([CLOSES[:1], CLOSES[:-1]])
HIGHS = np.maximum(OPENS, CLOSES) + RANDOM.integers(0, 30, ROUNDS)
LOWS = np.minimum(OPENS, CLOSES) - RANDOM.integers(0, 30, ROUNDS)
LOTS = RANDOM.integers(1, 10_000, ROUNDS)
STAMPS = np.arange(ROUNDS) * 1_000_000
BARS = np.column_stack([OPENS, HIGHS, LOWS, CLOSES, LOTS, LOTS // 2, LOTS % 7, STAMPS, STAMPS + 1_000_000])
TRADES = np.column_stack([CLOSES, LOTS, LOTS % 2, STAMPS])
DEPTH = np.arange(5)
TOPS = np.column_stack([
    CLOSES[:, None] - 1 - DEPTH, RANDOM.integers(1, 1_000, (ROUNDS, 5)),
    CLOSES[:, None] + 1 + DEPTH, RANDOM.integers(1, 1_000, (ROUNDS, 5)),
    np.full((ROUNDS, 2), 5), STAMPS,
])  # fmt: skip
PRICES = CLOSES * 0.01
BLOCK = RANDOM.random(128 * 2_000)
SUMS = np.empty_like(BLOCK)
AVERAGE = SimpleAverage(20)


# All whose update does not grow with a window (O(1), amortised or not), and all there are.
CONSTANT = [feature.name for feature in FEATURES if feature.group not in {"heavy", "garch", "vpin"}]
FITTED = Garch(0.0, 1e-9, 0.1, 0.85, 1e-8)


def new_bank(select: list[str] | Literal["all"] | None = None) -> Features:
    """A bank past every warm-up, whose own bars never end, so that a trade is only a trade."""
    extra = {"garch": FITTED, "vpin_bucket_lots": 5_000} if select == "all" else {}
    bank = Features(0.01, 0.00001, 10**15, select=select, **extra)
    bank.apply_tops(TOPS[:300])
    bank.apply_trades(TRADES[:300])
    return bank


BANK = new_bank()


def bar_vector(select: list[str] | Literal["all"] | None = None, count: int = ROUNDS) -> float:
    bank = new_bank(select)
    bank.apply_bars(BARS[:300])
    rows = BARS[300 : 300 + count]
    return ns_per_operation(lambda: bank.apply_bars(rows), len(rows))


def constant_bar_vector() -> float:
    return bar_vector(CONSTANT, 2_000)


def whole_bar_vector() -> float:
    return bar_vector("all", 1_000)


def top_vector() -> float:
    return ns_per_operation(lambda: BANK.apply_tops(TOPS), ROUNDS)


def trade_vector() -> float:
    bank = new_bank()
    return ns_per_operation(lambda: bank.apply_trades(TRADES[300:]), ROUNDS - 300)


def simple_average() -> float:
    return ns_per_operation(lambda: AVERAGE.apply_many(PRICES), ROUNDS)


def sum_of_128() -> float:
    return ns_per_operation(lambda: np.cumsum(BLOCK, out=SUMS), len(BLOCK) // 128)


def sum_of_one() -> float:
    return ns_per_operation(lambda: np.cumsum(BLOCK, out=SUMS), len(BLOCK))


KERNELS = [
    ("ta.bank bar vector / 128 additions", bar_vector, sum_of_128),
    ("ta.bank bar vector without O(n) features / 128 additions", constant_bar_vector, sum_of_128),
    ("ta.bank bar vector of all features / 128 additions", whole_bar_vector, sum_of_128),
    ("ta.bank top vector / 128 additions", top_vector, sum_of_128),
    ("ta.bank trade vector / 128 additions", trade_vector, sum_of_128),
    ("ta.SimpleAverage / one addition", simple_average, sum_of_one),
]


def bench_bar_vector(benchmark) -> None:
    bank = new_bank()
    bars = BARS.copy()

    def next_bars() -> None:
        bank.apply_bars(bars)
        bars[:, 7:9] += ROUNDS * 1_000_000

    benchmark(next_bars)


def bench_top_vector(benchmark) -> None:
    benchmark(BANK.apply_tops, TOPS)


def bench_simple_average(benchmark) -> None:
    benchmark(AVERAGE.apply_many, PRICES)


def talib_streams() -> list[tuple[str, float]]:
    """Nanoseconds an update of TA-Lib's stream handles, one call from Python each; empty without TA-Lib."""
    try:
        from talib import stream  # noqa: PLC0415 - a peer, not a need
    except ImportError:
        return []
    past, coming = PRICES[:2_000], PRICES[2_000:2_500].tolist()
    handles = [
        ("SMA 20", stream.SMA(past, 20)),
        ("EMA 26", stream.EMA(past, 26)),
        ("RSI 14", stream.RSI(past, 14)),
        ("MACD", stream.MACD(past)),
        ("BBANDS 20", stream.BBANDS(past, 20)),
        ("STDDEV 20", stream.STDDEV(past, 20)),
        ("ROC 10", stream.ROC(past, 10)),
    ]

    def median_ns(update: Callable[[float], object]) -> float:
        rounds = [ns_per_operation(lambda: [update(x) for x in coming], len(coming)) for _ in range(51)]
        return statistics.median(rounds)

    return [(name, median_ns(handle.update)) for name, handle in handles]


def per_call(call: Callable[..., object], rows: list[tuple]) -> float:
    """Median nanoseconds of one call from Python, of windows of 50 calls, the loop over them included."""

    def window(function: Callable[..., object], part: list[tuple]) -> float:
        start = time.thread_time_ns()
        for row in part:
            function(*row)
        return (time.thread_time_ns() - start) / len(part)

    return statistics.median(window(call, rows[i : i + 50]) for i in range(0, len(rows) - 49, 50))


def python_calls() -> list[tuple[str, float]]:
    rows = [tuple(row) for row in BARS[300:].tolist()]
    found = []
    for name, select in (("first 21 features", None), ("all but O(n)", CONSTANT), ("all", "all")):
        bank = new_bank(select)
        bank.apply_bars(BARS[:300])
        found.append((f"Features.take_bar, {name}", per_call(bank.take_bar, rows)))
    average = SimpleAverage(20)
    found.append(("SimpleAverage.update", per_call(average.update, [(x,) for x in PRICES.tolist()])))
    return found


if __name__ == "__main__":
    from harness import Kernel, measure

    for entry in KERNELS:
        found = measure(Kernel(*entry), budget_s=1.0)
        print(f"{found.name:40} {found.kernel_ns:8.1f} {found.reference_ns:8.1f} ns  ratio {found.ratio:.3f}")
    for name, ns in python_calls():
        print(f"{name:40} {ns:8.1f} ns a call from Python")
    for peer, ns in talib_streams():
        print(f"TA-Lib stream {peer:26} {ns:8.1f} ns")
