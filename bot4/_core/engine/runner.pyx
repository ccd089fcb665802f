# cython: language_level=3
"""The shard's own thread: empties the market ring and the control ring, pinned to a core where that is wanted."""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free

import os
from threading import Event as Flag
from threading import Lock

from cpython.buffer cimport PyBuffer_Release

from bot4._core.engine.control cimport ALL_LANES, control_event
from bot4._core.engine.engine cimport Engine
from bot4._core.engine.link cimport VenueLink
from bot4._core.engine.shard cimport shard_apply, shard_apply_reports, shard_live_now, shard_publish
from bot4._core.engine.strategy cimport strategy_next_due
from bot4._core.engine.snapshot cimport snapshot_save, snapshot_size_max
from bot4._core.journal.append cimport JournalStream, journal_next_seq
from bot4._core.mem.record_buffer cimport borrow_records
from bot4._core.mem.spsc cimport spsc_pop_batch, spsc_push_batch, spsc_size
from bot4._core.mem.spsc_ring cimport SpscRing
from bot4._core.mem.waiter cimport Waiter, spsc_push_wait, timeout_ns_of, waiter_notify, waiter_t
from bot4._core.risk.circuit cimport breaker_kill
from bot4._core.types cimport EVENT_ORDER_ACK, EVENT_ORDER_TOTAL, Event, aligned_zalloc

cdef extern from * nogil:
    """
    #define BOT4_FLAG_LOAD(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
    #define BOT4_FLAG_STORE(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
    """
    int flag_load "BOT4_FLAG_LOAD"(const int* p) noexcept
    void flag_store "BOT4_FLAG_STORE"(int* p, int value) noexcept
    uint64_t round_load "BOT4_FLAG_LOAD"(const uint64_t* p) noexcept
    void round_store "BOT4_FLAG_STORE"(uint64_t* p, uint64_t value) noexcept

cdef extern from "bot4/waiter.h" nogil:
    ctypedef int (*ready_fn "bot4_ready_fn")(void* context) noexcept
    bint waiter_wait_until "bot4_waiter_wait_until"(
        waiter_t* waiter, ready_fn ready, void* context, int64_t timeout_ns) noexcept

# Longest sleep in one go; whatever the thread waits for wakes it at once.
cdef int64_t IDLE_NS = 20_000_000


cdef int _has_work(void* context) noexcept nogil:
    cdef RunnerRings* rings = <RunnerRings*>context
    return (
        spsc_size(rings.market) != 0 or spsc_size(rings.controls) != 0
        or (rings.reports != NULL and spsc_size(rings.reports) != 0) or flag_load(&rings.stop) != 0
        or (rings.asks != NULL and spsc_size(rings.asks) != 0)
        or flag_load(&rings.snapshot) == 1)


cdef class ShardRunner:
    """Runs an engine behind its rings.

    Parameters
    ----------
    engine : Engine
    capacity : int
        Events the market ring holds; a power of two. A full ring holds the feed back.
    wait : str
        ``"spin"``, ``"yield"`` or ``"park"``: what the thread does when there is nothing to do.
    cpu : int
        Core to pin the thread to; -1 leaves it to the kernel.

    `run` is called by the thread that is to be the shard's; everything else may be called by any thread. Where the
    engine has a link, `take_intents`, `arm_intents`, `acknowledge_intents` and `push_reports` belong to one gateway
    thread, an event loop's for instance:

        loop.add_reader(runner.intents_fileno(), on_readable)    # on_readable: acknowledge_intents(), then drain
        while not runner.arm_intents():                          # drain: until the loop may sleep
            for intent in runner.take_intents(): ...

    >>> from bot4._core.mem.spsc_ring import SpscRing
    >>> SpscRing(1024).capacity
    1024
    """

    def __cinit__(self, Engine engine, *, int capacity=65_536, str wait="park", int cpu=-1):
        self.engine = engine
        self.ring = SpscRing(capacity)
        self.room = Waiter(wait)
        self.records = Waiter(wait)
        self._controls = SpscRing(1_024)
        self._control_lock = Lock()
        self._report_lock = Lock()
        self._snapshot_lock = Lock()
        self._rings.market = self.ring.ring
        self._rings.controls = self._controls.ring
        if engine.link is not None:
            self._rings.reports = engine.link.reports.ring
        self._cpu = cpu
        self._batch = <Event*>aligned_zalloc(BATCH * sizeof(Event))
        if self._batch == NULL:
            raise MemoryError("no memory for a batch of events")

    def __dealloc__(self):
        free(self._batch)

    def run(self) -> None:
        """Apply events until `stop` was called and every ring is empty. Holds the GIL for nothing."""
        cdef size_t count, controls, reports, asks, i
        cdef int stopping
        self._pin()
        with self.engine._busy, nogil:
            while True:
                # Before the rings: what was pushed before `stop` is then seen by the pops of the last round.
                stopping = flag_load(&self._rings.stop)
                round_store(&self._rings.rounds, self._rings.rounds + 1)
                reports = self._take_reports()
                count = spsc_pop_batch(self.ring.ring, self._batch, BATCH)
                for i in range(count):
                    shard_apply(self.engine.state, &self._batch[i])
                if count:
                    waiter_notify(self.room.waiter)
                controls = spsc_pop_batch(self._controls.ring, self._batch, BATCH)
                for i in range(controls):
                    shard_apply(self.engine.state, &self._batch[i])
                asks = 0 if self._rings.asks == NULL else spsc_pop_batch(self._rings.asks, self._batch, BATCH)
                for i in range(asks):
                    shard_apply(self.engine.state, &self._batch[i])
                if flag_load(&self._rings.snapshot) == 1:
                    self._take_snapshot()
                if count or controls or reports or asks:
                    shard_publish(self.engine.state)
                elif stopping:
                    break
                else:
                    waiter_wait_until(self.records.waiter, _has_work, &self._rings, IDLE_NS)

    cdef size_t _take_reports(self) noexcept nogil:
        """Reports before the market: a decision shall know what the venue has answered."""
        cdef size_t count
        if self._rings.reports == NULL:
            return 0
        count = spsc_pop_batch(self._rings.reports, self._batch, BATCH)
        if count:
            shard_apply_reports(self.engine.state, self._batch, count)
            waiter_notify(self.engine.link.reports_room.waiter)
        return count

    cdef void _take_snapshot(self) noexcept nogil:
        """Between two rounds, on the shard's own thread: nothing is half done then."""
        cdef JournalStream* journal = self.engine.state.shared.journal
        if journal != NULL:
            self._rings.image_seq = journal_next_seq(journal) - 1
            self._rings.image_epoch = journal.epoch
        self._rings.image_bytes = snapshot_save(
            self.engine.state, self._rings.image_seq, self._rings.image_epoch, self._rings.image, self._rings.image_room)
        flag_store(&self._rings.snapshot, 2)

    def snapshot(self, timeout_s: float = 5.0) -> "tuple[int, int, bytes] | None":
        """Return a snapshot of the running shard: sequence and epoch of the last record it holds, and its bytes.

        Any thread; None where the shard did not come to it within `timeout_s`. The shard spends the time of copying its
        orders, balances and known trade ids.
        """
        cdef uint8_t[::1] room
        with self._snapshot_lock:
            if flag_load(&self._rings.snapshot) == 1:      # an earlier one that was given up is still wanted
                return None
            if self._image is None:
                self._image = bytearray(snapshot_size_max(self.engine.state))
            room = self._image
            self._rings.image, self._rings.image_room = &room[0], len(self._image)
            flag_store(&self._rings.snapshot, 1)
            waiter_notify(self.records.waiter)
            for _ in range(max(1, int(timeout_s * 1_000))):
                if flag_load(&self._rings.snapshot) == 2:
                    break
                Flag().wait(0.001)
            if flag_load(&self._rings.snapshot) != 2:
                return None
            return self._rings.image_seq, self._rings.image_epoch, bytes(self._image[:self._rings.image_bytes])

    def control(self, int code, *, int instrument=ALL_LANES, int64_t value=0, int side=0, int64_t qty_lots=0,
                int64_t tif=0, int64_t flags=0) -> bool:
        """Queue one control event; False where 1,024 of them wait already. See `ControlCode`."""
        cdef Event event
        cdef size_t pushed
        control_event(&event, code, instrument, value, side, qty_lots, tif, flags)
        with self._control_lock:
            pushed = spsc_push_batch(self._controls.ring, &event, 1)
        waiter_notify(self.records.waiter)
        return pushed == 1

    def take_asks(self, SpscRing asks not None) -> None:
        """Take control events from one more ring: what a strategy on its own thread asks for. Before `run`."""
        self._asks = asks
        self._rings.asks = asks.ring

    def intents_fileno(self) -> int:
        """Return the eventfd an event loop watches; see `VenueLink.fileno`."""
        return self._link().fileno()

    def arm_intents(self) -> bool:
        """Say that the gateway is about to sleep; False: there are intents, take them first."""
        return self._link().arm()

    def acknowledge_intents(self) -> bool:
        """Take the wake-up that made the descriptor readable."""
        return self._link().acknowledge()

    def take_intents(self, max_count: int = 256):
        """Return up to `max_count` decided and journalled intents, oldest first: ndarray[INTENT_DTYPE]."""
        return self._link().take_intents(max_count)

    def push_reports(self, reports, timeout_s: float = 1.0) -> int:
        """Hand the venue's reports to the shard, oldest first; returns how many it took, nearly always all.

        Parameters
        ----------
        reports : ndarray[EVENT_DTYPE]
            EVENT_ORDER_* events (docs/engine.md lists their fields).
        timeout_s : float
            How long to wait for room without progress. When it is over the shard does not answer: the breaker is
            killed, so that nothing further is sent, and the reports that did not fit stay with the caller, who pushes
            them again. None is ever dropped.

        Raises
        ------
        ValueError
            An event is no report; nothing was pushed.
        """
        cdef Py_buffer view
        cdef VenueLink link = self._link()
        cdef int64_t timeout_ns = timeout_ns_of(timeout_s)
        cdef size_t count = borrow_records(reports, &view, sizeof(Event), False), pushed = 0, i
        cdef const Event* rows = <const Event*>view.buf
        try:
            for i in range(count):
                if not EVENT_ORDER_ACK <= rows[i].kind <= EVENT_ORDER_TOTAL:
                    raise ValueError(f"a report is an EVENT_ORDER_*, row {i} was of kind {rows[i].kind}")
            with self._report_lock, nogil:
                pushed = spsc_push_wait(
                    link.reports.ring, rows, count, link.reports_room.waiter, self.records.waiter, timeout_ns)
                if pushed < count:
                    breaker_kill(self.engine.state.shared.breaker)
            return pushed
        finally:
            PyBuffer_Release(&view)

    cdef VenueLink _link(self):
        if self.engine.link is None:
            raise ValueError("the engine has no link: its lanes trade on paper")
        return self.engine.link

    @property
    def rounds(self) -> int:
        """How often the shard's thread went round its loop: fifty times a second at least while it moves."""
        return round_load(&self._rings.rounds)

    def stop(self) -> None:
        """Make `run` return once every ring is empty."""
        flag_store(&self._rings.stop, 1)
        waiter_notify(self.records.waiter)

    def _pin(self):
        if self._cpu < 0:
            return
        if self._cpu not in os.sched_getaffinity(0):
            raise ValueError(f"core {self._cpu} is not one of {sorted(os.sched_getaffinity(0))}")
        os.sched_setaffinity(0, {self._cpu})      # of the calling thread on Linux
        self.is_pinned = True


cdef class LockstepShard:
    """An engine in the time of the external venue behind its link; before its first event.

    The venue tells what happened up to a moment before the engine gets there (`next_due_ns` at most), and the engine
    takes its reports at their own stamps, where it takes a paper venue's. FLAG_FIRST marks a report that belongs to the
    market event of its stamp. One thread, the one that feeds the engine.
    """

    def __cinit__(self, Engine engine not None):
        if engine.link is None or engine.state.shared.events != 0:
            raise ValueError("lockstep needs a link and an engine before its first event")
        self.engine = engine
        engine.state.shared.timed = engine.link.reports.ring

    @property
    def next_due_ns(self) -> "int | None":
        """When the engine does something of its own next: its tick, its strategy's timer or request."""
        cdef int64_t due_ns = self.engine.state.next_tick_ns
        if due_ns == 0:
            return None                                # nothing has happened yet
        if self.engine.state.shared.strategy != NULL:
            due_ns = min(due_ns, strategy_next_due(self.engine.state.shared.strategy))
        return due_ns

    def live_now(self) -> None:
        """Do what is due at the engine's own time, without moving it."""
        with self.engine._busy, nogil:
            shard_live_now(self.engine.state)
