"""Every strategy over real bars, after fees, with what buying and holding would have made; a table, as it comes out.

    PYTHONPATH=. python bench/replay/strategies_on_bars.py --data ../shared/data/ohlcv

Reads OHLCV csv.gz files (ts in ms, open, high, low, close, volume ...): hourly bars of spot BTCUSDT and ETHUSDT and of
perpetual LTCUSDT and BCHUSDT. Funding of the perpetuals is not simulated. Nothing is fitted on what is traded: the pair
is fitted on the first year and traded on the rest.
"""

from __future__ import annotations

import argparse
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd

import bot4
from bot4.application.backtest.statistics import judge
from bot4.domain.instrument import ContractKind
from bot4.quant.cointegration import fit_pair
from bot4.strategy.pairs import Pairs
from bot4.strategy.signals import ReversionSignal, TrendSignal
from bot4.strategy.targets import Steered

TICK, LOT = Decimal("0.01"), Decimal("0.00001")
HOUR_NS = 3_600 * 10**9
NOTIONAL = 5_000
SETTINGS = {
    "strategy.bar_interval_ms": 3_600_000, "risk.order_notional_max": 50_000, "risk.position_notional_max": 50_000,
    "run.mark_interval_ms": 3_600_000, "breaker.stale_after_ms": 3_600_000, "risk.drawdown_max_bps": 10_000,
    "risk.price_band_bps": 500, "risk.fat_finger_multiple": 0,
}  # fmt: skip
REASONED = {
    "strategy.policy": "reasoned", "strategy.enter_score": 0.3, "strategy.take_score": 0.3,
    "strategy.order_notional": 10_000, "strategy.position_notional": 10_000, "risk.drawdown_max_bps": 1_500,
}  # fmt: skip
ALLOCATION = {
    "bull": {"trend": 1.0}, "bear": {"trend": 1.0}, "sideways": {"reversion": 1.0}, "crisis": {},
}  # fmt: skip


def instrument(symbol: str, kind: ContractKind) -> bot4.Instrument:
    base = symbol.removesuffix("USDT")
    return bot4.Instrument(
        symbol=symbol, venue="binance", kind=kind, base=base, quote="USDT", settle="USDT", tick_size=TICK, lot_size=LOT
    )  # fmt: skip


def bars(path: Path, first: str, last: str) -> np.ndarray:
    frame = pd.read_csv(path)
    begin, end = (pd.Timestamp(day, tz="UTC").value // 10**6 for day in (first, last))
    frame = frame[(frame.ts >= begin) & (frame.ts < end)]
    rows = np.zeros(len(frame), bot4.Rows.BARS)
    for name in ("open", "high", "low", "close"):
        rows[f"{name}_ticks"] = np.rint(frame[name].to_numpy() / float(TICK)).astype("i8")
    rows["volume_lots"] = np.floor(frame.volume.to_numpy() / float(LOT)).astype("i8")
    rows["open_ns"] = frame.ts.to_numpy() * 10**6
    rows["close_ns"] = rows["open_ns"] + HOUR_NS
    return rows


def lots_of(rows: np.ndarray, notional: float = NOTIONAL) -> int:
    return int(notional / (rows["open_ticks"][0] * float(TICK)) / float(LOT))


def row(name: str, market: str, result: bot4.BacktestResult) -> None:
    stats = judge(result)
    profit = float(result.equity_end - result.equity_start)
    fees = sum(float(fee) for fee in result.fees.values())
    peak = np.maximum.accumulate(result.equity) if len(result.equity) else np.array([1.0])
    fall = float(np.max(1.0 - result.equity / peak)) if len(result.equity) else 0.0
    sharpe = "-" if stats.sharpe_annual is None else f"{stats.sharpe_annual:.2f}"
    print(
        f"| {name} | {market} | {len(result.orders)} | {profit:+.0f} | {fees:.0f} | {profit + fees:+.0f} | "
        f"{100 * fall:.1f} % | {sharpe} | {stats.hold_profit:+.0f} |"
    )


def singles(path: Path, symbol: str, kind: ContractKind, years: tuple[int, int]) -> None:
    first, last = (f"{year}-01-01" for year in years)
    rows, market = bars(path, first, last), instrument(symbol, kind)
    lots, short = lots_of(rows), kind is not ContractKind.SPOT
    where = f"{symbol} {kind.name.lower()} {years[0]}-{years[1]}"
    settings = bot4.load_settings(environment={}, overrides=SETTINGS)
    slippage = int(0.01 * rows["open_ticks"][0])
    signals = {"trend": TrendSignal, "reversion": ReversionSignal}
    for name, make in signals.items():
        made = Steered({name: make()}, lots=lots, short=short, slippage_ticks=slippage)
        row(name, where, bot4.backtest(rows, market, made, settings=settings, count_trial=False))
    both = Steered(
        {name: make() for name, make in signals.items()}, lots=lots, short=short, slippage_ticks=slippage,
        allocation=ALLOCATION,
    )  # fmt: skip
    row("ensemble by regime", where, bot4.backtest(rows, market, both, settings=settings, count_trial=False))
    with_reasons = bot4.load_settings(environment={}, overrides=SETTINGS | REASONED)
    row("reasoned policy", where, bot4.backtest(rows, market, None, settings=with_reasons, count_trial=False))


def pair(data: Path, symbols: tuple[str, str]) -> None:
    paths = [f"binance_usdm/1h/{symbol}.csv.gz" for symbol in symbols]
    fitted = [bars(data / path, "2021-01-01", "2022-01-01") for path in paths]
    traded = [bars(data / path, "2022-01-01", "2024-01-01") for path in paths]
    closes = [pd.Series(rows["close_ticks"], rows["open_ns"]) for rows in fitted]
    joined = pd.concat(closes, axis=1, join="inner").to_numpy(float) * float(TICK)
    model = fit_pair(joined[:, 0], joined[:, 1])
    print(
        f"<!-- {symbols[0]} on {symbols[1]}, 2021: hedge ratio {model.hedge_ratio:.3f}, p {model.p_value:.3f}, "
        f"half-life {model.half_life_bars:.0f} h -->"
    )
    made = Pairs(
        model, first=symbols[0], second=symbols[1], first_tick=float(TICK), second_tick=float(TICK),
        first_lots=lots_of(traded[0], NOTIONAL / 2),
        second_lots=lots_of(traded[1], NOTIONAL / 2 * abs(model.hedge_ratio)),
        slippage_ticks=int(0.01 * min(rows["open_ticks"][0] for rows in traded)),
    )  # fmt: skip
    settings = bot4.load_settings(environment={}, overrides=SETTINGS)
    both = dict(zip(symbols, traded, strict=True))
    lanes = [instrument(symbol, ContractKind.LINEAR) for symbol in symbols]
    result = bot4.backtest(both, lanes, made, settings=settings, count_trial=False)
    row("pair", f"{symbols[0]}, {symbols[1]} linear 2022-2024", result)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    print("| strategy | market | orders | profit, USDT | fees | before fees | deepest fall | Sharpe, annual | hold |")
    print("|---|---|---|---|---|---|---|---|---|")
    for symbol in ("BTCUSDT", "ETHUSDT"):
        singles(data / "binance_spot/1h" / f"{symbol}.csv.gz", symbol, ContractKind.SPOT, (2022, 2025))
    for symbol in ("LTCUSDT", "BCHUSDT"):
        singles(data / "binance_usdm/1h" / f"{symbol}.csv.gz", symbol, ContractKind.LINEAR, (2022, 2024))
    for symbols in (("LTCUSDT", "BCHUSDT"), ("ATOMUSDT", "LTCUSDT")):
        pair(data, symbols)


if __name__ == "__main__":
    main()
