/* A cheap tick counter: the processor's where it counts at one rate on every core, CLOCK_MONOTONIC elsewhere.
 *
 * Each compile unit asks the processor once and keeps the answer; all units of one process get the same answer, so
 * ticks read in one module may be compared with ticks read in another.
 */
#ifndef BOT4_TSC_H
#define BOT4_TSC_H

#include <stdint.h>
#include <time.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

enum { BOT4_TICKS_UNKNOWN = 0, BOT4_TICKS_CLOCK = 1, BOT4_TICKS_PROCESSOR = 2 };

static inline int64_t bot4_clock_ns(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int bot4_find_tick_source(void) {
#if defined(__x86_64__)
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    /* Leaf 0x80000007, EDX bit 8: the counter neither stops nor changes its rate with power states. */
    if (__get_cpuid(0x80000007u, &eax, &ebx, &ecx, &edx) && (edx & (1u << 8))) return BOT4_TICKS_PROCESSOR;
    return BOT4_TICKS_CLOCK;
#elif defined(__aarch64__)
    return BOT4_TICKS_PROCESSOR; /* the generic timer has one rate by the architecture's definition */
#else
    return BOT4_TICKS_CLOCK;
#endif
}

static int bot4_tick_source_here = BOT4_TICKS_UNKNOWN;

/* Relaxed: two threads that race here store the same value. */
static inline int bot4_tick_source(void) {
    int source = __atomic_load_n(&bot4_tick_source_here, __ATOMIC_RELAXED);
    if (__builtin_expect(source == BOT4_TICKS_UNKNOWN, 0)) {
        source = bot4_find_tick_source();
        __atomic_store_n(&bot4_tick_source_here, source, __ATOMIC_RELAXED);
    }
    return source;
}

/* Not a barrier: the processor may read the counter a few instructions early. Time batches, not single operations. */
static inline uint64_t bot4_tsc_now(void) {
    if (__builtin_expect(bot4_tick_source() == BOT4_TICKS_PROCESSOR, 1)) {
#if defined(__x86_64__)
        return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
        uint64_t ticks;
        __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
        return ticks;
#endif
    }
    return (uint64_t)bot4_clock_ns(CLOCK_MONOTONIC);
}

/* Ticks to nanoseconds by one 128-bit multiplication; `scale` is nanoseconds a tick in 2^-32 units. */
static inline int64_t bot4_scale_ticks(uint64_t ticks, uint64_t scale) {
    return (int64_t)(((unsigned __int128)ticks * scale) >> 32);
}

#endif
