/* Two threads on one ring, in short windows: round trips, and records sent one way.
 *
 * Both threads live through the whole run and walk the same list of contenders; before each window of a contender
 * stand two of the bare cache line (with pauses, without) and one of a bare slot each way, so that every figure has its own yardsticks taken
 * some ten microseconds earlier on the same cores. A neighbour that takes a core spoils one window, not the run. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bot4/mpmc_ring.h"
#include "bot4/spsc_ring.h"

#define CAPACITY 1024
#define TRIPS 200
#define RECORDS 10000
#define SPINS 20000 /* then yield: the other thread may need this very core */

typedef struct {
    void (*ping)(void);
    void (*echo)(void);
    void (*send)(void);
    void (*receive)(void);
} contender;

/* A pause at every look: without one the core runs ahead into looks to come, and is thrown back when the line changes
 * (some 25 ns a hop here). */
static inline void backoff(uint64_t *looks) {
    if (++*looks > SPINS)
        sched_yield();
    else
        BOT4_PAUSE();
}

/* The yardstick of throughput: indices on a line each, the other side's remembered, wrap by comparison. */
#define PLAIN_RING(name, type)                                                                                        \
    typedef struct {                                                                                                  \
        _Alignas(64) uint64_t write;                                                                                  \
        uint64_t read_seen;                                                                                           \
        _Alignas(64) uint64_t read;                                                                                   \
        uint64_t write_seen;                                                                                          \
        _Alignas(64) type slots[CAPACITY + 1];                                                                        \
    } name;                                                                                                           \
    static name *name##_new(size_t capacity) {                                                                        \
        (void)capacity;                                                                                               \
        return bot4_aligned_zalloc(sizeof(name));                                                                     \
    }                                                                                                                 \
    static inline int name##_offer(name *ring, const type *value) {                                                   \
        uint64_t write = __atomic_load_n(&ring->write, __ATOMIC_RELAXED), next = write + 1;                           \
        if (next == CAPACITY + 1) next = 0;                                                                           \
        if (next == ring->read_seen) {                                                                                \
            ring->read_seen = __atomic_load_n(&ring->read, __ATOMIC_ACQUIRE);                                         \
            if (next == ring->read_seen) return 0;                                                                    \
        }                                                                                                             \
        ring->slots[write] = *value;                                                                                  \
        __atomic_store_n(&ring->write, next, __ATOMIC_RELEASE);                                                       \
        return 1;                                                                                                     \
    }                                                                                                                 \
    static inline int name##_try_pop(name *ring, type *value) {                                                       \
        uint64_t read = __atomic_load_n(&ring->read, __ATOMIC_RELAXED), next = read + 1;                              \
        if (read == ring->write_seen) {                                                                               \
            ring->write_seen = __atomic_load_n(&ring->write, __ATOMIC_ACQUIRE);                                       \
            if (read == ring->write_seen) return 0;                                                                   \
        }                                                                                                             \
        *value = ring->slots[read];                                                                                   \
        if (next == CAPACITY + 1) next = 0;                                                                           \
        __atomic_store_n(&ring->read, next, __ATOMIC_RELEASE);                                                        \
        return 1;                                                                                                     \
    }

PLAIN_RING(plain_word, uint64_t)
PLAIN_RING(plain_event, bot4_event)

/* Its four loops; `there` and `back` are made once. A window one way ends when the receiver has said so. */
#define CONTENDER(ring, type)                                                                                         \
    static ring *ring##_there, *ring##_back;                                                                          \
    static inline void ring##_put(ring *to, const type *value) {                                                             \
        uint64_t looks = 0;                                                                                           \
        while (!ring##_offer(to, value)) backoff(&looks);                                                             \
    }                                                                                                                 \
    static inline void ring##_get(ring *from, type *value) {                                                                 \
        uint64_t looks = 0;                                                                                           \
        while (!ring##_try_pop(from, value)) backoff(&looks);                                                         \
    }                                                                                                                 \
    static void ring##_ping(void) {                                                                                   \
        type value;                                                                                                   \
        memset(&value, 0, sizeof value);                                                                              \
        for (int i = 0; i < TRIPS; i++) {                                                                             \
            ring##_put(ring##_there, &value);                                                                         \
            ring##_get(ring##_back, &value);                                                                          \
        }                                                                                                             \
    }                                                                                                                 \
    static void ring##_echo(void) {                                                                                   \
        type value;                                                                                                   \
        for (int i = 0; i < TRIPS; i++) {                                                                             \
            ring##_get(ring##_there, &value);                                                                         \
            ring##_put(ring##_back, &value);                                                                          \
        }                                                                                                             \
    }                                                                                                                 \
    static void ring##_send(void) {                                                                                   \
        type value;                                                                                                   \
        memset(&value, 0, sizeof value);                                                                              \
        for (uint64_t i = 0; i < RECORDS; i++) {                                                                      \
            memcpy(&value, &i, sizeof i);                                                                             \
            ring##_put(ring##_there, &value);                                                                         \
        }                                                                                                             \
        ring##_get(ring##_back, &value);                                                                              \
    }                                                                                                                 \
    static void ring##_receive(void) {                                                                                \
        type value;                                                                                                   \
        for (int i = 0; i < RECORDS; i++) ring##_get(ring##_there, &value);                                           \
        ring##_put(ring##_back, &value);                                                                              \
    }

CONTENDER(plain_word, uint64_t)
CONTENDER(plain_event, bot4_event)
CONTENDER(bot4_spsc_word, uint64_t)
CONTENDER(bot4_spsc_event, bot4_event)
CONTENDER(bot4_mpmc_word, uint64_t)

static struct {
    BOT4_ALIGNED uint64_t turn;
    BOT4_ALIGNED uint64_t pinged;
    BOT4_ALIGNED uint64_t echoed;
} line;

static inline void line_await(uint64_t wanted) {
    uint64_t looks = 0;
    while (__atomic_load_n(&line.turn, __ATOMIC_ACQUIRE) != wanted) backoff(&looks);
}
static void line_ping(void) {
    for (int i = 0; i < TRIPS; i++) {
        __atomic_store_n(&line.turn, line.pinged + 1, __ATOMIC_RELEASE);
        line_await(line.pinged += 2);
    }
}
static void line_echo(void) {
    for (int i = 0; i < TRIPS; i++) {
        line_await(line.echoed + 1);
        __atomic_store_n(&line.turn, line.echoed += 2, __ATOMIC_RELEASE);
    }
}

/* The same, looked at in a plain loop, as line_round_trip.c does. */
static inline void plain_await(uint64_t wanted) {
    for (uint64_t looks = 0; __atomic_load_n(&line.turn, __ATOMIC_ACQUIRE) != wanted; ++looks)
        if (looks > SPINS) sched_yield();
}
static void plain_line_ping(void) {
    for (int i = 0; i < TRIPS; i++) {
        __atomic_store_n(&line.turn, line.pinged + 1, __ATOMIC_RELEASE);
        plain_await(line.pinged += 2);
    }
}
static void plain_line_echo(void) {
    for (int i = 0; i < TRIPS; i++) {
        plain_await(line.echoed + 1);
        __atomic_store_n(&line.turn, line.echoed += 2, __ATOMIC_RELEASE);
    }
}

/* One line each way with its message in it, written by one side and looked at by the other, as a ring's slots are; no
 * ring is around it. On the bare line above the answer overwrites the question: whoever has read it holds it already. */
typedef struct {
    BOT4_ALIGNED uint64_t message[7];
    uint64_t sequence;
} bare_slot;
static bare_slot slot_there, slot_back;

static inline void slot_put(bare_slot *to, uint64_t sequence, const uint64_t *message) {
    for (int i = 0; i < 7; i++) to->message[i] = message[i];
    __atomic_store_n(&to->sequence, sequence, __ATOMIC_RELEASE);
}
static inline void slot_get(bare_slot *from, uint64_t sequence, uint64_t *message) {
    uint64_t looks = 0;
    while (__atomic_load_n(&from->sequence, __ATOMIC_ACQUIRE) != sequence) backoff(&looks);
    for (int i = 0; i < 7; i++) message[i] = from->message[i];
}
static void slot_ping(void) {
    static uint64_t sent;
    uint64_t message[7] = {0};
    for (int i = 0; i < TRIPS; i++) {
        slot_put(&slot_there, ++sent, message);
        slot_get(&slot_back, sent, message);
    }
}
static void slot_echo(void) {
    static uint64_t taken;
    uint64_t message[7];
    for (int i = 0; i < TRIPS; i++) {
        slot_get(&slot_there, ++taken, message);
        slot_put(&slot_back, taken, message);
    }
}

#define ENTRY(ring) {ring##_ping, ring##_echo, ring##_send, ring##_receive}
static const contender contenders[] = {ENTRY(plain_word), ENTRY(bot4_spsc_word), ENTRY(plain_event),
                                       ENTRY(bot4_spsc_event), ENTRY(bot4_mpmc_word)};
#define CONTENDERS ((int)(sizeof contenders / sizeof *contenders))

/* Where the two threads stay: cores 0 and 1, or wherever the system puts them. */
typedef struct {
    int rounds;
    int is_pinned;
} plan;

static void pin(const plan *to, int core) {
    cpu_set_t cores;
    if (!to->is_pinned) return;
    CPU_ZERO(&cores);
    CPU_SET(core, &cores);
    pthread_setaffinity_np(pthread_self(), sizeof cores, &cores);
}

static void *answer(void *argument) {
    const plan *to = argument;
    pin(to, 1);
    for (int round = 0; round < to->rounds; round++)
        for (int i = 0; i < CONTENDERS; i++) {
            line_echo();
            plain_line_echo();
            slot_echo();
            contenders[i].echo();
            contenders[i].receive();
        }
    return NULL;
}

static double now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e9 + now.tv_nsec;
}

int ring_pairs_contenders(void) { return CONTENDERS; }

/* Fills out[round][contender] = {round trip of the line, of a slot each way, of the ring, a record one way, round trip of
 * the line in a plain loop}, in nanoseconds; 0 where no thread or no memory could be had. The calling thread is left where it was. */
int ring_pairs(int rounds, int is_pinned, double *out) {
    plan to = {rounds, is_pinned};
    pthread_t other;
    cpu_set_t before;
    if (!plain_word_there) {
#define MAKE(ring) ((ring##_there = ring##_new(CAPACITY)) && (ring##_back = ring##_new(CAPACITY)))
        if (!(MAKE(plain_word) && MAKE(bot4_spsc_word) && MAKE(plain_event) && MAKE(bot4_spsc_event) &&
              MAKE(bot4_mpmc_word)))
            return 0;
    }
    pthread_getaffinity_np(pthread_self(), sizeof before, &before);
    pin(&to, 0);
    if (pthread_create(&other, NULL, answer, &to)) return 0;
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < CONTENDERS; i++, out += 5) {
            double start = now_ns(), after_line, after_plain, after_slots, after_trips;
            line_ping();
            after_line = now_ns();
            plain_line_ping();
            after_plain = now_ns();
            slot_ping();
            after_slots = now_ns();
            contenders[i].ping();
            after_trips = now_ns();
            contenders[i].send();
            out[3] = (now_ns() - after_trips) / RECORDS;
            out[2] = (after_trips - after_slots) / TRIPS;
            out[1] = (after_slots - after_plain) / TRIPS;
            out[4] = (after_plain - after_line) / TRIPS;
            out[0] = (after_line - start) / TRIPS;
        }
    pthread_join(other, NULL);
    pthread_setaffinity_np(pthread_self(), sizeof before, &before);
    return 1;
}
