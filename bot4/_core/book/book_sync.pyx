# cython: language_level=3
"""Snapshot + diff synchronisation of an order book (contract in book_sync.pxd).

Rules, as the venues publish them (read 2026-07-21; id is the update id the book stands at):

- Binance spot: drop a diff with u <= id; a gap where U > id + 1; else apply, id = u.
- Binance futures: after a snapshot drop u < id, the first kept must have U <= id <= u (or continue it exactly,
  pu == id); from then on pu == id, else a gap. A diff with u <= id that does not continue the chain is a repetition.
- Both: a snapshot with lastUpdateId < U of the oldest buffered diff is too old, fetch another.
- In band (Kraken, OKX, Bybit): the stream's snapshot replaces the book; diffs before it belong to an older
  subscription and are dropped; where a diff has a prev_id it must equal id. Checksums are the caller's.
- Top-n messages (FLAG_PARTIAL_BOOK) replace the book each; they do not touch a book that diffs keep.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free

from bot4._core.book.diff_buffer cimport (
    BufferedLevel,
    BufferedMessage,
    buffer_abort,
    buffer_clear,
    buffer_close,
    buffer_drop_oldest,
    buffer_init,
    buffer_level,
    buffer_oldest,
    buffer_open,
    buffer_push,
    buffer_release,
)
from bot4._core.book.order_book cimport (
    BOOK_FULL,
    BOOK_OK,
    book_apply_level,
    book_clear,
    book_free,
    book_is_crossed,
    book_new,
    book_prefetch,
)
from bot4._core.book.bits cimport likely, unlikely
from bot4._core.types cimport (
    EVENT_DEPTH_BEGIN,
    EVENT_DEPTH_LEVEL,
    EVENT_GAP_MARK,
    FLAG_FUTURES,
    FLAG_LAST,
    FLAG_PARTIAL_BOOK,
    FLAG_SNAPSHOT,
    aligned_zalloc,
)

cdef enum Fate:
    FATE_NONE = 0        # between messages
    FATE_APPLY = 1
    FATE_SNAPSHOT = 2
    FATE_BUFFER = 3
    FATE_SKIP = 4


cdef BookSync* book_sync_new(
    int rule, int64_t window_ticks, int64_t far_capacity, int64_t buffer_messages, int64_t buffer_levels
) noexcept:
    """A synchronisation that waits for its first snapshot."""
    cdef BookSync* sync = <BookSync*>aligned_zalloc(sizeof(BookSync))
    if sync == NULL:
        return NULL
    sync.rule = rule
    sync.last_id = -1
    sync.book = book_new(window_ticks, far_capacity)
    if sync.book == NULL or not buffer_init(&sync.buffer, buffer_messages, buffer_levels):
        book_sync_free(sync)
        return NULL
    return sync


cdef void book_sync_free(BookSync* sync) noexcept:
    if sync != NULL:
        book_free(sync.book)
        buffer_release(&sync.buffer)
        free(sync)


cdef void _invalidate(BookSync* sync) noexcept nogil:
    """No book from here on: nothing of it may be seen again."""
    book_clear(sync.book)
    sync.book.mid_message = False
    sync.live = False
    sync.state = STATE_WAITING
    sync.last_id = -1
    sync.generation += 1
    sync.resync_due = True


cdef void book_sync_reset(BookSync* sync) noexcept nogil:
    _invalidate(sync)
    sync.fate = FATE_NONE
    buffer_clear(&sync.buffer)


cdef inline bint _is_futures(const BookSync* sync, uint64_t flags) noexcept nogil:
    return sync.rule == SYNC_RULE_FUTURES or (sync.rule == SYNC_RULE_AUTO and (flags & FLAG_FUTURES) != 0)


cdef int _judge(const BookSync* sync, const DepthBegin* ids, uint64_t flags) noexcept nogil:
    """What the venue's rule makes of a diff for a live book: SYNC_APPLIED, SYNC_STALE or SYNC_GAP."""
    if sync.rule == SYNC_RULE_IN_BAND:
        return SYNC_GAP if ids.prev_id >= 0 and sync.last_id >= 0 and ids.prev_id != sync.last_id else SYNC_APPLIED
    if not _is_futures(sync, flags):
        if ids.last_id <= sync.last_id:
            return SYNC_STALE
        return SYNC_GAP if ids.first_id > sync.last_id + 1 else SYNC_APPLIED
    if ids.prev_id == sync.last_id:
        return SYNC_APPLIED
    if sync.awaits_first and ids.first_id <= sync.last_id <= ids.last_id:
        return SYNC_APPLIED
    return SYNC_STALE if ids.last_id <= sync.last_id else SYNC_GAP


cdef int _finish_diff(
    BookSync* sync, const DepthBegin* ids, int64_t venue_ns, int64_t recv_ns
) noexcept nogil:
    """A diff is applied whole: SYNC_APPLIED, or SYNC_CROSSED and INVALID."""
    sync.last_id = ids.last_id
    sync.awaits_first = False
    sync.venue_ns = venue_ns
    sync.recv_ns = recv_ns
    sync.counters.applied += 1
    if unlikely(book_is_crossed(sync.book)):
        sync.counters.crossed += 1
        _invalidate(sync)
        return SYNC_CROSSED
    sync.book.mid_message = False
    sync.live = True
    return SYNC_APPLIED


cdef int _refused(BookSync* sync, int book_verdict) noexcept nogil:
    """The book refused a level: INVALID."""
    _invalidate(sync)
    if book_verdict == BOOK_FULL:
        sync.counters.full += 1
        return SYNC_FULL
    sync.counters.malformed += 1
    return SYNC_MALFORMED


cdef int _replay(BookSync* sync) noexcept nogil:
    """Apply the buffered diffs to a fresh snapshot; SYNC_SNAPSHOT, or why the book is INVALID again."""
    cdef const BufferedMessage* message
    cdef const BufferedLevel* level
    cdef int verdict
    cdef int64_t i
    while buffer_count(&sync.buffer) > 0:
        message = buffer_oldest(&sync.buffer)
        verdict = _judge(sync, &message.ids, message.flags)
        if verdict == SYNC_GAP:
            # It stays: the next snapshot may reach it.
            sync.counters.gaps += 1
            _invalidate(sync)
            return SYNC_GAP
        buffer_drop_oldest(&sync.buffer)
        if verdict == SYNC_STALE:
            sync.counters.stale += 1
            continue
        for i in range(message.ids.level_count):
            level = buffer_level(&sync.buffer, message, i)
            verdict = book_apply_level(sync.book, <int>level.side, level.price_ticks, level.qty_lots)
            if verdict != BOOK_OK:
                return _refused(sync, verdict)
        verdict = _finish_diff(sync, &message.ids, message.venue_ns, message.recv_ns)
        if verdict != SYNC_APPLIED:
            return verdict
    return SYNC_SNAPSHOT


cdef int _finish_snapshot(BookSync* sync) noexcept nogil:
    cdef bint is_partial = (sync.flags & FLAG_PARTIAL_BOOK) != 0
    cdef int verdict = SYNC_SNAPSHOT
    sync.counters.snapshots += 1
    if book_is_crossed(sync.book):
        sync.counters.crossed += 1
        _invalidate(sync)
        return SYNC_CROSSED
    sync.last_id = sync.message.last_id
    sync.awaits_first = True
    sync.venue_ns = sync.message_venue_ns
    sync.recv_ns = sync.message_recv_ns
    sync.state = STATE_LIVE_PARTIAL if is_partial else STATE_LIVE
    if not is_partial:
        verdict = _replay(sync)
    if verdict == SYNC_SNAPSHOT:
        sync.book.mid_message = False
        sync.live = True
        sync.counters.resyncs += sync.resync_due
        sync.resync_due = False
    return verdict


cdef int _finish(BookSync* sync) noexcept nogil:
    """The last event of a message has been taken."""
    cdef int fate = sync.fate
    sync.fate = FATE_NONE
    if likely(fate == FATE_APPLY):
        return _finish_diff(sync, &sync.message, sync.message_venue_ns, sync.message_recv_ns)
    if fate == FATE_SNAPSHOT:
        return _finish_snapshot(sync)
    if fate == FATE_BUFFER:
        buffer_close(&sync.buffer)
        sync.counters.buffered += 1
        sync.counters.dropped = sync.buffer.dropped
        return SYNC_BUFFERED
    return sync.skip_verdict


cdef int _tear(BookSync* sync, bint at_end) noexcept nogil:
    """A message broke off or does not add up: no live book survives that, and what is left of it is skipped."""
    if sync.fate == FATE_BUFFER:
        buffer_abort(&sync.buffer)
    if sync.state == STATE_LIVE or sync.fate == FATE_SNAPSHOT:
        _invalidate(sync)
    sync.fate = FATE_NONE if at_end else FATE_SKIP
    sync.skip_verdict = SYNC_STALE
    sync.counters.malformed += 1
    return SYNC_MALFORMED


cdef int _skip(BookSync* sync, int verdict) noexcept nogil:
    """Drop the message in progress; `verdict` is what it returns at its end."""
    sync.fate = FATE_SKIP
    sync.skip_verdict = verdict
    if verdict == SYNC_STALE:
        sync.counters.stale += 1
    return SYNC_PENDING


cdef int _begin_snapshot(BookSync* sync) noexcept nogil:
    cdef int64_t last_id = sync.message.last_id
    if sync.flags & FLAG_PARTIAL_BOOK:
        if sync.state == STATE_LIVE or (sync.state == STATE_LIVE_PARTIAL and last_id < sync.last_id):
            return _skip(sync, SYNC_STALE)
    elif sync.rule != SYNC_RULE_IN_BAND:
        if last_id <= sync.last_id and (sync.state == STATE_LIVE or buffer_count(&sync.buffer) == 0):
            return _skip(sync, SYNC_STALE)
        if buffer_count(&sync.buffer) > 0 and last_id < buffer_oldest(&sync.buffer).ids.first_id:
            sync.counters.snapshots_old += 1
            return _skip(sync, SYNC_SNAPSHOT_OLD)
    book_clear(sync.book)
    sync.book.mid_message = True
    sync.live = False
    sync.fate = FATE_SNAPSHOT
    return SYNC_PENDING


cdef int _begin_diff(BookSync* sync) noexcept nogil:
    cdef int verdict = SYNC_PENDING
    if sync.rule == SYNC_RULE_IN_BAND:
        if sync.state != STATE_LIVE:
            return _skip(sync, SYNC_STALE)
    elif sync.message.first_id > sync.message.last_id:
        return _tear(sync, False)
    if likely(sync.state == STATE_LIVE):
        verdict = _judge(sync, &sync.message, sync.flags)
        if likely(verdict == SYNC_APPLIED):
            sync.book.mid_message = True
            sync.live = False
            sync.fate = FATE_APPLY
            return SYNC_PENDING
        if verdict == SYNC_STALE:
            return _skip(sync, SYNC_STALE)
        sync.counters.gaps += 1
        _invalidate(sync)
        if sync.rule == SYNC_RULE_IN_BAND:
            _skip(sync, SYNC_STALE)
            return SYNC_GAP
    buffer_open(&sync.buffer, &sync.message, sync.flags, sync.message_venue_ns, sync.message_recv_ns)
    sync.counters.dropped = sync.buffer.dropped
    sync.fate = FATE_BUFFER
    return verdict


cdef inline bint _is_open(const BookSync* sync) noexcept nogil:
    """Whether a message that matters is in progress."""
    return sync.fate != FATE_NONE and sync.fate != FATE_SKIP


cdef int _begin(BookSync* sync, const Event* event) noexcept nogil:
    cdef bint is_last = (event.flags & FLAG_LAST) != 0
    cdef int torn = SYNC_PENDING, verdict
    if unlikely(_is_open(sync)):
        torn = _tear(sync, True)
    sync.message = event.body.depth
    sync.flags = event.flags
    sync.message_venue_ns = event.venue_ns
    sync.message_recv_ns = event.recv_ns
    sync.levels_left = event.body.depth.level_count
    if unlikely(sync.levels_left < 0 or (sync.levels_left == 0) != is_last):
        sync.fate = FATE_NONE
        return _tear(sync, is_last)
    if event.flags & (FLAG_SNAPSHOT | FLAG_PARTIAL_BOOK):
        verdict = _begin_snapshot(sync)
    else:
        verdict = _begin_diff(sync)
    if is_last:
        verdict = verdict if verdict != SYNC_PENDING else _finish(sync)
        sync.fate = FATE_NONE
    return verdict if torn == SYNC_PENDING else torn


cdef int _take_level(BookSync* sync, const Event* event) noexcept nogil:
    cdef bint is_last = (event.flags & FLAG_LAST) != 0
    cdef int verdict
    if unlikely(sync.fate == FATE_SKIP):
        sync.fate = FATE_NONE if is_last else FATE_SKIP
        return sync.skip_verdict if is_last else SYNC_PENDING
    sync.levels_left -= 1
    if unlikely(sync.fate == FATE_NONE or (sync.levels_left == 0) != is_last):
        return _tear(sync, is_last)
    if likely(sync.fate != FATE_BUFFER):
        verdict = book_apply_level(sync.book, event.side, event.body.level.price_ticks, event.body.level.qty_lots)
        if unlikely(verdict != BOOK_OK):
            sync.fate = FATE_NONE if is_last else FATE_SKIP
            sync.skip_verdict = SYNC_STALE
            return _refused(sync, verdict)
    else:
        buffer_push(&sync.buffer, event.side, event.body.level.price_ticks, event.body.level.qty_lots)
    return _finish(sync) if is_last else SYNC_PENDING


cdef int _take_gap_mark(BookSync* sync) noexcept nogil:
    """Events were lost on the way here. Ids will tell which; a torn message and a feed without ids are given up."""
    if _is_open(sync):
        return _tear(sync, False)
    if sync.rule == SYNC_RULE_IN_BAND and sync.state == STATE_LIVE:
        _invalidate(sync)
        sync.counters.gaps += 1
        return SYNC_GAP
    return SYNC_IGNORED


cdef int book_sync_apply(BookSync* sync, const Event* event) noexcept nogil:
    """Take one event of this book's instrument; a SyncVerdict.

    A message's verdict comes with its last event, except that what makes the book INVALID is told at once.
    """
    if likely(event.kind == EVENT_DEPTH_LEVEL):
        return _take_level(sync, event)
    if event.kind == EVENT_DEPTH_BEGIN:
        return _begin(sync, event)
    if event.kind == EVENT_GAP_MARK:
        return _take_gap_mark(sync)
    return SYNC_IGNORED


cdef int book_sync_apply_many(
    BookSync* sync, const Event* events, int64_t count, unsigned char* verdicts
) noexcept nogil:
    """Take a batch; the verdict of each event goes to `verdicts` unless that is NULL. Returns the last one."""
    cdef int verdict = SYNC_IGNORED
    cdef int64_t i
    for i in range(count):
        if i + 8 < count and events[i + 8].kind == EVENT_DEPTH_LEVEL:
            book_prefetch(sync.book, events[i + 8].side, events[i + 8].body.level.price_ticks)
        verdict = book_sync_apply(sync, &events[i])
        if verdicts != NULL:
            verdicts[i] = <unsigned char>verdict
    return verdict
