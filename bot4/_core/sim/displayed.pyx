# cython: language_level=3
"""Displayed: the market as an own taker meets it.

A level that an own taker took from stays in memory with the quantity it showed, until the feed shows another quantity
at that price or the level is gone: the same displayed lots are never taken twice. The memory is bounded; when it is
full a walk ends at the first level it could not remember (less is filled than the market might have given).
"""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free

from bot4._core.book.book_side cimport NO_KEY, LevelWalk, walk_next, walk_start
from bot4._core.book.order_book cimport book_best_price, book_depth, book_is_crossed, book_key
from bot4._core.types cimport (
    EVENT_AGG_TRADE, EVENT_DEPTH_LEVEL, EVENT_QUOTE, EVENT_TRADE, SIDE_BUY, SIDE_SELL, aligned_zalloc, hash_mix,
)


cdef bint displayed_init(Displayed* displayed, int max_levels, int max_taken, int64_t half_spread_ticks) noexcept:
    cdef int side
    displayed.max_levels = max_levels
    displayed.max_taken = max_taken
    displayed.half_spread_ticks = half_spread_ticks
    displayed.price_ticks = <int64_t*>aligned_zalloc(max_levels * sizeof(int64_t))
    displayed.displayed_lots = <int64_t*>aligned_zalloc(max_levels * sizeof(int64_t))
    displayed.available_lots = <int64_t*>aligned_zalloc(max_levels * sizeof(int64_t))
    displayed.taken_index = <int*>aligned_zalloc(max_levels * sizeof(int))
    for side in range(2):
        displayed.taken[side] = <TakenLevel*>aligned_zalloc(max_taken * sizeof(TakenLevel))
    return not (
        displayed.price_ticks == NULL or displayed.displayed_lots == NULL or displayed.available_lots == NULL
        or displayed.taken_index == NULL or displayed.taken[0] == NULL or displayed.taken[1] == NULL
    )


cdef void displayed_release(Displayed* displayed) noexcept:
    free(displayed.price_ticks)
    free(displayed.displayed_lots)
    free(displayed.available_lots)
    free(displayed.taken_index)
    free(displayed.taken[0])
    free(displayed.taken[1])


cdef inline void _forget(Displayed* displayed, int side, int entry) noexcept nogil:
    displayed.taken_count[side] -= 1
    displayed.taken[side][entry] = displayed.taken[side][displayed.taken_count[side]]


cdef void _on_level(Displayed* displayed, int side, int64_t price_ticks, int64_t qty_lots) noexcept nogil:
    cdef int entry
    for entry in range(displayed.taken_count[side]):
        if displayed.taken[side][entry].price_ticks == price_ticks:
            if displayed.taken[side][entry].displayed_lots != qty_lots:
                _forget(displayed, side, entry)
            return


cdef void _on_quote(Displayed* displayed, const Quote* quote, bint has_book) noexcept nogil:
    cdef const Quote* last = &displayed.quote
    if not has_book:
        if last.bid_price_ticks != quote.bid_price_ticks or last.bid_qty_lots != quote.bid_qty_lots:
            displayed.taken_count[<int>SIDE_BUY] = 0
        if last.ask_price_ticks != quote.ask_price_ticks or last.ask_qty_lots != quote.ask_qty_lots:
            displayed.taken_count[<int>SIDE_SELL] = 0
    displayed.quote = quote[0]
    displayed.has_quote = True


cdef void displayed_on_event(Displayed* displayed, const Event* event, bint has_book) noexcept nogil:
    if event.kind == EVENT_DEPTH_LEVEL:
        if displayed.taken_count[event.side & 1] != 0:
            _on_level(displayed, event.side & 1, event.body.level.price_ticks, event.body.level.qty_lots)
    elif event.kind == EVENT_QUOTE:
        _on_quote(displayed, &event.body.quote, has_book)
    elif event.kind == EVENT_TRADE or event.kind == EVENT_AGG_TRADE:
        displayed.last_price_ticks = event.body.trade.price_ticks
        displayed.last_qty_lots = event.body.trade.qty_lots
        if not has_book and not displayed.has_quote:
            displayed.taken_count[0] = displayed.taken_count[1] = 0


cdef inline void _load_one(Displayed* displayed, int64_t price_ticks, int64_t qty_lots) noexcept nogil:
    displayed.level_count = 1 if price_ticks > 0 and qty_lots > 0 else 0
    displayed.price_ticks[0] = price_ticks
    displayed.displayed_lots[0] = qty_lots


cdef int _load_levels(Displayed* displayed, const OrderBook* book, int side) noexcept nogil:
    cdef const Quote* quote = &displayed.quote
    displayed.level_count = 0
    if book != NULL:
        if book_is_crossed(book) or (book_best_price(book, SIDE_BUY) == 0 and book_best_price(book, SIDE_SELL) == 0):
            return SOURCE_NONE
        displayed.level_count = book_depth(
            book, side, displayed.max_levels, displayed.price_ticks, displayed.displayed_lots
        )
        return SOURCE_BOOK
    if displayed.has_quote:
        if quote.bid_qty_lots > 0 and quote.ask_qty_lots > 0 and quote.bid_price_ticks >= quote.ask_price_ticks:
            return SOURCE_NONE
        if side == SIDE_BUY:
            _load_one(displayed, quote.bid_price_ticks, quote.bid_qty_lots)
        else:
            _load_one(displayed, quote.ask_price_ticks, quote.ask_qty_lots)
        return SOURCE_QUOTE
    if displayed.half_spread_ticks >= 0 and displayed.last_price_ticks > 0:
        if side == SIDE_BUY:
            _load_one(displayed, displayed.last_price_ticks - displayed.half_spread_ticks, displayed.last_qty_lots)
        else:
            _load_one(displayed, displayed.last_price_ticks + displayed.half_spread_ticks, displayed.last_qty_lots)
        return SOURCE_ASSUMED
    return SOURCE_NONE


cdef int _find_level(const Displayed* displayed, int side, int64_t price_ticks) noexcept nogil:
    """Index of the loaded level at this price, or -1."""
    cdef int low = 0
    cdef int high = displayed.level_count
    cdef int middle
    while low < high:
        middle = (low + high) // 2
        if displayed.price_ticks[middle] == price_ticks:
            return middle
        # Bids are loaded from high to low, asks from low to high.
        if (displayed.price_ticks[middle] > price_ticks) == (side == SIDE_BUY):
            low = middle + 1
        else:
            high = middle
    return -1


cdef bint _is_beyond_sight(const Displayed* displayed, int side, int64_t price_ticks) noexcept nogil:
    cdef int64_t last
    if displayed.level_count < displayed.max_levels:
        return False
    last = displayed.price_ticks[displayed.level_count - 1]
    return price_ticks < last if side == SIDE_BUY else price_ticks > last


cdef void _shift(Displayed* displayed, int64_t shift_ticks) noexcept nogil:
    """Move the loaded prices; what falls below one tick is the end of the bids and goes."""
    cdef int kept = 0
    cdef int i
    for i in range(displayed.level_count):
        if displayed.price_ticks[i] + shift_ticks >= 1:
            displayed.price_ticks[kept] = displayed.price_ticks[i] + shift_ticks
            displayed.displayed_lots[kept] = displayed.displayed_lots[i]
            kept += 1
    displayed.level_count = kept


cdef int displayed_load(Displayed* displayed, const OrderBook* book, int side) noexcept nogil:
    cdef int entry = 0
    cdef int i
    cdef int64_t price_ticks
    cdef TakenLevel* taken
    displayed.source = _load_levels(displayed, book, side)
    if displayed.shift_ticks[side] != 0:
        _shift(displayed, displayed.shift_ticks[side])
    for i in range(displayed.level_count):
        displayed.available_lots[i] = displayed.displayed_lots[i]
        displayed.taken_index[i] = -1
    while entry < displayed.taken_count[side]:
        taken = &displayed.taken[side][entry]
        price_ticks = taken.price_ticks + displayed.shift_ticks[side]
        i = _find_level(displayed, side, price_ticks)
        if i < 0 and _is_beyond_sight(displayed, side, price_ticks):
            entry += 1
        elif i < 0 or displayed.displayed_lots[i] != taken.displayed_lots:
            _forget(displayed, side, entry)
        else:
            displayed.available_lots[i] -= taken.taken_lots
            displayed.taken_index[i] = entry
            entry += 1
    return displayed.source


cdef int displayed_load_within(
    Displayed* displayed, const OrderBook* book, int side, int64_t limit_ticks
) noexcept nogil:
    cdef LevelWalk walk
    cdef int64_t key = 0, limit_key = book_key(side, limit_ticks)
    cdef int found = 0
    # What was taken is told apart by a look at the whole side, and a market that own trading has moved is another one.
    if (
        book == NULL or displayed.taken_count[side] != 0 or displayed.shift_ticks[side] != 0
        or book_is_crossed(book) or book.sides[side].best_key == NO_KEY
    ):
        return displayed_load(displayed, book, side)
    walk_start(&walk, &book.sides[side])
    while found < displayed.max_levels and walk_next(&walk, &key, &displayed.displayed_lots[found]):
        displayed.price_ticks[found] = book_key(side, key)
        displayed.available_lots[found] = displayed.displayed_lots[found]
        displayed.taken_index[found] = -1
        found += 1
        if key < limit_key:
            break
    displayed.level_count = found
    displayed.source = SOURCE_BOOK
    return SOURCE_BOOK


cdef void displayed_take(Displayed* displayed, int side, int i, int64_t qty_lots) noexcept nogil:
    cdef int entry = displayed.taken_index[i]
    cdef TakenLevel* taken
    if entry < 0:
        entry = displayed.taken_count[side]
        displayed.taken_count[side] += 1
        displayed.taken_index[i] = entry
        taken = &displayed.taken[side][entry]
        taken.price_ticks = displayed.price_ticks[i] - displayed.shift_ticks[side]
        taken.displayed_lots = displayed.displayed_lots[i]
        taken.taken_lots = 0
    taken = &displayed.taken[side][entry]
    taken.taken_lots += qty_lots
    displayed.available_lots[i] -= qty_lots


cdef uint64_t displayed_hash(uint64_t digest, const Displayed* displayed) noexcept nogil:
    cdef int side
    cdef int entry
    cdef uint64_t levels
    cdef uint64_t one
    for side in range(2):
        levels = 0
        for entry in range(displayed.taken_count[side]):
            # A sum, since the order of the memory carries no meaning.
            one = hash_mix(0, <uint64_t>displayed.taken[side][entry].price_ticks)
            one = hash_mix(one, <uint64_t>displayed.taken[side][entry].displayed_lots)
            levels += hash_mix(one, <uint64_t>displayed.taken[side][entry].taken_lots)
        digest = hash_mix(hash_mix(digest, levels), <uint64_t>displayed.taken_count[side])
    digest = hash_mix(hash_mix(digest, <uint64_t>displayed.quote.bid_price_ticks), <uint64_t>displayed.quote.bid_qty_lots)
    digest = hash_mix(hash_mix(digest, <uint64_t>displayed.quote.ask_price_ticks), <uint64_t>displayed.quote.ask_qty_lots)
    digest = hash_mix(hash_mix(digest, displayed.has_quote), <uint64_t>displayed.last_price_ticks)
    return hash_mix(digest, <uint64_t>displayed.last_qty_lots)
