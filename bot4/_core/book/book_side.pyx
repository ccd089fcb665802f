# cython: language_level=3
"""One side of an L2 book: moving the window, and the walk beyond it (contract in book_side.pxd).

The best level is kept a quarter of the window below its upper edge. The window moves

- up, when a better level comes above its upper edge: the levels that fall out at the bottom go to the hash;
- down, when the best falls into the lowest quarter or the window runs empty: the far levels now inside are pulled in.

So the best travels at least a quarter of the window between two moves up and half of it between a move and the next
move down, and a move costs one step a word of the bitmap plus one a level that changes place (and, down, one a far
level): amortised over the ticks travelled it is a fraction of an operation. Only a feed that throws the best across
the whole window on every message pays for a move every time.

Not seen from Python: an order book owns two. All functions belong to the thread that owns the book.
"""

from libc.stdint cimport INT64_MIN, int64_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from bot4._core.book.bits cimport low_bit
from bot4._core.book.far_levels cimport (
    far_best_key,
    far_clear,
    far_copy_from,
    far_init,
    far_release,
    far_set,
    far_slot,
    far_remove_at,
)
from bot4._core.types cimport BOT4_ASSERT, aligned_zalloc


cdef bint side_init(BookSide* side, int64_t window_ticks, int64_t far_capacity) noexcept:
    """Allocate an empty side; both sizes are powers of two (window >= 64). False where memory is out."""
    cdef int64_t words = window_ticks // 64
    memset(side, 0, sizeof(BookSide))
    side.best_key = NO_KEY
    side.mask = <uint64_t>window_ticks - 1
    side.qty_lots = <int64_t*>aligned_zalloc(<size_t>window_ticks * sizeof(int64_t))
    side.live = <uint64_t*>aligned_zalloc(<size_t>words * sizeof(uint64_t))
    side.summary = <uint64_t*>aligned_zalloc(<size_t>((words + 63) // 64) * sizeof(uint64_t))
    if not far_init(&side.far, far_capacity):
        return False
    side.scratch = <FarLevel*>aligned_zalloc(<size_t>side.far.limit * sizeof(FarLevel))
    return side.qty_lots != NULL and side.live != NULL and side.summary != NULL and side.scratch != NULL


cdef void side_release(BookSide* side) noexcept:
    free(side.qty_lots)
    free(side.live)
    free(side.summary)
    free(side.scratch)
    far_release(&side.far)
    memset(side, 0, sizeof(BookSide))


cdef void side_clear(BookSide* side) noexcept nogil:
    """Remove every level; costs the levels there are, not the window."""
    cdef uint64_t word, bits
    for word in range((side.mask >> 6) + 1):
        bits = side.live[word]
        while bits != 0:
            side.qty_lots[word * 64 + <uint64_t>low_bit(bits)] = 0
            bits &= bits - 1
        side.live[word] = 0
    for word in range((side.mask >> 12) + 1):
        side.summary[word] = 0
    side.window_levels = 0
    side.best_key = NO_KEY
    far_clear(&side.far)


cdef inline int64_t _low_for(const BookSide* side, int64_t best_key) noexcept nogil:
    """Low edge of a window that leaves a quarter of its ticks above the best."""
    return best_key - <int64_t>(side.mask - (side.mask >> 2))


cdef int64_t _sweep_out(BookSide* side, int64_t below, bint move) noexcept nogil:
    """Count the window's levels with key < below, and move them to the hash where `move`."""
    cdef int64_t key = side.low_key, found = 0
    cdef int64_t end = min(below, side.low_key + <int64_t>side.mask + 1)
    cdef uint64_t index, bits
    cdef bint stored
    while True:
        if key >= end:
            return found
        index = <uint64_t>key & side.mask
        bits = side.live[index >> 6] >> (index & 63)
        if bits == 0:
            key = (key | 63) + 1
            continue
        key += low_bit(bits)
        if key >= end:
            return found
        found += 1
        if move:
            stored = far_set(&side.far, key, side.qty_lots[<uint64_t>key & side.mask])
            BOT4_ASSERT(stored)      # the caller made sure of the room
            side_store(side, key, 0)
        key += 1


cdef bint _move_up(BookSide* side, int64_t low_key) noexcept nogil:
    """Raise the window's low edge; false where the levels that fall out find no room (nothing is changed)."""
    cdef int64_t room = side.far.limit - side.far.count
    if side.window_levels > room and _sweep_out(side, low_key, False) > room:
        return False
    _sweep_out(side, low_key, True)
    side.low_key = low_key
    side.recentres += 1
    return True


cdef void side_move_down(BookSide* side) noexcept nogil:
    """Re-centre on the best key, at or below the low quarter, and pull in the far levels that are now inside."""
    cdef int64_t pulled, i
    side.low_key = _low_for(side, side.best_key)
    side.recentres += 1
    if side.far.count == 0:
        return
    pulled = far_copy_from(&side.far, side.low_key, side.scratch)
    for i in range(pulled):
        far_remove_at(&side.far, far_slot(&side.far, side.scratch[i].key))
        side_store(side, side.scratch[i].key, side.scratch[i].qty_lots)


cdef void side_best_removed(BookSide* side) noexcept nogil:
    """Find the next best after the best level was emptied."""
    if side.window_levels > 0:
        side.best_key = side_next_below(side, side.best_key)
        if side_is_low(side, side.best_key):
            side_move_down(side)
    elif side.far.count > 0:
        side.best_key = far_best_key(&side.far)
        side_move_down(side)
    else:
        side.best_key = NO_KEY


cdef bint side_apply_outside(BookSide* side, int64_t key, int64_t qty_lots) noexcept nogil:
    """Apply a level outside the window: far below it, or a new best above it, or the first of an empty side."""
    if key <= side.best_key:
        return far_set(&side.far, key, qty_lots)
    if qty_lots == 0:
        return True
    if side.best_key == NO_KEY:
        side.low_key = _low_for(side, key)
    elif not _move_up(side, _low_for(side, key)):
        return False
    side_store(side, key, qty_lots)
    side.best_key = key
    return True


cdef void side_keep_best(BookSide* side, int64_t levels) noexcept nogil:
    cdef LevelWalk walk
    cdef int64_t key = NO_KEY, qty_lots, kept = 0, doomed
    if side_levels(side) <= levels:
        return
    walk_start(&walk, side)
    while kept < levels and walk_next(&walk, &key, &qty_lots):
        kept += 1
    if kept == 0:
        side_clear(side)
        return
    if levels <= side.window_levels:
        far_clear(&side.far)
        while side.window_levels > levels:
            side_store(side, side_next_below(side, key), 0)
        return
    # The walk left the worse far levels as the heap's remainder in the scratch.
    for doomed in range(walk.far_left):
        far_remove_at(&side.far, far_slot(&side.far, side.scratch[doomed].key))


cdef inline void _sift_down(FarLevel* heap, int64_t root, int64_t count) noexcept nogil:
    cdef int64_t child
    cdef FarLevel moved = heap[root]
    while True:
        child = 2 * root + 1
        if child >= count:
            break
        if child + 1 < count and heap[child + 1].key > heap[child].key:
            child += 1
        if heap[child].key <= moved.key:
            break
        heap[root] = heap[child]
        root = child
    heap[root] = moved


cdef bint walk_far(LevelWalk* walk, int64_t* key, int64_t* qty_lots) noexcept nogil:
    """Continue a walk beyond the window: the far levels become a heap, of which only what is asked for is sorted."""
    cdef FarLevel* heap = walk.side.scratch
    cdef int64_t root
    if walk.far_left < 0:
        walk.far_left = far_copy_from(&walk.side.far, INT64_MIN, heap)
        for root in range(walk.far_left // 2 - 1, -1, -1):
            _sift_down(heap, root, walk.far_left)
    if walk.far_left == 0:
        return False
    key[0] = heap[0].key
    qty_lots[0] = heap[0].qty_lots
    walk.far_left -= 1
    if walk.far_left > 0:
        heap[0] = heap[walk.far_left]
        _sift_down(heap, 0, walk.far_left)
    return True
