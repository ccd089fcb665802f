# cython: language_level=3
"""Single-producer single-consumer ring of order intents, seen from Python: records travel in batches, as NumPy arrays.

The C functions are the interface of the hot path (see intent_ring.pxd); the class owns the memory and gives Python
whole batches. A full ring refuses (`push`) or makes the producer wait (`push_wait`); for drop-oldest see lossy_ring.
"""

import numpy as np

from cpython.buffer cimport PyBuffer_Release
from libc.stdint cimport int64_t

from bot4._core.mem.record_buffer cimport borrow_records, checked_capacity
from bot4._core.mem.waiter cimport (
    WAIT_PARK,
    Waiter,
    spsc_intent_push_wait,
    spsc_intent_wait,
    timeout_ns_of,
    waiter_notify_many,
    waiter_t,
)
from bot4._core.types cimport OrderIntent

from bot4._core.mem.records import INTENT_DTYPE


cdef class SpscIntentRing:
    """Ring of 64-byte order intents between one producer and one consumer.

    Parameters
    ----------
    capacity : int
        Records held at most: a power of two, at least 1. All memory is taken here.

    Notes
    -----
    Full: `push` accepts what fits and counts the rest as rejected; `push_wait` waits for room (backpressure).
    Thread-safety: one producer thread, one consumer thread; `statistics` and `len` from any.

    >>> import numpy as np
    >>> from bot4._core.mem.records import INTENT_DTYPE
    >>> ring = SpscIntentRing(4)
    >>> ring.push(np.zeros(6, INTENT_DTYPE))
    4
    >>> len(ring.pop(3)), len(ring), ring.statistics()["rejected"]
    (3, 1, 2)
    """

    def __cinit__(self, capacity: int):
        self.capacity = checked_capacity(capacity, 1)
        self.ring = spsc_intent_new(self.capacity)
        if self.ring is NULL:
            raise MemoryError(f"no memory for a ring of {capacity} records")

    def __dealloc__(self):
        spsc_intent_free(self.ring)

    def __len__(self) -> int:
        return spsc_intent_size(self.ring)

    def push(self, records) -> int:
        """Push `records` (C-contiguous, INTENT_DTYPE or any 64-byte items), oldest first; return how many fitted.

        What did not fit is counted as rejected and stays with the caller.
        """
        cdef Py_buffer view
        cdef size_t count = borrow_records(records, &view, sizeof(OrderIntent), False)
        try:
            return spsc_intent_push_batch(self.ring, <const OrderIntent*>view.buf, count)
        finally:
            PyBuffer_Release(&view)

    def push_wait(self, records, Waiter room not None, Waiter readers=None, timeout_s=None) -> int:
        """Push all `records`, waiting on `room` while the ring is full; return how many were pushed.

        Parameters
        ----------
        records : array, 64-byte items
        room : Waiter
            Where producers wait; the consumer notifies it after its pops (`pop(..., room=room)`).
        readers : Waiter, optional
            Notified after each part that was pushed.
        timeout_s : float, optional
            Longest wait without progress; None waits for ever. The GIL is released meanwhile, and signals are seen
            only at the end: give a timeout where Ctrl-C matters.
        """
        cdef Py_buffer view
        cdef int64_t timeout_ns = timeout_ns_of(timeout_s)
        cdef waiter_t* woken = NULL if readers is None else readers.waiter
        cdef size_t count = borrow_records(records, &view, sizeof(OrderIntent), False)
        cdef size_t pushed
        try:
            with nogil:
                pushed = spsc_intent_push_wait(
                    self.ring, <const OrderIntent*>view.buf, count, room.waiter, woken, timeout_ns)
            return pushed
        finally:
            PyBuffer_Release(&view)

    def pop(self, size_t n, Waiter room=None):
        """Pop up to `n` records, oldest first, as a new array of INTENT_DTYPE; notify `room`, where given."""
        records = np.empty(min(n, self.capacity), INTENT_DTYPE)
        return records[:self.pop_into(records, room)]

    def pop_into(self, records, Waiter room=None) -> int:
        """Pop up to len(records) records into `records`, oldest first; return how many. Allocates nothing."""
        cdef Py_buffer view
        cdef size_t count = borrow_records(records, &view, sizeof(OrderIntent), True)
        cdef size_t popped
        try:
            popped = spsc_intent_pop_batch(self.ring, <OrderIntent*>view.buf, count)
        finally:
            PyBuffer_Release(&view)
        if room is not None and popped:
            waiter_notify_many(room.waiter, popped)
        return popped

    def wait(self, Waiter readers not None, timeout_s=None) -> bool:
        """Consumer: wait on `readers` until there is a record; False when `timeout_s` passed first (None: never)."""
        cdef int64_t timeout_ns = timeout_ns_of(timeout_s)
        cdef bint found
        with nogil:
            found = spsc_intent_wait(self.ring, readers.waiter, timeout_ns)
        return found

    def arm(self, Waiter readers not None) -> bool:
        """Announce that an event loop is about to sleep on `readers.fileno()`.

        False: there is a record already, do not sleep. True: the next push and notify make the descriptor readable; the
        loop's reader callback then calls `readers.acknowledge()`, and the loop pops. `readers` must park.
        """
        if readers.waiter.strategy != WAIT_PARK:
            raise ValueError("a waiter must park to wake an event loop, its strategy does not")
        readers.announce()
        if spsc_intent_wait(self.ring, readers.waiter, 0):
            readers.withdraw()
            return False
        return True

    def statistics(self) -> dict[str, int]:
        """Records pushed, popped, rejected; dropped (always 0: this ring refuses instead); high_water; held; capacity.

        high_water is the largest backlog either side saw when it looked at the other's index.
        """
        return {
            "capacity": self.capacity,
            "held": spsc_intent_size(self.ring),
            "pushed": spsc_intent_pushed(self.ring),
            "popped": spsc_intent_popped(self.ring),
            "rejected": spsc_intent_rejected(self.ring),
            "dropped": 0,
            "high_water": spsc_intent_high_water(self.ring),
        }
