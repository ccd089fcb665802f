# cython: language_level=3
"""Two compiled strategies: an EMA cross and a grid market maker. Examples to copy, and what benchmarks run.

Each is one C function (strategy_call.pxd) and the layout of its state. Their twins in Python, decision for decision, are
in bot4/strategy.
"""

from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

import numpy as np

from bot4._core.engine.orders cimport WorkingOrder
from bot4._core.engine.strategy_call cimport CALL_BOOK, CALL_TIMER, REQUESTS_MAX, StrategyCall
from bot4._core.types cimport (
    ACTION_CANCEL, ACTION_PLACE, INTENT_POST_ONLY, ORDER_LIMIT, SIDE_BUY, SIDE_SELL, TIF_GTC, TIF_IOC, Event,
    OrderIntent, TopOfBook,
)

from cpython.pycapsule cimport PyCapsule_New

EMA_CROSS_DTYPE = np.dtype([
    ("fast_share", "f8"), ("slow_share", "f8"), ("fast", "f8"), ("slow", "f8"), ("seen", "i8"), ("warm_up", "i8"),
    ("lots", "i8"), ("slippage_ticks", "i8")])
GRID_DTYPE = np.dtype([
    ("levels", "i8"), ("interval_ticks", "i8"), ("align_ticks", "i8"), ("half_spread_ticks", "i8"), ("lots", "i8"),
    ("position_max_lots", "i8")])


cdef inline void _limit(
    OrderIntent* request, int side, int64_t price_ticks, int64_t lots, int tif, int flags
) noexcept nogil:
    memset(request, 0, sizeof(OrderIntent))
    request.action = ACTION_PLACE
    request.type = ORDER_LIMIT
    request.side = side
    request.price_ticks = price_ticks
    request.qty_lots = lots
    request.tif = tif
    request.flags = flags


cdef int32_t _ema_cross(
    const StrategyCall* call, const TopOfBook* top, const Event* event, const double* features,
    const WorkingOrder* orders, OrderIntent* requests, void* raw
) noexcept nogil:
    cdef EmaCrossState* state = <EmaCrossState*>raw
    cdef int64_t bid = top.bid_price_ticks[0], ask = top.ask_price_ticks[0]
    cdef double mid = <double>(bid + ask) * 0.5
    if call.kind != CALL_BOOK:
        return 0
    state.seen += 1
    state.fast = mid if state.seen == 1 else state.fast_share * mid + (1.0 - state.fast_share) * state.fast
    state.slow = mid if state.seen == 1 else state.slow_share * mid + (1.0 - state.slow_share) * state.slow
    if state.seen < state.warm_up or call.order_count != 0 or call.pending_count != 0:
        return 0
    if state.fast >= state.slow and call.position_lots == 0:
        _limit(requests, SIDE_BUY, ask + state.slippage_ticks, state.lots, TIF_IOC, 0)
        return 1
    if state.fast < state.slow and call.position_lots > 0:
        _limit(requests, SIDE_SELL, bid - state.slippage_ticks, call.position_lots, TIF_IOC, 0)
        return 1
    return 0


cdef int32_t _quote_side(
    const StrategyCall* call, const GridState* state, const WorkingOrder* orders, int side, int64_t first_ticks,
    int64_t step_ticks, int64_t levels, OrderIntent* requests, int32_t count
) noexcept nogil:
    """Cancel what is not on the side's grid, place what is missing."""
    cdef bint held[64]
    cdef int64_t i, level
    memset(held, 0, sizeof(held))
    for i in range(call.order_count):
        if orders[i].side != side or orders[i].cancel_pending:
            continue
        level = (orders[i].price_ticks - first_ticks) // step_ticks
        if 0 <= level < levels and first_ticks + level * step_ticks == orders[i].price_ticks:
            held[level] = True
        elif count < REQUESTS_MAX:
            memset(&requests[count], 0, sizeof(OrderIntent))
            requests[count].action = ACTION_CANCEL
            requests[count].order_id = orders[i].order_id
            count += 1
    for level in range(levels):
        if not held[level] and count < REQUESTS_MAX:
            _limit(&requests[count], side, first_ticks + level * step_ticks, state.lots, TIF_GTC, INTENT_POST_ONLY)
            count += 1
    return count


cdef int32_t _grid(
    const StrategyCall* call, const TopOfBook* top, const Event* event, const double* features,
    const WorkingOrder* orders, OrderIntent* requests, void* raw
) noexcept nogil:
    cdef const GridState* state = <const GridState*>raw
    cdef int64_t interval = state.interval_ticks, align = state.align_ticks, mid, bid, ask, levels = state.levels
    cdef int32_t count
    if call.kind != CALL_TIMER or top.bid_levels == 0 or top.ask_levels == 0 or call.pending_count != 0:
        return 0
    mid = (top.bid_price_ticks[0] + top.ask_price_ticks[0]) // 2
    bid = min(mid - state.half_spread_ticks, top.bid_price_ticks[0]) // align * align
    # Upwards; division rounds towards zero here.
    ask = (max(mid + state.half_spread_ticks, top.ask_price_ticks[0]) + align - 1) // align * align
    count = _quote_side(
        call, state, orders, SIDE_BUY, bid, -interval, levels if call.position_lots < state.position_max_lots else 0,
        requests, 0)
    return _quote_side(
        call, state, orders, SIDE_SELL, ask, interval, levels if call.position_lots > -state.position_max_lots else 0,
        requests, count)


def ema_cross(*, int64_t fast, int64_t slow, int64_t lots, int64_t slippage_ticks=0):
    """Return function and state of an EMA cross of the mid, long or flat: a capsule and an array of EMA_CROSS_DTYPE.

    Buys `lots` where the fast average is at or above the slow one and nothing is held, sells all where it is below.
    Averages are ``2 / (n + 1)`` of the mid and the rest of the last value, from the first mid on; nothing is asked for
    before `slow` touches or while an order works.
    """
    if not 0 < fast < slow or lots <= 0 or slippage_ticks < 0:
        raise ValueError(f"an EMA cross needs 0 < fast < slow, lots > 0 and slippage >= 0, was {fast}, {slow}, {lots}, {slippage_ticks}")
    state = np.zeros(1, EMA_CROSS_DTYPE)
    state["fast_share"], state["slow_share"], state["warm_up"] = 2.0 / (fast + 1.0), 2.0 / (slow + 1.0), slow
    state["lots"], state["slippage_ticks"] = lots, slippage_ticks
    return PyCapsule_New(<void*>_ema_cross, "bot4.strategy", NULL), state


def grid(
    *, int64_t levels=10, int64_t interval_ticks, int64_t half_spread_ticks, int64_t lots, int64_t position_max_lots,
    int64_t align_ticks=1,
):
    """Return function and state of a market maker that keeps post-only orders on a grid around the mid, by the timer.

    Bids go down from the mid less the half spread (or the best bid) in steps of the interval, asks likewise up; with
    `align_ticks` the first of each lies on a multiple of it, outwards, so that orders keep their places while the mid
    moves little. A side is left out where the position has reached its bound. Orders off the grid are cancelled.
    """
    if not 0 < levels <= 32 or min(interval_ticks, align_ticks, lots, position_max_lots) <= 0 or half_spread_ticks < 0:
        raise ValueError(
            f"a grid has 1 to 32 levels and positive steps and lots, was {levels}, {interval_ticks}, {align_ticks}, "
            f"{half_spread_ticks}, {lots}, {position_max_lots}")
    state = np.zeros(1, GRID_DTYPE)
    state["levels"], state["interval_ticks"], state["half_spread_ticks"] = levels, interval_ticks, half_spread_ticks
    state["lots"], state["position_max_lots"], state["align_ticks"] = lots, position_max_lots, align_ticks
    return PyCapsule_New(<void*>_grid, "bot4.strategy", NULL), state
