# cython: language_level=3
"""Bounded many-producer many-consumer rings of events and of words; the C functions are the interface of the hot path.

The records of one `push` call stay neighbours and in order; a `pop` takes what lies finished at the front.
"""

from bot4._core.mem.record_ring cimport SHARED_RING_OF_EVENTS, SHARED_RING_OF_WORDS, RecordRing

from bot4._core.mem.records import EVENT_DTYPE, WORD_DTYPE


cdef class MpmcRing(RecordRing):
    """Ring of 64-byte events between any number of producers and consumers.

    Parameters
    ----------
    capacity : int
        Records held at most: a power of two, at least 2. All memory is taken here.

    Notes
    -----
    Full: `push` accepts what fits and counts the rest as rejected; `push_wait` waits for room (backpressure).
    Thread-safety: any number of producer and consumer threads; `statistics` and `len` from any.

    >>> import numpy as np
    >>> from bot4._core.mem.records import EVENT_DTYPE
    >>> ring = MpmcRing(4)
    >>> ring.push(np.zeros(6, EVENT_DTYPE))
    4
    >>> len(ring.pop(3)), len(ring), ring.statistics()["rejected"]
    (3, 1, 2)
    """

    def __cinit__(self, capacity: int):
        self.ring = <mpmc_ring_t*>self.take(capacity, 2, &SHARED_RING_OF_EVENTS, EVENT_DTYPE)


cdef class MpmcWordRing(RecordRing):
    """Ring of 8-byte words between any number of producers and consumers.

    Parameters
    ----------
    capacity : int
        Records held at most: a power of two, at least 2. All memory is taken here.

    Notes
    -----
    Full: `push` accepts what fits and counts the rest as rejected; `push_wait` waits for room (backpressure).
    Thread-safety: any number of producer and consumer threads; `statistics` and `len` from any.

    >>> import numpy as np
    >>> from bot4._core.mem.records import WORD_DTYPE
    >>> ring = MpmcWordRing(4)
    >>> ring.push(np.zeros(6, WORD_DTYPE))
    4
    >>> len(ring.pop(3)), len(ring), ring.statistics()["rejected"]
    (3, 1, 2)
    """

    def __cinit__(self, capacity: int):
        self.ring = <mpmc_word_ring_t*>self.take(capacity, 2, &SHARED_RING_OF_WORDS, WORD_DTYPE)
