# cython: language_level=3
"""Single-producer single-consumer rings of events and of words; the C functions are the interface of the hot path."""

from bot4._core.mem.record_ring cimport RING_OF_EVENTS, RING_OF_WORDS, RecordRing

from bot4._core.mem.records import EVENT_DTYPE, WORD_DTYPE


cdef class SpscRing(RecordRing):
    """Ring of 64-byte events between one producer and one consumer.

    Parameters
    ----------
    capacity : int
        Records held at most: a power of two, at least 1. All memory is taken here.

    Notes
    -----
    Full: `push` accepts what fits and counts the rest as rejected; `push_wait` waits for room (backpressure).
    Thread-safety: one producer thread, one consumer thread; `statistics` and `len` from any.

    >>> import numpy as np
    >>> from bot4._core.mem.records import EVENT_DTYPE
    >>> ring = SpscRing(4)
    >>> ring.push(np.zeros(6, EVENT_DTYPE))
    4
    >>> len(ring.pop(3)), len(ring), ring.statistics()["rejected"]
    (3, 1, 2)
    """

    def __cinit__(self, capacity: int):
        self.ring = <spsc_ring_t*>self.take(capacity, 1, &RING_OF_EVENTS, EVENT_DTYPE)


cdef class SpscWordRing(RecordRing):
    """Ring of 8-byte words between one producer and one consumer.

    Parameters
    ----------
    capacity : int
        Records held at most: a power of two, at least 1. All memory is taken here.

    Notes
    -----
    Full: `push` accepts what fits and counts the rest as rejected; `push_wait` waits for room (backpressure).
    Thread-safety: one producer thread, one consumer thread; `statistics` and `len` from any.

    >>> import numpy as np
    >>> from bot4._core.mem.records import WORD_DTYPE
    >>> ring = SpscWordRing(4)
    >>> ring.push(np.zeros(6, WORD_DTYPE))
    4
    >>> len(ring.pop(3)), len(ring), ring.statistics()["rejected"]
    (3, 1, 2)
    """

    def __cinit__(self, capacity: int):
        self.ring = <spsc_word_ring_t*>self.take(capacity, 1, &RING_OF_WORDS, WORD_DTYPE)
