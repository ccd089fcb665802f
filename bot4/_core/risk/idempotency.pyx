# cython: language_level=3
"""Idempotency store: has this client order id been used?

An id is open until its order's end is known, then closed for a time to live (24 h). Only ids that are closed and
expired are ever forgotten, the least recently used first: a duplicate of a closed id renews its time. A store full of
others refuses the new id; it never forgets one that might still be answered.

Layout: an open-addressing table (linear probing, at most half full, deletion by shifting back, so no tombstones) of
hash tags and entry numbers; entries of one cache line with the whole id, so that equal hashes cannot pass for equal ids;
and a time wheel of 1,024 slots over the closed ones. The time to live spans fewer slots than the wheel has, and time
never moves back, so each slot is a queue in the order of expiry. One owner thread.
"""

from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy

import numpy as np

from bot4._core.types cimport BOT4_ASSERT, aligned_zalloc

# Evictions an insert does besides its own work: more than one, so that the wheel is swept faster than it fills.
cdef uint32_t SWEEP_PER_INSERT = 2
cdef int64_t EMPTY_TICKS_PER_INSERT = 64


cdef extern from *:
    """
    /* Multiply two words to 128 bits and fold: every bit of both reaches every bit of the result. */
    static inline uint64_t bot4_fold(uint64_t a, uint64_t b) {
        unsigned __int128 product = (unsigned __int128)a * b;
        return (uint64_t)product ^ (uint64_t)(product >> 64);
    }
    static inline uint64_t bot4_id_hash(const uint64_t *key, uint64_t seed) {
        uint64_t a = bot4_fold(key[0] ^ 0xA0761D6478BD642Full, key[1] ^ seed);
        uint64_t b = bot4_fold(key[2] ^ 0xE7037ED1A0B428DBull, key[3] ^ seed ^ 0x9E3779B97F4A7C15ull);
        return bot4_fold(a ^ key[4] ^ 0x8EBC6AF09C88C6E3ull, b ^ 0x589965CC75374CC3ull);
    }
    /* Large tables on huge pages where the system grants them: half of a random access is the page walk. */
    #include <sys/mman.h>
    static inline void *bot4_huge_zalloc(size_t bytes) {
        const size_t page = (size_t)2 << 20;
        if (bytes < page) return bot4_aligned_zalloc(bytes);
        bytes = (bytes + page - 1) / page * page;
        void *memory = aligned_alloc(page, bytes);
        if (!memory) return NULL;
        (void)madvise(memory, bytes, MADV_HUGEPAGE); /* advice: refused, the pages are small */
        memset(memory, 0, bytes);
        return memory;
    }
    """
    uint64_t id_hash "bot4_id_hash"(const uint64_t* key, uint64_t seed) noexcept nogil
    void* huge_zalloc "bot4_huge_zalloc"(size_t bytes) noexcept nogil


cdef inline bint _key_of(const char* client_id, size_t length, uint64_t* key) noexcept nogil:
    """Zero-padded words of an id; False where its length is out of range."""
    if length == 0 or length > ID_BYTES:
        return False
    key[0] = key[1] = key[2] = key[3] = 0
    key[4] = <uint64_t>length << 56
    memcpy(key, client_id, length)
    return True


cdef inline uint32_t _tag(const IdStore* store, uint64_t hash) noexcept nogil:
    return <uint32_t>(hash >> 32) & ~store.number_mask


cdef inline uint64_t _find(const IdStore* store, const uint64_t* key, uint64_t hash) noexcept nogil:
    """Table slot of the id, or of the empty slot that ends its probe."""
    cdef uint64_t slot = hash & store.table_mask
    cdef uint32_t held = store.table[slot]
    cdef uint32_t tag = _tag(store, hash)
    cdef const IdEntry* entry
    while held != 0:
        # The tag is most of what a slot holds beside the number: an entry is seldom read in vain.
        if held & ~store.number_mask == tag:
            entry = &store.entries[(held & store.number_mask) - 1]
            if (
                entry.key[0] == key[0] and entry.key[1] == key[1] and entry.key[2] == key[2]
                and entry.key[3] == key[3] and entry.key[4] == key[4]
            ):
                return slot
        slot = (slot + 1) & store.table_mask
        held = store.table[slot]
    return slot


cdef void _wheel_unlink(IdStore* store, uint32_t number) noexcept nogil:
    cdef IdEntry* entry = &store.entries[number - 1]
    cdef int slot = <int>((entry.expires_ns >> store.tick_shift) & (WHEEL_SLOTS - 1))
    if entry.prev != 0:
        store.entries[entry.prev - 1].next = entry.next
    else:
        store.wheel_head[slot] = entry.next
    if entry.next != 0:
        store.entries[entry.next - 1].prev = entry.prev
    else:
        store.wheel_tail[slot] = entry.prev


cdef void _wheel_append(IdStore* store, uint32_t number, int64_t expires_ns) noexcept nogil:
    cdef IdEntry* entry = &store.entries[number - 1]
    cdef int slot = <int>((expires_ns >> store.tick_shift) & (WHEEL_SLOTS - 1))
    entry.expires_ns = expires_ns
    entry.next = 0
    entry.prev = store.wheel_tail[slot]
    if entry.prev != 0:
        store.entries[entry.prev - 1].next = number
    else:
        store.wheel_head[slot] = number
    store.wheel_tail[slot] = number


cdef void _erase_slot(IdStore* store, uint64_t hole) noexcept nogil:
    """Empty a table slot and pull back whatever probed past it."""
    cdef uint64_t slot = hole
    cdef uint64_t home
    while True:
        slot = (slot + 1) & store.table_mask
        if store.table[slot] == 0:
            break
        home = store.entries[(store.table[slot] & store.number_mask) - 1].hash & store.table_mask
        # Movable when its home does not lie behind the hole, cyclically.
        if (slot - home) & store.table_mask >= (slot - hole) & store.table_mask:
            store.table[hole] = store.table[slot]
            hole = slot
    store.table[hole] = 0


cdef void _evict(IdStore* store, uint32_t number) noexcept nogil:
    """Forget a closed and expired id."""
    cdef IdEntry* entry = &store.entries[number - 1]
    cdef uint64_t slot = _find(store, entry.key, entry.hash)
    BOT4_ASSERT(entry.expires_ns <= store.now_ns and store.table[slot] & store.number_mask == number)
    _wheel_unlink(store, number)
    _erase_slot(store, slot)
    entry.next = store.free_head
    store.free_head = number
    store.closed_ids -= 1
    store.evicted += 1


cdef uint32_t _sweep(IdStore* store, uint32_t limit, int64_t tick_limit) noexcept nogil:
    """Evict up to `limit` expired ids, passing at most `tick_limit` empty wheel slots; how many were evicted."""
    cdef int64_t now_tick = store.now_ns >> store.tick_shift
    cdef uint32_t evicted = 0
    cdef uint32_t head
    # A whole turn behind: every slot is due, and one turn visits them all.
    if store.swept_tick < now_tick - WHEEL_SLOTS:
        store.swept_tick = now_tick - WHEEL_SLOTS
    while evicted < limit:
        head = store.wheel_head[store.swept_tick & (WHEEL_SLOTS - 1)]
        if head != 0 and store.entries[head - 1].expires_ns <= store.now_ns:
            _evict(store, head)
            evicted += 1
        elif store.swept_tick < now_tick and tick_limit > 0:
            store.swept_tick += 1
            tick_limit -= 1
        else:
            break
    return evicted


cdef int id_insert(IdStore* store, const char* client_id, size_t length, int64_t now_ns) noexcept nogil:
    """Use an id: ID_NEW (now open), ID_DUPLICATE (a closed one lives on), ID_FULL or ID_INVALID."""
    cdef uint64_t key[5]
    cdef uint64_t hash
    cdef uint64_t slot
    cdef uint32_t number
    cdef IdEntry* entry
    if not _key_of(client_id, length, key):
        return ID_INVALID
    store.now_ns = max(store.now_ns, now_ns)
    # Room is made before the search: an eviction moves table slots.
    _sweep(store, SWEEP_PER_INSERT, EMPTY_TICKS_PER_INSERT)
    if store.free_head == 0:
        _sweep(store, 1, WHEEL_SLOTS + 1)
    hash = id_hash(key, store.seed)
    slot = _find(store, key, hash)
    if store.table[slot] != 0:
        number = store.table[slot] & store.number_mask
        entry = &store.entries[number - 1]
        if entry.expires_ns > store.now_ns:
            store.duplicates += 1
            if entry.expires_ns != INT64_MAX:
                _wheel_unlink(store, number)
                _wheel_append(store, number, store.now_ns + store.ttl_ns)
            return ID_DUPLICATE
        # Expired, only not swept yet: the id is free again.
        _evict(store, number)
        slot = _find(store, key, hash)
    if store.free_head == 0:
        store.full += 1
        return ID_FULL
    number = store.free_head
    entry = &store.entries[number - 1]
    store.free_head = entry.next
    memcpy(entry.key, key, sizeof(key))
    entry.hash = hash
    entry.expires_ns = INT64_MAX
    entry.next = entry.prev = 0
    store.table[slot] = _tag(store, hash) | number
    store.open_ids += 1
    store.inserted += 1
    return ID_NEW


cdef int id_lookup(const IdStore* store, const char* client_id, size_t length, int64_t now_ns) noexcept nogil:
    """State of an id at `now_ns`; pure, renews nothing."""
    cdef uint64_t key[5]
    cdef uint64_t slot
    cdef int64_t expires_ns
    if not _key_of(client_id, length, key):
        return ID_ABSENT
    slot = _find(store, key, id_hash(key, store.seed))
    if store.table[slot] == 0:
        return ID_ABSENT
    expires_ns = store.entries[(store.table[slot] & store.number_mask) - 1].expires_ns
    if expires_ns == INT64_MAX:
        return ID_OPEN
    return ID_CLOSED if expires_ns > max(now_ns, store.now_ns) else ID_ABSENT


cdef int id_close(IdStore* store, const char* client_id, size_t length, int64_t now_ns) noexcept nogil:
    """The order's end is known: starts its time to live. Returns the state before; only ID_OPEN changes anything."""
    cdef uint64_t key[5]
    cdef uint32_t number
    cdef int before = id_lookup(store, client_id, length, now_ns)
    store.now_ns = max(store.now_ns, now_ns)
    if before == ID_OPEN:
        _key_of(client_id, length, key)
        number = store.table[_find(store, key, id_hash(key, store.seed))] & store.number_mask
        _wheel_append(store, number, store.now_ns + store.ttl_ns)
        store.open_ids -= 1
        store.closed_ids += 1
    return before


cdef uint32_t id_expire(IdStore* store, int64_t now_ns, uint32_t limit) noexcept nogil:
    """Forget at most `limit` expired ids, the least recently used first; how many were. For a timer; never needed."""
    store.now_ns = max(store.now_ns, now_ns)
    return _sweep(store, limit, WHEEL_SLOTS + 1)


cdef IdStore* id_store_new(uint32_t capacity, int64_t ttl_ns, uint64_t seed) noexcept:
    """An empty store, or NULL without memory; `capacity` a power of two up to 2**30, `ttl_ns` 1 to 2**60."""
    cdef IdStore* store = <IdStore*>aligned_zalloc(sizeof(IdStore))
    cdef uint32_t number
    if store == NULL:
        return NULL
    store.entries = <IdEntry*>huge_zalloc(<size_t>capacity * sizeof(IdEntry))
    store.table = <uint32_t*>huge_zalloc(<size_t>capacity * 2 * sizeof(uint32_t))
    if store.entries == NULL or store.table == NULL:
        id_store_free(store)
        return NULL
    store.capacity = capacity
    store.table_mask = <uint64_t>capacity * 2 - 1
    store.number_mask = capacity * 2 - 1
    store.seed = seed
    store.ttl_ns = ttl_ns
    # A time to live spans at most WHEEL_SLOTS - 2 ticks: an id never shares a slot with one due a turn earlier.
    while ttl_ns >> store.tick_shift >= WHEEL_SLOTS - 2:
        store.tick_shift += 1
    for number in range(1, capacity):
        store.entries[number - 1].next = number + 1
    store.free_head = 1
    return store


cdef void id_store_free(IdStore* store) noexcept:
    """Release a store; NULL is allowed."""
    if store != NULL:
        free(store.entries)
        free(store.table)
        free(store)


cdef class IdempotencyStore:
    """Client order ids in use and recently used.

    Parameters
    ----------
    capacity : int
        Ids held, a power of two from 2 to 2**24; 72 bytes each.
    ttl_ns : int
        Time a closed id is remembered after its close or its last duplicate, ns.
    seed : int
        Start of the hash, 0 to 2**64 - 1; same seed, same layout.

    Raises
    ------
    ValueError
        A parameter out of range.

    Notes
    -----
    One owner thread. A time before the latest one seen counts as the latest one.

    >>> store = IdempotencyStore(capacity=2, ttl_ns=100, seed=1)
    >>> store.insert("a", now_ns=0), store.insert("a", now_ns=1), store.insert("b", now_ns=1)
    (<IdVerdict.ID_NEW: 0>, <IdVerdict.ID_DUPLICATE: 1>, <IdVerdict.ID_NEW: 0>)
    >>> store.close("a", now_ns=10)
    <IdState.ID_OPEN: 1>
    >>> store.insert("c", now_ns=109), store.insert("c", now_ns=110)
    (<IdVerdict.ID_FULL: 2>, <IdVerdict.ID_NEW: 0>)
    """

    def __init__(self, *, capacity=1 << 18, ttl_ns=24 * 3600 * 10**9, seed):
        if not 2 <= capacity <= 1 << 24 or capacity & (capacity - 1):
            raise ValueError(f"capacity must be a power of two from 2 to 2**24, was {capacity}")
        if not 1 <= ttl_ns <= 1 << 60:
            raise ValueError(f"ttl_ns must be between 1 and 2**60, was {ttl_ns}")
        if not 0 <= seed < 1 << 64:
            raise ValueError(f"seed must be between 0 and 2**64 - 1, was {seed}")
        if self.store != NULL:
            raise RuntimeError("a store is built once")
        self.store = id_store_new(capacity, ttl_ns, seed)
        if self.store == NULL:
            raise MemoryError(f"no memory for {capacity} ids")

    def __dealloc__(self):
        id_store_free(self.store)

    def insert(self, client_id, int64_t now_ns):
        """Use an id (str or bytes, 1 to 36 bytes); an `IdVerdict`."""
        cdef bytes raw = _raw(client_id)
        return IdVerdict(id_insert(self.store, raw, len(raw), now_ns))

    def close(self, client_id, int64_t now_ns):
        """The order's end is known; the `IdState` before."""
        cdef bytes raw = _raw(client_id)
        return IdState(id_close(self.store, raw, len(raw), now_ns))

    def lookup(self, client_id, int64_t now_ns):
        """`IdState` of an id; pure."""
        cdef bytes raw = _raw(client_id)
        return IdState(id_lookup(self.store, raw, len(raw), now_ns))

    def expire(self, uint32_t limit, int64_t now_ns):
        """Forget at most `limit` expired ids; how many were."""
        return id_expire(self.store, now_ns, limit)

    def run(self, const unsigned char[::1] kinds, const unsigned char[:, ::1] ids, const unsigned char[::1] lengths,
            const int64_t[::1] now_ns):
        """Apply rows in order; the verdict or state of each, ndarray[int32], shape (n,).

        Parameters
        ----------
        kinds : ndarray[uint8], shape (n,)
            0 insert, 1 close, 2 lookup, 3 expire (up to `lengths` ids).
        ids : ndarray[uint8], shape (n, 36)
            Bytes of each id.
        lengths : ndarray[uint8], shape (n,)
            How many of them count; above 36 is ID_INVALID.
        now_ns : ndarray[int64], shape (n,)
            Time of each row, ns.
        """
        cdef Py_ssize_t n = kinds.shape[0]
        cdef Py_ssize_t i
        if ids.shape[0] != n or ids.shape[1] != ID_BYTES or lengths.shape[0] != n or now_ns.shape[0] != n:
            raise ValueError(f"ids must be ({n}, 36), lengths and now_ns ({n},), to match kinds")
        verdicts = np.empty(n, dtype=np.int32)
        cdef int32_t[::1] out = verdicts
        with nogil:
            for i in range(n):
                if kinds[i] == 0:
                    out[i] = id_insert(self.store, <const char*>&ids[i, 0], lengths[i], now_ns[i])
                elif kinds[i] == 1:
                    out[i] = id_close(self.store, <const char*>&ids[i, 0], lengths[i], now_ns[i])
                elif kinds[i] == 2:
                    out[i] = id_lookup(self.store, <const char*>&ids[i, 0], lengths[i], now_ns[i])
                else:
                    out[i] = <int32_t>id_expire(self.store, now_ns[i], lengths[i])
        return verdicts

    def __len__(self):
        return self.store.open_ids + self.store.closed_ids

    @property
    def capacity(self):
        """Ids that can be held."""
        return self.store.capacity

    def counters(self):
        """Ids held (open, closed) and counts so far: inserted, duplicates, full, evicted."""
        return {
            "open": self.store.open_ids,
            "closed": self.store.closed_ids,
            "inserted": self.store.inserted,
            "duplicates": self.store.duplicates,
            "full": self.store.full,
            "evicted": self.store.evicted,
        }


def _raw(client_id):
    return client_id.encode("ascii") if isinstance(client_id, str) else bytes(client_id)
