"""L2 order book on integer ticks: price -> quantity for bids and asks (structure in book_side.pxd).

Every function belongs to the one thread that owns the book. None allocates after ``book_new``.
"""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.book.bits cimport unlikely
from bot4._core.book.book_side cimport (
    NO_KEY,
    BookSide,
    LevelWalk,
    side_apply,
    side_levels,
    side_prefetch,
    walk_next,
    walk_start,
)
from bot4._core.types cimport TopOfBook, money_t


cpdef enum BookVerdict:
    BOOK_OK = 0
    BOOK_FULL = 1        # no room beyond the window: the level was refused, the book is unchanged
    BOOK_BAD_LEVEL = 2   # price outside 1..2**61, negative quantity or unknown side: refused, unchanged


cdef extern from *:
    """
    #define BOT4_BOOK_PRICE_MAX (INT64_C(1) << 61)
    """
    const int64_t BOOK_PRICE_MAX "BOT4_BOOK_PRICE_MAX"     # so that no difference of two prices overflows


ctypedef struct OrderBook:
    BookSide sides[2]        # SIDE_BUY: bids, SIDE_SELL: asks
    bint mid_message         # part of a message is applied: the content is not to be read


cdef OrderBook* book_new(int64_t window_ticks, int64_t far_capacity) noexcept     # powers of two; NULL: out of memory
cdef void book_free(OrderBook* book) noexcept
cdef void book_clear(OrderBook* book) noexcept nogil
cdef void book_truncate(OrderBook* book, int side, int64_t depth) noexcept nogil  # keep the `depth` best levels
cdef int book_depth(const OrderBook* book, int side, int n, int64_t* price_ticks, int64_t* qty_lots) noexcept nogil
cdef int64_t book_cost_to_trade(
    const OrderBook* book, int taker_side, int64_t qty_lots, int64_t limit_ticks, money_t* cost_ticklots,
    int64_t* worst_ticks
) noexcept nogil
cdef double book_imbalance(const OrderBook* book, int levels) noexcept nogil
cdef uint64_t book_hash(const OrderBook* book) noexcept nogil


cdef inline int64_t book_key(int side, int64_t price_ticks) noexcept nogil:
    """Price to key and key to price of a side: minus the price on the ask side."""
    return <int64_t>((<uint64_t>price_ticks ^ -<uint64_t>side) + <uint64_t>side)


cdef inline int book_apply_level(OrderBook* book, int side, int64_t price_ticks, int64_t qty_lots) noexcept nogil:
    """Set the quantity of a price level, 0 removes it; a BookVerdict."""
    if unlikely(<uint64_t>price_ticks - 1 >= <uint64_t>BOOK_PRICE_MAX or qty_lots < 0 or <unsigned int>side > 1):
        return BOOK_BAD_LEVEL
    return BOOK_OK if side_apply(&book.sides[side], book_key(side, price_ticks), qty_lots) else BOOK_FULL


cdef inline void book_prefetch(const OrderBook* book, int side, int64_t price_ticks) noexcept nogil:
    """Start loading what book_apply_level of this level will touch; worth it some ten levels ahead."""
    side_prefetch(&book.sides[side & 1], book_key(side & 1, price_ticks))


cdef inline int64_t book_best_price(const OrderBook* book, int side) noexcept nogil:
    """Best price of a side in ticks, 0 when it is empty."""
    cdef int64_t key = book.sides[side].best_key
    return 0 if key == NO_KEY else book_key(side, key)


cdef inline int64_t book_best_qty(const OrderBook* book, int side) noexcept nogil:
    """Quantity at the best price of a side in lots, 0 when it is empty."""
    cdef const BookSide* levels = &book.sides[side]
    return 0 if levels.best_key == NO_KEY else levels.qty_lots[<uint64_t>levels.best_key & levels.mask]


cdef inline int64_t book_level_count(const OrderBook* book, int side) noexcept nogil:
    """Levels of a side, near and far."""
    return side_levels(&book.sides[side])


cdef inline bint book_is_two_sided(const OrderBook* book) noexcept nogil:
    return book.sides[0].best_key != NO_KEY and book.sides[1].best_key != NO_KEY


cdef inline int book_is_crossed(const OrderBook* book) noexcept nogil:
    """1 where the best bid is at or above the best ask."""
    return book_is_two_sided(book) and book.sides[0].best_key >= -book.sides[1].best_key


cdef inline int64_t book_spread(const OrderBook* book) noexcept nogil:
    """Best ask less best bid in ticks; 0 where a side is empty."""
    return -book.sides[1].best_key - book.sides[0].best_key if book_is_two_sided(book) else 0


cdef inline double book_mid(const OrderBook* book) noexcept nogil:
    """Mean of best bid and best ask in ticks; 0 where a side is empty."""
    if not book_is_two_sided(book):
        return 0.0
    return 0.5 * <double>(book.sides[0].best_key - book.sides[1].best_key)


cdef inline double book_microprice(const OrderBook* book) noexcept nogil:
    """Each best price weighted with the quantity of the other side, in ticks; 0 where a side is empty."""
    cdef double bid_weight = <double>book_best_qty(book, 0), ask_weight = <double>book_best_qty(book, 1)
    if not book_is_two_sided(book):
        return 0.0
    return (
        <double>book.sides[0].best_key * ask_weight - <double>book.sides[1].best_key * bid_weight
    ) / (bid_weight + ask_weight)


cdef inline int book_side_top(
    const OrderBook* book, int side, int n, int64_t* price_ticks, int64_t* qty_lots
) noexcept nogil:
    """The n best levels of a side; returns how many there were."""
    cdef LevelWalk walk
    cdef int64_t key = 0
    cdef int found = 0
    walk_start(&walk, &book.sides[side])
    while found < n and walk_next(&walk, &key, &qty_lots[found]):
        price_ticks[found] = book_key(side, key)
        found += 1
    return found


cdef inline void book_top(const OrderBook* book, TopOfBook* top) noexcept nogil:
    """The first levels of both sides, best first; unused slots are zero."""
    cdef int i
    top.bid_levels = book_side_top(book, 0, 5, top.bid_price_ticks, top.bid_qty_lots)
    top.ask_levels = book_side_top(book, 1, 5, top.ask_price_ticks, top.ask_qty_lots)
    for i in range(top.bid_levels, 5):
        top.bid_price_ticks[i] = top.bid_qty_lots[i] = 0
    for i in range(top.ask_levels, 5):
        top.ask_price_ticks[i] = top.ask_qty_lots[i] = 0


cdef class BookView:
    cdef OrderBook* book
    cdef object owner        # keeps the struct alive; None where the object itself owns it

    cdef int _check_readable(self) except -1


cdef BookView book_view(OrderBook* book, object owner)


cdef class Book(BookView):
    pass
