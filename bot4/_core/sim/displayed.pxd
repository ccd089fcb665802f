"""Displayed liquidity: what a taker of the simulated venue may take, less what own takers have taken already."""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.book.order_book cimport OrderBook
from bot4._core.types cimport Event, Quote


cpdef enum LiquiditySource:
    SOURCE_NONE = 0      # no market is known, or it is crossed
    SOURCE_BOOK = 1      # the L2 book
    SOURCE_QUOTE = 2     # the last best bid and ask: one level a side
    SOURCE_ASSUMED = 4   # the last print with an assumed half spread and that print's quantity


ctypedef struct TakenLevel:
    int64_t price_ticks      # as recorded
    int64_t displayed_lots   # when it was taken from; a level that shows another quantity is a new one
    int64_t taken_lots


ctypedef struct Displayed:
    # the levels loaded last, best first
    int64_t* price_ticks
    int64_t* displayed_lots
    int64_t* available_lots
    int* taken_index         # in taken[side], -1 where nothing was taken
    int level_count
    int max_levels
    int source
    # memory of what own takers took, by book side
    TakenLevel* taken[2]
    int taken_count[2]
    int max_taken
    int64_t taken_full       # times a walk ended because the memory was full
    # the last market without a book
    Quote quote
    bint has_quote
    int64_t last_price_ticks
    int64_t last_qty_lots
    int64_t half_spread_ticks   # -1: never assume
    int64_t shift_ticks[2]      # own impact: added to the recorded prices of a book side


cdef bint displayed_init(Displayed* displayed, int max_levels, int max_taken, int64_t half_spread_ticks) noexcept
cdef void displayed_release(Displayed* displayed) noexcept
cdef void displayed_on_event(Displayed* displayed, const Event* event, bint has_book) noexcept nogil
# Load the levels of a book side (SIDE_BUY: bids); returns the LiquiditySource.
cdef int displayed_load(Displayed* displayed, const OrderBook* book, int side) noexcept nogil
# The same, but at most one level beyond the limit of a taker: all that an order of that limit can meet.
cdef int displayed_load_within(
    Displayed* displayed, const OrderBook* book, int side, int64_t limit_ticks) noexcept nogil
# Take from the loaded level i of that side; the caller has checked displayed_can_take.
cdef void displayed_take(Displayed* displayed, int side, int i, int64_t qty_lots) noexcept nogil
cdef uint64_t displayed_hash(uint64_t digest, const Displayed* displayed) noexcept nogil


cdef inline bint displayed_can_take(const Displayed* displayed, int side, int i, int planned) noexcept nogil:
    """Whether level i can be remembered, with `planned` more new levels to be remembered before it."""
    return displayed.taken_index[i] >= 0 or displayed.taken_count[side] + planned < displayed.max_taken
