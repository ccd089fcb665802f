"""What a strategy is to the engine: one function, called from the shard's loop, that answers with order requests."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from bot4._core.engine.orders cimport WorkingOrder
from bot4._core.sim.delay_line cimport DelayLine
from bot4._core.types cimport Bar, Event, OrderIntent, TopOfBook


# A bar that is told longer after its end than it lasted was fetched from the past: nobody could have traded on it.
cdef inline bint bar_is_history(const Bar* bar, int64_t now_ns) noexcept nogil:
    return now_ns - bar.close_time_ns > bar.close_time_ns - bar.open_time_ns


cdef enum:
    REQUESTS_MAX = 128       # order requests of one call
    MARKETS_MAX = 64         # instruments of one shard


cdef enum StrategyCallKind:
    CALL_START = 0           # before the first event of an instrument is told
    CALL_BOOK = 1            # the touch is known and something about the book changed
    CALL_TRADE = 2           # event: the print
    CALL_BAR = 3             # bar: closed
    CALL_TIMER = 4           # once for each instrument and interval
    CALL_FILL = 5            # event: EVENT_ORDER_FILL, already in position and account
    CALL_STOP = 6            # after the last event; requests are not taken any more
    CALL_KINDS = 7


# Plain values; documented for other languages as STRATEGY_CALL_DTYPE.
ctypedef struct StrategyCall:
    int64_t now_ns           # our clock
    int64_t venue_ns         # the venue's stamp of what is told; that of the last event on a timer
    int32_t kind             # StrategyCallKind
    int32_t instrument
    int64_t position_lots    # the sum of the fills heard of
    int64_t order_count      # working orders
    Bar bar                  # with CALL_BAR
    int64_t last_price_ticks  # the last print, or the close of the last bar; 0 before
    int64_t pending_count    # its requests for this instrument that the desk has not taken yet
    int64_t is_history       # with CALL_BAR: it ended before the run began; nothing that is asked for is taken
    int64_t equity_atoms     # of the asset the instrument settles in, at the last mark; before it the money held


# `top` is what we have heard of the market; `event` is NULL on START, TIMER and STOP; `features` has FEATURE_COUNT
# doubles, NaN where not ready or switched off; `orders` are ours, oldest first. Requests are written to `requests`:
# ACTION_PLACE, ACTION_CANCEL (order_id) or ACTION_CANCEL_ALL; returned is how many, at most REQUESTS_MAX. Of an order
# `score` states what it is held to be worth before costs, in basis points, `generation` how sure that is, in millionths;
# 0: what the settings say. Called by the
# shard's thread without the GIL; must not block.
ctypedef int32_t (*strategy_fn)(
    const StrategyCall* call, const TopOfBook* top, const Event* event, const double* features,
    const WorkingOrder* orders, OrderIntent* requests, void* state
) noexcept nogil


# One strategy of one shard.
ctypedef struct StrategyHook:
    strategy_fn function
    void* state
    uint32_t wants           # 1 << StrategyCallKind of what it is called for
    bint has_latency
    bint is_stopped          # told nothing any more: its Python code raised or stalled, or the run is over
    int64_t timer_interval_ns   # 0: no timer
    int64_t timer_due_ns     # INT64_MAX before the first event and without a timer
    int64_t overflows        # requests beyond what waits at most: refused
    int64_t strays           # requests that make no order: of an unknown instrument or action
    int64_t late             # requests to place that came while the engine stops or flattens: not taken
    int64_t untimely         # requests made while a bar of before the run was told: not taken
    int64_t dust             # exits too small for the external venue: what fees in base left; not taken
    int64_t calls
    uint64_t asked[MARKETS_MAX]   # requests made, and those of them the desk has taken or refused
    uint64_t taken[MARKETS_MAX]
    DelayLine waiting        # requests that wait for the strategy's latency
    StrategyCall call
    OrderIntent requests[REQUESTS_MAX]
