"""One side of an L2 book: a flat window of ticks around the touch, a hash for everything beyond it.

Keys make both sides one: a bid's key is its price, an ask's key is minus its price, so the greater key is the better
level. Invariants between two calls:

1. the window covers the keys [low_key, low_key + window_ticks); a key lies in slot ``key & mask``, so moving the
   window moves no level that stays inside it;
2. a side with any level has its best level in the window, hence every far level is worse than the window;
3. ``qty_lots`` of a slot is 0 exactly where its bit in ``live`` is 0; a bit of ``summary`` tells a live word from an
   empty one.
"""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.book.bits cimport high_bit, prefetch, unlikely
from bot4._core.book.far_levels cimport FarLevel, FarLevels, far_prefetch


cdef extern from *:
    """
    #define BOT4_NO_KEY (-INT64_MAX)
    """
    const int64_t NO_KEY "BOT4_NO_KEY"     # best_key of an empty side: less than any key


ctypedef struct BookSide:
    int64_t best_key
    int64_t low_key
    uint64_t mask            # window_ticks - 1
    int64_t* qty_lots
    uint64_t* live
    uint64_t* summary
    int64_t window_levels
    int64_t recentres        # how often the window moved
    FarLevels far
    FarLevel* scratch        # far.limit levels, for walks and moves


ctypedef struct LevelWalk:
    const BookSide* side
    uint64_t bits            # of the current word, those not yet visited
    uint64_t word
    int64_t word_key         # key of the word's bit 0
    int64_t window_left
    int64_t far_left         # -1 until the far levels were gathered


cdef bint side_init(BookSide* side, int64_t window_ticks, int64_t far_capacity) noexcept
cdef void side_release(BookSide* side) noexcept
cdef void side_clear(BookSide* side) noexcept nogil
cdef void side_best_removed(BookSide* side) noexcept nogil
cdef void side_move_down(BookSide* side) noexcept nogil
cdef bint side_apply_outside(BookSide* side, int64_t key, int64_t qty_lots) noexcept nogil
cdef void side_keep_best(BookSide* side, int64_t levels) noexcept nogil      # remove every level beyond the n best
cdef bint walk_far(LevelWalk* walk, int64_t* key, int64_t* qty_lots) noexcept nogil


cdef inline int64_t side_levels(const BookSide* side) noexcept nogil:
    return side.window_levels + side.far.count


cdef inline bint side_covers(const BookSide* side, int64_t key) noexcept nogil:
    """Whether a key lies in the window."""
    return <uint64_t>key - <uint64_t>side.low_key <= side.mask


cdef inline bint side_is_low(const BookSide* side, int64_t key) noexcept nogil:
    """Whether a best key stands in the lowest quarter of the window: too near the edge for its depth."""
    return <uint64_t>key - <uint64_t>side.low_key <= side.mask >> 2


cdef inline void side_store(BookSide* side, int64_t key, int64_t qty_lots) noexcept nogil:
    """Set the quantity of a key inside the window; branch-free, as adds and removes follow no pattern."""
    cdef uint64_t index = <uint64_t>key & side.mask
    cdef uint64_t word = index >> 6
    cdef uint64_t now_live = qty_lots != 0
    cdef uint64_t bits = (side.live[word] & ~(1ULL << (index & 63))) | (now_live << (index & 63))
    cdef uint64_t group = word >> 6
    side.window_levels += <int64_t>now_live - <int64_t>(side.qty_lots[index] != 0)
    side.qty_lots[index] = qty_lots
    side.live[word] = bits
    side.summary[group] = (side.summary[group] & ~(1ULL << (word & 63))) | (<uint64_t>(bits != 0) << (word & 63))


cdef inline bint side_apply(BookSide* side, int64_t key, int64_t qty_lots) noexcept nogil:
    """Set a level, 0 removes it; false where a new level finds no room (nothing is changed)."""
    if unlikely(not side_covers(side, key)):
        return side_apply_outside(side, key, qty_lots)
    side_store(side, key, qty_lots)
    if key >= side.best_key:
        if qty_lots != 0:
            side.best_key = key
            if unlikely(side_is_low(side, key)):
                side_move_down(side)
        elif key == side.best_key:
            side_best_removed(side)
    return True


cdef inline void side_prefetch(const BookSide* side, int64_t key) noexcept nogil:
    """Start loading the line that applying this key will touch."""
    if side_covers(side, key):
        prefetch(&side.qty_lots[<uint64_t>key & side.mask])
    else:
        far_prefetch(&side.far, key)


cdef inline uint64_t side_word_below(const BookSide* side, uint64_t word) noexcept nogil:
    """The next live word going down from `word`, round the ring and last `word` itself; there must be one."""
    cdef uint64_t group = word >> 6, last_group = side.mask >> 12
    cdef uint64_t words = side.summary[group] & ((1ULL << (word & 63)) - 1)
    while words == 0:      # the window's low end may stand above its high end
        group = group - 1 if group != 0 else last_group
        words = side.summary[group]
    return group * 64 + <uint64_t>high_bit(words)


cdef inline int64_t side_next_below(const BookSide* side, int64_t key) noexcept nogil:
    """The best live key below `key` in the window; there must be one."""
    cdef uint64_t index = <uint64_t>key & side.mask
    cdef uint64_t word = index >> 6
    cdef uint64_t bits = side.live[word] & ((1ULL << (index & 63)) - 1)
    if bits == 0:
        word = side_word_below(side, word)
        bits = side.live[word]
    return key - <int64_t>((index - (word * 64 + <uint64_t>high_bit(bits))) & side.mask)


cdef inline void walk_start(LevelWalk* walk, const BookSide* side) noexcept nogil:
    """Begin a walk from the best level to the worst. One walk a side at a time: the far part uses its scratch."""
    cdef uint64_t index = <uint64_t>side.best_key & side.mask
    walk.side = side
    walk.window_left = side.window_levels
    walk.far_left = -1
    walk.word = index >> 6
    walk.word_key = <int64_t>(<uint64_t>side.best_key - (index & 63))
    walk.bits = side.live[walk.word] & ((2ULL << (index & 63)) - 1)


cdef inline bint walk_next(LevelWalk* walk, int64_t* key, int64_t* qty_lots) noexcept nogil:
    """The next level; false at the end. The side must not change during a walk."""
    cdef uint64_t word
    cdef int bit
    if unlikely(walk.window_left == 0):
        return walk_far(walk, key, qty_lots)
    if walk.bits == 0:
        word = side_word_below(walk.side, walk.word)
        walk.word_key -= <int64_t>(((walk.word - word - 1) & (walk.side.mask >> 6)) + 1) * 64
        walk.word = word
        # Coming round to the first word: its upper bits are the window's worst levels, the others were visited, and
        # window_left ends the walk before them.
        walk.bits = walk.side.live[word]
    bit = high_bit(walk.bits)
    walk.bits ^= 1ULL << bit
    walk.window_left -= 1
    key[0] = walk.word_key + bit
    qty_lots[0] = walk.side.qty_lots[walk.word * 64 + <uint64_t>bit]
    return True
