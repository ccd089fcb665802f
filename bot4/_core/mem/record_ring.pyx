# cython: language_level=3
"""What the Python faces of all rings share: records travel in batches, as NumPy arrays.

A full ring refuses (`push`) or makes the producer wait (`push_wait`); for drop-oldest see lossy_ring.
"""

import numpy as np

from cpython.buffer cimport PyBuffer_Release
from libc.stdint cimport int64_t

from bot4._core.mem.record_buffer cimport borrow_records, checked_capacity
from bot4._core.mem.waiter cimport WAIT_PARK, Waiter, timeout_ns_of, waiter_notify_many


# Of a kind's records, by the address of its functions. Held by each ring it would make rings containers that the garbage
# collector lists, where LeakSanitizer finds one that nobody holds any more still reachable.
cdef dict DTYPES = {}


cdef class RecordRing:
    """Base of the rings: owns the memory and moves whole batches; made only as one of its kinds.

    The C functions of a kind (see its .pxd) are the interface of the hot path. How many threads may push and pop is the
    kind's own; `statistics` and `len` are for any thread.
    """

    def __cinit__(self, capacity: int):
        if type(self) is RecordRing:
            raise TypeError("RecordRing has no records of its own: use SpscRing, MpmcRing or another of its kinds")

    cdef void* take(self, object capacity, size_t least, const ring_ops_t* ops, object dtype) except NULL:
        self.capacity = checked_capacity(capacity, least)
        self._ops = ops
        DTYPES[<size_t>ops] = dtype
        self._handle = ops.open(self.capacity)
        if self._handle is NULL:
            raise MemoryError(f"no memory for a ring of {capacity} records")
        return self._handle

    def __dealloc__(self):
        if self._handle is not NULL:
            self._ops.close(self._handle)

    def __len__(self) -> int:
        return self._ops.size(self._handle)

    def push(self, records) -> int:
        """Push `records` (C-contiguous, items of the ring's size), oldest first; return how many fitted.

        What did not fit is counted as rejected and stays with the caller.
        """
        cdef Py_buffer view
        cdef size_t count = borrow_records(records, &view, self._ops.record_bytes, False)
        try:
            return self._ops.push(self._handle, view.buf, count)
        finally:
            PyBuffer_Release(&view)

    def push_wait(self, records, Waiter room not None, Waiter readers=None, timeout_s=None) -> int:
        """Push all `records`, waiting on `room` while the ring is full; return how many were pushed.

        Parameters
        ----------
        records : array, items of the ring's size
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
        cdef ring_waiter_t* woken = NULL if readers is None else <ring_waiter_t*>readers.waiter
        cdef size_t count = borrow_records(records, &view, self._ops.record_bytes, False)
        cdef size_t pushed
        try:
            with nogil:
                pushed = self._ops.push_wait(
                    self._handle, view.buf, count, <ring_waiter_t*>room.waiter, woken, timeout_ns)
            return pushed
        finally:
            PyBuffer_Release(&view)

    def pop(self, size_t n, Waiter room=None):
        """Pop up to `n` records, oldest first, as a new array of the ring's dtype; notify `room`, where given."""
        records = np.empty(min(n, self.capacity), DTYPES[<size_t>self._ops])
        return records[:self.pop_into(records, room)]

    def pop_into(self, records, Waiter room=None) -> int:
        """Pop up to len(records) records into `records`, oldest first; return how many. Allocates nothing."""
        cdef Py_buffer view
        cdef size_t count = borrow_records(records, &view, self._ops.record_bytes, True)
        cdef size_t popped
        try:
            popped = self._ops.pop(self._handle, view.buf, count)
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
            found = self._ops.wait(self._handle, <ring_waiter_t*>readers.waiter, timeout_ns)
        return found

    def arm(self, Waiter readers not None) -> bool:
        """Announce that an event loop is about to sleep on `readers.fileno()`.

        False: there is a record already, do not sleep. True: the next push and notify make the descriptor readable; the
        loop's reader callback then calls `readers.acknowledge()`, and the loop pops. `readers` must park.
        """
        if readers.waiter.strategy != WAIT_PARK:
            raise ValueError("a waiter must park to wake an event loop, its strategy does not")
        readers.announce()
        if self._ops.wait(self._handle, <ring_waiter_t*>readers.waiter, 0):
            readers.withdraw()
            return False
        return True

    def statistics(self) -> dict[str, int]:
        """Records pushed, popped, rejected; dropped (always 0: these rings refuse instead); high_water; held; capacity.

        high_water is the largest backlog seen: by either side of a single-producer ring when it looked at the other's
        index, on a shared ring at every 64th push and at every rejection.
        """
        return {
            "capacity": self.capacity,
            "held": self._ops.size(self._handle),
            "pushed": self._ops.pushed(self._handle),
            "popped": self._ops.popped(self._handle),
            "rejected": self._ops.rejected(self._handle),
            "dropped": 0,
            "high_water": self._ops.high_water(self._handle),
        }
