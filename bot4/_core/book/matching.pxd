"""Price-time book of single orders (L3): resting, cancelling, and one step of matching at a time.

Each side is a `BookSide` whose "quantity" of a price is the number of its level record plus one, so the window, the
bitmap and the far hash of the L2 book serve here too. An order knows its level: a cancel looks up no price.

Matching is a loop of the caller: `matching_next` takes one maker's lots out of the book and says what happened, the
caller settles it and asks again. Every change of a level counts one update id and is noted in a ring of changes, the
oldest of which is dropped when nobody reads: the reader then sees a gap in the ids, as at a venue.

All functions belong to the thread that owns the book; none allocates after `l3_init`.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from bot4._core.book.bits cimport unlikely
from bot4._core.book.book_side cimport NO_KEY, BookSide, side_apply, side_covers, side_levels, side_store
from bot4._core.book.far_levels cimport far_slot
from bot4._core.book.order_book cimport book_key
from bot4._core.book.order_index cimport NO_SLOT
from bot4._core.book.order_pool cimport BookLevel, BookOrder, OrderPool, level_give, level_take
from bot4._core.types cimport money_t


cpdef enum StpMode:
    STP_NONE = 0
    STP_EXPIRE_TAKER = 1
    STP_EXPIRE_MAKER = 2
    STP_EXPIRE_BOTH = 3
    STP_DECREMENT = 4       # both lose the smaller rest as prevented quantity
    STP_TRANSFER = 5        # decrement; two accounts of one group that both ask for it also hand over what was prevented


cpdef enum MatchKind:
    MATCH_TRADE = 0
    MATCH_PREVENTED = 1


cdef extern from *:
    """
    #define BOT4_MAX_ORDER_LOTS (INT64_C(1) << 42)
    #define BOT4_MAX_ORDER_TICKS (INT64_C(1) << 40)
    """
    const int64_t MAX_ORDER_LOTS "BOT4_MAX_ORDER_LOTS"        # so that 2**20 orders sum up in 63 bits
    const int64_t MAX_ORDER_TICKS "BOT4_MAX_ORDER_TICKS"


ctypedef struct L3Book:
    BookSide sides[2]
    OrderPool* pool
    uint64_t* changes            # price << 1 | side, of update id i at i & change_mask
    uint64_t change_mask
    int64_t update_id            # of the last change
    int64_t taken_id             # last update id a reader has seen
    int64_t orders[2]            # resting, by side
    int64_t parts[2]             # upper bound of the fills these can give: an iceberg is several


ctypedef struct Taker:
    int64_t open_lots
    int64_t limit_key            # of the makers' side: the worst key still acceptable; NO_KEY + 1 for any
    int32_t account
    int32_t trade_group
    uint8_t side
    uint8_t stp


# Lots are what each side loses. A maker whose open_lots is 0 afterwards has left the book; its slot is the caller's.
ctypedef struct MatchStep:
    int32_t kind                 # a MatchKind
    uint32_t maker
    int64_t price_ticks
    int64_t lots                 # traded
    int64_t maker_prevented_lots
    int64_t taker_prevented_lots


ctypedef struct FillPlan:
    int64_t lots                 # what the taker would trade
    int64_t prevented_lots       # what self-trade prevention would take from it
    money_t ticklots             # sum of price x lots, of what would be handed over too
    bint is_exhausted            # the book ended first


cdef bint l3_init(
    L3Book* book, OrderPool* pool, int64_t window_ticks, int64_t far_capacity, int64_t change_capacity
) noexcept                                                                          # false: out of memory
cdef void l3_release(L3Book* book) noexcept
# Whether a new order at this price finds a level or room for one.
cdef bint l3_has_room(const L3Book* book, int side, int64_t price_ticks) noexcept nogil
cdef void l3_drop_level(L3Book* book, uint32_t level) noexcept nogil
cdef void l3_open_level(L3Book* book, BookOrder* order, int64_t key) noexcept nogil
# What a taker would get if it came now, up to `budget_ticklots` (0: no bound) and in multiples of `step_lots`.
cdef void l3_plan(
    const L3Book* book, const Taker* taker, money_t budget_ticklots, int64_t step_lots, FillPlan* plan
) noexcept nogil
cdef int l3_depth(const L3Book* book, int side, int n, int64_t* price_ticks, int64_t* qty_lots) noexcept nogil
cdef int64_t l3_shown_at(const L3Book* book, int side, int64_t price_ticks) noexcept nogil
cdef uint64_t l3_hash(const L3Book* book) noexcept nogil


cdef inline void l3_note(L3Book* book, int64_t price_ticks, int side) noexcept nogil:
    """Count one update id for a changed level."""
    book.update_id += 1
    book.changes[<uint64_t>book.update_id & book.change_mask] = <uint64_t>price_ticks << 1 | <uint64_t>side


cdef inline int64_t l3_parts(const BookOrder* order) noexcept nogil:
    """Fills that the rest of an order can give at most: one, or one a shown part."""
    return 1 if order.iceberg_lots == 0 else (order.open_lots + order.iceberg_lots - 1) // order.iceberg_lots + 1


cdef inline BookLevel* l3_best_level(const L3Book* book, int side) noexcept nogil:
    """The best level of a side, which must have one."""
    cdef const BookSide* levels = &book.sides[side]
    return &book.pool.levels[levels.qty_lots[<uint64_t>levels.best_key & levels.mask] - 1]


cdef inline int64_t l3_best(const L3Book* book, int side) noexcept nogil:
    """Best price of a side, 0 where it is empty."""
    return 0 if book.sides[side].best_key == NO_KEY else book_key(side, book.sides[side].best_key)


cdef inline void l3_link(L3Book* book, uint32_t slot, uint32_t index) noexcept nogil:
    """Append an order to the queue of its level."""
    cdef BookOrder* order = &book.pool.orders[slot]
    cdef BookLevel* level = &book.pool.levels[index]
    order.level = index
    order.next = NO_SLOT
    order.prev = level.tail
    if level.tail == NO_SLOT:
        level.head = slot
    else:
        book.pool.orders[level.tail].next = slot
    level.tail = slot
    level.count += 1
    level.shown_lots += order.shown_lots


cdef inline void l3_unlink(L3Book* book, BookOrder* order) noexcept nogil:
    """Take an order out of the queue of its level, which is dropped when empty."""
    cdef uint32_t index = order.level
    cdef BookLevel* level = &book.pool.levels[index]
    if order.prev == NO_SLOT:
        level.head = order.next
    else:
        book.pool.orders[order.prev].next = order.next
    if order.next == NO_SLOT:
        level.tail = order.prev
    else:
        book.pool.orders[order.next].prev = order.prev
    level.count -= 1
    level.shown_lots -= order.shown_lots
    order.level = NO_SLOT
    if level.count == 0:
        l3_drop_level(book, index)


cdef inline void l3_rest(L3Book* book, uint32_t slot) noexcept nogil:
    """Put an order at the end of its price's queue. Its identity, price and lots are set; `l3_has_room` holds."""
    cdef BookOrder* order = &book.pool.orders[slot]
    cdef BookSide* levels = &book.sides[order.side]
    cdef int64_t key = book_key(order.side, order.price_ticks), held = 0
    order.shown_lots = order.open_lots if order.iceberg_lots == 0 else min(order.iceberg_lots, order.open_lots)
    if side_covers(levels, key):
        held = levels.qty_lots[<uint64_t>key & levels.mask]
    elif levels.far.count != 0:
        held = levels.far.slots[far_slot(&levels.far, key)].qty_lots
    if held == 0:
        l3_open_level(book, order, key)
        held = <int64_t>order.level + 1
    l3_link(book, slot, <uint32_t>(held - 1))
    book.orders[order.side] += 1
    book.parts[order.side] += l3_parts(order)
    l3_note(book, order.price_ticks, order.side)


cdef inline void l3_remove(L3Book* book, uint32_t slot) noexcept nogil:
    """Take a resting order out of the book; the slot stays the caller's."""
    cdef BookOrder* order = &book.pool.orders[slot]
    book.orders[order.side] -= 1
    book.parts[order.side] -= l3_parts(order)
    l3_unlink(book, order)
    l3_note(book, order.price_ticks, order.side)


cdef inline void l3_reduce(L3Book* book, uint32_t slot, int64_t lots) noexcept nogil:
    """Take lots off a resting order, hidden ones first, without touching its place; it must keep some."""
    cdef BookOrder* order = &book.pool.orders[slot]
    cdef int64_t shown = order.shown_lots
    book.parts[order.side] -= l3_parts(order)
    order.open_lots -= lots
    book.parts[order.side] += l3_parts(order)
    if order.open_lots < shown:
        order.shown_lots = order.open_lots
        book.pool.levels[order.level].shown_lots -= shown - order.open_lots
    l3_note(book, order.price_ticks, order.side)


cdef inline void l3_fill(L3Book* book, uint32_t slot, int64_t lots) noexcept nogil:
    """Trade lots of the oldest order of a level, at most what it shows; an iceberg's next part joins at the end."""
    cdef BookOrder* order = &book.pool.orders[slot]
    cdef BookLevel* level = &book.pool.levels[order.level]
    cdef int64_t parts = l3_parts(order)
    cdef uint32_t index = order.level
    order.open_lots -= lots
    order.shown_lots -= lots
    level.shown_lots -= lots
    if order.open_lots == 0:
        book.orders[order.side] -= 1
        book.parts[order.side] -= parts
        l3_unlink(book, order)
    elif unlikely(order.iceberg_lots != 0):
        book.parts[order.side] += l3_parts(order) - parts
        if order.shown_lots == 0:
            if level.count > 1:
                l3_unlink(book, order)
                order.shown_lots = min(order.iceberg_lots, order.open_lots)
                l3_link(book, slot, index)
            else:
                order.shown_lots = min(order.iceberg_lots, order.open_lots)
                level.shown_lots += order.shown_lots
    l3_note(book, order.price_ticks, order.side)


cdef inline bint stp_applies(const Taker* taker, const BookOrder* maker) noexcept nogil:
    """Whether taker and maker are one trader: the same account or the same trade group."""
    return taker.stp != STP_NONE and (
        taker.account == maker.account or (taker.trade_group >= 0 and taker.trade_group == maker.trade_group)
    )


cdef inline bint stp_transfers(const Taker* taker, const BookOrder* maker) noexcept nogil:
    """Whether what is prevented changes hands, as both sides ask for it and are two accounts."""
    return taker.stp == STP_TRANSFER and maker.stp == STP_TRANSFER and taker.account != maker.account


cdef inline void stp_losses(
    const Taker* taker, const BookOrder* maker, int64_t* taker_lots, int64_t* maker_lots
) noexcept nogil:
    """Lots that prevention takes from each: the whole rest of what expires, of both the smaller rest to decrement."""
    cdef bint decrement = taker.stp >= STP_DECREMENT
    cdef int64_t both = min(taker.open_lots, maker.open_lots) if decrement else 0
    taker_lots[0] = taker.open_lots if taker.stp in (STP_EXPIRE_TAKER, STP_EXPIRE_BOTH) else both
    maker_lots[0] = maker.open_lots if taker.stp in (STP_EXPIRE_MAKER, STP_EXPIRE_BOTH) else both


cdef inline bint matching_next(L3Book* book, Taker* taker, MatchStep* step) noexcept nogil:
    """Match a taker with the oldest order of the best level: one trade or one prevention. False: nothing to match."""
    cdef int maker_side = 1 - taker.side
    cdef BookOrder* maker
    if taker.open_lots == 0 or book.sides[maker_side].best_key < taker.limit_key:
        return False
    step.maker = l3_best_level(book, maker_side).head
    maker = &book.pool.orders[step.maker]
    step.price_ticks = maker.price_ticks
    if unlikely(stp_applies(taker, maker)):
        step.kind = MATCH_PREVENTED
        step.lots = 0
        stp_losses(taker, maker, &step.taker_prevented_lots, &step.maker_prevented_lots)
        taker.open_lots -= step.taker_prevented_lots
        if step.maker_prevented_lots == maker.open_lots:
            l3_remove(book, step.maker)
            maker.open_lots = 0
        elif step.maker_prevented_lots != 0:
            l3_reduce(book, step.maker, step.maker_prevented_lots)
        return True
    step.kind = MATCH_TRADE
    step.lots = min(taker.open_lots, maker.shown_lots)
    step.maker_prevented_lots = step.taker_prevented_lots = 0
    taker.open_lots -= step.lots
    l3_fill(book, step.maker, step.lots)
    return True


cdef inline int64_t taker_limit_key(int side, int64_t price_ticks) noexcept nogil:
    """Key of the makers' side that a limit price of this side still accepts; 0 ticks: any."""
    return book_key(1 - side, price_ticks) if price_ticks > 0 else NO_KEY + 1
