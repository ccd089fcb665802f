# cython: language_level=3
"""L2 order book on integer ticks: two sides of price levels (contract in order_book.pxd)."""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy

import numpy as np

from bot4._core.book.book_side cimport side_clear, side_init, side_keep_best, side_release
from bot4._core.types cimport SIDE_BUY, SIDE_SELL, aligned_zalloc, hash_mix, money_to_int, mul_wide

WINDOW_TICKS = 1 << 15
FAR_CAPACITY = 1 << 15


cdef OrderBook* book_new(int64_t window_ticks, int64_t far_capacity) noexcept:
    """An empty book; both sizes must be powers of two, the window at least 64, the far book at least 8."""
    cdef OrderBook* book = <OrderBook*>aligned_zalloc(sizeof(OrderBook))
    if book == NULL:
        return NULL
    if not side_init(&book.sides[0], window_ticks, far_capacity) or not side_init(
        &book.sides[1], window_ticks, far_capacity
    ):
        book_free(book)
        return NULL
    return book


cdef void book_free(OrderBook* book) noexcept:
    if book != NULL:
        side_release(&book.sides[0])
        side_release(&book.sides[1])
        free(book)


cdef void book_clear(OrderBook* book) noexcept nogil:
    side_clear(&book.sides[0])
    side_clear(&book.sides[1])


cdef void book_truncate(OrderBook* book, int side, int64_t depth) noexcept nogil:
    side_keep_best(&book.sides[side], depth)


cdef int book_depth(const OrderBook* book, int side, int n, int64_t* price_ticks, int64_t* qty_lots) noexcept nogil:
    return book_side_top(book, side, n, price_ticks, qty_lots)


cdef int64_t book_cost_to_trade(
    const OrderBook* book, int taker_side, int64_t qty_lots, int64_t limit_ticks, money_t* cost_ticklots,
    int64_t* worst_ticks
) noexcept nogil:
    """Walk the other side as a taker of `qty_lots` at `limit_ticks` or better (0: at any price).

    Returns the lots that trade; the sum of price x quantity and the worst price touched (0: none) go to the pointers.
    """
    cdef int maker_side = 1 - taker_side
    cdef LevelWalk walk
    cdef int64_t key = 0, level_lots = 0, left = qty_lots, key_min = NO_KEY
    cost_ticklots[0] = 0
    worst_ticks[0] = 0
    if limit_ticks > 0:
        key_min = book_key(maker_side, limit_ticks)
    walk_start(&walk, &book.sides[maker_side])
    while left > 0 and walk_next(&walk, &key, &level_lots):
        if key < key_min:
            break
        level_lots = min(level_lots, left)
        left -= level_lots
        worst_ticks[0] = book_key(maker_side, key)
        cost_ticklots[0] += mul_wide(worst_ticks[0], level_lots)
    return qty_lots - left if qty_lots > 0 else 0


cdef double book_imbalance(const OrderBook* book, int levels) noexcept nogil:
    """(bid lots - ask lots) / (bid lots + ask lots) over the best levels of each side; 0 where both are empty."""
    cdef LevelWalk walk
    cdef int64_t key = 0, qty_lots = 0
    cdef double weight[2]
    cdef int side, seen
    for side in range(2):
        weight[side] = 0.0
        seen = 0
        walk_start(&walk, &book.sides[side])
        while seen < levels and walk_next(&walk, &key, &qty_lots):
            weight[side] += <double>qty_lots
            seen += 1
    return (weight[0] - weight[1]) / (weight[0] + weight[1]) if weight[0] + weight[1] > 0.0 else 0.0


cdef uint64_t book_hash(const OrderBook* book) noexcept nogil:
    """Hash of the content: equal levels give equal hashes, wherever the windows stand."""
    cdef LevelWalk walk
    cdef int64_t key = 0, qty_lots = 0
    cdef uint64_t total = 0
    cdef int side
    for side in range(2):
        walk_start(&walk, &book.sides[side])
        while walk_next(&walk, &key, &qty_lots):
            # A sum, so that the order of the walk does not matter.
            total += hash_mix(hash_mix(<uint64_t>(side + 1), <uint64_t>book_key(side, key)), <uint64_t>qty_lots)
    return total


cdef int _check_side(int side) except -1:
    if side != SIDE_BUY and side != SIDE_SELL:
        raise ValueError(f"side must be 0 (buy) or 1 (sell), was {side}")
    return 0


def check_power_of_two(name: str, value: int, least: int) -> None:
    """Raise ValueError unless `value` is a power of two from `least` to 2**30."""
    if value < least or value > 1 << 30 or value & (value - 1):
        raise ValueError(f"{name} must be a power of two from {least} to 2**30, was {value}")


cdef class BookView:
    """Read access to an order book; made by what owns the book, such as ``DepthSync.book``.

    One thread at a time, the one that changes the book, may use it. Reads raise RuntimeError while the book holds part
    of a message.
    """

    cdef int _check_readable(self) except -1:
        if self.book == NULL:
            raise RuntimeError("a view of a book is made by the book's owner")
        if self.book.mid_message:
            raise RuntimeError("the book holds part of a message: feed the message's last event before reading")
        return 0

    def depth(self, int side, n: int | None = None):
        """The n best levels of a side (None: all), best first.

        Returns
        -------
        price_ticks, qty_lots : ndarray[int64], shape (levels,)
        """
        self._check_readable()
        _check_side(side)
        count = book_level_count(self.book, side)
        if n is not None:
            if n < 0:
                raise ValueError(f"n must not be negative, was {n}")
            count = min(n, count)
        prices = np.empty(count, np.int64)
        quantities = np.empty(count, np.int64)
        cdef int64_t[::1] price_ticks = prices
        cdef int64_t[::1] qty_lots = quantities
        if count > 0:
            book_depth(self.book, side, count, &price_ticks[0], &qty_lots[0])
        return prices, quantities

    @property
    def best_bid(self) -> tuple[int, int]:
        """Price and quantity of the best bid; (0, 0) when there is none."""
        self._check_readable()
        return book_best_price(self.book, SIDE_BUY), book_best_qty(self.book, SIDE_BUY)

    @property
    def best_ask(self) -> tuple[int, int]:
        """Price and quantity of the best ask; (0, 0) when there is none."""
        self._check_readable()
        return book_best_price(self.book, SIDE_SELL), book_best_qty(self.book, SIDE_SELL)

    @property
    def is_crossed(self) -> bool:
        """Whether the best bid is at or above the best ask."""
        self._check_readable()
        return bool(book_is_crossed(self.book))

    @property
    def spread_ticks(self) -> int:
        """Best ask less best bid; 0 where a side is empty."""
        self._check_readable()
        return book_spread(self.book)

    @property
    def mid(self) -> float:
        """Mean of best bid and best ask, in ticks; 0 where a side is empty."""
        self._check_readable()
        return book_mid(self.book)

    @property
    def microprice(self) -> float:
        """Best prices weighted with the other side's quantity, in ticks; 0 where a side is empty."""
        self._check_readable()
        return book_microprice(self.book)

    def imbalance(self, int levels) -> float:
        """(bid - ask) / (bid + ask) of the quantity on the best levels of each side, from -1 to 1."""
        self._check_readable()
        return book_imbalance(self.book, levels)

    def cost_to_trade(self, int taker_side, int64_t qty_lots, int64_t limit_ticks = 0) -> tuple[int, int, int]:
        """What a taker would trade now, at `limit_ticks` or better (0: at any price).

        Returns
        -------
        filled_lots, cost_ticklots, worst_ticks : int
            Exact; the cost is the sum of price x quantity.
        """
        self._check_readable()
        _check_side(taker_side)
        cdef money_t cost
        cdef int64_t worst_ticks
        cdef int64_t filled = book_cost_to_trade(self.book, taker_side, qty_lots, limit_ticks, &cost, &worst_ticks)
        return filled, money_to_int(cost), worst_ticks

    def level_count(self, int side) -> int:
        """Levels of a side."""
        self._check_readable()
        _check_side(side)
        return book_level_count(self.book, side)

    def far_level_count(self, int side) -> int:
        """Levels of a side that lie outside its window."""
        self._check_readable()
        _check_side(side)
        return self.book.sides[side].far.count

    def recentres(self, int side) -> int:
        """How often a side's window has moved."""
        self._check_readable()
        _check_side(side)
        return self.book.sides[side].recentres

    def hash(self) -> int:
        """64-bit hash of the content: equal books hash equal, wherever their windows stand."""
        self._check_readable()
        return book_hash(self.book)


cdef BookView book_view(OrderBook* book, object owner):
    """A view of a struct that `owner` keeps alive."""
    cdef BookView view = BookView.__new__(BookView)
    view.book = book
    view.owner = owner
    return view


cdef class Book(BookView):
    """An L2 order book of one instrument: price -> quantity, in integer ticks and lots.

    Parameters
    ----------
    window_ticks : int
        Ticks a side's flat window spans, a power of two >= 64. Levels within it cost a few nanoseconds.
    far_capacity : int
        Slots a side's hash of levels outside the window has, a power of two >= 8. Three quarters may be used: as long
        as a side holds no more levels than that, none is ever refused.

    One thread at a time may use a book. Prices are 1..2**61 ticks; a bid and an ask may cross here, the
    synchronisation (``DepthSync``) is what refuses that.

    >>> from bot4._core.types import Side
    >>> book = Book()
    >>> book.apply(Side.SIDE_BUY, 6180010, 250), book.apply(Side.SIDE_SELL, 6180020, 750)
    (0, 0)
    >>> book.best_bid, book.best_ask, book.spread_ticks, book.microprice
    ((6180010, 250), (6180020, 750), 10, 6180012.5)
    >>> book.cost_to_trade(Side.SIDE_BUY, 1000)
    (750, 4635015000, 6180020)
    """

    def __cinit__(self, window_ticks: int = WINDOW_TICKS, far_capacity: int = FAR_CAPACITY):
        check_power_of_two("window_ticks", window_ticks, 64)
        check_power_of_two("far_capacity", far_capacity, 8)
        self.book = book_new(window_ticks, far_capacity)
        if self.book == NULL:
            raise MemoryError(f"no memory for a book of {window_ticks} ticks and {far_capacity} far slots a side")

    def __dealloc__(self):
        book_free(self.book)

    def apply(self, int side, int64_t price_ticks, int64_t qty_lots) -> int:
        """Set the quantity of a price level; 0 removes it. Returns a BookVerdict."""
        return book_apply_level(self.book, side, price_ticks, qty_lots)

    def apply_many(
        self, const unsigned char[::1] sides, const int64_t[::1] price_ticks, const int64_t[::1] qty_lots
    ) -> int:
        """Apply a batch without the GIL, stopping at the first refused level.

        Parameters
        ----------
        sides : ndarray[uint8], shape (n,), 0 buy or 1 sell
        price_ticks, qty_lots : ndarray[int64], shape (n,)

        Returns
        -------
        int
            Levels applied: n, or the index of the level that was refused.
        """
        cdef Py_ssize_t i, n = sides.shape[0]
        if price_ticks.shape[0] != n or qty_lots.shape[0] != n:
            raise ValueError(
                f"sides, price_ticks and qty_lots must be equally long, were {n}, {price_ticks.shape[0]}, "
                f"{qty_lots.shape[0]}"
            )
        with nogil:
            for i in range(n):
                if i + 8 < n:
                    book_prefetch(self.book, sides[i + 8], price_ticks[i + 8])
                if book_apply_level(self.book, sides[i], price_ticks[i], qty_lots[i]) != BOOK_OK:
                    break
            else:
                i = n
        return i

    def apply_and_top(
        self,
        const unsigned char[::1] sides,
        const int64_t[::1] price_ticks,
        const int64_t[::1] qty_lots,
        int64_t[:, ::1] tops,
    ) -> int:
        """Apply a batch as `apply_many` does, and note the five best levels a side after each of its levels.

        Parameters
        ----------
        sides, price_ticks, qty_lots : ndarray, shape (n,), as for `apply_many`
        tops : ndarray[int64], shape (n, 20)
            Row i is filled with 5 bid prices, 5 bid quantities, 5 ask prices and 5 ask quantities, best first and
            zero where there is no level, as they stand after level i.

        Returns
        -------
        int
            Levels applied: n, or the index of the level that was refused.
        """
        cdef Py_ssize_t i, n = sides.shape[0]
        cdef TopOfBook top
        if price_ticks.shape[0] != n or qty_lots.shape[0] != n or tops.shape[0] != n or tops.shape[1] != 20:
            raise ValueError(
                f"price_ticks, qty_lots and tops must have {n} rows, the latter of 20, were {price_ticks.shape[0]}, "
                f"{qty_lots.shape[0]}, {tops.shape[0]} of {tops.shape[1]}"
            )
        with nogil:
            for i in range(n):
                if book_apply_level(self.book, sides[i], price_ticks[i], qty_lots[i]) != BOOK_OK:
                    break
                book_top(self.book, &top)
                memcpy(&tops[i, 0], &top, 20 * sizeof(int64_t))
            else:
                i = n
        return i

    def clear(self) -> None:
        """Remove every level."""
        book_clear(self.book)

    def truncate(self, int side, int64_t depth) -> None:
        """Keep the `depth` best levels of a side, as venues that send a fixed depth demand."""
        _check_side(side)
        if depth < 0:
            raise ValueError(f"depth must not be negative, was {depth}")
        book_truncate(self.book, side, depth)
