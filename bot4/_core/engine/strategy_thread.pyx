# cython: language_level=3
"""A Python strategy beside the engine (contract in strategy_thread.pxd): told through rings, its requests come back as events.

Where the mark of a book is in the ring the shard writes no second one. The strategy's thread clears it *before* it
reads what is shown, so that whatever it did not read makes a mark of its own.
"""

from libc.math cimport llround
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from bot4._core.account.positions cimport Position
from bot4._core.clock cimport monotonic_ns
from bot4._core.engine.control cimport (
    CONTROL_ASK_CANCEL, CONTROL_ASK_CANCEL_ALL, CONTROL_ASK_PLACE, control_event,
)
from bot4._core.engine.engine cimport Engine
from bot4._core.engine.orders cimport WORKING_MAX, WorkingOrder
from bot4._core.engine.python_strategy cimport Market
from bot4._core.engine.strategy_call cimport (
    CALL_BAR, CALL_BOOK, CALL_FILL, CALL_TIMER, CALL_TRADE, REQUESTS_MAX,
)
from bot4._core.engine.view cimport VIEW_WORDS_MAX, view_await, view_begin, view_end, view_set
from bot4._core.mem.lossy_ring cimport lossy_push, lossy_size, lossy_try_pop
from bot4._core.mem.spsc cimport spsc_size, spsc_try_pop, spsc_try_push
from bot4._core.mem.waiter cimport waiter_notify
from bot4._core.ta.registry cimport FEATURE_COUNT
from bot4._core.types cimport (
    ACTION_CANCEL, ACTION_PLACE, EVENT_AGG_TRADE, EVENT_BAR_FLOW, EVENT_BAR_PRICES, EVENT_CONTROL, EVENT_ORDER_FILL,
    EVENT_QUOTE, EVENT_TIMER, EVENT_TRADE, TopOfBook, aligned_zalloc,
)

cdef extern from * nogil:
    """
    #define BOT4_NEWS_SWAP(p, v) __atomic_exchange_n((p), (v), __ATOMIC_ACQ_REL)
    #define BOT4_WORD_LOAD_NOW(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
    #define BOT4_WORD_STORE_NOW(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
    """
    int swap "BOT4_NEWS_SWAP"(int* p, int value) noexcept
    int load_int "BOT4_WORD_LOAD_NOW"(const int* p) noexcept
    void store_int "BOT4_WORD_STORE_NOW"(int* p, int value) noexcept
    int64_t load_ns "BOT4_WORD_LOAD_NOW"(const int64_t* p) noexcept
    void store_ns "BOT4_WORD_STORE_NOW"(int64_t* p, int64_t value) noexcept

cdef extern from "bot4/waiter.h" nogil:
    ctypedef int (*ready_fn "bot4_ready_fn")(void* context) noexcept
    bint waiter_wait_until "bot4_waiter_wait_until"(
        waiter_t* waiter, ready_fn ready, void* context, int64_t timeout_ns) noexcept

cdef enum:
    _HEAD_WORDS = 7                                        # clock, venue's stamp, position, price, taken, orders, equity
    _ORDER_WORDS = 6
    _TOP_WORDS = 21                                        # sizeof(TopOfBook) / 8
    _ORDERS_AT = 28
    _FEATURES_AT = 412                                     # _ORDERS_AT + WORKING_MAX * _ORDER_WORDS
    _IS_HISTORY = 1                                        # flag of a bar that is told
cdef int64_t _IDLE_NS = 20_000_000
# The shard may be off its core in the middle of a write; ten seconds of it mean that it died at work.
cdef int _RESTS_MAX = 100_000


# -- the shard's side --------------------------------------------------------------------------------------------------

cdef void _write_state(
    Told* told, ViewState* state, const StrategyCall* call, const TopOfBook* top, const double* features,
    const WorkingOrder* orders, uint64_t taken
) noexcept nogil:
    cdef uint64_t words[_TOP_WORDS]
    cdef uint64_t word
    cdef int i, at
    memset(words, 0, sizeof(words))
    memcpy(words, top, sizeof(TopOfBook))
    view_begin(state)
    view_set(state, 0, <uint64_t>call.now_ns)
    view_set(state, 1, <uint64_t>call.venue_ns)
    view_set(state, 2, <uint64_t>call.position_lots)
    view_set(state, 3, <uint64_t>call.last_price_ticks)
    view_set(state, 4, taken)
    view_set(state, 5, <uint64_t>call.order_count)
    view_set(state, 6, <uint64_t>call.equity_atoms)
    for i in range(_TOP_WORDS):
        view_set(state, _HEAD_WORDS + i, words[i])
    for i in range(<int>call.order_count):
        at = _ORDERS_AT + i * _ORDER_WORDS
        view_set(state, at, orders[i].order_id)
        view_set(state, at + 1, <uint64_t>orders[i].price_ticks)
        view_set(state, at + 2, <uint64_t>orders[i].qty_lots)
        view_set(state, at + 3, <uint64_t>orders[i].filled_lots)
        view_set(state, at + 4, <uint64_t>orders[i].sent_ns)
        view_set(state, at + 5, orders[i].side | <uint64_t>orders[i].is_acked << 8 | <uint64_t>orders[i].cancel_pending << 16)
    if told.has_features:
        for i in range(FEATURE_COUNT):
            memcpy(&word, &features[i], sizeof(word))
            view_set(state, _FEATURES_AT + i, word)
    view_end(state)


cdef void _tell_bar(Told* told, const StrategyCall* call) noexcept nogil:
    """A bar is two events, as in the market's own ring."""
    cdef Event event
    memset(&event, 0, sizeof(Event))
    event.kind = EVENT_BAR_PRICES
    event.instrument = call.instrument
    event.body.bar.open_ticks = call.bar.open_ticks
    event.body.bar.high_ticks = call.bar.high_ticks
    event.body.bar.low_ticks = call.bar.low_ticks
    event.body.bar.close_ticks = call.bar.close_ticks
    event.body.bar.open_time_ns = call.bar.open_time_ns
    lossy_push(told.market, &event)
    event.kind = EVENT_BAR_FLOW
    event.flags = _IS_HISTORY if call.is_history else 0
    event.body.flow.volume_lots = call.bar.volume_lots
    event.body.flow.taker_buy_lots = call.bar.taker_buy_lots
    event.body.flow.trade_count = call.bar.trade_count
    event.body.flow.interval_ns = call.bar.close_time_ns - call.bar.open_time_ns
    event.body.flow.open_time_ns = call.bar.open_time_ns
    lossy_push(told.market, &event)


cdef int32_t _offer(
    const StrategyCall* call, const TopOfBook* top, const Event* event, const double* features,
    const WorkingOrder* orders, OrderIntent* requests, void* raw
) noexcept nogil:
    """What the engine calls in place of the strategy: never waits, never asks for anything itself."""
    cdef ThreadLink* link = <ThreadLink*>raw
    cdef Told* told = link.told
    cdef Event mark
    _write_state(
        told, told.states[call.instrument], call, top, features, orders, link.taken[call.instrument])
    memset(&mark, 0, sizeof(Event))
    mark.instrument = call.instrument
    if call.kind == CALL_BOOK:
        if swap(&told.has_news[call.instrument], 1) == 0:
            mark.kind = EVENT_QUOTE
            lossy_push(told.market, &mark)
    elif call.kind == CALL_TRADE:
        lossy_push(told.market, event)
    elif call.kind == CALL_BAR:
        _tell_bar(told, call)
    elif call.kind == CALL_TIMER:
        mark.kind = EVENT_TIMER
        lossy_push(told.market, &mark)
    else:
        mark.kind = EVENT_CONTROL
        mark.body.control.code = call.kind
        if not spsc_try_push(told.own, event if call.kind == CALL_FILL else &mark):
            store_int(&told.has_overflowed, 1)
    waiter_notify(told.strategy)
    return 0


cdef int _has_news(void* context) noexcept nogil:
    cdef Told* told = <Told*>context
    return spsc_size(told.own) != 0 or lossy_size(told.market, &told.cursor) != 0 or load_int(&told.stop) != 0


# -- the strategy's side -----------------------------------------------------------------------------------------------

cdef class ThreadedHost(PythonHost):
    """A strategy object on a thread of its own, beside one engine that a `ShardRunner` runs.

    Parameters
    ----------
    strategy, engine, wants, timer_interval_ns
        As for `PythonHost`.
    records : Waiter
        Where the shard sleeps (`ShardRunner.records`); its runner takes the host's `asks` (`ShardRunner.take_asks`).
    features : bool
        Whether the feature vector is shown, too.
    capacity : int
        Prints, bars, timers and marks of books that are kept, a power of two; then the oldest go.
    own_capacity : int
        Fills, starts and stops that may wait, a power of two; one more and the strategy has stalled.

    `run` is called by the thread that is to be the strategy's; `finish`, `busy_ns` and `has_overflowed` by any.
    """

    def __init__(
        self, strategy, Engine engine, *, wants, Waiter records not None, int64_t timer_interval_ns=0,
        bint features=False, capacity=4_096, own_capacity=1_024,
    ):
        cdef Market market
        cdef Position* positions
        cdef int i
        super().__init__(strategy, engine, wants=wants, timer_interval_ns=timer_interval_ns)
        if engine.state.lane_count > MARKETS_MAX:
            raise ValueError(f"a strategy has at most {<int>MARKETS_MAX} instruments, was given {engine.state.lane_count}")
        self._own, self._market, self.asks = SpscRing(own_capacity), LossyRing(capacity), SpscRing(1_024)
        self._waiter, self._shard = Waiter("park"), records
        self.told.own, self.told.market, self.told.strategy = self._own.ring, self._market.ring, self._waiter.waiter
        self.told.has_features = features
        self._link.told, self._link.taken = &self.told, &self.hook.taken[0]
        self.hook.state = &self._link
        self._shown = <Lane*>aligned_zalloc(engine.state.lane_count * sizeof(Lane))
        self._positions = <Position*>aligned_zalloc(engine.state.lane_count * sizeof(Position))
        self._values = <double*>aligned_zalloc(engine.state.lane_count * FEATURE_COUNT * sizeof(double))
        self._bars = <Bar*>aligned_zalloc(engine.state.lane_count * sizeof(Bar))
        self._requests = <OrderIntent*>aligned_zalloc(REQUESTS_MAX * sizeof(OrderIntent))
        if not (self._shown and self._positions and self._values and self._bars and self._requests):
            raise MemoryError("no memory for a strategy's thread")
        positions = self._positions
        for i, market in enumerate(self.markets):
            self.told.states[i] = <ViewState*>aligned_zalloc(sizeof(ViewState))
            if self.told.states[i] == NULL:
                raise MemoryError("no memory for a strategy's thread")
            memcpy(&self._shown[i].policy, &engine.state.lanes[i].policy, sizeof(self._shown[i].policy))
            self._shown[i].position = &positions[i]
            market.lane, market.values = &self._shown[i], &self._values[i * FEATURE_COUNT]
            market.asked, market.taken = &self._asked[0], &self._taken[0]

    def __dealloc__(self):
        cdef int i
        for i in range(MARKETS_MAX):
            free(self.told.states[i])
        free(self._shown)
        free(self._positions)
        free(self._values)
        free(self._bars)
        free(self._requests)

    cdef size_t _function(self) except 0:
        return <size_t><void*>_offer

    def run(self) -> None:
        """Call the strategy's methods until `finish`, or until one raises: then `on_error` is called and this returns."""
        cdef Event event
        cdef int found = 0
        try:
            while found >= 0:
                with nogil:
                    found = self._next(&event)
                if found > 0:
                    self._handle(&event)
        except BaseException as error:               # noqa: B036 - whatever it is, the engine goes on
            self.fail(error)
        finally:
            self.requests = NULL
            store_ns(&self._busy_since_ns, 0)

    cdef int _next(self, Event* event) noexcept nogil:
        """Take what comes next, what is never dropped first: 1. 0: nothing came for a while; -1: all is told."""
        cdef uint64_t lost = 0
        cdef bint stopping = load_int(&self.told.stop)        # before the rings: what was told before it is seen
        if spsc_try_pop(self.told.own, event):
            return 1
        if lossy_try_pop(self.told.market, &self.told.cursor, event, &lost):
            self._lost += <int64_t>lost
            return 1
        if stopping:
            return -1
        waiter_wait_until(self.told.strategy, _has_news, &self.told, _IDLE_NS)
        return 0

    cdef int _handle(self, const Event* event) except -1:
        cdef int64_t lost = self._lost
        if lost:
            self._lost = 0
            self._make_up(lost)
        if event.kind == EVENT_QUOTE:
            if swap(&self.told.has_news[event.instrument], 0):
                self._tell(CALL_BOOK, event.instrument, NULL)
        elif event.kind == EVENT_TRADE or event.kind == EVENT_AGG_TRADE:
            self._tell(CALL_TRADE, event.instrument, event)
        elif event.kind == EVENT_BAR_PRICES or event.kind == EVENT_BAR_FLOW:
            self._handle_bar(event)
        elif event.kind == EVENT_TIMER:
            self._tell(CALL_TIMER, event.instrument, NULL)
        elif event.kind == EVENT_ORDER_FILL:
            self._tell(CALL_FILL, event.instrument, event)
        else:
            self._tell(<int>event.body.control.code, event.instrument, NULL)
        return 0

    cdef int _handle_bar(self, const Event* event) except -1:
        """A bar whose first half was dropped is dropped."""
        cdef Bar* bar = &self._bars[event.instrument]
        if event.kind == EVENT_BAR_PRICES:
            bar.open_ticks, bar.high_ticks = event.body.bar.open_ticks, event.body.bar.high_ticks
            bar.low_ticks, bar.close_ticks = event.body.bar.low_ticks, event.body.bar.close_ticks
            bar.open_time_ns = event.body.bar.open_time_ns
        elif bar.open_time_ns == event.body.flow.open_time_ns:
            bar.volume_lots, bar.taker_buy_lots = event.body.flow.volume_lots, event.body.flow.taker_buy_lots
            bar.trade_count = event.body.flow.trade_count
            bar.close_time_ns = bar.open_time_ns + event.body.flow.interval_ns
            self._told_call.bar = bar[0]
            self._told_call.is_history = event.flags & _IS_HISTORY
            self._tell(CALL_BAR, event.instrument, NULL)
        return 0

    cdef int _make_up(self, int64_t lost) except -1:
        """Events were dropped: count them, and tell of every book whose mark may have been among them."""
        cdef int i
        self.missed += lost
        for i in range(len(self.markets)):
            if swap(&self.told.has_news[i], 0):
                self._tell(CALL_BOOK, i, NULL)
        return 0

    cdef int _show(self, int instrument) except -1:
        """Take the newest of what `Market` shows."""
        cdef uint64_t words[VIEW_WORDS_MAX]
        cdef Lane* lane = &self._shown[instrument]
        cdef WorkingOrder* order
        cdef ViewState* state = self.told.states[instrument]
        cdef int i, at, count = _FEATURES_AT + (FEATURE_COUNT if self.told.has_features else 0)
        cdef bint whole
        with nogil:
            whole = view_await(state, words, count, _RESTS_MAX)
        if not whole:
            raise TimeoutError(f"what the shard shows stayed half written for {_RESTS_MAX // 10_000} s")
        self._told_call.now_ns, self._told_call.venue_ns = <int64_t>words[0], <int64_t>words[1]
        lane.position.lots = <int64_t>words[2]
        lane.last_price_ticks = <int64_t>words[3]
        self._taken[instrument] = words[4]
        lane.orders.count = <int>min(words[5], <uint64_t>WORKING_MAX)
        lane.equity_atoms = <int64_t>words[6]
        memcpy(&lane.top, &words[_HEAD_WORDS], sizeof(TopOfBook))
        for i in range(lane.orders.count):
            at = _ORDERS_AT + i * _ORDER_WORDS
            order = &lane.orders.orders[i]
            order.order_id, order.price_ticks = words[at], <int64_t>words[at + 1]
            order.qty_lots, order.filled_lots = <int64_t>words[at + 2], <int64_t>words[at + 3]
            order.sent_ns, order.side = <int64_t>words[at + 4], <uint8_t>words[at + 5]
            order.is_acked, order.cancel_pending = words[at + 5] >> 8 & 1, words[at + 5] >> 16 & 1
        if self.told.has_features:
            memcpy(&self._values[instrument * FEATURE_COUNT], &words[_FEATURES_AT], FEATURE_COUNT * sizeof(double))
        return 0

    cdef int _tell(self, int kind, int instrument, const Event* event) except -1:
        self._show(instrument)
        self._told_call.kind, self._told_call.instrument = kind, instrument
        self.requests = self._requests
        store_ns(&self._busy_since_ns, monotonic_ns())
        self.dispatch(&self._told_call, event)
        self.requests = NULL
        store_ns(&self._busy_since_ns, 0)
        if self.request_count and kind == CALL_BAR and self._told_call.is_history:
            self.hook.untimely += self.request_count
        elif self.request_count:
            self._ask(instrument)
        return 0

    cdef int _ask(self, int instrument) except -1:
        """Hand the requests of a call to the shard; what finds the ring full is refused and counted."""
        cdef Event event
        cdef const OrderIntent* request
        cdef int i
        for i in range(self.request_count):
            request = &self._requests[i]
            if request.action == ACTION_PLACE:
                # What it states of its worth, hundredths of a basis point and millionths, goes above the bytes of the two.
                control_event(&event, CONTROL_ASK_PLACE, instrument, request.price_ticks, request.side, request.qty_lots,
                              request.tif | llround(request.score * 100.0) * 256,
                              request.flags | <int64_t>request.generation * 256)
            elif request.action == ACTION_CANCEL:
                control_event(&event, CONTROL_ASK_CANCEL, instrument, <int64_t>request.order_id, 0, 0, 0, 0)
            else:
                control_event(&event, CONTROL_ASK_CANCEL_ALL, instrument, 0, 0, 0, 0, 0)
            if spsc_try_push(self.asks.ring, &event):
                self._asked[instrument] += 1
            else:
                self.asks_refused += 1
        waiter_notify(self._shard.waiter)
        return 0

    def finish(self) -> None:
        """Make `run` return once everything it was told of is told."""
        store_int(&self.told.stop, 1)
        waiter_notify(self._waiter.waiter)

    def busy_ns(self) -> int:
        """How long the method that is at work has been; 0 where none is."""
        cdef int64_t since_ns = load_ns(&self._busy_since_ns)
        return monotonic_ns() - since_ns if since_ns else 0

    @property
    def has_overflowed(self) -> bool:
        """Whether fills found no room: some were not told."""
        return load_int(&self.told.has_overflowed) != 0

    def counters(self) -> dict:
        """Return those of `StrategyHost`; and `missed` events, `refused` requests (the ring to the shard was full)."""
        return {**super().counters(), "missed": self.missed, "refused": self.asks_refused}
