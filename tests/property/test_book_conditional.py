"""Hundreds of waiting orders through the exchange and its twin: what triggers, in which order, what a cancel leaves."""

from __future__ import annotations

import numpy as np
import pytest
from builders.exchange_flow import MID, Pair
from hypothesis import given
from hypothesis import strategies as st
from oracles.sim_exchange import ExchangeTwin

from bot4._core.sim.exchange_dtype import REQUEST_DTYPE
from bot4._core.sim.exchange_types import RequestKind

SYMBOL = 1  # without filters
STOP_LOSS, STOP_LOSS_LIMIT, TAKE_PROFIT = 3, 4, 5


def decode(codes: list[int]) -> np.ndarray:
    """Waiting orders of accounts 1 to 4 around a price that accounts 5 and 6 move, and cancels of them."""
    rows = np.zeros(2 * len(codes), REQUEST_DTYPE)
    price, used = MID, 0
    for number, code in enumerate(codes):
        what, value = code % 10, code // 10
        row = rows[used]
        row["symbol"], row["account"], row["now_ns"] = SYMBOL, 1 + value % 4, number
        used += 1
        if what < 7:
            kind, side = (STOP_LOSS, TAKE_PROFIT, STOP_LOSS_LIMIT)[value // 4 % 3], value // 12 % 2
            away = 1 + value // 24 % 30
            upwards = (kind != TAKE_PROFIT) == (side == 0)
            row["type"], row["side"], row["qty_lots"] = kind, side, 1
            row["stop_ticks"] = price + away if upwards else price - away
            if kind == STOP_LOSS_LIMIT:
                row["price_ticks"] = row["stop_ticks"]
            if value // 720 % 4 == 0:
                row["trailing_bips"] = 10 + value // 2880 % 300
                row["stop_ticks"] *= value // 2880 % 2
        elif what == 7:
            row["kind"], row["order_id"] = RequestKind.REQUEST_CANCEL, 1 + value // 4 % (number + 1)
        else:
            price = max(price + value // 4 % 81 - 40, 100)
            rows[used] = row
            for side in (0, 1):  # they take turns as the buyer, so that neither runs out of money
                row = rows[used - 1 + side]
                row["account"] = 5 + (number + side) % 2
                row["side"], row["qty_lots"], row["price_ticks"] = side, 5, price
            used += 1
    return rows[:used]


codes = st.integers(1, 40).flatmap(lambda n: st.lists(st.integers(0, (1 << 24) - 1), min_size=n, max_size=n))


def check_against_twin(make_twin: type[ExchangeTwin], rows: np.ndarray) -> Pair:
    pair = Pair(make_twin)
    pair.run(rows)
    return pair


@given(codes)
def test_any_waiting_orders_trigger_as_their_twins_do(codes):
    check_against_twin(ExchangeTwin, decode(codes))


def sample(seed: int, count: int) -> np.ndarray:
    return decode(np.random.default_rng(seed).integers(0, 1 << 24, count).tolist())


@pytest.mark.parametrize("seed", range(4))
def test_hundreds_of_waiting_orders_trigger_as_their_twins_do(seed):
    check_against_twin(ExchangeTwin, sample(seed, 700))


def test_the_samples_hold_many_waiting_orders():
    pair = Pair()
    rows = sample(1, 700)
    most = 0
    for row in range(len(rows)):
        pair.exchange.run_requests(rows[row : row + 1])
        most = max(most, pair.exchange.order_count)
        pair.exchange.clear_reports()
    assert most > 40


class TriggersByAge(ExchangeTwin):
    """Triggers the oldest first, whatever its stop."""

    def trigger_rank(self, order):
        return (0, order.order_id, 0)


class TrailsNothing(ExchangeTwin):
    """Keeps the extreme of the first price."""

    def trigger(self, symbol, price):
        kept = {order: order.extreme for order in symbol.waiting if order.extreme}
        super().trigger(symbol, price)
        for order, extreme in kept.items():
            order.extreme = extreme


class TriggersTrailingOneTickEarly(ExchangeTwin):
    def is_due(self, order, price):
        return super().is_due(order, price + (-1 if order.side else 1) if order.trailing else price)


@pytest.mark.parametrize("broken", [TriggersByAge, TrailsNothing, TriggersTrailingOneTickEarly])
def test_control_a_broken_trigger_is_caught(broken):
    with pytest.raises(AssertionError):
        check_against_twin(broken, sample(1, 700))
