/* References of the risk benchmarks: the same work cut to its core, in plain C. Each returns nanoseconds in total. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static uint64_t word = 1u << 25 | 1;

/* One atomic load and one compare an operation. */
int64_t load_and_compare(uint64_t *out, int64_t count) {
    int64_t start = now();
    for (int64_t i = 0; i < count; i++) {
        uint64_t seen = __atomic_load_n(&word, __ATOMIC_ACQUIRE);
        out[i] = (seen & 7) == 1 ? seen : 0;
    }
    return now() - start;
}

typedef struct {
    int64_t max_lots, max_position, position, reference, band_ppm, open, max_open, tokens;
    __int128 max_notional;
} six;

static six limits = {1000, 100000, 100, 1000000, 20000, 3, 20, 5, (__int128)1 << 60};

/* Six rules on integers: quantity, notional, position, band, open orders, tokens. */
int64_t six_rules(const int64_t *prices, const int64_t *lots, int32_t *out, int64_t count) {
    const six *volatile shared = &limits;
    const six *l = shared;
    int64_t start = now();
    for (int64_t i = 0; i < count; i++) {
        int64_t away = prices[i] - l->reference;
        int verdict = 0;
        if (lots[i] > l->max_lots) verdict = 1;
        else if ((__int128)prices[i] * lots[i] > l->max_notional) verdict = 2;
        else if (l->position + lots[i] > l->max_position) verdict = 3;
        else if ((__int128)(away < 0 ? -away : away) * 1000000 > (__int128)l->reference * l->band_ppm) verdict = 4;
        else if (l->open >= l->max_open) verdict = 5;
        else if (l->tokens < 1) verdict = 6;
        out[i] = verdict;
    }
    return now() - start;
}

/* A set of 64-bit FNV-1a hashes by linear probing: no ids, no time. Inserts every row, then looks it up. */
int64_t hash_set(const unsigned char *ids, int64_t count, int64_t capacity) {
    uint64_t *table = aligned_alloc(64, (size_t)capacity * 16), mask = (uint64_t)capacity * 2 - 1;
    int64_t found = 0;
    memset(table, 0, (size_t)capacity * 16);
    int64_t start = now();
    for (int turn = 0; turn < 2; turn++) {
        for (int64_t i = 0; i < count; i++) {
            uint64_t hash = 0xCBF29CE484222325ull;
            for (int k = 0; k < 36; k++) hash = (hash ^ ids[i * 36 + k]) * 0x100000001B3ull;
            uint64_t slot = hash & mask;
            while (table[slot] && table[slot] != hash) slot = (slot + 1) & mask;
            found += table[slot] == hash;
            table[slot] = hash;
        }
    }
    int64_t taken = now() - start;
    free(table);
    return found >= count ? taken : -1;
}

/* One comparison and one store an operation: the virtual-time form of a bucket. */
int64_t virtual_time(const int64_t *times, unsigned char *out, int64_t count) {
    int64_t due = 0, start = now();
    for (int64_t i = 0; i < count; i++) {
        int64_t from = due > times[i] ? due : times[i];
        out[i] = from - times[i] <= 2000000000;
        if (out[i]) due = from + 100000000;
    }
    return now() - start;
}
