/* What the memory room is measured against: a plain SPSC ring (cached indices, wrap by comparison), a ring under a mutex,
 * and the C library's malloc. */
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY 1024
#define SPINS 1024

typedef struct {
    uint64_t words[8];
} record;

static void backoff(uint64_t *looks) {
    if (++*looks < SPINS)
        __builtin_ia32_pause();
    else
        sched_yield();
}

/* The two rings differ in the type they carry and nothing else. One slot stays empty, so that full is not empty. */
#define PLAIN_RING(name, type)                                                                     \
    typedef struct {                                                                               \
        _Alignas(64) uint64_t write;                                                               \
        uint64_t read_seen;                                                                        \
        _Alignas(64) uint64_t read;                                                                \
        uint64_t write_seen;                                                                       \
        _Alignas(64) type slots[CAPACITY + 1];                                                     \
    } name;                                                                                        \
    void *name##_new(void) {                                                                       \
        void *ring = aligned_alloc(64, (sizeof(name) + 63) / 64 * 64);                             \
        if (ring) memset(ring, 0, sizeof(name));                                                   \
        return ring;                                                                               \
    }                                                                                              \
    static inline int name##_push(name *ring, const type *value) {                                 \
        uint64_t write = __atomic_load_n(&ring->write, __ATOMIC_RELAXED), next = write + 1;        \
        if (next == CAPACITY + 1) next = 0;                                                        \
        if (next == ring->read_seen) {                                                             \
            ring->read_seen = __atomic_load_n(&ring->read, __ATOMIC_ACQUIRE);                      \
            if (next == ring->read_seen) return 0;                                                 \
        }                                                                                          \
        ring->slots[write] = *value;                                                               \
        __atomic_store_n(&ring->write, next, __ATOMIC_RELEASE);                                    \
        return 1;                                                                                  \
    }                                                                                              \
    static inline int name##_pop(name *ring, type *value) {                                        \
        uint64_t read = __atomic_load_n(&ring->read, __ATOMIC_RELAXED), next = read + 1;           \
        if (read == ring->write_seen) {                                                            \
            ring->write_seen = __atomic_load_n(&ring->write, __ATOMIC_ACQUIRE);                    \
            if (read == ring->write_seen) return 0;                                                \
        }                                                                                          \
        *value = ring->slots[read];                                                                \
        if (next == CAPACITY + 1) next = 0;                                                        \
        __atomic_store_n(&ring->read, next, __ATOMIC_RELEASE);                                     \
        return 1;                                                                                  \
    }                                                                                              \
    void name##_send(name *ring, uint64_t n) {                                                     \
        type value;                                                                                \
        memset(&value, 0, sizeof value);                                                           \
        for (uint64_t i = 0; i < n; i++) {                                                         \
            uint64_t looks = 0;                                                                    \
            memcpy(&value, &i, sizeof i);                                                          \
            while (!name##_push(ring, &value)) backoff(&looks);                                    \
        }                                                                                          \
    }                                                                                              \
    uint64_t name##_receive(name *ring, uint64_t n) {                                              \
        type value;                                                                                \
        uint64_t sum = 0, word;                                                                    \
        for (uint64_t i = 0; i < n; i++) {                                                         \
            uint64_t looks = 0;                                                                    \
            while (!name##_pop(ring, &value)) backoff(&looks);                                     \
            memcpy(&word, &value, sizeof word);                                                    \
            sum += word;                                                                           \
        }                                                                                          \
        return sum;                                                                                \
    }                                                                                              \
    uint64_t name##_cycle(name *ring, uint64_t n) {                                                \
        type value, popped;                                                                        \
        uint64_t sum = 0, word;                                                                    \
        memset(&value, 0, sizeof value);                                                           \
        memset(&popped, 0, sizeof popped);                                                         \
        for (uint64_t i = 0; i < n; i++) {                                                         \
            memcpy(&value, &i, sizeof i);                                                          \
            name##_push(ring, &value);                                                             \
            name##_pop(ring, &popped);                                                             \
            memcpy(&word, &popped, sizeof word);                                                   \
            sum += word;                                                                           \
        }                                                                                          \
        return sum;                                                                                \
    }

PLAIN_RING(plain_words, uint64_t)
PLAIN_RING(plain_records, record)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Push and pop under a mutex each: what a queue costs without atomics. */
uint64_t locked_words_cycle(plain_words *ring, uint64_t n) {
    uint64_t sum = 0, word = 0;
    for (uint64_t i = 0; i < n; i++) {
        pthread_mutex_lock(&lock);
        plain_words_push(ring, &i);
        pthread_mutex_unlock(&lock);
        pthread_mutex_lock(&lock);
        plain_words_pop(ring, &word);
        pthread_mutex_unlock(&lock);
        sum += word;
    }
    return sum;
}

uint64_t locked_records_cycle(plain_records *ring, uint64_t n) {
    record value, popped;
    uint64_t sum = 0;
    memset(&value, 0, sizeof value);
    memset(&popped, 0, sizeof popped);
    for (uint64_t i = 0; i < n; i++) {
        value.words[0] = i;
        pthread_mutex_lock(&lock);
        plain_records_push(ring, &value);
        pthread_mutex_unlock(&lock);
        pthread_mutex_lock(&lock);
        plain_records_pop(ring, &popped);
        pthread_mutex_unlock(&lock);
        sum += popped.words[0];
    }
    return sum;
}

/* One block of 64 bytes, taken and given back. */
uint64_t malloc_hot(uint64_t n) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        void *volatile block = malloc(64);
        sum += (uint64_t)(uintptr_t)block & 1;
        free(block);
    }
    return sum;
}

/* `held` blocks taken, then all given back, until `n` were. */
uint64_t malloc_cold(uint64_t held, uint64_t n) {
    void **blocks = malloc(held * sizeof *blocks);
    uint64_t sum = 0;
    if (!blocks) return 1;
    for (uint64_t sweep = 0; sweep < n / held; sweep++) {
        for (uint64_t i = 0; i < held; i++) {
            blocks[i] = malloc(64);
            sum += (uint64_t)(uintptr_t)blocks[i] & 1;
        }
        for (uint64_t i = 0; i < held; i++) free(blocks[i]);
    }
    free(blocks);
    return sum;
}
