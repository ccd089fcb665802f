# cython: language_level=3
"""Single-producer single-consumer ring of order intents; the C functions are the interface of the hot path."""

from bot4._core.mem.record_ring cimport RING_OF_INTENTS, RecordRing

from bot4._core.mem.records import INTENT_DTYPE


cdef class SpscIntentRing(RecordRing):
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
        self.ring = <spsc_intent_ring_t*>self.take(capacity, 1, &RING_OF_INTENTS, INTENT_DTYPE)
