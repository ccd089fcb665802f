# cython: language_level=3
"""A Python class behind the hook. Its methods are called with the interpreter held; in a backtest the loop keeps it."""

from libc.math cimport llround
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memset

cimport cython

from bot4._core.engine.decide cimport price_on_step
from bot4._core.engine.engine cimport Engine
from bot4._core.engine.orders cimport WorkingOrder
from bot4._core.engine.strategy_call cimport (
    CALL_BAR, CALL_BOOK, CALL_FILL, CALL_START, CALL_TIMER, CALL_TRADE, REQUESTS_MAX, StrategyCall,
)
from bot4._core.sim.latency cimport Latency
from bot4._core.ta.bank cimport bank_values
from bot4._core.ta.registry cimport FEATURE_COUNT
from bot4._core.types cimport (
    ACTION_CANCEL, ACTION_CANCEL_ALL, ACTION_PLACE, FLAG_BUYER_IS_MAKER, FLAG_MAKER, INTENT_POST_ONLY,
    INTENT_REDUCE_ONLY, ORDER_LIMIT, SIDE_BUY, SIDE_SELL, TIF_FOK, TIF_GTC, TIF_IOC, Event, TopOfBook,
)

from decimal import Decimal

from bot4._core.engine.strategy import CALLS as _CALLS

_TIFS = {"gtc": TIF_GTC, "ioc": TIF_IOC, "fok": TIF_FOK}


@cython.freelist(16)
cdef class TradeTold:
    """A print of the market. Immutable."""

    cdef readonly int64_t price_ticks, qty_lots, venue_ns
    cdef readonly bint taker_sold


@cython.freelist(16)
cdef class BarTold:
    """A closed bar. Immutable. What is asked for while one of before the run (`is_history`) is told, is not taken."""

    cdef readonly int64_t open_ticks, high_ticks, low_ticks, close_ticks, volume_lots, taker_buy_lots, trade_count
    cdef readonly int64_t open_ns, close_ns
    cdef readonly bint is_history


@cython.freelist(16)
cdef class FillTold:
    """A fill of an own order. Immutable; `fee_atoms` is of the asset the fee is paid in."""

    cdef readonly uint64_t order_id
    cdef readonly int64_t price_ticks, qty_lots, fee_atoms, venue_ns
    cdef readonly bint is_buy, is_maker


@cython.freelist(64)
cdef class OrderSeen:
    """A working order as it was when it was asked for. Immutable."""

    cdef readonly uint64_t order_id
    cdef readonly int64_t price_ticks, qty_lots, filled_lots, sent_ns
    cdef readonly bint is_buy, is_acked, cancel_pending


cdef class Market:
    """One instrument as a strategy sees it, and where it asks for orders; ticks and lots throughout.

    `instrument` (a `bot4.Instrument`) has the grid and the rules, and turns money into ticks and lots. Made by the host and valid as long as the engine. Only the strategy's own methods may read it, and only inside a call
    may it be asked for orders. A request is no order yet: gate, risk, account and breaker judge it, after the strategy's
    latency.
    """

    @property
    def bid_ticks(self) -> int:
        """Best bid; 0 where there is none."""
        return self.lane.top.bid_price_ticks[0]

    @property
    def ask_ticks(self) -> int:
        """Best ask; 0 where there is none."""
        return self.lane.top.ask_price_ticks[0]

    @property
    def bid_lots(self) -> int:
        """Quantity at the best bid."""
        return self.lane.top.bid_qty_lots[0]

    @property
    def ask_lots(self) -> int:
        """Quantity at the best ask."""
        return self.lane.top.ask_qty_lots[0]

    @property
    def bids(self) -> list:
        """Up to five best bids, best first: (price_ticks, qty_lots)."""
        cdef int i
        return [(self.lane.top.bid_price_ticks[i], self.lane.top.bid_qty_lots[i]) for i in range(self.lane.top.bid_levels)]

    @property
    def asks(self) -> list:
        """Up to five best asks, best first: (price_ticks, qty_lots)."""
        cdef int i
        return [(self.lane.top.ask_price_ticks[i], self.lane.top.ask_qty_lots[i]) for i in range(self.lane.top.ask_levels)]

    @property
    def last_price_ticks(self) -> int:
        """The last print, or the close of the last bar; 0 before."""
        return self.lane.last_price_ticks

    @property
    def position_lots(self) -> int:
        """Sum of the fills heard of; below zero: short."""
        return self.lane.position.lots

    @property
    def equity(self) -> Decimal:
        """What the account is worth in the asset the instrument settles in, at the last mark (`run.mark_interval_ms`).

        Before the first mark it is the money held.
        """
        return Decimal(self.lane.equity_atoms).scaleb(-self.settle_decimals)

    @property
    def order_count(self) -> int:
        """How many orders work, with the requests that the desk has not taken yet."""
        return self.lane.orders.count + self.pending

    @property
    def pending(self) -> int:
        """Requests made here that the desk has not taken yet: they wait for the strategy's latency, or in its ring."""
        return <int64_t>(self.asked[self.index] - self.taken[self.index])

    @property
    def missed(self) -> int:
        """Prints, bars and timers of all instruments that came faster than the strategy took them and were not told.

        Only where it has a thread of its own; of the book the newest is told, of fills all.
        """
        return self.host.missed

    @property
    def now_ns(self) -> int:
        """Our clock at the call."""
        return self.host.now_ns

    @property
    def features(self) -> list:
        """The feature vector, in the order of the registry; NaN where not ready, or where features are off."""
        cdef int i
        return [self.values[i] for i in range(FEATURE_COUNT)]

    @property
    def orders(self) -> list:
        """Working orders, oldest first."""
        cdef const WorkingOrder* order
        cdef OrderSeen seen
        cdef int i
        found = []
        for i in range(self.lane.orders.count):
            order = &self.lane.orders.orders[i]
            seen = OrderSeen.__new__(OrderSeen)
            seen.order_id, seen.price_ticks, seen.qty_lots = order.order_id, order.price_ticks, order.qty_lots
            seen.filled_lots, seen.sent_ns, seen.is_buy = order.filled_lots, order.sent_ns, order.side == SIDE_BUY
            seen.is_acked, seen.cancel_pending = order.is_acked, order.cancel_pending
            found.append(seen)
        return found

    cdef OrderIntent* _request(self) except NULL:
        cdef OrderIntent* request
        if self.host.requests == NULL or self.host.instrument != self.index:
            raise RuntimeError(f"{self.symbol} takes requests only in a call for it")
        if self.host.request_count == REQUESTS_MAX:
            raise RuntimeError(f"a call makes at most {REQUESTS_MAX} requests")
        request = &self.host.requests[self.host.request_count]
        self.host.request_count += 1
        memset(request, 0, sizeof(OrderIntent))
        return request

    cdef int _place(
        self, int side, int64_t qty_lots, object price_ticks, bint post_only, bint reduce_only, str tif,
        object expected_bps, object confidence
    ) except -1:
        cdef OrderIntent* request
        cdef double worth = 0.0 if expected_bps is None else expected_bps
        cdef double sure = 1.0 if confidence is None else confidence
        cdef int64_t touch
        cdef bint is_buy = side == SIDE_BUY
        if tif not in _TIFS:
            raise ValueError(f"tif must be gtc, ioc or fok, was {tif!r}")
        if not -1e6 <= worth <= 1e6 or not 0.0 <= sure <= 1.0:
            raise ValueError(f"an order is worth -1e6 .. 1e6 bps with confidence 0 .. 1, was {expected_bps}, {confidence}")
        request = self._request()
        request.action = ACTION_PLACE
        request.type = ORDER_LIMIT
        request.side = side
        request.qty_lots = qty_lots
        # In hundredths, as its ring carries it; what is stated as nothing is next to nothing, 0 would be "not stated".
        request.score = 0.0 if expected_bps is None else llround(worth * 100.0) * 0.01 or -0.01
        request.generation = 0 if confidence is None else max(1, llround(sure * 1e6))
        request.flags = (INTENT_POST_ONLY if post_only else 0) | (INTENT_REDUCE_ONLY if reduce_only else 0)
        if price_ticks is not None:
            request.price_ticks = price_ticks
            request.tif = <uint8_t>_TIFS[tif]
            return 0
        touch = self.ask_ticks if is_buy else self.bid_ticks
        touch += (touch if is_buy else -touch) * self.lane.policy.take_slippage_ppm // 1_000_000
        request.price_ticks = price_on_step(touch, self.lane.policy.price_step_ticks, is_buy)
        request.tif = TIF_IOC
        return 0

    def buy(self, int64_t qty_lots, price_ticks=None, *, bint post_only=False, bint reduce_only=False, str tif="gtc",
            expected_bps=None, confidence=None):
        """Ask for a buy: a limit order, or, without a price, one that takes now, `strategy.take_slippage_bps` beyond the touch.

        `expected_bps` and `confidence` state what it is held to be worth before costs (docs/strategy.md): the gate judges it
        by them, else by `strategy.expected_bps` and `strategy.expected_confidence`.
        """
        self._place(SIDE_BUY, qty_lots, price_ticks, post_only, reduce_only, tif, expected_bps, confidence)

    def sell(self, int64_t qty_lots, price_ticks=None, *, bint post_only=False, bint reduce_only=False, str tif="gtc",
             expected_bps=None, confidence=None):
        """Ask for a sell; see `buy`."""
        self._place(SIDE_SELL, qty_lots, price_ticks, post_only, reduce_only, tif, expected_bps, confidence)

    def cancel(self, uint64_t order_id):
        """Ask for the end of a working order."""
        cdef OrderIntent* request = self._request()
        request.action = ACTION_CANCEL
        request.order_id = order_id

    def cancel_all(self):
        """Ask for the end of every working order of this instrument."""
        self._request().action = ACTION_CANCEL_ALL


cdef inline _told_trade(const Event* event):
    cdef TradeTold told = TradeTold.__new__(TradeTold)
    told.price_ticks, told.qty_lots = event.body.trade.price_ticks, event.body.trade.qty_lots
    told.venue_ns, told.taker_sold = event.venue_ns, event.flags & FLAG_BUYER_IS_MAKER != 0
    return told


cdef _told_bar(const StrategyCall* call):
    cdef BarTold told = BarTold.__new__(BarTold)
    told.open_ticks, told.high_ticks, told.low_ticks = call.bar.open_ticks, call.bar.high_ticks, call.bar.low_ticks
    told.close_ticks, told.volume_lots = call.bar.close_ticks, call.bar.volume_lots
    told.taker_buy_lots, told.trade_count = call.bar.taker_buy_lots, call.bar.trade_count
    told.open_ns, told.close_ns = call.bar.open_time_ns, call.bar.close_time_ns
    told.is_history = call.is_history != 0
    return told


cdef _told_fill(const Event* event):
    cdef FillTold told = FillTold.__new__(FillTold)
    told.order_id, told.price_ticks = event.body.order.order_id, event.body.order.price_ticks
    told.qty_lots, told.fee_atoms, told.venue_ns = event.body.order.qty_lots, event.body.order.fee_atoms, event.venue_ns
    told.is_buy, told.is_maker = event.side == SIDE_BUY, event.flags & FLAG_MAKER != 0
    return told


cdef int32_t _call(
    const StrategyCall* call, const TopOfBook* top, const Event* event, const double* features,
    const WorkingOrder* orders, OrderIntent* requests, void* state
) noexcept with gil:
    cdef PythonHost host = <PythonHost>state
    host.requests = requests
    try:
        host.dispatch(call, event)
    except BaseException as error:                   # noqa: B036 - the loop that called cannot carry it
        host.hook.is_stopped = True
        host.fail(error)
    host.requests = NULL
    return host.request_count


cdef size_t _address() noexcept:
    return <size_t><void*>_call


cdef class PythonHost(StrategyHost):
    """A strategy object, ready to stand in one engine.

    Parameters
    ----------
    strategy : object
        With any of the methods on_start, on_book, on_trade, on_bar, on_timer, on_fill, on_stop (docs/strategy.md).
    engine : Engine
        Whose lanes become the markets.
    wants : sequence of str
        The methods it has, without ``on_``.
    timer_interval_ns, latency, seed
        As for `StrategyHost`.
    """

    def __init__(self, strategy, Engine engine, *, wants, int64_t timer_interval_ns=0, Latency latency=None, seed=0):
        cdef Market market
        cdef int i
        super().__init__(
            self._function(), wants=wants, timer_interval_ns=timer_interval_ns, latency=latency, seed=seed)
        for name in _CALLS:
            method = getattr(strategy, f"on_{name}") if name in wants else None
            if name == "start":
                self.on_start = method
            elif name == "book":
                self.on_book = method
            elif name == "trade":
                self.on_trade = method
            elif name == "bar":
                self.on_bar = method
            elif name == "timer":
                self.on_timer = method
            elif name == "fill":
                self.on_fill = method
            else:
                self.on_stop = method
        self.hook.state = <void*>self      # the engine holds the host as long as it may call it
        self.engine = engine
        markets = []
        for i, symbol in enumerate(engine.symbols):
            market = Market.__new__(Market)
            market.lane, market.symbol, market.index, market.host = &engine.state.lanes[i], symbol, i, self
            market.values = bank_values(engine.state.lanes[i].bank)
            market.settle_decimals = engine.state.lanes[i].spec.settle_decimals
            market.asked, market.taken = &self.hook.asked[0], &self.hook.taken[0]
            markets.append(market)
        self.markets = tuple(markets)

    cdef size_t _function(self) except 0:
        return _address()

    cdef int dispatch(self, const StrategyCall* call, const Event* event) except -1:
        """Call the method; what it asks for is in `requests` then."""
        self.request_count = 0
        self.now_ns = call.now_ns
        self.instrument = call.instrument
        market = self.markets[call.instrument]
        if call.kind == CALL_BOOK:
            self.on_book(market)
        elif call.kind == CALL_TRADE:
            self.on_trade(market, _told_trade(event))
        elif call.kind == CALL_FILL:
            self.on_fill(market, _told_fill(event))
        elif call.kind == CALL_TIMER:
            self.on_timer(market)
        elif call.kind == CALL_BAR:
            self.on_bar(market, _told_bar(call))
        elif call.kind == CALL_START:
            self.on_start(market)
        else:
            self.on_stop(market)
        return 0

    cdef int fail(self, error) except -1:
        """Note what a method raised: nothing that call asked for is taken."""
        self.error = error
        self.request_count = 0
        if self.on_error is not None:
            self.on_error()
        return 0
