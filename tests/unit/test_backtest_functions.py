"""What a compiled strategy is handed, and that no decision of a backtest knows the future."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np
import pytest
from builders.backtest import MS, START_NS, instrument, quotes, roomy
from builders.backtest_told import flat

import bot4
from bot4._core.engine.strategy import STRATEGY_CALL_DTYPE, TOP_DTYPE, WORKING_ORDER_DTYPE
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4.domain.instrument import ContractKind

SPOT, PERPETUAL = instrument(), instrument(kind=ContractKind.LINEAR)


STRATEGY_FN = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 7)


def record(address: int, dtype: np.dtype, count: int = 1) -> np.ndarray:
    buffer = (ctypes.c_char * (dtype.itemsize * count)).from_address(address)
    return np.frombuffer(buffer, dtype, count)


def test_a_function_by_its_address_is_handed_what_the_layouts_say():
    seen: list[tuple[int, ...]] = []

    @STRATEGY_FN
    def function(call, top, event, _features, orders, requests, state) -> int:  # noqa: PLR0917 - the C type's
        told, touch = record(call, STRATEGY_CALL_DTYPE)[0], record(top, TOP_DTYPE)[0]
        working = record(orders, WORKING_ORDER_DTYPE, int(told["order_count"])) if told["order_count"] else []
        kind = int(record(event, EVENT_DTYPE)[0]["kind"])
        seen.append((
            int(told["now_ns"]) - START_NS, int(touch["bid_ticks"][0]), int(touch["ask_lots"][0]), kind,
            *(int(order["price_ticks"]) for order in working),
        ))  # fmt: skip
        counter = record(state, np.dtype("i8"))
        counter[0] += 1
        if counter[0] != 2:
            return 0
        request = record(requests, INTENT_DTYPE)
        request[0] = np.zeros(1, INTENT_DTYPE)[0]
        request["price_ticks"], request["qty_lots"] = 97, 3
        return 1

    address = ctypes.cast(function, ctypes.c_void_p).value
    strategy = bot4.CompiledStrategy(address, np.zeros(1, "i8"), wants=("book",))
    result = bot4.backtest(flat(3), SPOT, strategy, settings=roomy())
    assert seen == [(0, 100, 500, 5), (100 * MS, 100, 500, 5), (200 * MS, 100, 500, 5, 97)]
    assert [(int(row["price_ticks"]), int(row["qty_lots"])) for row in result.orders] == [(97, 3)]
    assert strategy.state[0] == 0  # a run works on a copy


def test_what_is_no_function_is_refused():
    for function in (None, 0, -5, "name", True):
        with pytest.raises(ValueError, match=r"a capsule named 'bot4\.strategy' or the address"):
            bot4.backtest(flat(2), SPOT, bot4.CompiledStrategy(function), settings=roomy())


def test_a_call_there_is_not_and_a_timer_without_an_interval_are_refused():
    with pytest.raises(ValueError, match="not for 'tick'"):
        bot4.backtest(flat(2), SPOT, bot4.CompiledStrategy(1, wants=("tick",)), settings=roomy())
    with pytest.raises(ValueError, match="timers need an interval"):
        bot4.backtest(flat(2), SPOT, bot4.CompiledStrategy(1, wants=("timer",)), settings=roomy())


# -- no look-ahead -----------------------------------------------------------------------------------------------------


def decisions(rows: np.ndarray, make: Callable[[np.ndarray], bot4.Strategy]) -> list[tuple[int, ...]]:
    result = bot4.backtest(rows, SPOT, make(rows), settings=roomy())
    return [tuple(int(row[name]) for name in ("ts_ns", "side", "price_ticks", "qty_lots")) for row in result.orders]


def check_blind_to_the_future(make: Callable[[np.ndarray], bot4.Strategy]) -> None:
    """Change everything after an event: what was decided up to it must not change."""
    rows = quotes(600, 5)
    whole = decisions(rows, make)
    assert len(whole) > 30
    for cut in range(50, 600, 25):
        other = rows.copy()
        tail = quotes(600, 99)[cut:]
        for name in ("bid_ticks", "ask_ticks", "bid_lots", "ask_lots"):
            other[name][cut:] = tail[name] + (300 if name.endswith("ticks") else 0)
        until = int(rows["recv_ns"][cut - 1])
        before = [row for row in whole if row[0] <= until]
        assert [row for row in decisions(other, make) if row[0] <= until] == before


class Momentum(bot4.Strategy):
    """Buys after a rise, sells after a fall; `peek` events ahead where a leak is planted."""

    def __init__(self, rows: np.ndarray, peek: int = 0) -> None:
        self.rows, self.peek, self.seen = rows, peek, 0

    def on_book(self, market) -> None:
        self.seen += 1
        now = self.rows["bid_ticks"][self.seen - 2] if self.seen > 1 else market.bid_ticks
        then = (
            self.rows["bid_ticks"][min(self.seen - 1 + self.peek, len(self.rows) - 1)]
            if self.peek
            else (market.bid_ticks)
        )
        if then > now and market.position_lots == 0:
            market.buy(10, market.ask_ticks, tif="ioc")
        elif then < now and market.position_lots > 0:
            market.sell(10, market.bid_ticks, tif="ioc")


@pytest.mark.untraced
def test_decisions_do_not_know_the_future():
    check_blind_to_the_future(Momentum)


def test_a_strategy_that_sees_the_event_after_next_is_found_out():
    with pytest.raises(AssertionError):
        check_blind_to_the_future(lambda rows: Momentum(rows, peek=2))


# -- several instruments and arrays ------------------------------------------------------------------------------------
