/* Single-producer ring that drops its oldest records: body of lossy_ring.h.
 *
 * Included with BOT4_RING_NAME and BOT4_RING_WORDS (64-bit words of a record) defined.
 *
 * Drop-oldest cannot be had on the rings of spsc_ring.h: there the oldest slot belongs to the consumer, and a producer
 * that frees it may do so in the middle of a read. Here the producer takes no notice of any consumer. It overwrites,
 * wait-free, and each consumer finds out by the sequence in the slot that it was overtaken, and by how many records.
 * So the producer never waits for a stalled consumer, the loss is counted exactly and at its place in the stream, and
 * any number of consumers may read the same stream, each with its own cursor.
 *
 * Who may call: one producer thread calls _push; each cursor belongs to one consumer thread.
 *
 * Why it holds (a seqlock per slot, without fences). While record p is written its slot's sequence is 2p + 1, after
 * that 2p + 2. Words are atomics: a torn read must be detectable, so it must be defined.
 *   (W) The producer stores 2p + 1 (RELAXED), then every word with RELEASE; a consumer whose ACQUIRE load of a word
 *       returns the newer record therefore also sees that 2p + 1, or later, when it loads the sequence again: the two
 *       sequences differ and the copy is thrown away.
 *   (T) tail is stored with RELEASE after words and sequence, and loaded with ACQUIRE before them: a consumer that sees
 *       tail beyond p sees record p whole, or a newer one. So 2p + 2 itself may be RELAXED.
 * On x86 these are plain moves.
 *
 * Planted faults, for the controls only: BOT4_PLANT_RELAXED_WORDS breaks (W), BOT4_PLANT_RELAXED_PUBLISH breaks (T),
 * BOT4_PLANT_NO_SECOND_LOOK does not load the sequence again.
 */
#include "bot4/atomics.h"

#define BOT4_FN(suffix) BOT4_JOIN(BOT4_RING_NAME, suffix)
#define BOT4_SLOT BOT4_FN(_slot)

#ifdef BOT4_PLANT_RELAXED_WORDS
#define BOT4_WORD_STORE BOT4_RELAXED
#define BOT4_WORD_LOAD BOT4_RELAXED
#else
#define BOT4_WORD_STORE BOT4_RELEASE
#define BOT4_WORD_LOAD BOT4_ACQUIRE
#endif
#ifdef BOT4_PLANT_RELAXED_PUBLISH
#define BOT4_PUBLISH BOT4_RELAXED
#else
#define BOT4_PUBLISH BOT4_RELEASE
#endif

typedef struct {
    BOT4_ATOMIC(uint64_t) words[BOT4_RING_WORDS];
    BOT4_ATOMIC(uint64_t) sequence;
} BOT4_SLOT;

typedef struct {
    BOT4_ALIGNED BOT4_ATOMIC(uint64_t) tail; /* records ever pushed */
    BOT4_ALIGNED BOT4_SLOT *slots;
    uint64_t capacity;
    uint64_t mask;
} BOT4_RING_NAME;

/* One consumer's place in the stream; zeroed memory is the start. */
typedef struct {
    uint64_t position; /* next record to read */
    uint64_t popped;
    uint64_t dropped;  /* records overwritten before this consumer read them */
    uint64_t gaps;     /* times it was overtaken */
} BOT4_FN(_cursor);

static inline void BOT4_FN(_init)(BOT4_RING_NAME *ring, BOT4_SLOT *slots, uint64_t capacity) {
    uint64_t i;
    ring->slots = slots;
    ring->capacity = capacity;
    ring->mask = capacity - 1;
    for (i = 0; i < capacity; i++) BOT4_STORE(&slots[i].sequence, 0, BOT4_RELAXED);
    BOT4_STORE(&ring->tail, 0, BOT4_RELAXED);
}

/* Push one record over whatever lies there. Never fails, never waits. */
static inline void BOT4_FN(_push)(BOT4_RING_NAME *ring, const BOT4_ANY_WORD *words) {
    uint64_t tail = BOT4_LOAD(&ring->tail, BOT4_RELAXED); /* our own index */
    BOT4_SLOT *slot = &ring->slots[tail & ring->mask];
    int i;
    BOT4_STORE(&slot->sequence, 2 * tail + 1, BOT4_RELAXED);
    for (i = 0; i < BOT4_RING_WORDS; i++) BOT4_STORE(&slot->words[i], words[i], BOT4_WORD_STORE); /* (W) */
    BOT4_STORE(&slot->sequence, 2 * tail + 2, BOT4_RELAXED);
    BOT4_STORE(&ring->tail, tail + 1, BOT4_PUBLISH); /* (T): the record before the index */
}

/* Copy record `position`; 0 when it was overwritten before or during the copy. */
static inline int BOT4_FN(_copy)(BOT4_RING_NAME *ring, uint64_t position, BOT4_ANY_WORD *words) {
    BOT4_SLOT *slot = &ring->slots[position & ring->mask];
    int i;
    if (BOT4_LOAD(&slot->sequence, BOT4_RELAXED) != 2 * position + 2) return 0; /* the caller looked at (T) */
    for (i = 0; i < BOT4_RING_WORDS; i++) words[i] = BOT4_LOAD(&slot->words[i], BOT4_WORD_LOAD); /* pairs with (W) */
#ifdef BOT4_PLANT_NO_SECOND_LOOK
    BOT4_PLANT_WINDOW(position);
    words[BOT4_RING_WORDS - 1] = BOT4_LOAD(&slot->words[BOT4_RING_WORDS - 1], BOT4_WORD_LOAD);
    return 1;
#else
    return BOT4_LOAD(&slot->sequence, BOT4_RELAXED) == 2 * position + 2;
#endif
}

/* Pop the oldest record still there; 0 when there is none. *lost is how many records were dropped just before it.
 *
 * An overtaken consumer goes on at the oldest survivor; where the producer is quick enough to take that one too, it
 * steps twice as far ahead at each further try, so that it catches up instead of chasing. */
static inline int BOT4_FN(_try_pop)(
    BOT4_RING_NAME *ring, BOT4_FN(_cursor) * cursor, BOT4_ANY_WORD *words, uint64_t *lost) {
    uint64_t start = cursor->position;
    uint64_t position = start;
    uint64_t lead = 0;
    for (;;) {
        uint64_t tail = BOT4_LOAD(&ring->tail, BOT4_ACQUIRE); /* pairs with (T) */
        if (position == tail) return 0;                       /* only before any loss: lead stays below capacity */
        if (tail - position > ring->capacity - lead) position = tail - ring->capacity + lead;
        if (BOT4_LIKELY(BOT4_FN(_copy)(ring, position, words))) break;
        BOT4_PAUSE();
        lead = lead ? lead * 2 : 1;
        if (lead > ring->capacity / 2) lead = ring->capacity / 2;
    }
    *lost = position - start;
    cursor->dropped += position - start;
    cursor->gaps += position != start;
    cursor->popped += 1;
    cursor->position = position + 1;
    return 1;
}

static inline uint64_t BOT4_FN(_pushed)(BOT4_RING_NAME *ring) { return BOT4_LOAD(&ring->tail, BOT4_RELAXED); }

/* Records this consumer could still read. */
static inline uint64_t BOT4_FN(_size)(BOT4_RING_NAME *ring, const BOT4_FN(_cursor) * cursor) {
    uint64_t behind = BOT4_LOAD(&ring->tail, BOT4_ACQUIRE) - cursor->position;
    return behind < ring->capacity ? behind : ring->capacity;
}

#ifndef BOT4_MODEL_RELACY
static inline BOT4_RING_NAME *BOT4_FN(_new)(size_t capacity) {
    BOT4_RING_NAME *ring =
        (BOT4_RING_NAME *)bot4_aligned_zalloc(sizeof(BOT4_RING_NAME) + capacity * sizeof(BOT4_SLOT));
    if (ring) BOT4_FN(_init)(ring, (BOT4_SLOT *)(ring + 1), capacity);
    return ring;
}
static inline void BOT4_FN(_free)(BOT4_RING_NAME *ring) { free(ring); }
#endif

#undef BOT4_PUBLISH
#undef BOT4_WORD_LOAD
#undef BOT4_WORD_STORE
#undef BOT4_SLOT
#undef BOT4_FN
#undef BOT4_RING_NAME
#undef BOT4_RING_WORDS
