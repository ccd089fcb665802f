"""What a bar, a trade or a top of the book must satisfy before it may touch a feature. Pure checks."""

from libc.stdint cimport int64_t

from bot4._core.ta.elementary cimport QUANTITY_MAX
from bot4._core.types cimport TOP_LEVELS, Bar, TopOfBook


cpdef enum InputVerdict:
    INPUT_OK = 0
    INPUT_BAD_PRICE = 1      # a price below 1 tick or above 2**53, or prices in the wrong order
    INPUT_BAD_QTY = 2        # a quantity below its least (0 for a bar's volume, else 1) or above 2**53
    INPUT_BAD_TIME = 3       # a stamp below 0 or from 2**62, or a bar that does not end after it begins
    INPUT_ONE_SIDED = 4      # a top without a bid or without an ask, or with more than five levels
    INPUT_CROSSED = 5        # best bid at or above best ask
    INPUT_STALE_BAR = 6      # a bar that begins before the last one ended
    INPUT_NOT_INTEGER = 7    # rows that are not whole numbers (floats, not finite or not): refused all together
    INPUT_VERDICTS = 8


cdef inline bint is_quantity(int64_t x, int64_t least) noexcept nogil:
    return least <= x <= QUANTITY_MAX


cdef inline bint is_stamp(int64_t ns) noexcept nogil:
    return 0 <= ns < (<int64_t>1 << 62)


cdef inline int check_bar(const Bar* bar) noexcept nogil:
    if not (
        is_quantity(bar.low_ticks, 1) and bar.high_ticks <= QUANTITY_MAX
        and bar.low_ticks <= bar.open_ticks <= bar.high_ticks
        and bar.low_ticks <= bar.close_ticks <= bar.high_ticks
    ):
        return INPUT_BAD_PRICE
    if not (
        is_quantity(bar.volume_lots, 0) and 0 <= bar.taker_buy_lots <= bar.volume_lots and bar.trade_count >= 0
    ):
        return INPUT_BAD_QTY
    if not (is_stamp(bar.open_time_ns) and is_stamp(bar.close_time_ns) and bar.open_time_ns < bar.close_time_ns):
        return INPUT_BAD_TIME
    return INPUT_OK


cdef inline int check_trade(int64_t price_ticks, int64_t qty_lots, int64_t ts_ns) noexcept nogil:
    if not is_quantity(price_ticks, 1):
        return INPUT_BAD_PRICE
    if not is_quantity(qty_lots, 1):
        return INPUT_BAD_QTY
    return INPUT_OK if is_stamp(ts_ns) else INPUT_BAD_TIME


cdef inline int check_top(const TopOfBook* top, int64_t ts_ns) noexcept nogil:
    """Of the levels beyond the best, only quantities are read, so only those are checked."""
    cdef int level
    if not (1 <= top.bid_levels <= TOP_LEVELS and 1 <= top.ask_levels <= TOP_LEVELS):
        return INPUT_ONE_SIDED
    if not (is_quantity(top.bid_price_ticks[0], 1) and is_quantity(top.ask_price_ticks[0], 1)):
        return INPUT_BAD_PRICE
    if top.bid_price_ticks[0] >= top.ask_price_ticks[0]:
        return INPUT_CROSSED
    for level in range(top.bid_levels):
        if not is_quantity(top.bid_qty_lots[level], 1):
            return INPUT_BAD_QTY
    for level in range(top.ask_levels):
        if not is_quantity(top.ask_qty_lots[level], 1):
            return INPUT_BAD_QTY
    return INPUT_OK if is_stamp(ts_ns) else INPUT_BAD_TIME


cdef object int64_rows(object rows, Py_ssize_t columns, str name)
