/* How long a cache line takes to another thread and back: the floor under every ring's latency on this machine. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <time.h>

struct line {
    _Alignas(64) uint64_t turn;
    _Alignas(64) uint64_t rounds;
};

/* Spins a while, then yields: with one core only, pure spinning would burn whole time slices. */
static void await_turn(const uint64_t *turn, uint64_t wanted) {
    for (uint64_t spins = 0; __atomic_load_n(turn, __ATOMIC_ACQUIRE) != wanted; ++spins)
        if (spins > 20000) sched_yield();
}

static void *answer(void *argument) {
    struct line *line = argument;
    for (uint64_t i = 0; i < line->rounds; ++i) {
        await_turn(&line->turn, 2 * i + 1);
        __atomic_store_n(&line->turn, 2 * i + 2, __ATOMIC_RELEASE);
    }
    return NULL;
}

/* Mean nanoseconds a round trip, or -1 where no thread could be started. */
double line_round_trip_ns(uint64_t rounds) {
    struct line line = {0, rounds};
    struct timespec start, end;
    pthread_t other;
    if (pthread_create(&other, NULL, answer, &line)) return -1;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (uint64_t i = 0; i < rounds; ++i) {
        __atomic_store_n(&line.turn, 2 * i + 1, __ATOMIC_RELEASE);
        await_turn(&line.turn, 2 * i + 2);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    pthread_join(other, NULL);
    return ((end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec)) / rounds;
}
