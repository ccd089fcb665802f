/* Loops of the stress harness: many threads on one ring or pool, every record accounted for.
 *
 * Each producer sends the numbers 0 .. per_producer - 1 under its own id. Outcomes, for every record sent:
 *   ACCEPTABLE  taken exactly once, by one consumer, with every byte as sent, and after all records of the same
 *               producer that this consumer took before and that were sent earlier
 *   FORBIDDEN   lost (never taken), doubled (taken twice), reordered (a consumer sees a producer's numbers go down),
 *               torn (bytes of two records, or of none), stuck (a thread made no progress for `patience_ns`)
 * A `seen` byte per record, set by an atomic exchange, makes lost and doubled exact over all consumers.
 */
#ifndef BOT4_STRESS_H
#define BOT4_STRESS_H

#include "bot4/lossy_ring.h"
#include "bot4/object_pool.h"
#include "bot4/ring_wait.h"

#define BOT4_STRESS_BATCH_MOST 64
#define BOT4_STRESS_BUCKETS 512 /* latency: 8 steps to an octave of nanoseconds */
#define BOT4_STRESS_STAMP_EVERY 16
#define BOT4_STRESS_SPINS 64

typedef struct {
    uint64_t producers;
    uint64_t per_producer;
    uint64_t batch;       /* records a call, 1 to BOT4_STRESS_BATCH_MOST */
    int64_t patience_ns;
    bot4_waiter *records; /* both NULL: spin, then yield */
    bot4_waiter *room;
    uint8_t *seen;
    BOT4_ALIGNED BOT4_ATOMIC(uint64_t) ready; /* threads at the start line */
    BOT4_ATOMIC(uint64_t) go;
    BOT4_ALIGNED BOT4_ATOMIC(uint64_t) producers_done;
} bot4_stress;

/* One thread's tally; on lines of its own. */
typedef struct {
    BOT4_ALIGNED uint64_t moved;
    uint64_t doubled;
    uint64_t reordered;
    uint64_t torn;
    uint64_t stuck;
    int64_t begin_ns;
    int64_t end_ns;
    uint64_t *next; /* consumers: by producer, the least number that may come next */
    uint64_t latency[BOT4_STRESS_BUCKETS];
} bot4_stress_tally;

static inline uint64_t bot4_stress_key(uint64_t producer, uint64_t number) { return producer << 40 | number; }

static inline void bot4_stress_start(bot4_stress *stress, bot4_stress_tally *tally) {
    BOT4_FETCH_ADD(&stress->ready, 1, BOT4_ACQ_REL);
    while (!BOT4_LOAD(&stress->go, BOT4_ACQUIRE)) BOT4_YIELD();
    tally->begin_ns = bot4_waiter_now();
}

static inline uint64_t bot4_stress_at_start(const bot4_stress *stress) { return BOT4_LOAD(&stress->ready, BOT4_ACQUIRE); }
static inline void bot4_stress_go(bot4_stress *stress) { BOT4_STORE(&stress->go, 1, BOT4_RELEASE); }

/* Spin a bounded count, then yield; 0 when patience is at its end. */
static inline int bot4_stress_backoff(const bot4_stress *stress, uint32_t *fails, int64_t *since_ns) {
    if (++*fails % (BOT4_STRESS_SPINS + 1) != 0) {
        BOT4_PAUSE();
        return 1;
    }
    *fails = BOT4_STRESS_SPINS; /* from now on every look yields, until there is progress */
    BOT4_YIELD();
    if (*since_ns == 0) *since_ns = bot4_waiter_now();
    return bot4_waiter_now() - *since_ns < stress->patience_ns;
}

static inline int bot4_stress_bucket(int64_t ns) {
    uint64_t v = ns < 8 ? 8 : (uint64_t)ns;
    int octave = 63 - __builtin_clzll(v);
    int bucket = (octave - 3) * 8 + (int)((v >> (octave - 3)) & 7);
    return bucket < BOT4_STRESS_BUCKETS ? bucket : BOT4_STRESS_BUCKETS - 1;
}

static inline void bot4_stress_take(bot4_stress *stress, bot4_stress_tally *tally, uint64_t key) {
    uint64_t producer = key >> 40, number = key & ((1ull << 40) - 1);
    if (producer >= stress->producers || number >= stress->per_producer) {
        tally->torn++;
        return;
    }
    tally->moved++;
    tally->doubled += BOT4_EXCHANGE(&stress->seen[producer * stress->per_producer + number], 1, BOT4_RELAXED);
    tally->reordered += number < tally->next[producer];
    tally->next[producer] = number + 1;
}

/* A word carries its key; it cannot be torn, but it can be one never sent. */
static inline void bot4_stress_encode_word(uint64_t *word, uint64_t key, int64_t now_ns) {
    (void)now_ns;
    *word = key;
}
static inline void bot4_stress_decode_word(bot4_stress *stress, bot4_stress_tally *tally, const uint64_t *word) {
    bot4_stress_take(stress, tally, *word);
}

/* An event carries its key and seven words made from it, so that any mix of two events is seen. */
static inline void bot4_stress_encode_event(bot4_event *event, uint64_t key, int64_t now_ns) {
    int i;
    event->kind = 33;
    event->side = 0;
    event->flags = (uint16_t)key;
    event->instrument = (uint16_t)(key >> 40);
    event->reason = 0;
    event->venue_ns = (int64_t)key;
    event->recv_ns = now_ns;
    event->body.control.code = (int64_t)bot4_hash_mix(key, 0);
    event->body.control.value = (int64_t)bot4_hash_mix(key, 1);
    for (i = 0; i < 3; i++) event->body.control.reserved[i] = (int64_t)(key + (uint64_t)i * 0x9E3779B97F4A7C15ull);
}
static inline void bot4_stress_decode_event(bot4_stress *stress, bot4_stress_tally *tally, const bot4_event *event) {
    uint64_t key = (uint64_t)event->venue_ns;
    bot4_event expected;
    bot4_stress_encode_event(&expected, key, event->recv_ns);
    if (memcmp(&expected, event, sizeof expected) != 0) {
        tally->torn++;
        return;
    }
    if (event->recv_ns) tally->latency[bot4_stress_bucket(bot4_waiter_now() - event->recv_ns)]++;
    bot4_stress_take(stress, tally, key);
}

#define BOT4_RING_NAME bot4_spsc_event
#define BOT4_STRESS_KIND event
#define BOT4_STRESS_PARKS
#include "bot4/stress_template.h"
#define BOT4_RING_NAME bot4_spsc_word
#define BOT4_STRESS_KIND word
#define BOT4_STRESS_PARKS
#include "bot4/stress_template.h"
#define BOT4_RING_NAME bot4_mpmc_event
#define BOT4_STRESS_KIND event
#define BOT4_STRESS_PARKS
#include "bot4/stress_template.h"
#define BOT4_RING_NAME bot4_mpmc_word
#define BOT4_STRESS_KIND word
#define BOT4_STRESS_PARKS
#include "bot4/stress_template.h"

/* The controls: the same text with a planted fault, which the harness must catch. */
#define BOT4_PLANT_EARLY_PUBLISH
#define BOT4_RING_NAME bot4_planted_spsc_event
#define BOT4_RING_RECORD bot4_event
#define BOT4_RING_IN BOT4_LINE_IN
#define BOT4_RING_OUT BOT4_LINE_OUT
#include "bot4/spsc_template.h"
#define BOT4_RING_NAME bot4_planted_spsc_event
#define BOT4_STRESS_KIND event
#include "bot4/stress_template.h"
#define BOT4_RING_NAME bot4_planted_mpmc_event
#define BOT4_RING_RECORD bot4_event
#define BOT4_RING_IN BOT4_LINE_IN
#define BOT4_RING_OUT BOT4_LINE_OUT
#define BOT4_RING_RECORD_ALIGNED BOT4_ALIGNED
#include "bot4/mpmc_template.h"
#define BOT4_RING_NAME bot4_planted_mpmc_event
#define BOT4_STRESS_KIND event
#include "bot4/stress_template.h"
#define BOT4_RING_NAME bot4_planted_mpmc_word
#define BOT4_RING_RECORD uint64_t
#define BOT4_RING_RECORD_ALIGNED
#include "bot4/mpmc_template.h"
#undef BOT4_PLANT_EARLY_PUBLISH
#define BOT4_RING_NAME bot4_planted_mpmc_word
#define BOT4_STRESS_KIND word
#include "bot4/stress_template.h"

#define BOT4_PLANT_RELAXED_PUBLISH
#define BOT4_RING_NAME bot4_relaxed_spsc_event
#define BOT4_RING_RECORD bot4_event
#define BOT4_RING_IN BOT4_LINE_IN
#define BOT4_RING_OUT BOT4_LINE_OUT
#include "bot4/spsc_template.h"
#undef BOT4_PLANT_RELAXED_PUBLISH
#define BOT4_RING_NAME bot4_relaxed_spsc_event
#define BOT4_STRESS_KIND event
#include "bot4/stress_template.h"

#define BOT4_POOL_NAME bot4_planted_pool
#define BOT4_POOL_RING bot4_planted_mpmc_word
#include "bot4/pool_template.h"

#define BOT4_POOL_NAME bot4_pool
#include "bot4/stress_pool_template.h"
#define BOT4_POOL_NAME bot4_planted_pool
#include "bot4/stress_pool_template.h"

#define BOT4_RING_NAME bot4_lossy
#include "bot4/stress_lossy_template.h"
#define BOT4_PLANT_NO_SECOND_LOOK
#define BOT4_RING_NAME bot4_planted_lossy
#define BOT4_RING_WORDS 8
#include "bot4/lossy_template.h"
#undef BOT4_PLANT_NO_SECOND_LOOK
#define BOT4_RING_NAME bot4_planted_lossy
#include "bot4/stress_lossy_template.h"

typedef struct {
    const char *name;
    void *(*create)(size_t capacity); /* one block: free() ends it */
    void (*produce)(void *ring, bot4_stress *stress, bot4_stress_tally *tally, uint64_t producer);
    void (*consume)(void *ring, bot4_stress *stress, bot4_stress_tally *tally, uint64_t consumer);
} bot4_stress_kind;

#define BOT4_STRESS_ENTRY(label, ring) {label, ring##_stress_new, ring##_stress_produce, ring##_stress_consume}

static const bot4_stress_kind bot4_stress_kinds[] = {
    BOT4_STRESS_ENTRY("spsc_event", bot4_spsc_event),
    BOT4_STRESS_ENTRY("spsc_word", bot4_spsc_word),
    BOT4_STRESS_ENTRY("mpmc_event", bot4_mpmc_event),
    BOT4_STRESS_ENTRY("mpmc_word", bot4_mpmc_word),
    BOT4_STRESS_ENTRY("lossy", bot4_lossy),
    BOT4_STRESS_ENTRY("planted_spsc_event", bot4_planted_spsc_event),
    BOT4_STRESS_ENTRY("planted_mpmc_event", bot4_planted_mpmc_event),
    BOT4_STRESS_ENTRY("planted_mpmc_word", bot4_planted_mpmc_word),
    BOT4_STRESS_ENTRY("planted_lossy", bot4_planted_lossy),
    BOT4_STRESS_ENTRY("relaxed_spsc_event", bot4_relaxed_spsc_event),
    {NULL, NULL, NULL, NULL},
};

#endif
