"""The background market of a parameter file on the served exchange's symbols."""

from __future__ import annotations

import numpy as np
import pytest

from bot4._core.risk.filters import Filters
from bot4._core.sim.exchange import Exchange
from bot4.adapters.simulator.background.calibrated_flow import CalibratedFlow
from bot4.adapters.simulator.market.market import Market
from bot4.adapters.simulator.symbols import DEFAULT_SYMBOLS
from bot4.adapters.simulator.wire.decimals import DECIMALS, UNIT, format_e8
from bot4.quant.market_model import load_market_model

SECOND = 1_000_000_000
START = 1_800_000_000 * SECOND


class Stage:
    """The default symbols on one exchange, with their filters."""

    def __init__(self, seed=7, max_reports=1 << 18):
        self.exchange = Exchange(
            max_orders=1 << 15, max_accounts=64, max_assets=4, max_symbols=3, max_reports=max_reports
        )
        assets = {name: self.exchange.add_asset(name, DECIMALS) for name in ("BTC", "ETH", "USDT")}
        self.markets, self.reports, self.settled = [], [], 0
        for symbol in DEFAULT_SYMBOLS:
            tick, step = format_e8(symbol.tick), format_e8(symbol.step)
            number = self.exchange.add_symbol(
                symbol.name, assets[symbol.base], assets[symbol.quote], tick_size=tick, lot_size=step,
                filters=Filters.from_binance(symbol.filters(), tick_size=tick, lot_size=step),
            )  # fmt: skip
            self.markets.append(Market(symbol, number, self.exchange))
        self.flow = CalibratedFlow(
            self.exchange, self.markets, load_market_model(), seed=seed, start_ns=START, settle=self.settle,
            quote_worth={"BTC": 60_000.0},
        )  # fmt: skip

    def settle(self):
        self.settled += 1
        self.reports.append(self.exchange.take_reports())

    def run(self, seconds, speed=1.0, *, takes_each=True):
        self.flow.begin(START)
        for second in range(seconds):
            self.flow.advance(speed, START + (second + 1) * SECOND)
            if takes_each:
                self.settle()
        return np.concatenate(self.reports)


@pytest.fixture(scope="module")
def a_minute():
    """The default markets after a minute, and what was told of them."""
    stage = Stage()
    return stage, stage.run(60)


def test_every_default_market_trades_within_its_rules(a_minute):
    stage, told = a_minute
    for market, counts in zip(stage.markets, stage.flow.counts, strict=True):
        trades = told[(told["symbol"] == market.number) & (told["execution_type"] == 4)]
        assert len(trades) > 100
        assert counts["full"] == 0
        # Refused are the quotes beyond the price band of a symbol and little else.
        assert counts["refused"] < 0.05 * counts["requests"]
        _, bids, asks = stage.exchange.depth(market.number, 5)
        assert 0 < bids["price_ticks"][0] < asks["price_ticks"][0]
        price = float(bids["price_ticks"][0]) * market.symbol.tick
        assert price == pytest.approx(market.symbol.first_price, rel=0.05)


def test_sizes_are_worth_alike_in_every_market(a_minute):
    stage, told = a_minute
    worth = {"USDT": 1.0, "BTC": 60_000.0}
    medians = []
    for market in stage.markets:
        symbol = market.symbol
        quotes = told[(told["symbol"] == market.number) & (told["execution_type"] == 0) & (told["type"] == 0)]
        value = symbol.first_price / UNIT * symbol.step / UNIT * worth[symbol.quote]
        medians.append(float(np.median(quotes["orig_lots"])) * value)
    assert max(medians) < 3 * min(medians)


@pytest.mark.untraced
def test_a_faster_market_keeps_to_the_servers_time():
    slow, fast = Stage(), Stage()
    told = [slow.run(10), fast.run(10, speed=4.0)]
    assert max(rows["time_ns"].max() for rows in told) <= START + 10 * SECOND
    takers = [sum(counts["takers"] for counts in stage.flow.counts) for stage in (slow, fast)]
    assert takers[1] > 2 * takers[0]


@pytest.mark.untraced
def test_the_same_seed_makes_the_same_market_and_a_full_log_is_settled_in_between():
    one, other, third = Stage(), Stage(max_reports=1 << 16), Stage(seed=8)
    one.run(60)
    other.run(60, takes_each=False)
    assert other.settled > 1
    assert one.exchange.state_hash() == other.exchange.state_hash()
    third.run(60)
    assert third.exchange.state_hash() != one.exchange.state_hash()
