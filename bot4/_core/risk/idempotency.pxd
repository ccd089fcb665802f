"""Client order ids already used: fixed capacity, nothing allocated after start, every operation bounded."""

from libc.stdint cimport int64_t, uint32_t, uint64_t


cdef extern from *:
    """
    #define BOT4_ID_BYTES 36
    #define BOT4_WHEEL_SLOTS 1024
    """
    const int ID_BYTES "BOT4_ID_BYTES"           # longest client order id of any venue
    const int WHEEL_SLOTS "BOT4_WHEEL_SLOTS"


cpdef enum IdVerdict:
    ID_NEW = 0
    ID_DUPLICATE = 1
    ID_FULL = 2          # every id held is open, or closed and not yet expired
    ID_INVALID = 3       # empty or longer than 36 bytes


cpdef enum IdState:
    ID_ABSENT = 0
    ID_OPEN = 1
    ID_CLOSED = 2


# One cache line: an id, its hash, when it expires, its neighbours of the wheel.
ctypedef struct IdEntry:
    uint64_t key[5]          # the bytes, zero padded; the top byte of key[4] is the length
    uint64_t hash
    int64_t expires_ns       # INT64_MAX while open
    uint32_t next            # entry index + 1; free list, or wheel slot
    uint32_t prev


ctypedef struct IdStore:
    IdEntry* entries         # capacity of them
    uint32_t* table          # 2 * capacity slots: top bits of the hash, then entry number; 0 is empty
    uint64_t table_mask
    uint32_t number_mask     # an entry number is its index + 1
    uint64_t seed
    int64_t ttl_ns
    int64_t now_ns           # latest time seen; time never moves back
    int64_t swept_tick       # wheel ticks below it hold nothing
    int tick_shift           # a wheel tick is 2**tick_shift ns
    uint32_t free_head
    uint32_t capacity
    uint32_t open_ids
    uint32_t closed_ids
    uint64_t inserted
    uint64_t duplicates
    uint64_t full
    uint64_t evicted
    uint32_t wheel_head[1024]
    uint32_t wheel_tail[1024]


cdef IdStore* id_store_new(uint32_t capacity, int64_t ttl_ns, uint64_t seed) noexcept
cdef void id_store_free(IdStore* store) noexcept
cdef int id_insert(IdStore* store, const char* client_id, size_t length, int64_t now_ns) noexcept nogil
cdef int id_lookup(const IdStore* store, const char* client_id, size_t length, int64_t now_ns) noexcept nogil
cdef int id_close(IdStore* store, const char* client_id, size_t length, int64_t now_ns) noexcept nogil
cdef uint32_t id_expire(IdStore* store, int64_t now_ns, uint32_t limit) noexcept nogil


cdef class IdempotencyStore:
    cdef IdStore* store
