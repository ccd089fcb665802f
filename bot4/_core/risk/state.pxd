"""Limits and state of one instrument's pre-trade risk, and everything that changes the state."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from bot4._core.risk.filters cimport VenueFilters
from bot4._core.risk.token_bucket cimport TokenBucket, TokenBucketRule
from bot4._core.types cimport OrderIntent, money_t


cdef extern from *:
    """
    #define BOT4_RECENT_ORDERS 64
    #define BOT4_VERDICTS 48
    #define BOT4_QTY_SCALE_BITS 10
    #define BOT4_LOTS_MAX (INT64_C(1) << 60)
    #define BOT4_ORDER_LOTS_MAX (INT64_C(1) << 50)
    #define BOT4_RECENT_KEY_FACTOR UINT64_C(0x9E3779B97F4A7C15)
    """
    const int RECENT_ORDERS "BOT4_RECENT_ORDERS"          # slots of the duplicate ring; a power of two
    const int VERDICTS "BOT4_VERDICTS"                    # counters: RiskVerdict below 32, FilterVerdict from 32
    const int QTY_SCALE_BITS "BOT4_QTY_SCALE_BITS"        # fraction bits of the running order quantity
    const uint64_t RECENT_KEY_FACTOR "BOT4_RECENT_KEY_FACTOR"
    const int64_t LOTS_MAX "BOT4_LOTS_MAX"                # sums of a few still fit int64
    const int64_t ORDER_LOTS_MAX "BOT4_ORDER_LOTS_MAX"    # of one order: what the running mean can hold when scaled


cpdef enum RiskLatch:
    LATCH_DRAWDOWN = 1
    LATCH_REJECTS = 2            # entries are refused
    LATCH_EXIT_REJECTS = 4       # exits too


ctypedef struct RiskLimits:
    # In the order in which risk_check reads them.
    uint8_t notional_is_qty          # inverse contracts: notional counts contracts, not ticks times lots
    uint8_t exits_need_reference     # whether a reduce-only market order needs a fresh reference too
    uint8_t needs_equity
    uint8_t ewma_shift
    int32_t instrument
    int64_t max_order_lots
    int64_t unusual_multiple         # 0: off
    int64_t unusual_warmup_orders
    int64_t max_reference_age_ns
    int64_t band_ppm
    int64_t max_position_lots[2]     # long, short
    money_t max_order_notional
    int64_t max_open_orders
    int64_t duplicate_window_ns
    int64_t reserve_tokens           # left for exits
    TokenBucketRule rate
    VenueFilters filters
    # Read by apply_* only.
    int64_t max_drawdown_ppm         # 0: off
    int32_t max_reject_run
    int32_t max_exit_reject_run


ctypedef struct RiskState:
    uint32_t latches                 # RiskLatch bits
    uint32_t has_equity
    int64_t position_lots            # net, from fills only
    int64_t open_lots[2]             # sent and not closed, by side; an unknown outcome stays in here
    int64_t unknown_orders[2]
    int64_t open_orders
    int64_t reference_ticks          # 0: none
    int64_t reference_ns
    int64_t qty_mean_scaled          # running mean of sent quantities, QTY_SCALE_BITS fraction bits
    int64_t sent_orders
    TokenBucket rate
    uint64_t recent_head             # orders ever written to the ring
    uint64_t recent_key[64]          # see recent_key_of; searched first, eight at a time
    int64_t recent_price_ticks[64]
    int64_t recent_qty_lots[64]      # negative: sell
    int64_t recent_ns[64]
    # Not read by risk_check.
    money_t equity_peak
    money_t equity_floor             # at or below it the drawdown latches
    int32_t reject_code
    int32_t reject_run
    int32_t max_reject_run
    int32_t max_exit_reject_run
    uint64_t refused[48]             # by verdict


cdef inline uint64_t recent_key_of(int64_t price_ticks, int64_t signed_lots) noexcept nogil:
    """One word for price, quantity and side: equal orders have equal keys, the others almost never."""
    return <uint64_t>price_ticks ^ <uint64_t>signed_lots * RECENT_KEY_FACTOR


cdef void risk_apply_sent(
    const RiskLimits* limits, RiskState* state, const OrderIntent* intent, int64_t now_ns
) noexcept nogil
cdef void risk_apply_refused(RiskState* state, int verdict) noexcept nogil
cdef void risk_apply_accepted(RiskState* state) noexcept nogil
cdef void risk_apply_unknown(RiskState* state, int side) noexcept nogil
cdef void risk_apply_known(RiskState* state, int side) noexcept nogil
cdef void risk_apply_fill(RiskState* state, int side, int64_t qty_lots) noexcept nogil
cdef void risk_apply_stray_fill(RiskState* state, int side, int64_t qty_lots) noexcept nogil
cdef void risk_apply_closed(
    RiskState* state, int side, int64_t unfilled_lots, int closed_by_reject, int reject_code
) noexcept nogil
cdef void risk_apply_reference(RiskState* state, int64_t price_ticks, int64_t ts_ns) noexcept nogil
cdef void risk_apply_equity(const RiskLimits* limits, RiskState* state, money_t equity_atoms) noexcept nogil
cdef void risk_apply_reset(RiskState* state, uint32_t latches) noexcept nogil
cdef uint64_t risk_hash(const RiskState* state) noexcept nogil
