"""What lies between a shard and a Python strategy that has a thread of its own.

The shard never waits for it. Of the book and of everything `Market` shows the newest wins: it is written over, behind a
sequence lock, and one mark an instrument says that there is something new. Prints, bars and timers go into a ring that
drops its oldest and says how many. Start, fills and stop are never dropped: a strategy that leaves so many of them
untaken that their ring is full has stalled, and its owner ends it (CONTROL_STRATEGY_END).
"""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.account.positions cimport Position
from bot4._core.engine.lane_state cimport Lane
from bot4._core.engine.python_strategy cimport PythonHost
from bot4._core.engine.strategy_call cimport MARKETS_MAX, StrategyCall
from bot4._core.engine.view cimport ViewState
from bot4._core.mem.lossy_ring cimport LossyCursorState, LossyRing, lossy_ring_t
from bot4._core.mem.spsc cimport spsc_ring_t
from bot4._core.mem.spsc_ring cimport SpscRing
from bot4._core.mem.waiter cimport Waiter, waiter_t
from bot4._core.types cimport Bar, Event, OrderIntent


ctypedef struct Told:
    spsc_ring_t* own                    # start, fills, stop
    lossy_ring_t* market                # marks of changed books, prints, bars, timers
    LossyCursorState cursor             # the strategy's thread
    waiter_t* strategy                  # sleeps here
    ViewState* states[MARKETS_MAX]      # what `Market` shows
    int has_news[MARKETS_MAX]           # a mark of this instrument's book lies in `market`
    int has_features                    # they are part of what is shown
    int has_overflowed                  # `own` was full: it has stalled
    int stop                            # set by any thread


# What the hook's function is called with.
ctypedef struct ThreadLink:
    Told* told
    const uint64_t* taken               # by instrument, as in the hook


cdef class ThreadedHost(PythonHost):
    cdef Told told
    cdef ThreadLink _link
    cdef Position* _positions
    cdef int64_t _lost                  # dropped just before the event in hand
    cdef readonly SpscRing asks         # control events; the shard takes them
    cdef readonly int64_t asks_refused  # requests that found it full
    cdef Waiter _shard
    cdef Waiter _waiter
    cdef SpscRing _own
    cdef LossyRing _market
    cdef Lane* _shown                   # one an instrument: only what `Market` reads is filled in
    cdef double* _values
    cdef StrategyCall _told_call
    cdef Bar* _bars
    cdef uint64_t _asked[MARKETS_MAX]
    cdef uint64_t _taken[MARKETS_MAX]
    cdef OrderIntent* _requests
    cdef int64_t _busy_since_ns         # a method is at work since; 0: none

    cdef int _next(self, Event* event) noexcept nogil
    cdef int _show(self, int instrument) except -1
    cdef int _tell(self, int kind, int instrument, const Event* event) except -1
    cdef int _handle(self, const Event* event) except -1
    cdef int _handle_bar(self, const Event* event) except -1
    cdef int _make_up(self, int64_t lost) except -1
    cdef int _ask(self, int instrument) except -1
