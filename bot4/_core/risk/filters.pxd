"""The venue's order filters on integer ticks and lots, by the venue's own formulas and under its own names."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from bot4._core.types cimport OrderIntent, money_t


# FILTER_OK is 0; the rest share one numbering with RiskVerdict of bot4._core.risk.limits.
cpdef enum FilterVerdict:
    FILTER_OK = 0
    FILTER_PRICE_FILTER = 32
    FILTER_LOT_SIZE = 33
    FILTER_MARKET_LOT_SIZE = 34
    FILTER_MAX_NUM_ORDERS = 35
    FILTER_MAX_POSITION = 36
    FILTER_PERCENT_PRICE = 37
    FILTER_PERCENT_PRICE_BY_SIDE = 38
    FILTER_MIN_NOTIONAL = 39
    FILTER_NOTIONAL = 40
    FILTER_NO_REFERENCE = 41   # a filter needs a reference price and none was given


# A bound or step of 0 is off, as at the venue.
ctypedef struct VenueFilters:
    int64_t min_price_ticks
    int64_t max_price_ticks
    int64_t price_step_ticks
    int64_t min_qty_lots
    int64_t max_qty_lots
    int64_t qty_step_lots
    int64_t market_min_qty_lots
    int64_t market_max_qty_lots
    int64_t market_qty_step_lots
    int64_t down_ppm[2]              # by side of the order: bid, ask
    int64_t up_ppm[2]
    int64_t max_position_lots
    money_t min_notional_ticklots
    money_t max_notional_ticklots
    int32_t max_num_orders
    uint8_t has_percent_price
    uint8_t percent_price_by_side
    uint8_t notional_is_legacy       # MIN_NOTIONAL rather than NOTIONAL
    uint8_t min_applies_to_market
    uint8_t max_applies_to_market


cdef int filter_check(
    const VenueFilters* filters, const OrderIntent* intent, int64_t reference_ticks, int64_t open_orders,
    int64_t long_exposure_lots
) noexcept nogil


cdef class Filters:
    cdef VenueFilters* rules
