/* Single-producer single-consumer ring with a sequence in every slot and one index the other way: body of spsc_ring.h.
 *
 * Included once per record type, with BOT4_RING_NAME (prefix of every name) and BOT4_RING_RECORD (the type) defined;
 * BOT4_RING_IN and BOT4_RING_OUT may say how a record is copied; all are undefined at the end. A template by inclusion
 * rather than by one long macro keeps line numbers in sanitizer reports and lets the controls compile the same text with
 * a planted fault.
 *
 * Who may call: one producer thread at a time calls *_push*, one consumer thread at a time calls *_pop*; *_size and
 * the counters are for anybody. Indices only grow (64 bits: 500 years at a record a nanosecond); slot = index & mask.
 *
 * The consumer looks for record h in its slot, not at an index: the line that says "it is there" is the one that holds
 * it (or its neighbour), so a hand-over moves one line and not two. The other way the producer needs no news of single
 * slots, only to know now and then how far the consumer is.
 *
 * Why it holds. A slot's `sequence` is written by the producer only, `head` by the consumer only. Each is one release
 * store read by one acquire load:
 *   (P) sequence: the producer writes record t, then stores sequence = t + 1 with RELEASE; the consumer that loads just
 *       that number with ACQUIRE sees the record complete. What the lap before left there is t + 1 - capacity.
 *   (C) head: the consumer reads the record, then stores head with RELEASE; the producer that loads that head with
 *       ACQUIRE may overwrite the slots below it, because the reads are over.
 * The producer keeps the ticket up to which it may push after its last look at head (`limit`), and looks again when it is
 * there: after a lap at the latest, and after 1,024 records, for the high-water mark. `tail` is for counting alone: it is
 * stored before the sequence, so whoever sees a record popped sees it pushed.
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
#define BOT4_SLOT BOT4_FN(_slot)
#define BOT4_STRIDE 1024

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

/* Side by side without padding: an event and its sequence always lie on two neighbouring lines, words four to a line. */
typedef struct {
    BOT4_VAR(BOT4_RING_RECORD) record;
    BOT4_ATOMIC(uint64_t) sequence;
} BOT4_SLOT;

typedef struct {
    /* The producer's line. */
    BOT4_ALIGNED BOT4_ATOMIC(uint64_t) tail; /* records ever pushed */
    BOT4_VAR(uint64_t) limit;
    BOT4_ATOMIC(uint64_t) rejected;
    BOT4_ATOMIC(uint64_t) high_water;
    /* Set once before any thread starts; between the two busy lines, so that a core that prefetches lines in pairs
     * does not couple them. */
    BOT4_ALIGNED BOT4_SLOT *slots;
    uint64_t capacity;
    uint64_t mask;
    /* The consumer's line. */
    BOT4_ALIGNED BOT4_ATOMIC(uint64_t) head; /* records ever popped */
} BOT4_RING_NAME;

/* `slots` holds `capacity` slots, a power of two; both outlive the ring. */
static inline void BOT4_FN(_init)(BOT4_RING_NAME *ring, BOT4_SLOT *slots, uint64_t capacity) {
    uint64_t i;
    ring->slots = slots;
    ring->capacity = capacity;
    ring->mask = capacity - 1;
    for (i = 0; i < capacity; i++) BOT4_STORE(&slots[i].sequence, 0, BOT4_RELAXED); /* of no record: they start at 1 */
    BOT4_STORE(&ring->tail, 0, BOT4_RELAXED);
    BOT4_STORE(&ring->head, 0, BOT4_RELAXED);
    BOT4_STORE(&ring->rejected, 0, BOT4_RELAXED);
    BOT4_STORE(&ring->high_water, 0, BOT4_RELAXED);
    BOT4_WRITE(&ring->limit, 0);
}

/* Producer: free slots, as far as is known; looks at the consumer's index when that is fewer than `wanted`. What it
 * returns never reaches past `limit`: a batch beyond it would make the next difference wrap. */
static inline uint64_t BOT4_FN(_room)(BOT4_RING_NAME *ring, uint64_t tail, uint64_t wanted) {
    uint64_t known = BOT4_READ(&ring->limit) - tail;
    if (BOT4_UNLIKELY(known < wanted)) {
        uint64_t held = tail - BOT4_LOAD(&ring->head, BOT4_ACQUIRE); /* pairs with (C) */
        uint64_t most = wanted < BOT4_STRIDE ? BOT4_STRIDE : wanted;
        known = ring->capacity - held;
        if (known > most) known = most;
        BOT4_WRITE(&ring->limit, tail + known);
        if (held > BOT4_LOAD(&ring->high_water, BOT4_RELAXED)) BOT4_STORE(&ring->high_water, held, BOT4_RELAXED);
    }
    return known;
}

/* Producer: the record into the slot of ticket `at`, then its sequence. */
static inline void BOT4_FN(_publish)(BOT4_RING_NAME *ring, uint64_t at, const BOT4_RING_RECORD *record) {
    BOT4_SLOT *slot = &ring->slots[at & ring->mask];
#ifdef BOT4_PLANT_EARLY_PUBLISH
    BOT4_STORE(&slot->sequence, at + 1, BOT4_RELEASE);
    BOT4_PLANT_WINDOW(at);
#endif
    BOT4_RING_IN(&slot->record, record);
    BOT4_STORE(&slot->sequence, at + 1, BOT4_PUBLISH); /* (P): the record before its sequence */
}

/* Consumer: the record of ticket `at`, if it is there. The line it starts on is asked for before the answer is known:
 * both lines then travel at the same time, and a core that looks again and again does not speculate past the answer. */
static inline int BOT4_FN(_take)(BOT4_RING_NAME *ring, uint64_t at, BOT4_RING_RECORD *record) {
    BOT4_SLOT *slot = &ring->slots[at & ring->mask];
    BOT4_PREFETCH(slot);
    if (BOT4_LOAD(&slot->sequence, BOT4_ACQUIRE) != at + 1) return 0; /* pairs with (P) */
    BOT4_RING_OUT(record, &slot->record);
    return 1;
}

/* Push one record; 0 when full, without counting it as rejected: a caller that waits tries many times. */
static inline int BOT4_FN(_offer)(BOT4_RING_NAME *ring, const BOT4_RING_RECORD *record) {
    uint64_t tail = BOT4_LOAD(&ring->tail, BOT4_RELAXED); /* our own index */
    if (BOT4_UNLIKELY(BOT4_FN(_room)(ring, tail, 1) == 0)) return 0;
    BOT4_STORE(&ring->tail, tail + 1, BOT4_RELAXED);
    BOT4_FN(_publish)(ring, tail, record);
    return 1;
}

/* Producer: `count` records found the ring full. */
static inline void BOT4_FN(_reject)(BOT4_RING_NAME *ring, uint64_t count) {
    BOT4_BUMP(&ring->rejected, count);
    BOT4_STORE(&ring->high_water, ring->capacity, BOT4_RELAXED);
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
    if (!BOT4_FN(_take)(ring, head, record)) return 0;
    BOT4_STORE(&ring->head, head + 1, BOT4_GIVE_BACK); /* (C): the read before the slot is given back */
    return 1;
}

/* Push up to `count` records, oldest first; returns how many fitted, rejects nothing. They can be popped one by one as
 * they are written. */
static inline size_t BOT4_FN(_offer_batch)(BOT4_RING_NAME *ring, const BOT4_RING_RECORD *records, size_t count) {
    uint64_t tail = BOT4_LOAD(&ring->tail, BOT4_RELAXED);
    uint64_t room = BOT4_FN(_room)(ring, tail, count);
    size_t pushed = count < room ? count : (size_t)room;
    size_t i;
    if (pushed) BOT4_STORE(&ring->tail, tail + pushed, BOT4_RELAXED);
    for (i = 0; i < pushed; i++) BOT4_FN(_publish)(ring, tail + i, &records[i]);
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
    size_t popped = 0;
    while (popped < count && BOT4_FN(_take)(ring, head + popped, &records[popped])) popped++;
    if (popped == 0) return 0;
    BOT4_STORE(&ring->head, head + popped, BOT4_GIVE_BACK); /* (C) */
    return popped;
}

/* Records held; exact for either side while the other rests, else a moment's view. `head` is read first: read last,
 * it could overtake the tail already read and the difference would wrap. */
static inline uint64_t BOT4_FN(_size)(BOT4_RING_NAME *ring) {
    uint64_t head = BOT4_LOAD(&ring->head, BOT4_ACQUIRE);
    uint64_t held = BOT4_LOAD(&ring->tail, BOT4_ACQUIRE) - head;
    return held < ring->capacity ? held : ring->capacity;
}

/* What a waiting consumer looks at: its next slot, for a record counted in `tail` may not be written yet. */
static inline int BOT4_FN(_is_readable)(BOT4_RING_NAME *ring) {
    uint64_t head = BOT4_LOAD(&ring->head, BOT4_RELAXED);
    return BOT4_LOAD(&ring->slots[head & ring->mask].sequence, BOT4_ACQUIRE) == head + 1;
}
/* What a waiting producer looks at. */
static inline int BOT4_FN(_is_writable)(BOT4_RING_NAME *ring) { return BOT4_FN(_size)(ring) < ring->capacity; }

static inline uint64_t BOT4_FN(_pushed)(BOT4_RING_NAME *ring) { return BOT4_LOAD(&ring->tail, BOT4_RELAXED); }
static inline uint64_t BOT4_FN(_popped)(BOT4_RING_NAME *ring) { return BOT4_LOAD(&ring->head, BOT4_RELAXED); }
static inline uint64_t BOT4_FN(_rejected)(BOT4_RING_NAME *ring) { return BOT4_LOAD(&ring->rejected, BOT4_RELAXED); }

/* The largest backlog the producer saw when it looked. The true peak may lie higher between two looks; a ring that ever
 * refused a record shows its capacity. */
static inline uint64_t BOT4_FN(_high_water)(BOT4_RING_NAME *ring) {
    return BOT4_LOAD(&ring->high_water, BOT4_RELAXED);
}

#ifndef BOT4_MODEL_RELACY
/* One block: the ring, then its slots. NULL when memory is out. */
static inline BOT4_RING_NAME *BOT4_FN(_new)(size_t capacity) {
    BOT4_RING_NAME *ring = (BOT4_RING_NAME *)bot4_aligned_zalloc(
        sizeof(BOT4_RING_NAME) + capacity * sizeof(BOT4_SLOT));
    if (ring) BOT4_FN(_init)(ring, (BOT4_SLOT *)(ring + 1), capacity);
    return ring;
}
static inline void BOT4_FN(_free)(BOT4_RING_NAME *ring) { free(ring); }
#endif

#undef BOT4_GIVE_BACK
#undef BOT4_PUBLISH
#undef BOT4_STRIDE
#undef BOT4_SLOT
#undef BOT4_FN
#undef BOT4_RING_NAME
#undef BOT4_RING_RECORD
#undef BOT4_RING_IN
#undef BOT4_RING_OUT
