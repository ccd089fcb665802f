"""Markets and settings for backtests: made-up rows on an exact grid, and an account that is not in the way."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from decimal import Decimal
from functools import cache

import numpy as np

from bot4._core.array_dtypes import BAR_ROWS, L2_ROWS, QUOTE_ROWS, TRADE_ROWS
from bot4.config import Settings, load_settings
from bot4.domain.instrument import ContractKind, Instrument

MS = 1_000_000
START_NS = 1_700_000_000_000_000_000
SNAPSHOT, LAST = 4, 2


def instrument(symbol: str = "BTCUSDT", kind: ContractKind = ContractKind.SPOT) -> Instrument:
    """Tick 0.5, lot 0.001: prices and fees of whole ticks and lots are exact in eight decimals."""
    return Instrument(
        symbol=symbol, venue="binance", kind=kind, base=symbol.removesuffix("USDT"), quote="USDT", settle="USDT",
        tick_size=Decimal("0.5"), lot_size=Decimal("0.001"),
    )  # fmt: skip


@cache
def trials_folder() -> str:
    """Where tests that ask for nothing else count their trials; gone with the process."""
    folder = tempfile.mkdtemp(prefix="bot4-trials-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def roomy(**overrides: object) -> Settings:
    """Settings whose guards stop nothing that a test means to send; fees 2 and 4 basis points, no latency."""
    plain: dict[str, object] = {
        "run__data_dir": trials_folder(),
        "impact__model": "none", "paper__latency": "zero", "paper__maker_fee_bps": "2", "paper__taker_fee_bps": "4",
        "paper__balance_quote": "1000000", "risk__order_notional_max": "1000000",
        "risk__position_notional_max": "1000000", "risk__open_orders_max": 64, "risk__orders_per_s": 100_000,
        "risk__orders_burst": 100_000, "risk__price_band_bps": 10_000, "risk__reference_ttl_ms": 3_600_000,
        "risk__fat_finger_multiple": 0, "risk__drawdown_max_bps": 10_000, "risk__duplicate_window_ms": 0,
        "risk__consecutive_rejects_max": 1_000, "breaker__consecutive_rejects_max": 1_000,
        "breaker__stale_after_ms": 3_600_000, "breaker__latency_max_ms": 3_600_000, "run__mark_interval_ms": 10,
        "strategy__expected_bps": "1000000",  # ticks are coarse here, and what a spread costs is not judged
    }  # fmt: skip
    return load_settings(
        environment={}, overrides={key.replace("__", "."): value for key, value in (plain | overrides).items()}
    )


def quotes(count: int, seed: int = 1, *, step_ns: int = MS, age_ns: int = 0, wide: int = 1) -> np.ndarray:
    """A walk of the touch in ticks, one quote every `step_ns`, heard `age_ns` after the venue's stamp."""
    rng = np.random.default_rng(seed)
    rows = np.zeros(count, QUOTE_ROWS)
    rows["recv_ns"] = START_NS + np.arange(count) * step_ns
    rows["venue_ns"] = rows["recv_ns"] - age_ns
    rows["bid_ticks"] = 120_000 + np.cumsum(rng.integers(-2, 3, count))
    rows["ask_ticks"] = rows["bid_ticks"] + rng.integers(1, wide + 1, count)
    rows["bid_lots"], rows["ask_lots"] = rng.integers(1_000, 5_000, (2, count))
    return rows


def prints(count: int, seed: int = 2, *, step_ns: int = MS, around: int = 120_000) -> np.ndarray:
    """Prints within a few ticks of a price."""
    rng = np.random.default_rng(seed)
    rows = np.zeros(count, TRADE_ROWS)
    rows["recv_ns"] = rows["venue_ns"] = START_NS + np.arange(count) * step_ns
    rows["price_ticks"] = around + rng.integers(-5, 6, count)
    rows["qty_lots"], rows["taker_side"] = rng.integers(1, 50, count), rng.integers(0, 2, count)
    return rows


def bars(closes: list[int], *, minutes: int = 1, lots: int = 4_000, reach: int = 3) -> np.ndarray:
    """Bars that open where the last closed and reach `reach` ticks beyond open and close."""
    rows = np.zeros(len(closes), BAR_ROWS)
    span_ns = minutes * 60_000 * MS
    rows["close_ticks"] = closes
    rows["open_ticks"] = [closes[0], *closes[:-1]]
    rows["high_ticks"] = np.maximum(rows["open_ticks"], rows["close_ticks"]) + reach
    rows["low_ticks"] = np.minimum(rows["open_ticks"], rows["close_ticks"]) - reach
    rows["volume_lots"], rows["taker_buy_lots"], rows["trade_count"] = lots, lots // 2, 10
    rows["open_ns"] = START_NS + np.arange(len(closes)) * span_ns
    rows["close_ns"] = rows["open_ns"] + span_ns
    return rows


def l2_market(
    messages: int, seed: int = 3, *, step_ns: int = 10 * MS, age_ns: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Depth rows and prints of a book that walks: a snapshot of 40 levels a side, then messages of one to four rows.

    A message that moves the touch takes the levels it passes away, so that the book is never crossed.
    """
    rng = np.random.default_rng(seed)
    rows: list[tuple[int, ...]] = []
    told: list[tuple[int, ...]] = []
    mid = 120_000
    books: tuple[dict[int, int], dict[int, int]] = ({}, {})
    for i in range(40):
        books[0][mid - 1 - i], books[1][mid + 1 + i] = 50 + i, 50 + i
    for side in (0, 1):
        rows += [(START_NS, price, lots, side, SNAPSHOT) for price, lots in books[side].items()]
    rows[-1] = (*rows[-1][:4], SNAPSHOT | LAST)
    for number in range(1, messages):
        at = START_NS + number * step_ns
        message: dict[tuple[int, int], int] = {}
        for _ in range(int(rng.integers(1, 4))):
            side = int(rng.integers(0, 2))
            price = mid + (1 + int(rng.integers(0, 12))) * (1 if side else -1)
            message[side, price] = int(rng.integers(0, 90)) if rng.random() < 0.8 else 0
        if rng.random() < 0.25:
            step = 1 if rng.random() < 0.5 else -1
            gone, come = (1, 0) if step > 0 else (0, 1)
            message[gone, mid + step] = 0
            message[come, mid] = int(rng.integers(20, 90))
            told.append((at, mid + step, int(rng.integers(1, 120)), 0 if step > 0 else 1))
            mid += step
        message = {
            (side, price): lots
            for (side, price), lots in message.items()
            if lots == 0 or (price > mid if side else price < mid)
        }
        if not message:
            continue
        last = len(message) - 1
        rows += [
            (at, price, lots, side, LAST if i == last else 0) for i, ((side, price), lots) in enumerate(message.items())
        ]
        if rng.random() < 0.4:
            taker = int(rng.integers(0, 2))
            beyond = int(rng.integers(1, 4)) * (1 if taker == 0 else -1)
            told.append((at, mid + beyond, int(rng.integers(1, 60)), taker))
    depth, trades = np.zeros(len(rows), L2_ROWS), np.zeros(len(told), TRADE_ROWS)
    for array, given in ((depth, rows), (trades, told)):
        columns = np.array(given, np.int64).T
        for name, column in zip(array.dtype.names[1:], columns, strict=True):
            array[name] = column
        array["venue_ns"] = array["recv_ns"] - age_ns
    return depth, trades
