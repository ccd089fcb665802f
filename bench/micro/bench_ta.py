"""The feature bank: one bar, one top of the book, one trade, and one simple average.

Each beside a plain compiled loop of about its size: NumPy's running sum over 128 doubles (a chain of 128 dependent
additions), or over one double for the single average. `python bench/micro/bench_ta.py` adds TA-Lib's stream handles.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

import numpy as np
from harness import ns_per_operation

from bot4._core.ta.averages import SimpleAverage
from bot4._core.ta.features import Features

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


def new_bank() -> Features:
    """A bank past every warm-up, whose own bars never end, so that a trade is only a trade."""
    bank = Features(0.01, 0.00001, 10**15)
    bank.apply_tops(TOPS[:300])
    bank.apply_trades(TRADES[:300])
    return bank


BANK = new_bank()


def bar_vector() -> float:
    bank = new_bank()
    bank.apply_bars(BARS[:300])
    return ns_per_operation(lambda: bank.apply_bars(BARS[300:]), ROUNDS - 300)


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


if __name__ == "__main__":
    from harness import Kernel, measure

    for entry in KERNELS:
        found = measure(Kernel(*entry), budget_s=1.0)
        print(f"{found.name:40} {found.kernel_ns:8.1f} {found.reference_ns:8.1f} ns  ratio {found.ratio:.3f}")
    for peer, ns in talib_streams():
        print(f"TA-Lib stream {peer:26} {ns:8.1f} ns")
