"""bot4 over the events of market.py; prints one JSON line a run."""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import bot4  # noqa: E402
from bot4._core.build_info import require_release  # noqa: E402
from bot4.domain.instrument import ContractKind  # noqa: E402
from bot4.strategy.base import CompiledStrategy, Strategy  # noqa: E402
from bot4.strategy.ema_cross import EmaCross, compiled_ema_cross  # noqa: E402
from bot4.strategy.grid import compiled_grid  # noqa: E402

LOTS = 100
SLIPPAGE_TICKS = 20
GRID = {"levels": 10, "interval_ticks": 7, "half_spread_ticks": 2, "lots": 10, "position_max_lots": 1_000}


class EveryHundred(Strategy):
    """Buys and sells in turn, an order every hundred quotes."""

    def __init__(self) -> None:
        self.seen = 0

    def on_book(self, market: Any) -> None:
        self.seen = seen = self.seen + 1
        if seen % 100 == 0:
            if market.position_lots == 0:
                market.buy(LOTS, market.ask_ticks + SLIPPAGE_TICKS, tif="ioc")
            else:
                market.sell(LOTS, market.bid_ticks - SLIPPAGE_TICKS, tif="ioc")


def settings(**overrides: object) -> Any:
    plain: dict[str, object] = {
        "impact__model": "none", "paper__latency": "zero", "paper__maker_fee_bps": "2", "paper__taker_fee_bps": "4",
        "paper__balance_quote": "1000000", "risk__order_notional_max": "1000000",
        "risk__position_notional_max": "100000000", "risk__open_orders_max": 64, "risk__orders_per_s": 100_000,
        "risk__orders_burst": 100_000, "risk__price_band_bps": 10_000, "risk__fat_finger_multiple": 0,
        "risk__drawdown_max_bps": 10_000, "risk__duplicate_window_ms": 0, "risk__consecutive_rejects_max": 1_000,
        "breaker__consecutive_rejects_max": 1_000, "run__mark_interval_ms": 1_000,
        "strategy__expected_bps": 10_000,  # the gate's arithmetic is done for each order, and lets it pass
    }  # fmt: skip
    return bot4.load_settings(
        environment={}, overrides={key.replace("__", "."): value for key, value in (plain | overrides).items()}
    )


def instrument(kind: ContractKind) -> bot4.Instrument:
    return bot4.Instrument(
        symbol="BTCUSDT", venue="binance", kind=kind, base="BTC", quote="USDT", settle="USDT",
        tick_size=Decimal("0.5"), lot_size=Decimal("0.001"),
    )  # fmt: skip


def quote_rows(folder: Path) -> np.ndarray:
    columns = np.load(folder / "quotes.npz")
    rows = np.zeros(len(columns["bid"]), bot4.Rows.QUOTES)
    for ours, theirs in (("venue_ns", "venue_ns"), ("recv_ns", "recv_ns"), ("bid_ticks", "bid"), ("ask_ticks", "ask"),
                         ("bid_lots", "bid_lots"), ("ask_lots", "ask_lots")):  # fmt: skip
        rows[ours] = columns[theirs]
    return rows


def l2_rows(folder: Path) -> list[np.ndarray]:
    columns = dict(np.load(folder / "l2.npz").items())
    is_trade = (columns["kind"] == 2) | (columns["kind"] == 3)
    depth, trades = np.zeros(int((~is_trade).sum()), bot4.Rows.L2), np.zeros(int(is_trade.sum()), bot4.Rows.TRADES)
    for rows, chosen in ((depth, ~is_trade), (trades, is_trade)):
        for name in ("venue_ns", "recv_ns"):
            rows[name] = columns[name][chosen]
        rows["price_ticks"], rows["qty_lots"] = columns["price"][chosen], columns["lots"][chosen]
    kinds = columns["kind"][~is_trade]
    depth["side"] = (kinds == 1) | (kinds == 5)
    depth["flags"] = np.where(kinds >= 4, 4, 2)
    depth["flags"][np.flatnonzero(kinds >= 4)[-1]] = 6
    trades["taker_side"] = columns["kind"][is_trade] == 3
    return [depth, trades]


def runs(folder: Path) -> dict[str, tuple[Any, ContractKind, Any, Any]]:
    spot, linear = ContractKind.SPOT, ContractKind.LINEAR
    quotes, depth = quote_rows(folder), l2_rows(folder)
    none = CompiledStrategy(1, wants=())
    two_ms = settings(paper__latency="fixed", paper__latency_fixed_ms=2, paper__queue_model="probabilistic")
    return {
        "quotes, no strategy": (quotes, spot, none, settings()),
        "EMA cross, Python": (quotes, spot, EmaCross(lots=LOTS, slippage_ticks=SLIPPAGE_TICKS), settings()),
        "EMA cross, compiled": (quotes, spot, compiled_ema_cross(lots=LOTS, slippage_ticks=SLIPPAGE_TICKS), settings()),
        "an order every 100 quotes, Python": (quotes, spot, EveryHundred(), settings()),
        "L2 replay": (depth, linear, none, settings()),
        "L2 grid 10x2": (depth, linear, compiled_grid(**GRID), two_ms),
    }


def main(words: list[str]) -> int:
    require_release()
    folder, repeats = Path(words[0]), int(words[1]) if len(words) > 1 else 5
    only = words[2] if len(words) > 2 else ""
    for name, (data, kind, strategy, chosen) in runs(folder).items():
        if only not in name:
            continue
        rates = []
        for _ in range(repeats):
            fresh = type(strategy)() if isinstance(strategy, EveryHundred) else strategy
            if isinstance(strategy, EmaCross):
                fresh = EmaCross(lots=LOTS, slippage_ticks=SLIPPAGE_TICKS)
            gc.collect()
            result = bot4.backtest(data, instrument(kind), fresh, settings=chosen, count_trial=False)
            rates.append(result.rows / result.cpu_s)
        fills = result.fills
        print(json.dumps({
            "engine": f"bot4 {bot4.__version__}", "run": name, "events": result.rows,
            "events_per_s": round(float(np.median(rates))), "orders": len(result.orders), "fills": len(fills),
            "refusals": len(result.refusals),
            "cash": f"{result.balances['USDT']:f}", "position_lots": int(result.positions["BTCUSDT"] * 1000),
            "fees": f"{result.fees['USDT']:f}", "bought": int(fills["qty_lots"][fills["side"] == 0].sum()),
            "sold": int(fills["qty_lots"][fills["side"] == 1].sum()),
            "maker": int(((fills["flags"] & 128) != 0).sum()),
            "hash": result.result_hash,
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
            "at": time.strftime("%H:%M"),
        }), flush=True)  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
