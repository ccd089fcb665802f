# cython: language_level=3
"""The hook where a strategy stands in for the built-in policy.

A strategy asks; the desk decides. Every request passes gate, risk, account and breaker, gets its id from the journal's
sequence and goes to the venue like an order of the built-in policy.
"""

from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from bot4._core.engine.control cimport CONTROL_ASK_CANCEL, CONTROL_ASK_PLACE
from bot4._core.engine.decide cimport REASON_STRATEGY, is_large_enough
from bot4._core.engine.desk cimport desk_cancel, desk_cancel_all, desk_fit_exit, desk_place
from bot4._core.engine.orders cimport WorkingOrder
from bot4._core.engine.strategy_call cimport CALL_BAR, CALL_TIMER, REQUESTS_MAX, bar_is_history, strategy_fn
from bot4._core.sim.delay_line cimport (
    delay_line_front, delay_line_init, delay_line_next_due, delay_line_pop, delay_line_push, delay_line_release,
    delay_line_size,
)
from bot4._core.sim.latency cimport LATENCY_ZERO, Latency
from bot4._core.ta.bank cimport bank_values
from bot4._core.ta.bars cimport bars_on_time, bars_on_trade
from bot4._core.types cimport (
    ACTION_CANCEL, ACTION_CANCEL_ALL, ACTION_PLACE, EVENT_AGG_TRADE, EVENT_BAR_FLOW, EVENT_TRADE, FLAG_BUYER_IS_MAKER,
    INTENT_REDUCE_ONLY,
    ORDER_LIMIT, SIDE_SELL, OrderIntent,
    aligned_zalloc,
)

from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid

import numpy as np

cdef enum:
    _WAITING_MAX = 4096
# Beside the streams of the instruments' venues.
cdef uint64_t _LATENCY_STREAM = 1 << 40

CALLS = ("start", "book", "trade", "bar", "timer", "fill", "stop")
_BAR = [("open_ticks", "i8"), ("high_ticks", "i8"), ("low_ticks", "i8"), ("close_ticks", "i8"), ("volume_lots", "i8"),
        ("taker_buy_lots", "i8"), ("trade_count", "i8"), ("open_ns", "i8"), ("close_ns", "i8")]
#: Layouts of what a compiled strategy is handed (strategy_call.pxd says what each field is).
STRATEGY_CALL_DTYPE = np.dtype(
    [("now_ns", "i8"), ("venue_ns", "i8"), ("kind", "i4"), ("instrument", "i4"), ("position_lots", "i8"),
     ("order_count", "i8"), ("bar", _BAR), ("last_price_ticks", "i8"), ("pending_count", "i8"), ("is_history", "i8"),
     ("equity_atoms", "i8")])
TOP_DTYPE = np.dtype(
    [("bid_ticks", "i8", 5), ("bid_lots", "i8", 5), ("ask_ticks", "i8", 5), ("ask_lots", "i8", 5),
     ("bid_levels", "i4"), ("ask_levels", "i4")])
WORKING_ORDER_DTYPE = np.dtype({
    "names": ["order_id", "price_ticks", "qty_lots", "filled_lots", "sent_ns", "side", "tif", "flags", "is_acked",
              "cancel_pending"],
    "formats": ["u8", "i8", "i8", "i8", "i8", "u1", "u1", "u1", "u1", "u1"],
    "offsets": [0, 8, 16, 24, 32, 40, 41, 42, 43, 44],
    "itemsize": sizeof(WorkingOrder),
})


cdef inline void _to_desk(StrategyHook* hook, Lane* lane, OrderIntent* request, int64_t now_ns) noexcept nogil:
    hook.taken[lane.instrument] += 1
    if lane.shared.has_strategy_ended:
        hook.late += 1
    elif request.action == ACTION_PLACE:
        if lane.shared.is_stopping or lane.flatten_reason != 0:
            hook.late += 1
            return
        if lane.gate != 0 and not request.flags & INTENT_REDUCE_ONLY:
            lane.counters.gated += 1                  # not journalled: it would be every few milliseconds
            return
        request.reason = REASON_STRATEGY
        # A sale of what is held and not offered yet, as far as the position says: fees in base may have left less.
        if (lane.paper == NULL and request.side == SIDE_SELL
                and request.qty_lots <= lane.position.lots - lane.risk.open_lots[<int>SIDE_SELL]):
            desk_fit_exit(lane, request)
            if not is_large_enough(&lane.policy, request.qty_lots, request.price_ticks):
                hook.dust += 1                        # asked for again at every event, it would fill the journal
                return
        desk_place(lane, request, now_ns)
    elif request.action == ACTION_CANCEL:
        desk_cancel(lane, request.order_id, REASON_STRATEGY, now_ns)
    elif request.action == ACTION_CANCEL_ALL:
        desk_cancel_all(lane, REASON_STRATEGY, now_ns)
    else:
        hook.strays += 1


cdef void _take(StrategyHook* hook, Lane* lane, int32_t count, int64_t now_ns) noexcept nogil:
    cdef int32_t i
    if count > REQUESTS_MAX:
        hook.overflows += count - REQUESTS_MAX
        count = REQUESTS_MAX
    for i in range(count):
        # A function answers for the instrument it was called with.
        hook.requests[i].instrument = lane.instrument
        hook.asked[lane.instrument] += 1
        if not hook.has_latency:
            _to_desk(hook, lane, &hook.requests[i], now_ns)
        elif delay_line_push(&hook.waiting, &hook.requests[i], now_ns) < 0:
            hook.asked[lane.instrument] -= 1
            hook.overflows += 1


cdef void strategy_take_ask(Lane* lane, const Event* event, int64_t now_ns) noexcept nogil:
    cdef StrategyHook* hook = lane.shared.strategy
    cdef OrderIntent request
    if hook == NULL:
        return                                        # a journal of a strategy that is not here any more
    memset(&request, 0, sizeof(OrderIntent))
    if event.body.control.code == CONTROL_ASK_PLACE:
        request.action = ACTION_PLACE
        request.type = ORDER_LIMIT
        request.side = event.side
        request.price_ticks = event.body.control.value
        request.qty_lots = event.body.control.reserved[0]
        request.tif = <uint8_t>event.body.control.reserved[1]
        request.flags = <uint8_t>event.body.control.reserved[2]
        request.score = <double>(event.body.control.reserved[1] >> 8) * 0.01
        request.generation = <uint64_t>event.body.control.reserved[2] >> 8
    elif event.body.control.code == CONTROL_ASK_CANCEL:
        request.action = ACTION_CANCEL
        request.order_id = <uint64_t>event.body.control.value
    else:
        request.action = ACTION_CANCEL_ALL
    _to_desk(hook, lane, &request, now_ns)


cdef void strategy_tell(Lane* lane, int kind, const Event* event, int64_t now_ns) noexcept nogil:
    cdef StrategyHook* hook = lane.shared.strategy
    cdef int32_t count
    if not hook.wants >> kind & 1 or hook.is_stopped:
        return
    hook.calls += 1
    hook.call.now_ns = now_ns
    if event != NULL:
        hook.call.venue_ns = event.venue_ns
    hook.call.kind = kind
    hook.call.instrument = lane.instrument
    hook.call.position_lots = lane.position.lots
    hook.call.order_count = lane.orders.count
    hook.call.last_price_ticks = lane.last_price_ticks
    hook.call.equity_atoms = lane.equity_atoms
    hook.call.pending_count = <int64_t>(hook.asked[lane.instrument] - hook.taken[lane.instrument])
    if kind == CALL_BAR:
        hook.call.bar = lane.bar
        hook.call.is_history = event.kind == EVENT_BAR_FLOW and bar_is_history(&lane.bar, now_ns)
    count = hook.function(
        &hook.call, &lane.top, event, bank_values(lane.bank), &lane.orders.orders[0], &hook.requests[0], hook.state)
    if count > 0 and kind == CALL_BAR and hook.call.is_history:
        hook.untimely += count
    elif count > 0:
        _take(hook, lane, count, now_ns)


cdef void strategy_make_bars(Lane* lane, const Event* event, int64_t now_ns) noexcept nogil:
    if lane.own_bars.interval_ns == 0 or not lane.shared.strategy.wants >> CALL_BAR & 1:
        return
    if bars_on_time(&lane.own_bars, now_ns, &lane.bar):      # what ended before this event holds nothing of it
        strategy_tell(lane, CALL_BAR, event, now_ns)
    if event.kind == EVENT_TRADE or event.kind == EVENT_AGG_TRADE:
        bars_on_trade(&lane.own_bars, event.body.trade.price_ticks, event.body.trade.qty_lots,
                      event.flags & FLAG_BUYER_IS_MAKER != 0, now_ns, &lane.bar)


cdef int64_t strategy_next_due(const StrategyHook* hook) noexcept nogil:
    return min(hook.timer_due_ns, delay_line_next_due(&hook.waiting))


cdef void strategy_apply_time(StrategyHook* hook, Lane* lanes, int lane_count, int64_t now_ns) noexcept nogil:
    cdef OrderIntent request
    cdef int i
    while delay_line_size(&hook.waiting) > 0 and delay_line_next_due(&hook.waiting) <= now_ns:
        request = (<const OrderIntent*>delay_line_front(&hook.waiting))[0]
        delay_line_pop(&hook.waiting)
        _to_desk(hook, &lanes[request.instrument], &request, now_ns)
    if hook.timer_due_ns > now_ns:
        return
    while hook.timer_due_ns <= now_ns:               # of a silence that was not lived through only the last one
        hook.timer_due_ns += hook.timer_interval_ns
    for i in range(lane_count):
        strategy_tell(&lanes[i], CALL_TIMER, NULL, now_ns)


cdef void* _function_of(function) except NULL:
    """The address of a C function: a capsule named bot4.strategy, or an int such as a numba cfunc's `address`."""
    cdef size_t address
    if PyCapsule_IsValid(function, "bot4.strategy"):
        return PyCapsule_GetPointer(function, "bot4.strategy")
    if isinstance(function, int) and not isinstance(function, bool) and function > 0:
        address = function
        return <void*>address
    raise ValueError(f"a compiled strategy is a capsule named 'bot4.strategy' or the address of a C function, was {function!r}")


cdef class StrategyHost:
    """A compiled strategy, ready to stand in an engine (`Engine.set_strategy`).

    Parameters
    ----------
    function : capsule or int
        A C function of type ``strategy_fn`` (strategy_call.pxd): a capsule named ``bot4.strategy``, or an address.
    state : writable contiguous array, optional
        The function's last argument; it must not be resized while the strategy is used.
    wants : sequence of str
        What it is called for: ``start``, ``book``, ``trade``, ``bar``, ``timer``, ``fill``, ``stop``.
    timer_interval_ns : int
        Between two timers, counted from the first event; 0 for none.
    latency : Latency, optional
        From a call until its requests reach the desk; none where not given.
    seed : int
        Of that latency.

    Raises
    ------
    ValueError
        There is no such call, no such function, or a timer is wanted without an interval.

    The shard's thread alone calls it.
    """

    def __cinit__(self, *_args, **_kwargs):
        self.hook = <StrategyHook*>aligned_zalloc(sizeof(StrategyHook))
        if self.hook == NULL:
            raise MemoryError("no memory for a strategy")

    def __init__(
        self, function, state=None, *, wants=("book",), int64_t timer_interval_ns=0, Latency latency=None, seed=0,
    ):
        cdef unsigned char[::1] raw
        cdef Latency model = Latency.zero() if latency is None else latency
        if self.hook.function != NULL:
            raise ValueError("a strategy is made once")
        unknown = [name for name in wants if name not in CALLS]
        if unknown:
            raise ValueError(f"a strategy is called for {', '.join(CALLS)}, not for {unknown[0]!r}")
        if timer_interval_ns < 0 or ("timer" in wants) != (timer_interval_ns > 0):
            raise ValueError(f"timers need an interval above 0 and an interval needs timers, was {timer_interval_ns}")
        for name in wants:
            self.hook.wants |= 1 << CALLS.index(name)
        self.hook.timer_interval_ns = timer_interval_ns
        self.hook.timer_due_ns = INT64_MAX
        self.hook.has_latency = model.model.kind != LATENCY_ZERO
        if not delay_line_init(&self.hook.waiting, _WAITING_MAX, &model.model, seed, _LATENCY_STREAM):
            raise MemoryError("no memory for a strategy's requests")
        if state is not None:
            raw = np.asarray(state).reshape(-1).view("u1")
            self.hook.state = &raw[0]
            self._owner = (state, raw)
        self.hook.function = <strategy_fn>_function_of(function)

    def __dealloc__(self):
        if self.hook != NULL:
            delay_line_release(&self.hook.waiting)
            free(self.hook)

    def counters(self) -> dict:
        """Return calls made, requests that became no order (late, untimely, strays, dust, overflows)."""
        return {"calls": self.hook.calls, "late": self.hook.late, "untimely": self.hook.untimely,
                "strays": self.hook.strays, "dust": self.hook.dust, "overflows": self.hook.overflows}
