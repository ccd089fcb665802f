"""The trade ids a lane has applied: a bounded set, so that a fill that comes twice counts once."""

from libc.stdint cimport int64_t, uint64_t


ctypedef struct TradeIds:
    int64_t* slots           # open addressing, linear probing; -1: empty
    int64_t* arrivals        # ring of the ids in order of arrival, to know the oldest
    uint64_t mask            # of slots: at least twice the capacity
    uint64_t capacity        # a power of two
    uint64_t added           # ids ever added
    uint64_t forgotten       # oldest ids given up for room


cdef TradeIds* trade_ids_new(uint64_t capacity) noexcept nogil              # NULL: memory is out
cdef void trade_ids_free(TradeIds* ids) noexcept nogil
cdef bint trade_ids_has(const TradeIds* ids, int64_t trade_id) noexcept nogil
# True where the id is new; it is known from now on. An id is not negative.
cdef bint trade_ids_add(TradeIds* ids, int64_t trade_id) noexcept nogil
cdef uint64_t trade_ids_held(const TradeIds* ids) noexcept nogil            # ids known now
# Take over what another set of the same capacity knew: its `arrivals` as they lay there.
cdef void trade_ids_restore(TradeIds* ids, const int64_t* arrivals, uint64_t added, uint64_t forgotten) noexcept nogil
cdef uint64_t trade_ids_hash(const TradeIds* ids) noexcept nogil


cdef class TradeIdSet:
    cdef TradeIds* ids
