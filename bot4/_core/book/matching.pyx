# cython: language_level=3
"""Price-time matching of single orders (contract in matching.pxd).

Seen from Python as a `MatchingBook`, and inside an exchange.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from bot4._core.book.book_side cimport LevelWalk, side_init, side_release, walk_next, walk_start
from bot4._core.types cimport BOT4_ASSERT, aligned_zalloc, hash_mix, mul_wide


cdef bint l3_init(
    L3Book* book, OrderPool* pool, int64_t window_ticks, int64_t far_capacity, int64_t change_capacity
) noexcept:
    """An empty book over a pool; the three sizes are powers of two."""
    memset(book, 0, sizeof(L3Book))
    book.pool = pool
    book.change_mask = <uint64_t>change_capacity - 1
    book.changes = <uint64_t*>aligned_zalloc(<size_t>change_capacity * sizeof(uint64_t))
    return (
        book.changes != NULL
        and side_init(&book.sides[0], window_ticks, far_capacity)
        and side_init(&book.sides[1], window_ticks, far_capacity)
    )


cdef void l3_release(L3Book* book) noexcept:
    free(book.changes)
    side_release(&book.sides[0])
    side_release(&book.sides[1])
    memset(book, 0, sizeof(L3Book))


cdef inline int64_t _held(const BookSide* levels, int64_t key) noexcept nogil:
    """Number of a key's level plus one; 0 where there is none."""
    if side_covers(levels, key):
        return levels.qty_lots[<uint64_t>key & levels.mask]
    return levels.far.slots[far_slot(&levels.far, key)].qty_lots


cdef bint l3_has_room(const L3Book* book, int side, int64_t price_ticks) noexcept nogil:
    cdef const BookSide* levels = &book.sides[side]
    # A side that holds fewer levels than its far hash takes never refuses one, wherever the window moves.
    return side_levels(levels) < levels.far.limit or _held(levels, book_key(side, price_ticks)) != 0


cdef void l3_open_level(L3Book* book, BookOrder* order, int64_t key) noexcept nogil:
    cdef uint32_t index = level_take(book.pool)
    cdef BookLevel* level = &book.pool.levels[index]
    cdef bint stored = side_apply(&book.sides[order.side], key, <int64_t>index + 1)
    BOT4_ASSERT(stored)          # l3_has_room was asked
    level.price_ticks = order.price_ticks
    level.side = order.side
    level.shown_lots = 0
    level.count = 0
    level.head = level.tail = NO_SLOT
    order.level = index


cdef void l3_drop_level(L3Book* book, uint32_t index) noexcept nogil:
    cdef BookLevel* level = &book.pool.levels[index]
    side_apply(&book.sides[level.side], book_key(level.side, level.price_ticks), 0)
    level_give(book.pool, index)


cdef inline int64_t _affordable(money_t budget_ticklots, int64_t price_ticks, int64_t step_lots) noexcept nogil:
    """Lots that a budget buys at a price, in whole steps, as many as a quantity may have at most."""
    cdef money_t lots = budget_ticklots // price_ticks
    cdef int64_t whole = MAX_ORDER_LOTS if lots > MAX_ORDER_LOTS else <int64_t>lots
    return whole - whole % step_lots


cdef void l3_plan(
    const L3Book* book, const Taker* taker, money_t budget_ticklots, int64_t step_lots, FillPlan* plan
) noexcept nogil:
    """Walk the book as `matching_next` would, without touching it; shown and hidden lots alike.

    The hidden part of an iceberg trades at the same price, so the order of a level's fills changes no sum.
    """
    cdef Taker ghost = taker[0]
    cdef LevelWalk walk
    cdef int64_t key = 0, held = 0, lots, taker_lots = 0, maker_lots = 0
    cdef uint32_t slot
    cdef const BookOrder* maker
    memset(plan, 0, sizeof(FillPlan))
    walk_start(&walk, &book.sides[1 - taker.side])
    while ghost.open_lots > 0:
        if not walk_next(&walk, &key, &held) or key < taker.limit_key:
            plan.is_exhausted = True
            break
        slot = book.pool.levels[held - 1].head
        while slot != NO_SLOT and ghost.open_lots > 0:
            maker = &book.pool.orders[slot]
            slot = maker.next
            if stp_applies(&ghost, maker):
                stp_losses(&ghost, maker, &taker_lots, &maker_lots)
                if stp_transfers(&ghost, maker):
                    lots = taker_lots
                    if budget_ticklots != 0:
                        lots = min(lots, _affordable(budget_ticklots - plan.ticklots, maker.price_ticks, 1))
                    if lots < taker_lots:
                        ghost.open_lots = taker_lots = lots       # the budget ends here
                    plan.ticklots += mul_wide(maker.price_ticks, lots)
                plan.prevented_lots += taker_lots
                ghost.open_lots -= taker_lots
                continue
            lots = min(ghost.open_lots, maker.open_lots)
            if budget_ticklots != 0:
                lots = min(lots, _affordable(budget_ticklots - plan.ticklots, maker.price_ticks, 1))
                if lots < min(ghost.open_lots, maker.open_lots):
                    ghost.open_lots = lots        # the budget ends here
            plan.lots += lots
            plan.ticklots += mul_wide(maker.price_ticks, lots)
            ghost.open_lots -= lots
    if step_lots > 1 and plan.lots % step_lots != 0:
        # What is beyond the last whole step would have traded last: the sum of price x lots becomes an upper bound.
        plan.lots -= plan.lots % step_lots


cdef int l3_depth(const L3Book* book, int side, int n, int64_t* price_ticks, int64_t* qty_lots) noexcept nogil:
    """The best `n` levels of a side, best first; returns how many there were."""
    cdef LevelWalk walk
    cdef int64_t key = 0, held = 0
    cdef int found = 0
    walk_start(&walk, &book.sides[side])
    while found < n and walk_next(&walk, &key, &held):
        price_ticks[found] = book_key(side, key)
        qty_lots[found] = book.pool.levels[held - 1].shown_lots
        found += 1
    return found


cdef int64_t l3_shown_at(const L3Book* book, int side, int64_t price_ticks) noexcept nogil:
    """Lots that stand at a price, 0 where none do."""
    cdef int64_t held = _held(&book.sides[side], book_key(side, price_ticks))
    return book.pool.levels[held - 1].shown_lots if held != 0 else 0


cdef uint64_t l3_hash(const L3Book* book) noexcept nogil:
    """Hash of every order in its place: side, price, place in the queue, id, rest and shown part."""
    cdef LevelWalk walk
    cdef int64_t key = 0, held = 0
    cdef uint64_t hashed = <uint64_t>book.update_id
    cdef uint32_t slot
    cdef int side
    for side in range(2):
        walk_start(&walk, &book.sides[side])
        while walk_next(&walk, &key, &held):
            hashed = hash_mix(hashed, <uint64_t>book_key(side, key))
            slot = book.pool.levels[held - 1].head
            while slot != NO_SLOT:
                hashed = hash_mix(hashed, book.pool.orders[slot].order_id)
                hashed = hash_mix(hashed, <uint64_t>book.pool.orders[slot].open_lots)
                hashed = hash_mix(hashed, <uint64_t>book.pool.orders[slot].shown_lots)
                slot = book.pool.orders[slot].next
        hashed = hash_mix(hashed, <uint64_t>side + 1)
    return hashed
