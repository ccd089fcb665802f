/* Senders against one kill, on real threads, over the very header of the core.
 *
 * Prints three counts: orders that went out, trials in which at least one did, and FORBIDDEN ones: an order let out
 * although kill had returned before the step that let it out. With -DPLANT_SPLIT the check and the act are two steps.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "bot4/breaker.h"

enum { ROUNDS_MAX = 4000 };

static _Alignas(64) breaker_word word;
static _Alignas(64) atomic_int kill_returned;
static _Alignas(64) atomic_int ready;
static _Alignas(64) atomic_long sent;
static _Alignas(64) atomic_long forbidden;

static void *sender(void *unused) {
    (void)unused;
    atomic_fetch_add(&ready, 1);
    for (int round = 0; round < ROUNDS_MAX; round++) {
        uint64_t ticket = breaker_word_admit(&word);
        if (!ticket) break;
#ifdef PLANT_SPLIT
        int passes = breaker_word_readmit(&word, ticket, 0);
        sched_yield();
        int late = atomic_load(&kill_returned);
#else
        int late = atomic_load(&kill_returned);
        int passes = breaker_word_readmit(&word, ticket, 0);
#endif
        if (!passes) continue;
        atomic_fetch_add_explicit(&sent, 1, memory_order_relaxed);
        if (late) atomic_fetch_add(&forbidden, 1);
    }
    return NULL;
}

static void *killer(void *senders) {
    while (atomic_load(&ready) < *(int *)senders) sched_yield();
    breaker_word_kill(&word);
    atomic_store(&kill_returned, 1);
    return NULL;
}

int main(int argc, char **argv) {
    int senders = argc > 1 ? atoi(argv[1]) : 2, trials = argc > 2 ? atoi(argv[2]) : 1000;
    long trials_with_orders = 0;
    for (int trial = 0; trial < trials; trial++) {
        pthread_t threads[256], kill_thread;
        long before = atomic_load(&sent);
        word = BREAKER_GENERATION_ONE | BREAKER_WORD_CLOSED;
        atomic_store(&kill_returned, 0);
        atomic_store(&ready, 0);
        for (int i = 0; i < senders; i++) pthread_create(&threads[i], NULL, sender, NULL);
        pthread_create(&kill_thread, NULL, killer, &senders);
        for (int i = 0; i < senders; i++) pthread_join(threads[i], NULL);
        pthread_join(kill_thread, NULL);
        trials_with_orders += atomic_load(&sent) > before;
    }
    printf("%ld %ld %ld\n", atomic_load(&sent), trials_with_orders, atomic_load(&forbidden));
    return 0;
}
