"""The order-flow generator against a plain-Python twin, each on an exchange of its own, with a user trading on both."""

from __future__ import annotations

import random

import numpy as np
import pytest
from builders.examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.sim_flow import FlowTwin

from bot4._core.sim.exchange import Exchange
from bot4._core.sim.flow import Flow
from bot4._core.sim.flow_model import FlowParameters

SECOND = 1_000_000_000
START = 7 * SECOND
LIMIT = 0


def random_values(choose):
    """Parameters of a small and busy market."""

    def table(least, most):
        return sorted(choose.uniform(least, most) for _ in range(65))

    open_buckets = choose.randint(1, 8)
    return {
        "regimes": [
            {
                "share": choose.uniform(0.1, 1.0),
                "mean_s": choose.uniform(0.05, 2.0),
                "moves_per_s": choose.uniform(0.0, 20.0),
                "takers_per_s": choose.uniform(0.0, 20.0),
                "quoting": choose.uniform(0.2, 2.0),
            }
            for _ in range(choose.randint(1, 3))
        ],
        "adds_per_s": [choose.uniform(0.5, 8.0) if index < open_buckets else 0.0 for index in range(20)],
        "add_mu": [choose.uniform(0.0, 5.0) for _ in range(20)],
        "add_sigma": [choose.uniform(0.0, 1.0) for _ in range(20)],
        "life_s": [choose.uniform(0.05, 1.5) for _ in range(20)],
        "taker_size": table(choose.choice((0.0, 1.0)), 200.0),
        "taker_persistence": choose.random(),
        "move_size": table(1.0, choose.choice((3.0, 40.0))),
        "move_follows": choose.random(),
        "spreads": [(1, 0.7), (choose.randint(2, 9), 0.3)],
    }


def new_exchange():
    exchange = Exchange(max_orders=1_024, max_accounts=8, max_assets=2, max_symbols=1, max_reports=1 << 15)
    base, quote = exchange.add_asset("BASE", 2), exchange.add_asset("QUOTE", 2)
    symbol = exchange.add_symbol("BQ", base, quote, tick_size="0.1", lot_size="0.1", average_price_mins=0)
    accounts = [exchange.open_account(name) for name in ("maker", "another maker", "taker", "user")]
    for account in accounts:
        for asset in (base, quote):
            exchange.deposit(account, asset, 10**15)
    return exchange, symbol, accounts


def check_flow(twin_class, seed, *, seconds=2):
    choose = random.Random(seed)
    values = random_values(choose)
    bid = choose.choice((90, 5_000))
    steps = choose.choice(((1, 1), (2, 5)))
    bid -= bid % steps[0]
    scales = choose.choice(((1.0, 1.0), (0.3, 2.5)))
    bounds = choose.choice(((steps[1], 5 << 37), (2 * steps[1], 8 * steps[1])))
    (ours, symbol, accounts), (theirs, _, _) = new_exchange(), new_exchange()
    flow = Flow(
        ours, symbol=symbol, parameters=FlowParameters(**values), seed=seed, bid_ticks=bid, makers=accounts[:2],
        taker=accounts[2], start_ns=START, max_orders=512, price_step=steps[0], qty_step=steps[1],
        price_scale=scales[0], size_scale=scales[1], min_lots=bounds[0], max_lots=bounds[1],
    )  # fmt: skip
    twin = twin_class(
        theirs, values, symbol=symbol, seed=seed, bid=bid, makers=accounts[:2], taker=accounts[2], start=START,
        max_orders=512, scales=scales, steps=steps, bounds=bounds,
    )  # fmt: skip
    now = START
    while now < START + seconds * SECOND:
        now += choose.choice((1, SECOND // 7, SECOND // 2))
        assert flow.advance(now) == 0
        twin.advance(now)
        ours.clear_reports()
        side, price, late = choose.randrange(2), twin.bid + choose.randint(-20, 20), now + choose.choice((0, 10**8))
        if price > 0:
            placed = [
                exchange.place(accounts[3], symbol, side, LIMIT, qty_lots=10, price_ticks=price, now_ns=late)
                for exchange in (ours, theirs)
            ]
            assert placed[0] == placed[1]
            twin.clock = late
        now = late
    counts = {name: count for name, count in flow.counts.items() if count}
    assert counts == {name: count for name, count in twin.counts.items() if count}
    assert flow.anchors == (twin.bid, twin.ask)
    assert flow.regime == twin.regime
    assert flow.open_orders == len(twin.orders)
    books = [exchange.depth(symbol) for exchange in (ours, theirs)]
    assert books[0][0] == books[1][0]
    assert all(np.array_equal(one, other) for one, other in zip(books[0][1:], books[1][1:], strict=True))
    return counts


@given(st.integers(0, 2**32))
@settings(max_examples=examples(100))
def test_the_generator_equals_its_twin(seed):
    """Each example is some hundred requests of every kind; 100 of them are tens of thousands of draws and decisions."""
    check_flow(FlowTwin, seed)


class NeverPulls(FlowTwin):
    """Planted fault: makers leave the quotes that the price has passed."""

    def pull(self, side):
        super().pull(side)
        self.todo = [request for request in self.todo if request[0] != "cancel"]


class MovesAgainstTheTaker(FlowTwin):
    """Planted fault: a move goes the other way."""

    def move(self):
        self.taker_side = 1 - self.taker_side
        super().move()
        self.taker_side = 1 - self.taker_side


class LivesForever(FlowTwin):
    """Planted fault: nothing is cancelled when its life is over."""

    def step(self):
        self.orders = []
        super().step()


class ForgetsToRequote(FlowTwin):
    """Planted fault: an empty anchor level stays empty."""

    def requote(self):
        pass


@pytest.mark.parametrize("broken", [NeverPulls, MovesAgainstTheTaker, LivesForever, ForgetsToRequote])
def test_control_a_broken_generator_is_caught(broken):
    caught = 0
    for seed in range(4):
        try:
            check_flow(broken, seed)
        except AssertionError:
            caught += 1
    assert caught > 0


def test_the_examples_reach_every_kind_of_event():
    seen = {}
    for seed in range(12):
        for name, count in check_flow(FlowTwin, seed).items():
            seen[name] = seen.get(name, 0) + count
    missing = {"adds", "takers", "moves", "cancels", "pulls", "sweeps", "requotes", "gone"} - set(seen)
    assert not missing, seen
