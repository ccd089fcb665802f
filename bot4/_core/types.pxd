"""Fixed-point types of the core: one event or one order intent is one cache line (see include/bot4/types.h)."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "bot4/types.h" nogil:
    const int CACHE_LINE "BOT4_CACHE_LINE"

    # 128 bits wide in C. Cython believes it is a long long: never let one become a Python object, use money_to_int.
    ctypedef long long money_t "bot4_money"

    money_t mul_wide "bot4_mul_wide"(int64_t a, int64_t b) noexcept
    int64_t money_high "bot4_money_high"(money_t m) noexcept
    uint64_t money_low "bot4_money_low"(money_t m) noexcept
    money_t money_join "bot4_money_join"(int64_t high, uint64_t low) noexcept
    double money_double "bot4_money_double"(money_t m) noexcept

    ctypedef struct DepthBegin "bot4_depth_begin":
        int64_t first_id
        int64_t last_id
        int64_t prev_id
        int64_t level_count
        int64_t checksum

    ctypedef struct DepthLevel "bot4_depth_level":
        int64_t price_ticks
        int64_t qty_lots
        int64_t last_id
        int64_t index
        int64_t reserved

    ctypedef struct Trade "bot4_trade":
        int64_t price_ticks
        int64_t qty_lots
        int64_t trade_id
        int64_t first_id
        int64_t last_id

    ctypedef struct Quote "bot4_quote":
        int64_t bid_price_ticks
        int64_t bid_qty_lots
        int64_t ask_price_ticks
        int64_t ask_qty_lots
        int64_t update_id

    ctypedef struct BarPrices "bot4_bar_prices":
        int64_t open_ticks
        int64_t high_ticks
        int64_t low_ticks
        int64_t close_ticks
        int64_t open_time_ns

    ctypedef struct BarFlow "bot4_bar_flow":
        int64_t volume_lots
        int64_t taker_buy_lots
        int64_t trade_count
        int64_t interval_ns
        int64_t open_time_ns

    ctypedef struct OrderUpdate "bot4_order_update":
        uint64_t order_id
        int64_t price_ticks
        int64_t qty_lots
        int64_t trade_id
        int64_t fee_atoms

    ctypedef struct Control "bot4_control":
        int64_t code
        int64_t value
        int64_t reserved[3]

    ctypedef union EventBody:
        DepthBegin depth
        DepthLevel level
        Trade trade
        Quote quote
        BarPrices bar
        BarFlow flow
        OrderUpdate order
        Control control

    ctypedef struct Event "bot4_event":
        uint8_t kind
        uint8_t side
        uint16_t flags
        uint16_t instrument
        uint16_t reason
        int64_t venue_ns
        int64_t recv_ns
        EventBody body

    ctypedef struct OrderIntent "bot4_order_intent":
        uint64_t order_id
        uint16_t instrument
        uint8_t action
        uint8_t side
        uint8_t type
        uint8_t tif
        uint8_t flags
        uint8_t reason
        int64_t price_ticks
        int64_t qty_lots
        int64_t ts_ns
        uint64_t generation
        int64_t trigger_ticks
        double score

    const int TOP_LEVELS "BOT4_TOP_LEVELS"

    ctypedef struct TopOfBook "bot4_top_of_book":
        int64_t bid_price_ticks[5]
        int64_t bid_qty_lots[5]
        int64_t ask_price_ticks[5]
        int64_t ask_qty_lots[5]
        int32_t bid_levels
        int32_t ask_levels

    ctypedef struct Bar "bot4_bar":
        int64_t open_ticks
        int64_t high_ticks
        int64_t low_ticks
        int64_t close_ticks
        int64_t volume_lots
        int64_t taker_buy_lots
        int64_t trade_count
        int64_t open_time_ns
        int64_t close_time_ns

    void* aligned_zalloc "bot4_aligned_zalloc"(size_t size) noexcept
    uint64_t hash_mix "bot4_hash_mix"(uint64_t hash, uint64_t word) noexcept
    void BOT4_ASSERT(bint condition) noexcept


cpdef enum EventKind:
    EVENT_NONE = 0
    EVENT_DEPTH_BEGIN = 1   # opens a diff or a snapshot; body.depth; level_count DEPTH_LEVEL events follow
    EVENT_DEPTH_LEVEL = 2   # body.level
    EVENT_TRADE = 3         # body.trade
    EVENT_AGG_TRADE = 4     # body.trade
    EVENT_QUOTE = 5         # body.quote
    EVENT_BAR_PRICES = 6    # body.bar; always followed by its BAR_FLOW
    EVENT_BAR_FLOW = 7      # body.flow
    EVENT_GAP_MARK = 8      # body.control.value events were dropped by a ring before this one
    EVENT_ORDER_ACK = 16    # body.order from here to ORDER_EXPIRED
    EVENT_ORDER_FILL = 17
    EVENT_ORDER_CANCELED = 18
    EVENT_ORDER_REJECTED = 19
    EVENT_ORDER_EXPIRED = 20
    EVENT_CANCEL_REJECTED = 21
    # Of an external venue's gateway only.
    EVENT_ORDER_SENT = 22       # written to the socket
    EVENT_ORDER_DROPPED = 23    # refused by the breaker right before the socket: nothing was sent
    EVENT_ORDER_UNKNOWN = 24    # time-out, 5xx, disconnect: counted as if it would fill until the venue says more
    EVENT_ORDER_RESOLVED_ABSENT = 25   # the venue never had it, by its own evidence or by expiry of the request
    EVENT_ORDER_TOTAL = 26      # qty_lots: what the venue counts as filled, after the fill `trade_id` that follows
    EVENT_TIMER = 32
    EVENT_CONTROL = 33      # body.control


cpdef enum Flag:
    FLAG_FIRST = 1            # first event of a message
    FLAG_LAST = 2             # last event of a message
    FLAG_SNAPSHOT = 4         # the message replaces the book
    FLAG_BUYER_IS_MAKER = 8   # trade: the seller was the taker
    FLAG_PARTIAL_BOOK = 16    # depth5/10/20: top levels only, replaces the top
    FLAG_FUTURES = 32         # futures shape: prev_id is valid
    FLAG_BAR_CLOSED = 64
    FLAG_MAKER = 128          # fill: we were the maker


cpdef enum Side:
    SIDE_BUY = 0    # bid
    SIDE_SELL = 1   # ask


cpdef enum IntentAction:
    ACTION_PLACE = 0
    ACTION_CANCEL = 1       # order_id names the order to cancel
    ACTION_CANCEL_ALL = 2


cpdef enum OrderType:
    ORDER_LIMIT = 0
    ORDER_MARKET = 1


cpdef enum TimeInForce:
    TIF_GTC = 0
    TIF_IOC = 1
    TIF_FOK = 2


cpdef enum IntentFlag:
    INTENT_POST_ONLY = 1
    INTENT_REDUCE_ONLY = 2


cpdef enum ContractKind:
    CONTRACT_SPOT = 0
    CONTRACT_LINEAR = 1
    CONTRACT_INVERSE = 2


cdef inline object money_to_int(money_t amount):
    """Exact Python integer of a 128-bit amount; needs the GIL."""
    return (<object>money_high(amount) << 64) | <object>money_low(amount)


cdef money_t money_from_int(object amount) except? -1
