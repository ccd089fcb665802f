"""What a feed from sockets does that a recording's must not: it never waits for room, and it drops repeated prints."""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.mem.spsc cimport spsc_ring_t
from bot4._core.mem.waiter cimport waiter_t
from bot4._core.types cimport Event


cdef enum:
    LIVE_LANES_MAX = 64
    TRADES_KEPT = 4_096            # ids a print may be late by and still be told from a repetition


# The last trade ids of an instrument: two sockets of one stream deliver each print twice.
ctypedef struct TradeWindow:
    int64_t top                    # highest id seen, 0: none
    uint64_t seen[64]              # by id modulo TRADES_KEPT


ctypedef struct LiveState:
    spsc_ring_t* ring              # NULL: events are applied at once
    size_t ring_capacity
    waiter_t* records
    uint64_t lost_books            # instruments, by bit, whose depth was lost and that the shard was not told yet
    uint64_t overflow_messages     # messages the full ring had no room for
    uint64_t overflow_events
    uint64_t repeated_trades
    TradeWindow trades[LIVE_LANES_MAX]


# Whether an event is a print that came before; one that comes late is none, down to TRADES_KEPT ids below the highest.
cdef bint live_is_repeated(LiveState* live, const Event* event) noexcept nogil
# Push a whole message or, where the ring has no room for it, none of it: lost depth costs the book, by a gap mark.
cdef bint live_offer(LiveState* live, const Event* events, size_t count) noexcept nogil
cdef dict live_counters(const LiveState* live)
