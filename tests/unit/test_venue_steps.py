"""Orders of strategies on a venue whose prices and quantities move in coarser steps than its market data."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
from builders.backtest import MS, bars, instrument, quotes, roomy

import bot4
from bot4.domain.instrument import ContractKind
from bot4.strategy.avellaneda_stoikov import AvellanedaStoikov
from bot4.strategy.base import Strategy
from bot4.strategy.ema_cross import EmaCross
from bot4.strategy.signals import ReversionSignal
from bot4.strategy.targets import Steered

# Data in half a dollar and thousandths, orders in five dollars and hundredths.
COARSE = replace(instrument(kind=ContractKind.LINEAR), price_step=Decimal(5), qty_step=Decimal("0.01"))


def placed(rows: np.ndarray, strategy: object) -> bot4.BacktestResult:
    return bot4.backtest(rows, COARSE, strategy, settings=roomy(), count_trial=False)


def on_steps(result: bot4.BacktestResult) -> bool:
    orders = result.orders
    return not (orders["price_ticks"] % 10).any() and not (orders["qty_lots"] % 10).any()


class Reads(Strategy):
    """Notes what it is told of the steps."""

    def on_start(self, market) -> None:
        self.grid = market.instrument.ticks_per_step, market.instrument.lots_per_step


def test_a_strategy_reads_the_steps_of_its_orders():
    reads = Reads()
    placed(quotes(10), reads)
    assert reads.grid == (10, 10)


def test_the_market_maker_quotes_on_the_venues_steps_and_lets_a_quote_rest():
    maker = AvellanedaStoikov(lots=10, position_max_lots=50, risk_aversion=1e-4, decay_per_tick=0.2, memory=20,
                              timer_interval_ns=100 * MS)  # fmt: skip
    result = placed(quotes(3_000, step_ns=10 * MS, wide=30), maker)
    assert len(result.orders) > 20
    assert (len(result.refusals), on_steps(result)) == (0, True)


def test_a_steered_position_moves_in_whole_steps_and_what_is_less_waits():
    closes = (100_000 + 400 * np.sin(np.arange(400) / 9)).round().astype(int).tolist()
    signals = {"reversion": ReversionSignal(bars=20, enter=1.2)}
    result = placed(bars(closes), Steered(signals, lots=457, slippage_ticks=123, short=True))
    assert len(result.orders) > 5
    assert (len(result.refusals), on_steps(result)) == (0, True)
    assert set(result.orders["qty_lots"].tolist()) <= {450, 900}


def test_a_price_off_the_steps_is_refused_by_name():
    result = placed(quotes(2_000), EmaCross(fast=4, slow=9, lots=10, slippage_ticks=3))
    assert len(result.orders) < len(result.refusals)
    assert any("price_filter" in note for note in result.notes)
