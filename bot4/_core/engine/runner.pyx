# cython: language_level=3
"""The shard's own thread: empties the market ring and the control ring, pinned to a core where that is wanted."""

from libc.stdint cimport int64_t
from libc.stdlib cimport free

import os
from threading import Lock

from bot4._core.engine.engine cimport Engine, control_event
from bot4._core.engine.shard cimport ALL_LANES, shard_apply, shard_publish
from bot4._core.mem.spsc_ring cimport SpscRing, spsc_pop_batch, spsc_push_batch
from bot4._core.mem.waiter cimport Waiter, waiter_notify, waiter_wait
from bot4._core.types cimport Event, aligned_zalloc

cdef extern from * nogil:
    """
    #define BOT4_FLAG_LOAD(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
    #define BOT4_FLAG_STORE(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
    """
    int flag_load "BOT4_FLAG_LOAD"(const int* p) noexcept
    void flag_store "BOT4_FLAG_STORE"(int* p, int value) noexcept

# Longest sleep without a look at the control ring and the stop flag.
cdef int64_t IDLE_NS = 20_000_000


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

    `run` is called by the thread that is to be the shard's; everything else may be called by any thread.

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
        self._cpu = cpu
        self._batch = <Event*>aligned_zalloc(BATCH * sizeof(Event))
        if self._batch == NULL:
            raise MemoryError("no memory for a batch of events")

    def __dealloc__(self):
        free(self._batch)

    def run(self) -> None:
        """Apply events until `stop` was called and the market ring is empty. Holds the GIL for nothing."""
        cdef size_t count, controls, i
        cdef int stopping
        self._pin()
        with self.engine._busy, nogil:
            while True:
                # Before the rings: what was pushed before `stop` is then seen by the pops of the last round.
                stopping = flag_load(&self._stop)
                count = spsc_pop_batch(self.ring.ring, self._batch, BATCH)
                for i in range(count):
                    shard_apply(self.engine.state, &self._batch[i])
                if count:
                    waiter_notify(self.room.waiter)
                controls = spsc_pop_batch(self._controls.ring, self._batch, BATCH)
                for i in range(controls):
                    shard_apply(self.engine.state, &self._batch[i])
                if count or controls:
                    shard_publish(self.engine.state)
                elif stopping:
                    break
                else:
                    waiter_wait(self.records.waiter, self.ring.ring, IDLE_NS)

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

    def stop(self) -> None:
        """Make `run` return once the market ring is empty."""
        flag_store(&self._stop, 1)
        waiter_notify(self.records.waiter)

    def _pin(self):
        if self._cpu < 0:
            return
        if self._cpu not in os.sched_getaffinity(0):
            raise ValueError(f"core {self._cpu} is not one of {sorted(os.sched_getaffinity(0))}")
        os.sched_setaffinity(0, {self._cpu})      # of the calling thread on Linux
        self.is_pinned = True
