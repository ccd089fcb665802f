/* Bounded pool of fixed-size records with a cache per thread: body of object_pool.h.
 *
 * Included with BOT4_POOL_NAME (prefix) and BOT4_POOL_RING (prefix of an MPMC ring of 64-bit words) defined.
 *
 * Handle, 64 bits: generation (24) | pool tag (16) | slot (24). A slot's generation is odd while it is live and even
 * while it is free; each acquire and each release adds one. words[slot] holds the slot's present word, so that one
 * comparison tells everything about a handle: right pool, right slot, live, and of this generation.
 *
 * Free words lie in the caches (a stack of BOT4_POOL_MAGAZINE at most) and in one MPMC ring. A cache whose stack is
 * empty takes a batch from the ring; one whose stack is full gives a batch back. Nothing else is shared.
 *
 * Who may call: a cache belongs to one thread at a time. A record may be acquired through one cache and released
 * through another, when the handle travelled through something that synchronises (a ring does).
 *
 * Why it holds: a record's bytes written before its release are visible to whoever acquires it next, because the word
 * travels through a stack of one thread or through the ring, which publishes with RELEASE and pops with ACQUIRE.
 *
 * What a release detects:
 *   always      another pool's handle, a number that is no handle, a handle that was released before (in this thread or
 *               synchronised with it), for the next 2^23 - 1 acquires of the same slot: then generations repeat.
 *   if strict   also two threads that release the same handle at the same moment: the word is changed by
 *               compare-and-swap. Without `strict` both may succeed and the record gets two owners.
 *   never       use of a record after its release, through a pointer kept.
 * Pools are told apart by a tag of 16 bits: the 65,536th pool made after this one has the same again.
 */
#include "bot4/atomics.h"

#define BOT4_FN(suffix) BOT4_JOIN(BOT4_POOL_NAME, suffix)
#define BOT4_RINGFN(suffix) BOT4_JOIN(BOT4_POOL_RING, suffix)
#define BOT4_POOL BOT4_POOL_NAME
#define BOT4_CACHE BOT4_FN(_cache)

typedef struct {
    BOT4_ALIGNED BOT4_ATOMIC(uint64_t) * words; /* by slot: its generation, tag and number */
    char *records;
    uint64_t capacity;
    uint64_t record_bytes; /* what was asked for */
    uint64_t stride;       /* distance of two records: a multiple of 8, of a cache line from 64 bytes on */
    uint64_t tag;
    BOT4_POOL_RING *free_words;
    int strict;
} BOT4_POOL;

typedef struct {
    BOT4_ALIGNED BOT4_POOL *pool;
    uint32_t count;    /* free words in the stack */
    uint32_t magazine; /* its size: 2 * batch */
    uint32_t batch;
    BOT4_ATOMIC(uint64_t) acquired;
    BOT4_ATOMIC(uint64_t) released;
    BOT4_ATOMIC(uint64_t) exhausted;
    BOT4_ATOMIC(uint64_t) refused;   /* releases of a dead or foreign handle */
    BOT4_ATOMIC(uint64_t) exchanges; /* batches taken from or given to the ring */
    uint64_t stack[BOT4_POOL_MAGAZINE];
} BOT4_CACHE;

/* Look at the ring again this often when it holds words that a thread off the core has not finished moving. */
#define BOT4_POOL_PATIENCE 4096

static inline uint32_t BOT4_FN(_refill)(BOT4_CACHE *cache) {
    int look;
    for (look = 0; look < BOT4_POOL_PATIENCE; look++) {
        cache->count = (uint32_t)BOT4_RINGFN(_pop_batch)(cache->pool->free_words, cache->stack, cache->batch);
        if (BOT4_LIKELY(cache->count)) {
            BOT4_BUMP(&cache->exchanges, 1);
            return cache->count;
        }
        if (BOT4_RINGFN(_size)(cache->pool->free_words) == 0) return 0;
        BOT4_YIELD();
    }
    return 0;
}

/* Give back the `count` oldest words of the stack. The ring has room for every word there is; a full look can only
 * come from a consumer that has not finished reading the slot of one lap ago. */
static inline void BOT4_FN(_give_back)(BOT4_CACHE *cache, uint32_t count) {
    uint32_t given = 0, i;
    while (given < count) {
        uint32_t now = (uint32_t)BOT4_RINGFN(_offer_batch)(cache->pool->free_words, cache->stack + given, count - given);
        given += now;
        if (!now) BOT4_YIELD();
    }
    for (i = count; i < cache->count; i++) cache->stack[i - count] = cache->stack[i];
    cache->count -= count;
    BOT4_BUMP(&cache->exchanges, 1);
}

/* A handle of a free record, or 0: the pool is exhausted (all its free records lie in other threads' caches, or none
 * is free). The record's bytes are those its last owner left. */
static inline uint64_t BOT4_FN(_acquire)(BOT4_CACHE *cache) {
    uint64_t handle;
    if (BOT4_UNLIKELY(cache->count == 0) && BOT4_FN(_refill)(cache) == 0) {
        BOT4_BUMP(&cache->exhausted, 1);
        return 0;
    }
    handle = cache->stack[--cache->count] + BOT4_POOL_GENERATION;
    BOT4_STORE(&cache->pool->words[handle & BOT4_POOL_SLOT], handle, BOT4_RELAXED);
    BOT4_BUMP(&cache->acquired, 1);
    return handle;
}

/* Is this the live handle of its slot? */
static inline int BOT4_FN(_is_live)(const BOT4_POOL *pool, uint64_t handle) {
    return (handle & BOT4_POOL_SLOT) < pool->capacity && (handle & BOT4_POOL_GENERATION) != 0 &&
           BOT4_LOAD(&pool->words[handle & BOT4_POOL_SLOT], BOT4_RELAXED) == handle;
}

/* Why a handle is refused. */
static inline int BOT4_FN(_refusal)(BOT4_CACHE *cache, uint64_t handle) {
    BOT4_BUMP(&cache->refused, 1);
    if ((handle & BOT4_POOL_SLOT) >= cache->pool->capacity || (handle & BOT4_POOL_TAG) != cache->pool->tag ||
        (handle & BOT4_POOL_GENERATION) == 0)
        return BOT4_POOL_FOREIGN;
    return BOT4_POOL_NOT_LIVE;
}

/* Give a record back; BOT4_POOL_OK, or the reason why nothing was done. */
static inline int BOT4_FN(_release)(BOT4_CACHE *cache, uint64_t handle) {
    BOT4_POOL *pool = cache->pool;
    uint64_t expected = handle;
    if (BOT4_UNLIKELY(!BOT4_FN(_is_live)(pool, handle))) return BOT4_FN(_refusal)(cache, handle);
    if (pool->strict) {
        if (!BOT4_CAS_STRONG(&pool->words[handle & BOT4_POOL_SLOT], &expected, handle + BOT4_POOL_GENERATION,
                             BOT4_RELAXED, BOT4_RELAXED))
            return BOT4_FN(_refusal)(cache, handle); /* another thread released it between our look and now */
    } else {
        BOT4_STORE(&pool->words[handle & BOT4_POOL_SLOT], handle + BOT4_POOL_GENERATION, BOT4_RELAXED);
    }
    if (BOT4_UNLIKELY(cache->count == cache->magazine)) BOT4_FN(_give_back)(cache, cache->batch);
    cache->stack[cache->count++] = handle + BOT4_POOL_GENERATION;
    BOT4_BUMP(&cache->released, 1);
    return BOT4_POOL_OK;
}

/* Give every free word back to the pool: before the cache's thread ends. */
static inline void BOT4_FN(_flush)(BOT4_CACHE *cache) {
    if (cache->count) BOT4_FN(_give_back)(cache, cache->count);
}

/* The record of a live handle, NULL for any other. */
static inline void *BOT4_FN(_record)(const BOT4_POOL *pool, uint64_t handle) {
    if (BOT4_UNLIKELY(!BOT4_FN(_is_live)(pool, handle))) return NULL;
    return pool->records + (handle & BOT4_POOL_SLOT) * pool->stride;
}

static inline void BOT4_FN(_free)(BOT4_POOL *pool) {
    if (!pool) return;
    if (pool->free_words) BOT4_RINGFN(_free)(pool->free_words);
    free((void *)pool->words);
    free(pool->records);
    free(pool);
}

/* A pool of `capacity` records of `record_bytes` each, all memory taken and touched here. NULL when memory is out. */
static inline BOT4_POOL *BOT4_FN(_new)(uint64_t capacity, uint64_t record_bytes, int strict) {
    static BOT4_ATOMIC(uint64_t) pools_made = 0;
    BOT4_POOL *pool = (BOT4_POOL *)bot4_aligned_zalloc(sizeof(BOT4_POOL));
    uint64_t slot, ring_capacity = 2;
    if (!pool) return NULL;
    while (ring_capacity < capacity) ring_capacity *= 2;
    pool->capacity = capacity;
    pool->record_bytes = record_bytes;
    pool->stride = record_bytes < BOT4_CACHE_LINE ? (record_bytes + 7) / 8 * 8
                                                  : (record_bytes + BOT4_CACHE_LINE - 1) / BOT4_CACHE_LINE * BOT4_CACHE_LINE;
    pool->strict = strict;
    pool->tag = (BOT4_FETCH_ADD(&pools_made, 1, BOT4_RELAXED) + 1) % 65536 << BOT4_POOL_SLOT_BITS;
    pool->words = (BOT4_ATOMIC(uint64_t) *)bot4_aligned_zalloc(capacity * sizeof(uint64_t));
    pool->records = (char *)bot4_aligned_zalloc(capacity * pool->stride);
    pool->free_words = BOT4_RINGFN(_new)(ring_capacity);
    if (!pool->words || !pool->records || !pool->free_words) {
        BOT4_FN(_free)(pool);
        return NULL;
    }
    for (slot = 0; slot < capacity; slot++) {
        uint64_t word = pool->tag | slot;
        pool->words[slot] = word;
        BOT4_ASSERT(BOT4_RINGFN(_offer)(pool->free_words, &word));
    }
    return pool;
}

/* A cache of `pool`. Its stack is an eighth of the pool at most, so that a few threads' caches cannot hide a small
 * pool's records from each other. NULL when memory is out. */
static inline BOT4_CACHE *BOT4_FN(_cache_new)(BOT4_POOL *pool) {
    BOT4_CACHE *cache = (BOT4_CACHE *)bot4_aligned_zalloc(sizeof(BOT4_CACHE));
    if (!cache) return NULL;
    cache->pool = pool;
    cache->batch = BOT4_POOL_MAGAZINE / 2;
    while (cache->batch > 1 && cache->batch * 16 > pool->capacity) cache->batch /= 2;
    cache->magazine = 2 * cache->batch;
    return cache;
}

static inline void BOT4_FN(_cache_free)(BOT4_CACHE *cache) {
    if (cache) BOT4_FN(_flush)(cache);
    free(cache);
}

#undef BOT4_POOL_PATIENCE
#undef BOT4_CACHE
#undef BOT4_POOL
#undef BOT4_RINGFN
#undef BOT4_FN
#undef BOT4_POOL_RING
#undef BOT4_POOL_NAME
