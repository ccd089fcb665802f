"""A strategy that numba compiles, from the layouts the documentation names: the same run as the compiled example."""

from __future__ import annotations

import numpy as np
import pytest
from builders.backtest import instrument, quotes, roomy

import bot4
from bot4._core.engine.strategy import STRATEGY_CALL_DTYPE, TOP_DTYPE, WORKING_ORDER_DTYPE
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4.strategy.ema_cross import compiled_ema_cross

numba = pytest.importorskip("numba", reason="numba is not installed: strategies compiled by it are not tested")

STATE = np.dtype([("fast", "f8"), ("slow", "f8"), ("seen", "i8")])


def cross_of_10_and_20():
    pointer = numba.types.CPointer
    layouts = [STRATEGY_CALL_DTYPE, TOP_DTYPE, EVENT_DTYPE, None, WORKING_ORDER_DTYPE, INTENT_DTYPE, STATE]
    arguments = [pointer(numba.types.float64 if dtype is None else numba.from_dtype(dtype)) for dtype in layouts]

    @numba.cfunc(numba.types.int32(*arguments))
    def cross(call, top, _event, _features, _orders, requests, state):
        told, touch = numba.carray(call, 1)[0], numba.carray(top, 1)[0]
        own, request = numba.carray(state, 1)[0], numba.carray(requests, 1)[0]
        bid, ask = touch.bid_ticks[0], touch.ask_ticks[0]
        mid = (bid + ask) * 0.5
        own.seen += 1
        own.fast = mid if own.seen == 1 else 2.0 / 11.0 * mid + (1.0 - 2.0 / 11.0) * own.fast
        own.slow = mid if own.seen == 1 else 2.0 / 21.0 * mid + (1.0 - 2.0 / 21.0) * own.slow
        if own.seen < 20 or told.order_count != 0:
            return 0
        if own.fast >= own.slow and told.position_lots == 0:
            request.side, request.price_ticks, request.qty_lots = 0, ask + 20, 100
        elif own.fast < own.slow and told.position_lots > 0:
            request.side, request.price_ticks, request.qty_lots = 1, bid - 20, told.position_lots
        else:
            return 0
        request.action, request.type, request.tif, request.flags = 0, 0, 1, 0
        request.order_id, request.reason, request.generation = 0, 0, 0
        request.trigger_ticks, request.score = 0, 0.0
        return 1

    return cross


def test_a_strategy_compiled_by_numba_runs_as_the_compiled_example():
    rows, function = quotes(20_000), cross_of_10_and_20()
    by_numba = bot4.CompiledStrategy(function.address, np.zeros(1, STATE), wants=("book",))
    ours = compiled_ema_cross(fast=10, slow=20, lots=100, slippage_ticks=20)
    results = [bot4.backtest(rows, instrument(), strategy, settings=roomy()) for strategy in (by_numba, ours)]
    assert len(results[0].orders) > 500
    assert results[0].result_hash == results[1].result_hash
