# cython: language_level=3
"""The feed: what a recording, a generator and a socket share on their way to the shard.

Without a ring every event is applied before the next byte is read, in one thread. With a ring the events wait there for
the shard's thread; a full ring holds the feed back (backpressure) and loses nothing. A live feed is never held back: a
full ring costs the message, and where that was depth, the instrument's book, which a gap mark then says.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memchr, memset

from bot4._core.clock cimport monotonic_ns, tsc_now
from bot4._core.engine.control cimport control_event
from bot4._core.engine.live cimport LiveState, live_counters, live_is_repeated, live_offer
from bot4._core.engine.shard cimport shard_apply, shard_publish
from bot4._core.engine.stages cimport STAGE_MESSAGE, STAGE_SCAN, stage_record
from bot4._core.mem.spsc_ring cimport SpscRing
from bot4._core.mem.waiter cimport Waiter, spsc_push_wait
from bot4._core.types cimport EVENT_GAP_MARK, EVENT_TIMER, Event, aligned_zalloc
from bot4._core.wire.capture cimport (
    CAPTURE_BAD, CAPTURE_MORE, CAPTURE_REST, CAPTURE_SKIPPED, capture_next, capture_rest_symbol,
)
from bot4._core.wire.csv_rows cimport CSV_OK, CSV_SKIPPED, CsvGrid, csv_row
from bot4._core.wire.scan cimport Scanner, scan_frame

from bot4._core.wire.csv_rows import CsvVerdict


cdef extern from "bot4/sleep.h" nogil:
    void sleep_ns "bot4_sleep_ns"(int64_t ns) noexcept

# Longest sleep between two looks at the stop flag, and the longest wait for room in the ring.
cdef int64_t SLICE_NS = 20_000_000

cdef bint _deliver(FeedState* feed, const Event* events, size_t count) noexcept nogil:
    cdef size_t i, done = 0
    if feed.shard != NULL:
        for i in range(count):
            shard_apply(feed.shard, &events[i])
        return True
    if feed.live != NULL:
        return live_offer(feed.live, events, count)
    while done < count:
        done += spsc_push_wait(feed.ring, events + done, count - done, feed.room, feed.records, SLICE_NS)
        if feed.stop and done < count:
            feed.undelivered += count - done
            return False
    return True


cdef void _pace(FeedState* feed, int64_t stamp_ns) noexcept nogil:
    """Sleep until a stamp is due; time passes for the shard meanwhile."""
    cdef Event tick
    cdef int64_t now_ns, due_ns
    if feed.pace_event_ns == 0:
        feed.pace_event_ns = stamp_ns
        feed.pace_wall_ns = monotonic_ns()
    due_ns = feed.pace_wall_ns + <int64_t>(<double>(stamp_ns - feed.pace_event_ns) / feed.speed)
    now_ns = monotonic_ns()
    while now_ns < due_ns and not feed.stop:
        sleep_ns(min(due_ns - now_ns, SLICE_NS))
        now_ns = monotonic_ns()
        if now_ns < due_ns:
            memset(&tick, 0, sizeof(Event))
            tick.kind = EVENT_TIMER
            tick.recv_ns = stamp_ns - <int64_t>(<double>(due_ns - now_ns) * feed.speed)
            _deliver(feed, &tick, 1)


cdef bint _is_due(FeedState* feed, int64_t stamp_ns) noexcept nogil:
    """Note a stamp and wait for it; false where the feed's time is over, or it was stopped meanwhile."""
    if feed.first_ns == 0:
        feed.first_ns = stamp_ns
    if feed.duration_ns != 0 and stamp_ns - feed.first_ns > feed.duration_ns:
        feed.stop = True
        return False
    feed.last_ns = max(feed.last_ns, stamp_ns)        # of several files, or a snapshot fetched before, one may be older
    if feed.speed > 0.0:
        _pace(feed, stamp_ns)
    return not feed.stop


cdef int feed_frame(
    FeedState* feed, const char* frame, size_t length, int64_t recv_ns, int instrument
) noexcept nogil:
    cdef size_t count = 0
    cdef bint timed = feed.shard != NULL and feed.shard.messages & feed.shard.sample_mask == 0
    cdef uint64_t start = tsc_now() if timed else 0
    feed.messages += 1
    scan_frame(feed.scanner, frame, length, recv_ns, instrument, feed.events, FEED_EVENTS_MAX, &count)
    if count == 0:
        return FEED_NOTHING
    if timed:
        stage_record(feed.shard.shared.stages, STAGE_SCAN, start)
    if feed.live != NULL and live_is_repeated(feed.live, feed.events):
        return FEED_REPEATED
    if not _is_due(feed, recv_ns if recv_ns != 0 else feed.events[0].venue_ns):
        feed.messages -= 1                    # not delivered: as if it had not been read
        return FEED_STOPPED
    _deliver(feed, feed.events, count)
    if timed:
        stage_record(feed.shard.shared.stages, STAGE_MESSAGE, start)
    return FEED_DELIVERED


cdef int feed_events(FeedState* feed, size_t count) noexcept nogil:
    if not _is_due(feed, feed.events[0].recv_ns):
        return FEED_STOPPED
    feed.messages += 1
    _deliver(feed, feed.events, count)
    return FEED_DELIVERED


cdef void feed_time(FeedState* feed, int64_t now_ns) noexcept nogil:
    cdef Event tick
    memset(&tick, 0, sizeof(Event))
    tick.kind = EVENT_TIMER
    tick.recv_ns = now_ns
    if feed.live != NULL and not _is_due(feed, now_ns):
        return
    _deliver(feed, &tick, 1)


cdef class Feed:
    """Turns bytes into events and hands them on.

    Parameters
    ----------
    scanner : Scanner
        Knows the instruments, in the order of the engine's lanes.
    engine : Engine
        Applies events at once where `ring` is None.
    ring, room, records : SpscRing, Waiter, Waiter or None
        A ring that another thread empties, the waiter for room in it, the waiter its consumer sleeps on.
    speed : float
        0 for as fast as it goes; 1 for the pace of the recording; 10 for ten times that.
    duration_ns : int
        Market time from the first stamp after which the feed stops by itself; 0 for no end.
    live : bool
        Never wait for room in the ring, and drop the prints that a second socket of the same stream repeats. Such a ring
        holds 32,768 events or more: a snapshot has to fit.

    One thread feeds; `stop` and the counters may be used by any.
    """

    def __cinit__(
        self, Scanner scanner, Engine engine, *, SpscRing ring=None, Waiter room=None, Waiter records=None,
        double speed=0.0, int64_t duration_ns=0, bint live=False,
    ):
        if not speed >= 0.0:
            raise ValueError(f"speed must not be negative, was {speed}")
        if duration_ns < 0:
            raise ValueError(f"duration_ns must not be negative, was {duration_ns}")
        if ring is not None and (room is None or records is None):
            raise ValueError("a ring needs a waiter for its room and one for its records")
        if live and speed != 0.0:
            raise ValueError(f"a live feed has the pace of the market, speed must be 0, was {speed}")
        if live and ring is not None and ring.capacity < FEED_EVENTS_MAX:
            raise ValueError(f"the ring of a live feed must hold {FEED_EVENTS_MAX} events, was {ring.capacity}")
        self.scanner = scanner
        self.engine = engine
        self._ring = ring
        self._room = room
        self._records = records
        self._bad_rows = {}
        self._index_by_symbol = {symbol: index for index, symbol in enumerate(engine.symbols)}
        self.feed.events = <Event*>aligned_zalloc(FEED_EVENTS_MAX * sizeof(Event))
        if self.feed.events == NULL:
            raise MemoryError("no memory for the events of a message")
        self.feed.scanner = scanner.state
        self.feed.speed = speed
        self.feed.duration_ns = duration_ns
        if live:
            self.feed.live = <LiveState*>aligned_zalloc(sizeof(LiveState))
            if self.feed.live == NULL:
                raise MemoryError("no memory for a live feed's state")
        if ring is None:
            self.feed.shard = engine.state
            return
        self.feed.ring = ring.ring
        self.feed.room = room.waiter
        self.feed.records = records.waiter
        if live:
            self.feed.live.ring = ring.ring
            self.feed.live.ring_capacity = ring.capacity
            self.feed.live.records = records.waiter

    def __dealloc__(self):
        free(self.feed.events)
        free(self.feed.live)

    def lines(self, const unsigned char[::1] data, int capture_format, *, int default_instrument=-1) -> int:
        """Feed the whole lines of a recording; returns how many bytes were used.

        What is left of an unfinished last line comes again at the head of the next call. A snapshot without a symbol
        of its own is taken for `default_instrument`, or for the one its URL names.
        """
        cdef size_t position = 0, start = 0, length = data.shape[0], size = 0
        cdef const char* bytes_ = <const char*>&data[0] if length else NULL
        cdef const char* payload = NULL
        cdef int64_t recv_ns = 0
        cdef int verdict
        self._lock()
        try:
            with nogil:
                while not self.feed.stop:
                    start = position
                    verdict = capture_next(bytes_, length, &position, capture_format, &recv_ns, &payload, &size)
                    if verdict == CAPTURE_MORE:
                        break
                    if verdict == CAPTURE_SKIPPED:
                        self.feed.skipped += 1
                    elif verdict == CAPTURE_BAD:
                        if self.feed.bad_lines == 0:
                            self.feed.bad_line_at = self.feed.bytes + start
                        self.feed.bad_lines += 1
                    elif verdict == CAPTURE_REST:
                        with gil:
                            instrument = self._rest_instrument(bytes_ + start, position - start)
                        if instrument >= 0:
                            feed_frame(&self.feed, payload, size, recv_ns, instrument)
                        else:
                            self.feed.skipped += 1
                    else:
                        feed_frame(&self.feed, payload, size, recv_ns, default_instrument)
                if self.feed.shard != NULL:
                    shard_publish(self.feed.shard)
            self.feed.bytes += position
        finally:
            self._unlock()
        return position

    def rows(self, const unsigned char[::1] data, int kind, tuple grid, *, bint first_line=False) -> int:
        """Feed the whole lines of a CSV dump of one instrument; returns how many bytes were used.

        Parameters
        ----------
        data : bytes
        kind : int
            A `CsvKind`.
        grid : tuple of int
            tick mantissa, tick decimals, lot mantissa, lot decimals, instrument.
        first_line : bool
            Whether `data` begins with the file's first line, which may be a header.
        """
        cdef CsvGrid steps
        cdef size_t position = 0, length = data.shape[0], size, count = 0
        cdef const char* bytes_ = <const char*>&data[0] if length else NULL
        cdef const char* end
        cdef int verdict
        steps.tick.mantissa, steps.tick.decimals, steps.lot.mantissa, steps.lot.decimals, steps.instrument = grid
        self._lock()
        try:
            with nogil:
                while position < length and not self.feed.stop:
                    end = <const char*>memchr(bytes_ + position, 10, length - position)
                    if end == NULL:
                        break
                    size = end - (bytes_ + position)
                    if size > 0 and bytes_[position + size - 1] == 13:
                        size -= 1
                    verdict = csv_row(&steps, kind, bytes_ + position, size, first_line, self.feed.events, &count)
                    first_line = False
                    if verdict == CSV_OK:
                        self.feed.messages += 1
                        if not _is_due(&self.feed, self.feed.events[0].recv_ns if self.feed.events[0].recv_ns != 0
                                       else self.feed.events[0].venue_ns):
                            self.feed.messages -= 1
                            break
                        _deliver(&self.feed, self.feed.events, count)
                    elif verdict == CSV_SKIPPED:
                        self.feed.skipped += 1
                    else:
                        self.feed.messages += 1
                        if self.feed.bad_lines == 0:
                            self.feed.bad_line_at = self.feed.bytes + position
                        self.feed.bad_lines += 1
                        with gil:
                            name = CsvVerdict(verdict).name.removeprefix("CSV_").lower()
                            self._bad_rows[name] = self._bad_rows.get(name, 0) + 1
                    position = end - bytes_ + 1
                if self.feed.shard != NULL:
                    shard_publish(self.feed.shard)
            self.feed.bytes += position
        finally:
            self._unlock()
        return position

    def frame(self, const unsigned char[::1] data, int64_t recv_ns, *, int default_instrument=-1) -> None:
        """Feed one raw frame that arrived at `recv_ns`, nanoseconds UTC."""
        cdef size_t length = data.shape[0]
        cdef const char* bytes_ = <const char*>&data[0] if length else NULL
        self._lock()
        try:
            with nogil:
                feed_frame(&self.feed, bytes_, length, recv_ns, default_instrument)
                self.feed.bytes += length
                if self.feed.shard != NULL:
                    shard_publish(self.feed.shard)
        finally:
            self._unlock()

    def time(self, int64_t now_ns) -> None:
        """Let time pass without a message; a live feed's duration counts it."""
        self._lock()
        try:
            with nogil:
                feed_time(&self.feed, now_ns)
                if self.feed.shard != NULL:
                    shard_publish(self.feed.shard)
        finally:
            self._unlock()

    def stop(self) -> None:
        """Make the call in progress, and every later one, return at the next message. Any thread may call."""
        self.feed.stop = True

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self.feed.stop

    def forget_trades(self) -> None:
        """Forget the ids of trades: a connection begins that no other one overlaps. The feeding thread calls."""
        if self.feed.live != NULL:
            memset(self.feed.live.trades, 0, sizeof(self.feed.live.trades))

    def gap(self, int instrument, int64_t now_ns) -> None:
        """Give up one instrument's book, whose stream was lost: it waits for a snapshot from here on."""
        cdef Event mark
        memset(&mark, 0, sizeof(Event))
        mark.kind, mark.instrument, mark.recv_ns = EVENT_GAP_MARK, instrument, now_ns
        self._tell(&mark)

    def control(self, int code, int instrument, int64_t value, int64_t now_ns, int64_t first=0, int64_t second=0) -> bool:
        """Apply one of `ControlCode` at its place in the market, on the feeding thread; false: a full ring lost it."""
        cdef Event event
        control_event(&event, code, instrument, value, 0, first, second, 0)
        event.recv_ns = now_ns
        return bool(self._tell(&event))

    cdef int _tell(self, const Event* event) except -1:
        self._lock()
        cdef bint is_told = _deliver(&self.feed, event, 1)
        if self.feed.shard != NULL:
            shard_publish(self.feed.shard)
        self._unlock()
        return is_told

    def needs_snapshot(self, int index) -> bool:
        """Whether an instrument's book waits for a snapshot; may lag behind a ring by what waits in it."""
        return bool(self.engine.view()["lanes"][index]["needs_snapshot"])

    @property
    def live_counters(self) -> dict:
        """Messages and events a full ring cost, and prints that came twice; empty but for a live feed."""
        return live_counters(self.feed.live) if self.feed.live != NULL else {}

    def counters(self) -> dict:
        """Return messages, skipped lines, bad lines, bytes, first and last stamp, and refusals by reason."""
        rejected = {
            name: count
            for name, count in self.scanner.counters.items()
            if count and name != "ok" and not name.startswith(("ignored", "skipped"))
        }
        if self.feed.bad_lines and not self._bad_rows:
            rejected["bad_line"] = self.feed.bad_lines
        rejected.update(self._bad_rows)
        return {
            "messages": self.feed.messages,
            "skipped_levels": self.scanner.counters["skipped_off_tick_level"],
            "ignored": self.scanner.counters["ignored"],
            "skipped_lines": self.feed.skipped,
            "bad_lines": self.feed.bad_lines,
            "bad_line_at": self.feed.bad_line_at if self.feed.bad_lines else None,
            "bytes": self.feed.bytes,
            "first_ns": self.feed.first_ns,
            "last_ns": self.feed.last_ns,
            "undelivered": self.feed.undelivered,
            "rejected": rejected,
        }

    cdef int _rest_instrument(self, const char* line, size_t length) except? -2:
        """Index of the instrument that a REST line's URL names; -1 where it names none of ours."""
        cdef const char* symbol = NULL
        cdef size_t size = 0
        if not capture_rest_symbol(line, length, &symbol, &size):
            return -1
        return self._index_by_symbol.get(symbol[:size].decode("utf-8", "replace"), -1)

    def _lock(self):
        if self.feed.shard != NULL:
            self.engine._busy.acquire()

    def _unlock(self):
        if self.feed.shard != NULL:
            self.engine._busy.release()
