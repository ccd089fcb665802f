"""Orders that wait for a last price: stops, take-profits and trailing stops of one symbol.

An order waits *upwards* (STOP_LOSS BUY, TAKE_PROFIT SELL: triggers at last >= stop) or *downwards* (STOP_LOSS SELL,
TAKE_PROFIT BUY: last <= stop). What triggers at one price comes out upwards by (stop, order id), then downwards by
(stop from high to low, order id), then the trailing ones, the longest waiting first.

A trailing buy follows the lowest last price since it became active and triggers `bips` above it, a trailing sell the
highest and `bips` below it. One with a stop price becomes active when the last price reaches that stop, as it would
have triggered one without trailing; one without a stop price is active at once.

Source: Binance spot API documentation, faqs/trailing-stop-faq.md (state of 2026-07-21).
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from bot4._core.book.order_index cimport NO_SLOT
from bot4._core.book.slot_heap cimport HeapNode, SlotHeap
from bot4._core.types cimport mul_wide


ctypedef struct TrailState:
    int64_t extreme_ticks       # 0: not active yet
    int64_t stop_ticks          # activation; 0: none
    uint64_t order_id
    uint32_t prev               # of the symbol's trailing orders, oldest first
    uint32_t next
    int32_t bips
    uint8_t upwards             # of the stop price
    uint8_t is_buy
    uint8_t is_held
    uint8_t reserved


ctypedef struct ConditionalBook:
    SlotHeap waiting[2]         # [0] downwards, keyed by minus the stop; [1] upwards, by the stop
    TrailState* trails          # shared, one a slot
    uint32_t trail_head
    uint32_t trail_tail
    uint32_t trail_count


cdef void conditional_init(ConditionalBook* book, HeapNode* nodes, TrailState* trails) noexcept nogil
cdef void conditional_add(
    ConditionalBook* book, uint32_t slot, uint64_t order_id, bint upwards, bint is_buy, int64_t stop_ticks,
    int32_t trailing_bips, int64_t last_ticks
) noexcept nogil
cdef void conditional_remove(ConditionalBook* book, uint32_t slot, bint upwards) noexcept nogil
# Next order that `last_ticks` triggers, taken out of the book; NO_SLOT where there is none. Ask until there is none.
cdef uint32_t conditional_next(ConditionalBook* book, int64_t last_ticks) noexcept nogil
# Let the trailing orders see a price; before `conditional_next`.
cdef void conditional_follow(ConditionalBook* book, int64_t last_ticks) noexcept nogil


cdef inline uint32_t conditional_count(const ConditionalBook* book) noexcept nogil:
    return book.waiting[0].count + book.waiting[1].count + book.trail_count


cdef inline bint stop_is_reached(bint upwards, int64_t stop_ticks, int64_t last_ticks) noexcept nogil:
    return last_ticks >= stop_ticks if upwards else last_ticks <= stop_ticks


cdef inline bint trail_is_reached(bint is_buy, int64_t extreme_ticks, int32_t bips, int64_t last_ticks) noexcept nogil:
    """Whether the last price is `bips` away from the extreme: exact, on integers."""
    if is_buy:
        return mul_wide(last_ticks, 10000) >= mul_wide(extreme_ticks, 10000 + bips)
    return mul_wide(last_ticks, 10000) <= mul_wide(extreme_ticks, 10000 - bips)
