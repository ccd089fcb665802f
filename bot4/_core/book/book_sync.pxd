"""Keeps an order book equal to the venue's: snapshot + diffs by the venue's rule, or no book at all.

A book is *live* only between whole messages that continue each other. A gap, a crossed book, a level without room or a
torn message makes it INVALID at once: the book is emptied, ``generation`` grows by one, diffs are buffered, and
``book_sync_needs_snapshot`` holds until a snapshot that fits arrives.
"""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.book.diff_buffer cimport DiffBuffer, buffer_count
from bot4._core.book.order_book cimport OrderBook
from bot4._core.types cimport DepthBegin, Event


cpdef enum SyncRule:
    SYNC_RULE_AUTO = 0       # FLAG_FUTURES of each diff tells spot from futures
    SYNC_RULE_SPOT = 1       # U <= id + 1 <= u
    SYNC_RULE_FUTURES = 2    # first U <= id <= u, then pu == id
    SYNC_RULE_IN_BAND = 3    # the stream sends its own snapshots; prev_id, where the venue has one, must be the id


cpdef enum SyncVerdict:
    SYNC_PENDING = 0         # inside a message
    SYNC_BUFFERED = 1        # whole diff kept until a snapshot arrives
    SYNC_STALE = 2           # whole message dropped: the book is past it, has a better source, or its damage was told
    SYNC_APPLIED = 3         # whole diff applied: the book is consistent
    SYNC_SNAPSHOT = 4        # snapshot applied and the buffer replayed: the book is consistent
    SYNC_IGNORED = 5         # not a depth event
    SYNC_SNAPSHOT_OLD = 6    # snapshot ends before the buffered diffs begin: another one is needed
    SYNC_GAP = 7             # messages are missing; from here on the book is INVALID now
    SYNC_CROSSED = 8         # best bid at or above best ask after a whole message
    SYNC_FULL = 9            # a level found no room
    SYNC_MALFORMED = 10      # torn message, impossible ids or level


cpdef enum SyncState:
    STATE_WAITING = 0        # INVALID: no book until a snapshot arrives
    STATE_LIVE = 1
    STATE_LIVE_PARTIAL = 2   # served by top-n messages that each replace the book


ctypedef struct SyncCounters:
    int64_t applied          # diffs applied, from the stream or replayed
    int64_t snapshots        # snapshots applied (top-n messages included)
    int64_t buffered         # diffs put into the buffer
    int64_t dropped          # diffs the full buffer dropped
    int64_t stale            # messages dropped as old
    int64_t snapshots_old    # snapshots that were too old for the buffer
    int64_t gaps             # times continuity was lost
    int64_t crossed          # times the book came out crossed
    int64_t full             # times a level found no room
    int64_t malformed        # messages with broken framing, ids or levels
    int64_t resyncs          # times the book became live again after it was INVALID


ctypedef struct BookSync:
    OrderBook* book
    int rule                 # SyncRule
    int state                # SyncState
    int fate                 # what happens to the message in progress
    int skip_verdict         # what a skipped message returns at its end
    bint live                # consistent right now: false inside a message
    bint awaits_first        # futures: the next diff is the first after a snapshot
    bint resync_due
    int64_t levels_left      # of the message in progress
    int64_t last_id          # update id the book stands at; -1 none
    int64_t venue_ns         # stamps of the last message applied
    int64_t recv_ns
    uint64_t generation      # how often the book was made INVALID: what was remembered of it before is void
    DepthBegin message
    uint64_t flags
    int64_t message_venue_ns
    int64_t message_recv_ns
    SyncCounters counters
    DiffBuffer buffer


cdef BookSync* book_sync_new(
    int rule, int64_t window_ticks, int64_t far_capacity, int64_t buffer_messages, int64_t buffer_levels
) noexcept                   # sizes are powers of two; NULL: out of memory
cdef void book_sync_free(BookSync* sync) noexcept
cdef void book_sync_reset(BookSync* sync) noexcept nogil     # a new connection: forget book and buffer, keep counters
cdef int book_sync_apply(BookSync* sync, const Event* event) noexcept nogil
cdef int book_sync_apply_many(BookSync* sync, const Event* events, int64_t count, unsigned char* verdicts) noexcept nogil


cdef inline bint book_sync_is_live(const BookSync* sync) noexcept nogil:
    """Whether the book equals the venue's as of `last_id`; false inside a message."""
    return sync.live


cdef inline bint book_sync_is_applying(const BookSync* sync) noexcept nogil:
    """Whether a message is in progress whose levels go into the book as they come."""
    return sync.book.mid_message


cdef inline bint book_sync_needs_snapshot(const BookSync* sync) noexcept nogil:
    """Whether a (further) snapshot has to be fetched."""
    return sync.state == STATE_WAITING or (sync.state == STATE_LIVE_PARTIAL and buffer_count(&sync.buffer) > 0)
