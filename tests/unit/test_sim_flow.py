"""The order-flow generator on the simulated exchange."""

from __future__ import annotations

import numpy as np
import pytest

from bot4._core.sim.exchange import Exchange
from bot4._core.sim.flow import Flow
from bot4._core.sim.flow_model import FlowParameters
from bot4.quant.market_model import load_market_model

BUY, SELL = 0, 1
SECOND = 1_000_000_000
START = 1_000 * SECOND
LIMIT = 0


def flow_values(**changes):
    buckets = [5.0, 3.0, 2.0, 1.0] + [0.5] * 4 + [0.0] * 12
    values = {
        "regimes": [
            {"share": 0.7, "mean_s": 4.0, "moves_per_s": 1.0, "takers_per_s": 5.0, "quoting": 1.0},
            {"share": 0.3, "mean_s": 2.0, "moves_per_s": 4.0, "takers_per_s": 9.0, "quoting": 2.0},
        ],
        "adds_per_s": buckets,
        "add_mu": [3.0] * 20,
        "add_sigma": [0.8] * 20,
        "life_s": [5.0] * 20,
        "taker_size": list(np.linspace(1.0, 60.0, 65)),
        "taker_persistence": 0.7,
        "move_size": list(np.linspace(1.0, 30.0, 65)),
        "move_follows": 0.8,
        "spreads": [(1, 0.8), (3, 0.2)],
    }
    return values | changes


class Stage:
    """An exchange with one symbol, a generator and a user."""

    def __init__(self, *, seed=7, max_reports=1 << 16, makers=2, values=None, **options):
        self.exchange = Exchange(max_orders=2_048, max_accounts=8, max_assets=2, max_symbols=1, max_reports=max_reports)
        base, quote = self.exchange.add_asset("BASE", 2), self.exchange.add_asset("QUOTE", 2)
        self.assets = (base, quote)
        self.symbol = self.exchange.add_symbol("BQ", base, quote, tick_size="0.1", lot_size="0.1", average_price_mins=0)
        accounts = [self.exchange.open_account(f"maker {index}") for index in range(makers)]
        taker, self.user = self.exchange.open_account("taker"), self.exchange.open_account("user")
        for asset in self.assets:
            self.exchange.deposit(self.user, asset, 10**12)
        self.flow = Flow(
            self.exchange, symbol=self.symbol, parameters=FlowParameters(**(values or flow_values())), seed=seed,
            bid_ticks=10_000, makers=accounts, taker=taker, start_ns=START, max_orders=1_024, **options,
        )  # fmt: skip
        self.reports = []

    def run(self, until_s, step_s=1.0):
        now = START
        while now < START + until_s * SECOND:
            now = min(now + int(step_s * SECOND), START + int(until_s * SECOND))
            while self.flow.advance(now):
                self.reports.append(self.exchange.take_reports())
        self.reports.append(self.exchange.take_reports())
        return self

    def best(self):
        _, bids, asks = self.exchange.depth(self.symbol, 1)
        return int(bids["price_ticks"][0]), int(asks["price_ticks"][0])

    def digest(self):
        return self.flow.state_hash, self.exchange.state_hash()


def test_the_same_seed_gives_the_same_market_and_another_seed_another_one():
    assert Stage(seed=3).run(20).digest() == Stage(seed=3).run(20).digest()
    assert Stage(seed=3).run(20).digest() != Stage(seed=4).run(20).digest()


@pytest.mark.parametrize("step_s", [0.001, 0.37, 20.0])
def test_the_steps_time_is_advanced_in_change_nothing(step_s):
    assert Stage().run(20, step_s).digest() == Stage().run(20).digest()


def test_a_full_log_only_interrupts():
    small, large = Stage(max_reports=1 << 12).run(20), Stage().run(20)
    assert len(small.reports) > len(large.reports)
    assert small.digest() == large.digest()
    told = [np.concatenate(stage.reports)["order_id"] for stage in (small, large)]
    assert told[0].tolist() == told[1].tolist()


def test_both_sides_are_quoted_at_the_anchors_and_nothing_is_crossed():
    stage = Stage()
    for second in range(1, 60):
        stage.run(second)
        bid, ask = stage.best()
        assert bid < ask
        assert bid <= stage.flow.anchors[0]
        assert ask >= stage.flow.anchors[1]


def test_every_kind_of_event_happens_and_nothing_is_refused():
    counts = Stage().run(60).flow.counts
    assert min(counts[name] for name in ("adds", "takers", "moves", "cancels", "pulls", "requotes", "gone")) > 10
    assert counts["refused"] == counts["full"] == 0


def test_no_atom_is_made_or_lost():
    stage = Stage()
    before = [stage.exchange.total(asset) for asset in stage.assets]
    stage.run(60)
    assert [stage.exchange.total(asset) for asset in stage.assets] == before


def test_a_resting_order_of_another_is_taken_when_the_price_moves_past_it():
    stage = Stage()
    stage.run(1)
    bid, _ = stage.best()
    verdict, order_id = stage.exchange.place(
        stage.user, stage.symbol, BUY, LIMIT, qty_lots=5, price_ticks=bid - 3, now_ns=START + SECOND
    )
    assert verdict == 0
    for second in range(2, 400):
        stage.run(second)
        if stage.flow.anchors[1] <= bid - 3:
            break
    else:
        pytest.fail("the price never came down")
    assert stage.exchange.order(order_id) is None
    trades = np.concatenate(stage.reports)
    trades = trades[(trades["order_id"] == order_id) & (trades["execution_type"] == 4)]
    assert trades["last_lots"].sum() == 5
    assert set(trades["last_price_ticks"].tolist()) == {bid - 3}


@pytest.mark.untraced
def test_rates_of_arrivals_are_those_of_the_regimes():
    """By shares 0.7 and 0.3 of the time; the chain spends 0.7 * 0.3 * mean_s in each: 4 / 6 and 2 / 6."""
    stage = Stage().run(1_000, 10.0)
    share = 4 / 6
    expected = {"moves": share * 1 + (1 - share) * 4, "takers": share * 5 + (1 - share) * 9}
    for name, rate in expected.items():
        # Regimes of some seconds: some 170 changes, so the time in each is known to a few percent.
        assert stage.flow.counts[name] / 1_000 == pytest.approx(rate, rel=0.15)


def test_more_quotes_than_there_is_room_for_become_fewer_and_larger():
    crowded = flow_values(life_s=[500.0] * 20)
    stage = Stage(values=crowded).run(30)
    assert stage.flow.open_orders < 1_024
    assert stage.flow.counts["full"] == 0
    usual = np.concatenate(Stage().run(30).reports)
    told = np.concatenate(stage.reports)
    assert told["orig_lots"].mean() > 3 * usual["orig_lots"].mean()


def test_prices_and_quantities_keep_the_grid_and_the_bounds_of_the_symbol():
    stage = Stage(price_step=5, qty_step=10, min_lots=20, max_lots=70, price_scale=2.0, size_scale=3.0).run(30)
    told = np.concatenate(stage.reports)
    told = told[told["execution_type"] == 0]
    limits = told[told["type"] == LIMIT]
    assert len(limits) > 500
    assert not (limits["price_ticks"] % 5).any()
    assert not (told["orig_lots"] % 10).any()
    sweeps = limits["tif"] == 1
    assert told["orig_lots"].min() >= 20 or sweeps.any()
    assert told["orig_lots"].max() <= 70


def test_the_bundled_parameters_make_a_market():
    model = load_market_model()
    assert model.origin.symbol == "BTCUSDT"
    assert "MIT" in model.origin.note
    assert isinstance(model.parameters(), FlowParameters)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"adds_per_s": [1.0]}, "adds_per_s must be 20 numbers, were 1"),
        ({"life_s": [0.0] * 20}, "life_s must be numbers of 1e-06 to 1e"),
        ({"taker_size": list(range(65, 0, -1))}, "taker_size must not fall, went from 65.0 to 64.0"),
        ({"taker_persistence": 1.5}, "taker_persistence and move_follows must be numbers of 0 to 1"),
        ({"spreads": []}, "spreads must be 1 to 64, were 0"),
        ({"spreads": [(0, 1.0)]}, "a spread must be at least 1 tick"),
        ({"spreads": [(1, 0.0)]}, "the shares of the spreads must not all be 0"),
        ({"regimes": []}, "regimes must be 1 to 8, were 0"),
    ],
)
def test_broken_parameters_are_named_with_their_rule(changes, words):
    with pytest.raises(ValueError, match=words):
        FlowParameters(**flow_values(**changes))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"price_step": 3}, "bid_ticks must be whole price steps"),
        ({"qty_step": 0}, "qty_step must be 1 to 2"),
        ({"price_scale": 0.0}, "scales must be above 0"),
        ({"makers": 0}, "makers must be accounts in a row"),
    ],
)
def test_broken_options_are_named_with_their_rule(options, words):
    with pytest.raises(ValueError, match=words):
        Stage(**options)
