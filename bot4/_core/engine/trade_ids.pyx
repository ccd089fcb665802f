# cython: language_level=3
"""Set of trade ids with a bound: when it is full the oldest id is forgotten, and counted.

A venue repeats fills: over the stream and over a query, after a reconnect, at reconciliation. A repeat older than the
bound would look new; it then meets an order that is closed, which holds the lane (see reports), so that it is noticed.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free

import numpy as np

from bot4._core.mem.record_buffer cimport checked_capacity
from bot4._core.types cimport BOT4_ASSERT, aligned_zalloc, hash_mix

cdef int64_t EMPTY = -1


cdef TradeIds* trade_ids_new(uint64_t capacity) noexcept nogil:
    cdef TradeIds* ids = <TradeIds*>aligned_zalloc(sizeof(TradeIds))
    cdef uint64_t slot
    if ids == NULL:
        return NULL
    ids.capacity = capacity
    ids.mask = 2 * capacity - 1
    ids.slots = <int64_t*>aligned_zalloc(2 * capacity * sizeof(int64_t))
    ids.arrivals = <int64_t*>aligned_zalloc(capacity * sizeof(int64_t))
    if ids.slots == NULL or ids.arrivals == NULL:
        trade_ids_free(ids)
        return NULL
    for slot in range(2 * capacity):
        ids.slots[slot] = EMPTY
    return ids


cdef void trade_ids_free(TradeIds* ids) noexcept nogil:
    if ids != NULL:
        free(ids.slots)
        free(ids.arrivals)
        free(ids)


cdef inline uint64_t _home(const TradeIds* ids, int64_t trade_id) noexcept nogil:
    return hash_mix(0, <uint64_t>trade_id) & ids.mask


cdef inline uint64_t _slot_of(const TradeIds* ids, int64_t trade_id) noexcept nogil:
    """Where the id is, or the empty slot where it would go; at most half of the slots are taken, so there is one."""
    cdef uint64_t slot = _home(ids, trade_id)
    while ids.slots[slot] != EMPTY and ids.slots[slot] != trade_id:
        slot = (slot + 1) & ids.mask
    return slot


cdef void _forget(TradeIds* ids, int64_t trade_id) noexcept nogil:
    """Take an id out and move up those behind it that would no longer be found."""
    cdef uint64_t hole = _slot_of(ids, trade_id), slot = hole, home
    while True:
        slot = (slot + 1) & ids.mask
        if ids.slots[slot] == EMPTY:
            break
        home = _home(ids, ids.slots[slot])
        # It may move where the hole lies on its way from home to where it is now.
        if (slot - home) & ids.mask >= (slot - hole) & ids.mask:
            ids.slots[hole] = ids.slots[slot]
            hole = slot
    ids.slots[hole] = EMPTY


cdef bint trade_ids_has(const TradeIds* ids, int64_t trade_id) noexcept nogil:
    return ids.slots[_slot_of(ids, trade_id)] == trade_id


cdef bint trade_ids_add(TradeIds* ids, int64_t trade_id) noexcept nogil:
    cdef uint64_t place
    BOT4_ASSERT(trade_id >= 0)
    if trade_ids_has(ids, trade_id):
        return False
    place = ids.added & (ids.capacity - 1)
    if ids.added >= ids.capacity:
        _forget(ids, ids.arrivals[place])
        ids.forgotten += 1
    ids.slots[_slot_of(ids, trade_id)] = trade_id
    ids.arrivals[place] = trade_id
    ids.added += 1
    return True


cdef uint64_t trade_ids_held(const TradeIds* ids) noexcept nogil:
    return ids.added if ids.added < ids.capacity else ids.capacity


cdef void trade_ids_restore(TradeIds* ids, const int64_t* arrivals, uint64_t added, uint64_t forgotten) noexcept nogil:
    cdef uint64_t i
    for i in range(2 * ids.capacity):
        ids.slots[i] = EMPTY
    ids.added = added
    ids.forgotten = forgotten
    for i in range(trade_ids_held(ids)):
        ids.arrivals[i] = arrivals[i]
        ids.slots[_slot_of(ids, arrivals[i])] = arrivals[i]


cdef uint64_t trade_ids_hash(const TradeIds* ids) noexcept nogil:
    cdef uint64_t digest = hash_mix(ids.added, ids.capacity)
    cdef uint64_t i
    for i in range(trade_ids_held(ids)):
        digest = hash_mix(digest, <uint64_t>ids.arrivals[i])
    return digest


cdef class TradeIdSet:
    """Owner of a bounded set of trade ids.

    Parameters
    ----------
    capacity : int
        Ids known at a time, a power of two; with one more the oldest is forgotten.

    One thread.

    >>> known = TradeIdSet(2)
    >>> [known.add(trade_id) for trade_id in (7, 7, 8, 9, 7)]
    [True, False, True, True, True]
    """

    def __cinit__(self, capacity: int = 65_536):
        self.ids = trade_ids_new(checked_capacity(capacity, 1))
        if self.ids == NULL:
            raise MemoryError(f"no memory for {capacity} trade ids")

    def __dealloc__(self):
        trade_ids_free(self.ids)

    def add(self, int64_t trade_id) -> bool:
        """Return whether the id is new; it is known from now on. Raises ValueError for a negative one."""
        if trade_id < 0:
            raise ValueError(f"a trade id must not be negative, was {trade_id}")
        return trade_ids_add(self.ids, trade_id)

    def add_many(self, const int64_t[::1] trade_ids):
        """Add ids in order; returns for each whether it was new, ndarray[bool]."""
        fresh = np.zeros(trade_ids.shape[0], np.uint8)
        cdef unsigned char[::1] rows = fresh
        cdef Py_ssize_t i
        if trade_ids.shape[0] and np.min(trade_ids) < 0:
            raise ValueError(f"a trade id must not be negative, was {np.min(trade_ids)}")
        with nogil:
            for i in range(trade_ids.shape[0]):
                rows[i] = trade_ids_add(self.ids, trade_ids[i])
        return fresh.view(bool)

    def __contains__(self, int64_t trade_id):
        return trade_ids_has(self.ids, trade_id)

    def __len__(self):
        return min(self.ids.added, self.ids.capacity)

    @property
    def forgotten(self) -> int:
        """Ids given up for room."""
        return self.ids.forgotten
