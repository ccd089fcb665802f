/* Bounded many-producer many-consumer ring with a sequence in every slot (Vyukov's design): body of mpmc_ring.h.
 *
 * Included once per record type, as spsc_template.h is. Any number of threads may call anything here.
 *
 * The life of the slot that serves ticket t (t & mask): sequence == t: free for the producer that claims t;
 * sequence == t + 1: holds record t; sequence == t + capacity: free again, for ticket t + capacity.
 *
 * Why it holds.
 *   (T) A ticket is claimed by one compare-and-swap on `tail` (or `head`), so it has one owner. RELAXED is enough: the
 *       ticket carries no data, the slot's sequence does.
 *   (P) The producer writes the record, then stores sequence = t + 1 with RELEASE; the consumer loads it with ACQUIRE
 *       before it claims ticket t, and so sees the record complete.
 *   (C) The consumer reads the record, then stores sequence = t + capacity with RELEASE; the producer of ticket
 *       t + capacity loads it with ACQUIRE before it claims, so its write comes after that read.
 * A batch claims k tickets with one swap after it saw k free (or k full) slots in a row: a slot seen free for ticket
 * t + i stays free until that ticket is claimed, and the swap succeeds only if nobody claimed any since.
 *
 * What it does not promise: a thread that stops between its claim and its publish hides the records behind it (they
 * look "empty"), and a stopped consumer makes the ring look full one lap later. Nobody is corrupted; who waits must
 * spin a bounded count and then yield, which waiter.h does.
 *
 * Planted faults, for the controls only: BOT4_PLANT_RELAXED_PUBLISH, BOT4_PLANT_RELAXED_RELEASE,
 * BOT4_PLANT_EARLY_PUBLISH as in spsc_template.h, and BOT4_PLANT_UNCLAIMED_TICKET: a store in place of the swap (T).
 */
#include "bot4/atomics.h"

#define BOT4_FN(suffix) BOT4_JOIN(BOT4_RING_NAME, suffix)
#ifndef BOT4_RING_IN
#define BOT4_RING_IN(slot, record) BOT4_WRITE((slot), *(record))
#define BOT4_RING_OUT(record, slot) (*(record) = BOT4_READ(slot))
#endif
#define BOT4_SLOT BOT4_FN(_slot)

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
#ifdef BOT4_PLANT_UNCLAIMED_TICKET
#define BOT4_CLAIM(p, expected, value) (BOT4_STORE((p), (value), BOT4_RELAXED), 1)
#else
#define BOT4_CLAIM(p, expected, value) BOT4_CAS((p), (expected), (value), BOT4_RELAXED, BOT4_RELAXED) /* (T) */
#endif

/* An event and its sequence take two lines, so that no record straddles one and no two slots share one; words lie
 * four to a line. */
typedef struct {
    BOT4_ATOMIC(uint64_t) sequence;
    BOT4_RING_RECORD_ALIGNED BOT4_VAR(BOT4_RING_RECORD) record;
} BOT4_SLOT;

typedef struct {
    BOT4_ALIGNED BOT4_ATOMIC(uint64_t) tail; /* tickets claimed by producers: records ever pushed */
    BOT4_ALIGNED BOT4_SLOT *slots;           /* set once before any thread starts */
    uint64_t capacity;
    uint64_t mask;
    BOT4_ALIGNED BOT4_ATOMIC(uint64_t) head; /* tickets claimed by consumers: records ever popped */
    BOT4_ALIGNED BOT4_ATOMIC(uint64_t) rejected;
    BOT4_ATOMIC(uint64_t) high_water;
} BOT4_RING_NAME;

/* `slots` holds `capacity` slots, a power of two of at least 2: with one slot "free for t + 1" and "holds t" would be
 * the same number. */
static inline void BOT4_FN(_init)(BOT4_RING_NAME *ring, BOT4_SLOT *slots, uint64_t capacity) {
    uint64_t i;
    ring->slots = slots;
    ring->capacity = capacity;
    ring->mask = capacity - 1;
    for (i = 0; i < capacity; i++) BOT4_STORE(&slots[i].sequence, i, BOT4_RELAXED);
    BOT4_STORE(&ring->tail, 0, BOT4_RELAXED);
    BOT4_STORE(&ring->head, 0, BOT4_RELAXED);
    BOT4_STORE(&ring->rejected, 0, BOT4_RELAXED);
    BOT4_STORE(&ring->high_water, 0, BOT4_RELAXED);
}

/* Records held, a moment's view. `head` is read first, so that the difference cannot go below zero. */
static inline uint64_t BOT4_FN(_size)(BOT4_RING_NAME *ring) {
    uint64_t head = BOT4_LOAD(&ring->head, BOT4_ACQUIRE);
    uint64_t held = BOT4_LOAD(&ring->tail, BOT4_ACQUIRE) - head;
    return held < ring->capacity ? held : ring->capacity;
}

/* Only now and then: a look at `head` on every push would bring the consumers' line into every producer. */
static inline void BOT4_FN(_sample_high_water)(BOT4_RING_NAME *ring) {
    uint64_t held = BOT4_FN(_size)(ring);
    if (held > BOT4_LOAD(&ring->high_water, BOT4_RELAXED)) BOT4_STORE(&ring->high_water, held, BOT4_RELAXED);
}

/* Claim up to `wanted` tickets whose slots in a row are ready: sequence == ticket + `lead` (0: free for a producer,
 * 1: full for a consumer). Returns how many, the first of them in *first; 0: the next slot is not ready. */
static inline uint64_t BOT4_FN(_claim)(
    BOT4_RING_NAME *ring, BOT4_ATOMIC(uint64_t) * index, uint64_t lead, uint64_t wanted, uint64_t *first) {
    uint64_t ticket = BOT4_LOAD(index, BOT4_RELAXED);
    for (;;) {
        uint64_t ready = 0;
        int64_t lag = 0;
        while (ready < wanted) {
            BOT4_SLOT *slot = &ring->slots[(ticket + ready) & ring->mask];
            lag = (int64_t)(BOT4_LOAD(&slot->sequence, BOT4_ACQUIRE) - (ticket + ready + lead)); /* (P) or (C) */
            if (lag != 0) break;
            ready++;
        }
        if (BOT4_LIKELY(ready > 0)) {
            if (BOT4_LIKELY(BOT4_CLAIM(index, &ticket, ticket + ready))) {
                *first = ticket;
                return ready;
            }
        } else if (lag < 0) {
            return 0;
        } else {
            ticket = BOT4_LOAD(index, BOT4_RELAXED); /* another thread took this ticket: ours is old */
        }
    }
}

/* Push up to `count` records; returns how many found a free slot in a row, rejects nothing. The records of one call
 * are neighbours in the ring and stay in order. */
static inline size_t BOT4_FN(_offer_batch)(BOT4_RING_NAME *ring, const BOT4_RING_RECORD *records, size_t count) {
    uint64_t ticket, i, claimed = 0;
    if (count) claimed = BOT4_FN(_claim)(ring, &ring->tail, 0, count, &ticket);
    if (BOT4_UNLIKELY(claimed == 0)) return 0;
    for (i = 0; i < claimed; i++) {
        BOT4_SLOT *slot = &ring->slots[(ticket + i) & ring->mask];
#ifdef BOT4_PLANT_EARLY_PUBLISH
        BOT4_STORE(&slot->sequence, ticket + i + 1, BOT4_RELEASE);
        BOT4_PLANT_WINDOW(ticket + i);
        BOT4_RING_IN(&slot->record, &records[i]);
#else
        BOT4_RING_IN(&slot->record, &records[i]);
        BOT4_STORE(&slot->sequence, ticket + i + 1, BOT4_PUBLISH); /* (P): the record before its sequence */
#endif
    }
    if (BOT4_UNLIKELY((ticket & 63) < claimed)) BOT4_FN(_sample_high_water)(ring);
    return (size_t)claimed;
}

/* Push one record; 0 when full, not counted as rejected. */
static inline int BOT4_FN(_offer)(BOT4_RING_NAME *ring, const BOT4_RING_RECORD *record) {
    return (int)BOT4_FN(_offer_batch)(ring, record, 1);
}

/* Push up to `count` records; what did not fit counts as rejected. */
static inline size_t BOT4_FN(_push_batch)(BOT4_RING_NAME *ring, const BOT4_RING_RECORD *records, size_t count) {
    size_t pushed = BOT4_FN(_offer_batch)(ring, records, count);
    if (BOT4_UNLIKELY(pushed < count)) {
        BOT4_FETCH_ADD(&ring->rejected, count - pushed, BOT4_RELAXED);
        BOT4_FN(_sample_high_water)(ring);
    }
    return pushed;
}

/* Push one record; 0 when full, counted as rejected. */
static inline int BOT4_FN(_try_push)(BOT4_RING_NAME *ring, const BOT4_RING_RECORD *record) {
    return (int)BOT4_FN(_push_batch)(ring, record, 1);
}

/* Pop up to `count` records that lie in a row at the front; returns how many. */
static inline size_t BOT4_FN(_pop_batch)(BOT4_RING_NAME *ring, BOT4_RING_RECORD *records, size_t count) {
    uint64_t ticket, i, claimed = 0;
    if (count) claimed = BOT4_FN(_claim)(ring, &ring->head, 1, count, &ticket);
    for (i = 0; i < claimed; i++) {
        BOT4_SLOT *slot = &ring->slots[(ticket + i) & ring->mask];
        BOT4_RING_OUT(&records[i], &slot->record);
        /* (C): the read before the slot is given back, for the ticket one lap on */
        BOT4_STORE(&slot->sequence, ticket + i + ring->capacity, BOT4_GIVE_BACK);
    }
    return (size_t)claimed;
}

/* Pop the oldest record; 0 when there is none (or when its producer has not finished it). */
static inline int BOT4_FN(_try_pop)(BOT4_RING_NAME *ring, BOT4_RING_RECORD *record) {
    return (int)BOT4_FN(_pop_batch)(ring, record, 1);
}

/* What a waiting consumer or producer looks at: the next slot, not the count, for a record claimed and not yet
 * published cannot be popped. A ticket that another thread takes meanwhile counts as ready: try again. */
static inline int BOT4_FN(_is_readable)(BOT4_RING_NAME *ring) {
    uint64_t ticket = BOT4_LOAD(&ring->head, BOT4_ACQUIRE);
    return (int64_t)(BOT4_LOAD(&ring->slots[ticket & ring->mask].sequence, BOT4_ACQUIRE) - (ticket + 1)) >= 0;
}
static inline int BOT4_FN(_is_writable)(BOT4_RING_NAME *ring) {
    uint64_t ticket = BOT4_LOAD(&ring->tail, BOT4_ACQUIRE);
    return (int64_t)(BOT4_LOAD(&ring->slots[ticket & ring->mask].sequence, BOT4_ACQUIRE) - ticket) >= 0;
}

static inline uint64_t BOT4_FN(_pushed)(BOT4_RING_NAME *ring) { return BOT4_LOAD(&ring->tail, BOT4_RELAXED); }
static inline uint64_t BOT4_FN(_popped)(BOT4_RING_NAME *ring) { return BOT4_LOAD(&ring->head, BOT4_RELAXED); }
static inline uint64_t BOT4_FN(_rejected)(BOT4_RING_NAME *ring) { return BOT4_LOAD(&ring->rejected, BOT4_RELAXED); }

/* Largest backlog sampled: at every 64th ticket and at every rejection. */
static inline uint64_t BOT4_FN(_high_water)(BOT4_RING_NAME *ring) {
    return BOT4_LOAD(&ring->high_water, BOT4_RELAXED);
}

#ifndef BOT4_MODEL_RELACY
/* One block: the ring, then its slots. NULL when memory is out. */
static inline BOT4_RING_NAME *BOT4_FN(_new)(size_t capacity) {
    BOT4_RING_NAME *ring =
        (BOT4_RING_NAME *)bot4_aligned_zalloc(sizeof(BOT4_RING_NAME) + capacity * sizeof(BOT4_SLOT));
    if (ring) BOT4_FN(_init)(ring, (BOT4_SLOT *)(ring + 1), capacity);
    return ring;
}
static inline void BOT4_FN(_free)(BOT4_RING_NAME *ring) { free(ring); }
#endif

#undef BOT4_CLAIM
#undef BOT4_GIVE_BACK
#undef BOT4_PUBLISH
#undef BOT4_SLOT
#undef BOT4_FN
#undef BOT4_RING_RECORD_ALIGNED
#undef BOT4_RING_NAME
#undef BOT4_RING_RECORD
#undef BOT4_RING_IN
#undef BOT4_RING_OUT
