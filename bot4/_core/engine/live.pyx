# cython: language_level=3
"""Delivery from sockets (contract in live.pxd): the venue does not wait, so the reader must not."""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from bot4._core.mem.spsc cimport spsc_push_batch, spsc_size
from bot4._core.mem.waiter cimport waiter_notify_many
from bot4._core.types cimport EVENT_AGG_TRADE, EVENT_DEPTH_BEGIN, EVENT_GAP_MARK, EVENT_TRADE, Event


cdef bint _is_new(TradeWindow* window, int64_t trade_id) noexcept nogil:
    cdef int64_t slot = trade_id & (TRADES_KEPT - 1)
    cdef uint64_t bit = <uint64_t>1 << (slot & 63)
    cdef int64_t skipped
    if window.top == 0 or trade_id - window.top >= TRADES_KEPT:
        memset(window.seen, 0, sizeof(window.seen))
        window.top = trade_id
    elif trade_id > window.top:
        for skipped in range(window.top + 1, trade_id + 1):
            window.seen[(skipped & (TRADES_KEPT - 1)) >> 6] &= ~(<uint64_t>1 << (skipped & 63))
        window.top = trade_id
    elif window.top - trade_id >= TRADES_KEPT or window.seen[slot >> 6] & bit:
        return False
    window.seen[slot >> 6] |= bit
    return True


cdef bint live_is_repeated(LiveState* live, const Event* event) noexcept nogil:
    if event.kind != EVENT_TRADE and event.kind != EVENT_AGG_TRADE:
        return False
    if _is_new(&live.trades[event.instrument & (LIVE_LANES_MAX - 1)], event.body.trade.trade_id):
        return False
    live.repeated_trades += 1
    return True


cdef void _mark_lost_books(LiveState* live, int64_t now_ns) noexcept nogil:
    """Tell the shard which books the full ring cost."""
    cdef Event mark
    cdef int instrument
    memset(&mark, 0, sizeof(Event))
    mark.kind = EVENT_GAP_MARK
    mark.recv_ns = now_ns
    for instrument in range(LIVE_LANES_MAX):
        if (live.lost_books >> instrument) & 1:
            mark.instrument = instrument
            spsc_push_batch(live.ring, &mark, 1)
    live.lost_books = 0


cdef bint live_offer(LiveState* live, const Event* events, size_t count) noexcept nogil:
    # Only grows meanwhile: this thread alone pushes. There is always room for a mark of each book, too.
    cdef size_t room = live.ring_capacity - spsc_size(live.ring)
    if room < count + LIVE_LANES_MAX:
        live.overflow_messages += 1
        live.overflow_events += count
        if events[0].kind == EVENT_DEPTH_BEGIN or events[0].kind == EVENT_GAP_MARK:
            live.lost_books |= <uint64_t>1 << (events[0].instrument & (LIVE_LANES_MAX - 1))
        return False
    if live.lost_books:
        _mark_lost_books(live, events[0].recv_ns)
    spsc_push_batch(live.ring, events, count)
    waiter_notify_many(live.records, count)
    return True


cdef dict live_counters(const LiveState* live):
    return {
        "overflow_messages": live.overflow_messages,
        "overflow_events": live.overflow_events,
        "repeated_trades": live.repeated_trades,
    }
