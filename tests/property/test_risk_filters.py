"""The compiled venue filters against the venue's formulas in fractions."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.risk_draws import assert_caught, draws
from oracles.risk_filters import TwinFilters

from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.risk.filters import Filters, FilterVerdict

ORDER_FIELDS = ("side", "order_type", "price_ticks", "qty_lots", "trigger_ticks")


def draw_rules(rng: Random) -> dict[str, int | bool]:
    """Bounds near the orders of `draw_order`, each often off."""

    def maybe(*values: int) -> int:
        return rng.choice([0, *values])

    scale = rng.choice([1, 1, 10**9])
    return {
        "min_price_ticks": maybe(90, 100),
        "max_price_ticks": maybe(110, 120) * scale,
        "price_step_ticks": maybe(1, 2, 5),
        "min_qty_lots": maybe(1, 5),
        "max_qty_lots": maybe(20, 30) * scale,
        "qty_step_lots": maybe(1, 2, 5),
        "market_min_qty_lots": maybe(6),
        "market_max_qty_lots": maybe(15) * scale,
        "market_qty_step_lots": maybe(3),
        "percent_price": rng.random() < 0.5,
        "percent_price_by_side": rng.random() < 0.5,
        "bid_down_ppm": maybe(900_000, 1_000_000),
        "bid_up_ppm": maybe(1_000_000, 1_100_000),
        "ask_down_ppm": maybe(950_000, 1_000_000),
        "ask_up_ppm": maybe(1_050_001),
        "min_notional_ticklots": maybe(1000, 1100),
        "max_notional_ticklots": maybe(2000, 10**20),
        "notional_is_legacy": rng.random() < 0.5,
        "min_applies_to_market": rng.random() < 0.5,
        "max_applies_to_market": rng.random() < 0.5,
        "max_num_orders": maybe(1, 3),
        "max_position_lots": maybe(20, 40),
    }


def draw_order(rng: Random) -> dict[str, int]:
    scale = rng.choice([1, 1, 1, 10**9, 10**15])
    return {
        "side": rng.randrange(2),
        "order_type": rng.randrange(2),
        "price_ticks": rng.choice([rng.randrange(85, 125), 100, 110, 0, -1]) * scale + rng.choice([0, 0, 1, -1]),
        "qty_lots": rng.choice([rng.randrange(1, 35), 10, 20, 0, -4]) * rng.choice([1, 1, 1, 1, 10**9, 10**15]),
        "trigger_ticks": rng.choice([0, 0, 0, 100, 95, -100]),
        "reference_ticks": rng.choice([100, 105, 0]) * scale,  # the scale of the price: bands meet it
        "open_orders": rng.randrange(4),
        "long_exposure_lots": rng.randrange(-20, 30),
    }


def draw_order_at_the_band(rng: Random, rules: dict[str, int | bool]) -> dict[str, int]:
    """A limit order within one tick of a percent price bound, plain otherwise."""
    multiplier = rules[rng.choice(["bid_down_ppm", "bid_up_ppm", "ask_down_ppm", "ask_up_ppm"])]
    reference = rng.choice([100, 105]) * rng.choice([1, 10**9])
    price = reference * multiplier // 10**6 + rng.choice([-1, 0, 1])
    plain = {"order_type": 0, "trigger_ticks": 0, "open_orders": 0, "long_exposure_lots": 0, "qty_lots": 10}
    return plain | {"side": rng.randrange(2), "price_ticks": price, "reference_ticks": reference}


def compiled(rules, orders) -> list[str]:
    intents = np.zeros(len(orders), INTENT_DTYPE)
    for field in ORDER_FIELDS:
        intents["type" if field == "order_type" else field] = [order[field] for order in orders]
    columns = [
        np.array([order[name] for order in orders], np.int64)
        for name in ("reference_ticks", "open_orders", "long_exposure_lots")
    ]
    verdicts = Filters(**rules).check_many(intents, *columns)
    return [FilterVerdict(int(verdict)).name.removeprefix("FILTER_") for verdict in verdicts]


def check_filters(run, seed: int, length: int) -> set[str]:
    """`run` gives the names for (rules, orders); all equal the twin's. Returns the names seen."""
    rng = draws(seed)
    rules = draw_rules(rng)
    orders = [
        draw_order(rng) if rng.random() < 0.7 else draw_order_at_the_band(rng, rules)  # both, in one batch
        for _ in range(length)
    ]
    expected = [TwinFilters(**rules).check(**order) for order in orders]
    assert run(rules, orders) == expected
    return set(expected)


@given(seed=st.integers(0, 2**32 - 1), length=st.integers(1, 60))
def test_filters_give_the_verdict_of_the_venues_formulas(seed: int, length: int) -> None:
    check_filters(compiled, seed, length)


def test_the_drawn_orders_reach_every_filter() -> None:
    seen = set().union(*(check_filters(compiled, seed, 60) for seed in range(100)))
    assert seen == {verdict.name.removeprefix("FILTER_") for verdict in FilterVerdict}


@pytest.mark.parametrize(
    "change",
    [
        {"max_price_ticks": 1},
        {"min_qty_lots": -1},
        {"qty_step_lots": 1},
        {"market_max_qty_lots": 1},
        {"max_num_orders": 1},
        {"max_position_lots": 1},
        {"bid_up_ppm": 1},
        {"ask_down_ppm": -1},
        {"min_notional_ticklots": 1},
        {"max_notional_ticklots": -1},
    ],
)
def test_a_filter_off_by_one_is_caught(change: dict[str, int]) -> None:
    def planted(rules, orders):
        moved = {name: rules[name] + by if rules[name] else 0 for name, by in change.items()}
        return compiled(rules | moved, orders)

    assert_caught(lambda seed: check_filters(planted, seed, 60))
