/* The controls of ci/sanitize.sh: one fault a function, each of which the sanitizer of its mode must report. */
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static long shared;

static void *add(void *rounds) {
    for (long i = 0; i < (long)rounds; i++) shared++;
    return NULL;
}

void race(void) {
    pthread_t other;
    if (pthread_create(&other, NULL, add, (void *)10000L)) return;
    add((void *)10000L);
    pthread_join(other, NULL);
}

void heap_overflow(void) {
    volatile size_t bytes = 16;
    char *block = malloc(bytes);
    if (block) block[bytes] = 1;
    free(block);
}

void signed_overflow(void) {
    volatile int number = INT_MAX;
    number = number + 1;
}

void leak(void) {
    for (int i = 0; i < 10; i++) {
        char *volatile block = malloc(1000);
        if (block) memset(block, 1, 1000);
    }
}
