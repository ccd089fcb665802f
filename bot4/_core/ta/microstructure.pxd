"""Microstructure family: what the top of the book and the trades say."""

from libc.stdint cimport int64_t

from bot4._core.ta.averages cimport Ema
from bot4._core.ta.window cimport TickCross
from bot4._core.types cimport TopOfBook


cdef enum:
    FLOW_EVENTS = 128    # powers of two above the longest windows (100 and 50)
    FLOW_TRADES = 64


# Only inputs that change the best prices or quantities are quote events; the first one counts.
ctypedef struct QuoteState:
    int64_t count
    int64_t bid_ticks
    int64_t ask_ticks
    int64_t bid_lots
    int64_t ask_lots
    int64_t ofi_50
    Ema mid_fast            # of bid + ask in ticks
    Ema mid_slow
    Ema mid_variance        # of the squared change of bid + ask
    int64_t flow_lots[128]


ctypedef struct TradeState:
    TickCross kyle_50       # x: price change, y: signed lots
    TickCross roll_20       # x: price change, y: the one before
    int64_t count
    int64_t price_ticks
    int64_t last_ns
    int64_t signed_50
    int64_t volume_50
    double arrivals_per_s
    Ema effective_spread
    int64_t change_ticks[64]
    int64_t signed_lots[64]


# The five levels of each side as they were; an absent one has quantity 0 and a price beyond all others.
ctypedef struct DepthState:
    int64_t count
    int64_t ofi_100         # of the best level, changes of which QuoteState counts
    int64_t ofi_levels_50
    int64_t bid_ticks[5]
    int64_t bid_lots[5]
    int64_t ask_ticks[5]
    int64_t ask_lots[5]
    int64_t flow_lots[64]


ctypedef struct VpinState:
    int64_t bucket_lots     # 0: not asked for
    int64_t filled_lots     # of the open bucket
    int64_t signed_lots
    int64_t count           # full buckets
    int64_t sum_50
    int64_t apart_lots[64]  # |bought - sold| of full buckets


ctypedef struct MicrostructureState:
    double tick_size
    double lot_size
    QuoteState quote
    TradeState trade


cdef void microstructure_start(MicrostructureState* s, double tick_size, double lot_size) noexcept nogil
# 1 where the best level changed, that is, where this was a quote event.
cdef bint microstructure_on_top(MicrostructureState* s, const TopOfBook* top, double* values) noexcept nogil
cdef void microstructure_on_trade(
    MicrostructureState* s, int64_t price_ticks, int64_t qty_lots, bint seller_is_taker, int64_t ts_ns, double* values
) noexcept nogil
# After microstructure_on_top, which said whether the best level changed; 1 where any of the five did.
cdef bint depth_on_top(
    DepthState* s, const MicrostructureState* base, const TopOfBook* top, bint is_quote, double* values
) noexcept nogil
# Buckets that this trade filled.
cdef int64_t vpin_on_trade(VpinState* s, int64_t qty_lots, bint seller_is_taker, double* values) noexcept nogil
