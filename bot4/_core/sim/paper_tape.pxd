"""Events and intents on one tape, played to a paper venue in the order of their times."""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t

from bot4._core.book.order_book cimport OrderBook, book_apply_level, book_clear
from bot4._core.sim.paper cimport paper_next_due, paper_on_event, paper_submit
from bot4._core.sim.paper_matching cimport PaperVenue
from bot4._core.types cimport EVENT_DEPTH_BEGIN, EVENT_DEPTH_LEVEL, FLAG_SNAPSHOT, Event, OrderIntent


ctypedef struct PaperTape:
    const Event* events
    const OrderIntent* intents
    uint8_t* verdicts
    OrderBook* book
    Py_ssize_t event_count, intent_count
    Py_ssize_t event_at, intent_at
    int64_t now_ns


cdef inline int paper_play(PaperVenue* venue, PaperTape* tape, Event* out, int capacity) noexcept nogil:
    """Play the tape until it ends and nothing is on its way (fewer reports than `capacity`), or `out` is full."""
    cdef const Event* event
    cdef int written = 0
    cdef int64_t event_ns, intent_ns, due_ns
    while written < capacity:
        event = &tape.events[tape.event_at] if tape.event_at < tape.event_count else NULL
        event_ns = event.recv_ns if event != NULL else INT64_MAX
        intent_ns = tape.intents[tape.intent_at].ts_ns if tape.intent_at < tape.intent_count else INT64_MAX
        due_ns = paper_next_due(venue)
        if intent_ns < event_ns and intent_ns < due_ns:
            tape.verdicts[tape.intent_at] = <uint8_t>paper_submit(venue, &tape.intents[tape.intent_at], intent_ns)
            tape.intent_at += 1
        elif due_ns < event_ns:
            tape.now_ns = due_ns if due_ns > tape.now_ns else tape.now_ns
            written += paper_on_event(venue, NULL, tape.book, tape.now_ns, &out[written], capacity - written)
        elif event != NULL:
            if tape.book != NULL and event.kind == EVENT_DEPTH_BEGIN and event.flags & FLAG_SNAPSHOT:
                book_clear(tape.book)
            elif tape.book != NULL and event.kind == EVENT_DEPTH_LEVEL:
                book_apply_level(tape.book, event.side, event.body.level.price_ticks, event.body.level.qty_lots)
            tape.now_ns = event_ns if event_ns > tape.now_ns else tape.now_ns
            tape.event_at += 1
            written += paper_on_event(venue, event, tape.book, tape.now_ns, &out[written], capacity - written)
        else:
            break
    return written
