# cython: language_level=3
"""The drop-oldest ring, seen from Python: the producer overwrites, each cursor learns what it missed."""

import numpy as np

from cpython.buffer cimport PyBuffer_Release

from bot4._core.mem.record_buffer cimport borrow_records, checked_capacity
from bot4._core.types cimport Event

from bot4._core.mem.records import EVENT_DTYPE


cdef class LossyRing:
    """Ring of 64-byte events whose producer never waits: when full, the oldest are overwritten.

    Parameters
    ----------
    capacity : int
        Newest events kept: a power of two, at least 2.

    Notes
    -----
    Thread-safety: one producer thread; any number of consumers, each with its own `cursor()`.

    >>> import numpy as np
    >>> from bot4._core.mem.records import CONTROL_DTYPE, EVENT_DTYPE
    >>> from bot4._core.types import EventKind
    >>> ring = LossyRing(4)
    >>> cursor = ring.cursor()
    >>> ring.push(np.zeros(7, EVENT_DTYPE))
    >>> events = cursor.pop(8)
    >>> len(events), EventKind(events["kind"][0]).name, int(events.view(CONTROL_DTYPE)["value"][0])
    (5, 'EVENT_GAP_MARK', 3)
    """

    def __cinit__(self, capacity: int):
        self.capacity = checked_capacity(capacity, 2)
        self.ring = lossy_new(self.capacity)
        if self.ring is NULL:
            raise MemoryError(f"no memory for a ring of {capacity} records")

    def __dealloc__(self):
        lossy_free(self.ring)

    def push(self, records) -> None:
        """Push all `records` (C-contiguous, 64-byte items), oldest first."""
        cdef Py_buffer view
        cdef size_t i
        cdef size_t count = borrow_records(records, &view, sizeof(Event), False)
        for i in range(count):
            lossy_push(self.ring, <const Event*>view.buf + i)
        PyBuffer_Release(&view)

    def cursor(self) -> LossyCursor:
        """Return a consumer's place in the stream, at the start of it."""
        return LossyCursor(self)

    def statistics(self) -> dict[str, int]:
        """Records ever pushed, and the capacity; what was dropped each cursor counts for itself."""
        return {"capacity": self.capacity, "pushed": lossy_pushed(self.ring), "rejected": 0}


cdef class LossyCursor:
    """One consumer's place in a LossyRing. Thread-safety: one thread."""

    def __cinit__(self, LossyRing source not None):
        self.source = source

    def __len__(self) -> int:
        return lossy_size(self.source.ring, &self.state)

    def pop(self, size_t n):
        """Pop up to `n` (at least 2) events, oldest first; where some were lost an EVENT_GAP_MARK stands before the
        survivor, with body.control.value = how many."""
        records = np.empty(n, EVENT_DTYPE)
        return records[:self.pop_into(records)]

    def pop_into(self, records) -> int:
        """Pop up to len(records) (at least 2) events into `records`; return how many, marks included."""
        cdef Py_buffer view
        cdef size_t count = borrow_records(records, &view, sizeof(Event), True)
        try:
            if count < 2:
                raise ValueError(f"room for a gap mark and its record is needed: at least 2 records, were {count}")
            return lossy_pop_batch(self.source.ring, &self.state, <Event*>view.buf, count)
        finally:
            PyBuffer_Release(&view)

    def statistics(self) -> dict[str, int]:
        """Events popped, dropped before this consumer read them, and the gaps they make."""
        return {
            "held": lossy_size(self.source.ring, &self.state),
            "popped": self.state.popped,
            "dropped": self.state.dropped,
            "gaps": self.state.gaps,
        }
