/* Single-producer single-consumer ring, after the cached-index design: body of spsc_ring.h.
 *
 * Included once per record type, with BOT4_RING_NAME (prefix of every name) and BOT4_RING_RECORD (the type) defined;
 * 
 * BOT4_RING_IN and BOT4_RING_OUT may say how a record is copied; all are undefined at the end. A template by inclusion rather than by one long macro keeps line numbers in
 * sanitizer reports and lets the controls compile the same text with a planted fault.
 *
 * Who may call: one producer thread at a time calls *_push*, one consumer thread at a time calls *_pop*; *_size and
 * the counters are for anybody. Indices only grow (64 bits: 500 years at a record a nanosecond); slot = index & mask.
 *
 * Why it holds. `tail` is written by the producer only, `head` by the consumer only. Each is one release store read
 * by one acquire load:
 *   (P) tail: the producer writes the record, then stores tail with RELEASE; the consumer that loads that tail with
 *       ACQUIRE sees the record complete.
 *   (C) head: the consumer reads the record, then stores head with RELEASE; the producer that loads that head with
 *       ACQUIRE may overwrite the slot, because the read is over.
 * Each side keeps the other's index as it last saw it (cached_head, cached_tail) and looks again only when that view
 * says full or empty, so that in the steady state the line of the other side is not touched.
 *
 * Planted faults, for the controls only: BOT4_PLANT_RELAXED_PUBLISH breaks (P) as the compiler and a weaker machine
 * may, BOT4_PLANT_RELAXED_RELEASE breaks (C), BOT4_PLANT_EARLY_PUBLISH breaks (P) on any machine.
 */
#include "bot4/atomics.h"

#define BOT4_FN(suffix) BOT4_JOIN(BOT4_RING_NAME, suffix)
#ifndef BOT4_RING_IN
#define BOT4_RING_IN(slot, record) BOT4_WRITE((slot), *(record))
#define BOT4_RING_OUT(record, slot) (*(record) = BOT4_READ(slot))
#endif

#ifdef BOT4_PLANT_RELAXED_PUBLISH
#define BOT4_PUBLISH BOT4_RELAXED
#else
#define BOT4_PUBLISH BOT4_RELEASE
#endif
#ifdef BOT4_PLANT_RELAXED_RELEASE
#define BOT4_GIVE_BACK BOT4_RELAXED
#else
#define BOT4_GIVE_BACK BOT4_RELEASE
#endif

typedef struct {
    /* The producer's line. */
    BOT4_ALIGNED BOT4_ATOMIC(uint64_t) tail; /* records ever pushed */
    BOT4_VAR(uint64_t) cached_head;
    BOT4_ATOMIC(uint64_t) rejected;
    BOT4_ATOMIC(uint64_t) producer_high_water;
    /* Set once before any thread starts; between the two busy lines, so that a core that prefetches lines in pairs
     * does not couple them. */
    BOT4_ALIGNED BOT4_VAR(BOT4_RING_RECORD) * slots;
    uint64_t capacity;
    uint64_t mask;
    /* The consumer's line. */
    BOT4_ALIGNED BOT4_ATOMIC(uint64_t) head; /* records ever popped */
    BOT4_VAR(uint64_t) cached_tail;
    BOT4_ATOMIC(uint64_t) consumer_high_water;
} BOT4_RING_NAME;

/* `slots` holds `capacity` records, a power of two; both outlive the ring. */
static inline void BOT4_FN(_init)(BOT4_RING_NAME *ring, BOT4_VAR(BOT4_RING_RECORD) * slots, uint64_t capacity) {
    ring->slots = slots;
    ring->capacity = capacity;
    ring->mask = capacity - 1;
    BOT4_STORE(&ring->tail, 0, BOT4_RELAXED);
    BOT4_STORE(&ring->head, 0, BOT4_RELAXED);
    BOT4_STORE(&ring->rejected, 0, BOT4_RELAXED);
    BOT4_STORE(&ring->producer_high_water, 0, BOT4_RELAXED);
    BOT4_STORE(&ring->consumer_high_water, 0, BOT4_RELAXED);
    BOT4_WRITE(&ring->cached_head, 0);
    BOT4_WRITE(&ring->cached_tail, 0);
}

/* Producer: free slots, looking at the consumer's index again only when fewer than `wanted` seem free. */
static inline uint64_t BOT4_FN(_room)(BOT4_RING_NAME *ring, uint64_t tail, uint64_t wanted) {
    uint64_t head = BOT4_READ(&ring->cached_head);
    if (BOT4_UNLIKELY(ring->capacity - (tail - head) < wanted)) {
        head = BOT4_LOAD(&ring->head, BOT4_ACQUIRE); /* pairs with (C) */
        BOT4_WRITE(&ring->cached_head, head);
        if (tail - head > BOT4_LOAD(&ring->producer_high_water, BOT4_RELAXED))
            BOT4_STORE(&ring->producer_high_water, tail - head, BOT4_RELAXED);
    }
    return ring->capacity - (tail - head);
}

/* Consumer: published records, looking at the producer's index again only when fewer than `wanted` seem there. */
static inline uint64_t BOT4_FN(_ready)(BOT4_RING_NAME *ring, uint64_t head, uint64_t wanted) {
    uint64_t tail = BOT4_READ(&ring->cached_tail);
    if (tail - head < wanted) {
        tail = BOT4_LOAD(&ring->tail, BOT4_ACQUIRE); /* pairs with (P) */
        BOT4_WRITE(&ring->cached_tail, tail);
        if (BOT4_UNLIKELY(tail - head > BOT4_LOAD(&ring->consumer_high_water, BOT4_RELAXED)))
            BOT4_STORE(&ring->consumer_high_water, tail - head, BOT4_RELAXED);
    }
    return tail - head;
}

/* Push one record; 0 when full, without counting it as rejected: a caller that waits tries many times. */
static inline int BOT4_FN(_offer)(BOT4_RING_NAME *ring, const BOT4_RING_RECORD *record) {
    uint64_t tail = BOT4_LOAD(&ring->tail, BOT4_RELAXED); /* our own index */
    if (BOT4_UNLIKELY(BOT4_FN(_room)(ring, tail, 1) == 0)) return 0;
#ifdef BOT4_PLANT_EARLY_PUBLISH
    BOT4_STORE(&ring->tail, tail + 1, BOT4_RELEASE);
    BOT4_PLANT_WINDOW(tail);
#endif
    BOT4_RING_IN(&ring->slots[tail & ring->mask], record);
    BOT4_STORE(&ring->tail, tail + 1, BOT4_PUBLISH); /* (P): the record before the index */
    return 1;
}

/* Producer: `count` records found the ring full. */
static inline void BOT4_FN(_reject)(BOT4_RING_NAME *ring, uint64_t count) {
    BOT4_BUMP(&ring->rejected, count);
    BOT4_STORE(&ring->producer_high_water, ring->capacity, BOT4_RELAXED);
}

/* Push one record; 0 when full, counted as rejected. */
static inline int BOT4_FN(_try_push)(BOT4_RING_NAME *ring, const BOT4_RING_RECORD *record) {
    if (BOT4_LIKELY(BOT4_FN(_offer)(ring, record))) return 1;
    BOT4_FN(_reject)(ring, 1);
    return 0;
}

/* Pop the oldest record; 0 when empty. */
static inline int BOT4_FN(_try_pop)(BOT4_RING_NAME *ring, BOT4_RING_RECORD *record) {
    uint64_t head = BOT4_LOAD(&ring->head, BOT4_RELAXED); /* our own index */
    if (BOT4_UNLIKELY(BOT4_FN(_ready)(ring, head, 1) == 0)) return 0;
    BOT4_RING_OUT(record, &ring->slots[head & ring->mask]);
    BOT4_STORE(&ring->head, head + 1, BOT4_GIVE_BACK); /* (C): the read before the slot is given back */
    return 1;
}

/* Push up to `count` records, oldest first, published together; returns how many fitted, rejects nothing. */
static inline size_t BOT4_FN(_offer_batch)(BOT4_RING_NAME *ring, const BOT4_RING_RECORD *records, size_t count) {
    uint64_t tail = BOT4_LOAD(&ring->tail, BOT4_RELAXED);
    uint64_t room = BOT4_FN(_room)(ring, tail, count);
    uint64_t first = tail & ring->mask;
    size_t pushed = count < room ? count : (size_t)room;
    size_t before_wrap = pushed < ring->capacity - first ? pushed : (size_t)(ring->capacity - first);
    size_t i;
#ifdef BOT4_PLANT_EARLY_PUBLISH
    if (pushed) BOT4_STORE(&ring->tail, tail + pushed, BOT4_RELEASE);
    BOT4_PLANT_WINDOW(tail);
#endif
    for (i = 0; i < before_wrap; i++) BOT4_RING_IN(&ring->slots[first + i], &records[i]);
    for (i = before_wrap; i < pushed; i++) BOT4_RING_IN(&ring->slots[i - before_wrap], &records[i]);
    if (pushed) BOT4_STORE(&ring->tail, tail + pushed, BOT4_PUBLISH); /* (P) */
    return pushed;
}

/* As _offer_batch, and what did not fit counts as rejected. */
static inline size_t BOT4_FN(_push_batch)(BOT4_RING_NAME *ring, const BOT4_RING_RECORD *records, size_t count) {
    size_t pushed = BOT4_FN(_offer_batch)(ring, records, count);
    if (BOT4_UNLIKELY(pushed < count)) BOT4_FN(_reject)(ring, count - pushed);
    return pushed;
}

/* Pop up to `count` records, oldest first; returns how many there were. */
static inline size_t BOT4_FN(_pop_batch)(BOT4_RING_NAME *ring, BOT4_RING_RECORD *records, size_t count) {
    uint64_t head = BOT4_LOAD(&ring->head, BOT4_RELAXED);
    uint64_t ready = BOT4_FN(_ready)(ring, head, count);
    uint64_t first = head & ring->mask;
    size_t popped = count < ready ? count : (size_t)ready;
    size_t before_wrap = popped < ring->capacity - first ? popped : (size_t)(ring->capacity - first);
    size_t i;
    for (i = 0; i < before_wrap; i++) BOT4_RING_OUT(&records[i], &ring->slots[first + i]);
    for (i = before_wrap; i < popped; i++) BOT4_RING_OUT(&records[i], &ring->slots[i - before_wrap]);
    if (popped) BOT4_STORE(&ring->head, head + popped, BOT4_GIVE_BACK); /* (C) */
    return popped;
}

/* Records held; exact for either side while the other rests, else a moment's view. `head` is read first: read last,
 * it could overtake the tail already read and the difference would wrap. */
static inline uint64_t BOT4_FN(_size)(BOT4_RING_NAME *ring) {
    uint64_t head = BOT4_LOAD(&ring->head, BOT4_ACQUIRE);
    uint64_t held = BOT4_LOAD(&ring->tail, BOT4_ACQUIRE) - head;
    return held < ring->capacity ? held : ring->capacity;
}

/* What a waiting consumer or producer looks at. */
static inline int BOT4_FN(_is_readable)(BOT4_RING_NAME *ring) { return BOT4_FN(_size)(ring) != 0; }
static inline int BOT4_FN(_is_writable)(BOT4_RING_NAME *ring) { return BOT4_FN(_size)(ring) < ring->capacity; }

static inline uint64_t BOT4_FN(_pushed)(BOT4_RING_NAME *ring) { return BOT4_LOAD(&ring->tail, BOT4_RELAXED); }
static inline uint64_t BOT4_FN(_popped)(BOT4_RING_NAME *ring) { return BOT4_LOAD(&ring->head, BOT4_RELAXED); }
static inline uint64_t BOT4_FN(_rejected)(BOT4_RING_NAME *ring) { return BOT4_LOAD(&ring->rejected, BOT4_RELAXED); }

/* The largest backlog either side saw when it looked at the other's index. The true peak may lie higher between two
 * looks; a ring that ever refused a record shows its capacity. */
static inline uint64_t BOT4_FN(_high_water)(BOT4_RING_NAME *ring) {
    uint64_t producer = BOT4_LOAD(&ring->producer_high_water, BOT4_RELAXED);
    uint64_t consumer = BOT4_LOAD(&ring->consumer_high_water, BOT4_RELAXED);
    return producer > consumer ? producer : consumer;
}

#ifndef BOT4_MODEL_RELACY
/* One block: the ring, then its slots, each on a line of its own. NULL when memory is out. */
static inline BOT4_RING_NAME *BOT4_FN(_new)(size_t capacity) {
    BOT4_RING_NAME *ring = (BOT4_RING_NAME *)bot4_aligned_zalloc(
        sizeof(BOT4_RING_NAME) + capacity * sizeof(BOT4_RING_RECORD));
    if (ring) BOT4_FN(_init)(ring, (BOT4_RING_RECORD *)(ring + 1), capacity);
    return ring;
}
static inline void BOT4_FN(_free)(BOT4_RING_NAME *ring) { free(ring); }
#endif

#undef BOT4_GIVE_BACK
#undef BOT4_PUBLISH
#undef BOT4_FN
#undef BOT4_RING_NAME
#undef BOT4_RING_RECORD
#undef BOT4_RING_IN
#undef BOT4_RING_OUT
