/* Atomics with explicit memory order, one spelling for the build and for the model checker.
 *
 * In the build BOT4_LOAD and its kin are the compiler's __atomic_* builtins on plain C types. Under
 * BOT4_MODEL_RELACY the same lines become relacy's instrumented types, so that what is verified is what runs.
 * Plain data shared between threads is a BOT4_VAR, touched only by BOT4_READ and BOT4_WRITE: an ordinary load or
 * store in the build, and a checked access in the model, where two unordered ones are reported as a data race.
 *
 * There is no stand-alone fence here and there must not be one: ThreadSanitizer cannot follow fences, so every order
 * hangs on an access. Where a store-load barrier is needed (see waiter.h) it is a read-modify-write.
 *
 * All arguments called `p` are addresses. Every order is written out at the call.
 */
#ifndef BOT4_ATOMICS_H
#define BOT4_ATOMICS_H

#include <stddef.h>
#include <stdint.h>

#ifndef BOT4_CACHE_LINE
#define BOT4_CACHE_LINE 64
#endif

#define BOT4_JOIN_(a, b) a##b
#define BOT4_JOIN(a, b) BOT4_JOIN_(a, b)

#define BOT4_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define BOT4_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

#ifdef BOT4_MODEL_RELACY

#include <relacy/relacy_std.hpp>

#define BOT4_ATOMIC(T) rl::atomic<T>
#define BOT4_VAR(T) rl::var<T>
#define BOT4_ALIGNED

#define BOT4_RELAXED rl::mo_relaxed
#define BOT4_ACQUIRE rl::mo_acquire
#define BOT4_RELEASE rl::mo_release
#define BOT4_ACQ_REL rl::mo_acq_rel
#define BOT4_SEQ_CST rl::mo_seq_cst

#define BOT4_LOAD(p, order) ((p)->load(order, $))
#define BOT4_STORE(p, value, order) ((p)->store(value, order, $))
#define BOT4_EXCHANGE(p, value, order) ((p)->exchange(value, order, $))
#define BOT4_FETCH_ADD(p, value, order) ((p)->fetch_add(value, order, $))
#define BOT4_CAS(p, expected, value, success, failure) \
    ((p)->compare_exchange_strong(*(expected), value, success, $, failure, $))
#define BOT4_CAS_STRONG(p, expected, value, success, failure) \
    ((p)->compare_exchange_strong(*(expected), value, success, $, failure, $))
#define BOT4_READ(p) ((*(p))($).load())
#define BOT4_WRITE(p, value) ((*(p))($).store(value))

#define BOT4_ANY_WORD uint64_t
#define BOT4_PREFETCH(p) ((void)0)
#define BOT4_PAUSE() rl::yield(1, $)
#define BOT4_YIELD() rl::yield(1, $)

#else

#include <sched.h>

#define BOT4_ATOMIC(T) T
#define BOT4_VAR(T) T
#define BOT4_ALIGNED __attribute__((aligned(BOT4_CACHE_LINE)))

#define BOT4_RELAXED __ATOMIC_RELAXED
#define BOT4_ACQUIRE __ATOMIC_ACQUIRE
#define BOT4_RELEASE __ATOMIC_RELEASE
#define BOT4_ACQ_REL __ATOMIC_ACQ_REL
#define BOT4_SEQ_CST __ATOMIC_SEQ_CST

#define BOT4_LOAD(p, order) __atomic_load_n((p), (order))
#define BOT4_STORE(p, value, order) __atomic_store_n((p), (value), (order))
#define BOT4_EXCHANGE(p, value, order) __atomic_exchange_n((p), (value), (order))
#define BOT4_FETCH_ADD(p, value, order) __atomic_fetch_add((p), (value), (order))
/* Weak: may fail without a reason, so it belongs in a loop. The strong one is for a single try. */
#define BOT4_CAS(p, expected, value, success, failure) \
    __atomic_compare_exchange_n((p), (expected), (value), 1, (success), (failure))
#define BOT4_CAS_STRONG(p, expected, value, success, failure) \
    __atomic_compare_exchange_n((p), (expected), (value), 0, (success), (failure))
#define BOT4_READ(p) (*(p))
#define BOT4_WRITE(p, value) (*(p) = (value))

/* Asks for a line before it is needed; no access as far as orders go. */
#define BOT4_PREFETCH(p) __builtin_prefetch(p)
/* Tells the core that this is a wait: saves power and lets the other hyper-thread run. */
#if defined(__x86_64__) || defined(__i386__)
#define BOT4_PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define BOT4_PAUSE() __asm__ __volatile__("isb" ::: "memory")
#else
#define BOT4_PAUSE() ((void)0)
#endif
#define BOT4_YIELD() ((void)sched_yield())

#endif

/* Opens the window of a planted fault: now and then the core is given away in the middle of it. Controls only. */
#define BOT4_PLANT_WINDOW(ticket) \
    do {                          \
        if (((ticket) & 31) == 0) BOT4_YIELD(); \
    } while (0)

#ifndef BOT4_MODEL_RELACY
/* Copies one line word by word, and the compiler may not join the words: a record just filled by stores of 8 bytes would
 * stall a vector load that spans them (measured: 9 ns for push and pop of an event, against 4 this way). Plain accesses
 * otherwise; ThreadSanitizer sees a race here as anywhere. */
typedef uint64_t __attribute__((may_alias)) bot4_any_word; /* a word of any record */
#define BOT4_ANY_WORD bot4_any_word
static inline void bot4_copy_line(void *to, const void *from) {
    volatile bot4_any_word *target = (volatile bot4_any_word *)to;
    const volatile bot4_any_word *source = (const volatile bot4_any_word *)from;
    bot4_any_word a = source[0], b = source[1], c = source[2], d = source[3];
    bot4_any_word e = source[4], f = source[5], g = source[6], h = source[7];
    target[0] = a;
    target[1] = b;
    target[2] = c;
    target[3] = d;
    target[4] = e;
    target[5] = f;
    target[6] = g;
    target[7] = h;
}
#define BOT4_LINE_IN(slot, record) bot4_copy_line((slot), (record))
#define BOT4_LINE_OUT(record, slot) bot4_copy_line((record), (slot))
#endif

/* A counter with one writer that other threads may read: no lock prefix, and no race either. */
#define BOT4_BUMP(p, by) BOT4_STORE((p), BOT4_LOAD((p), BOT4_RELAXED) + (by), BOT4_RELAXED)
#define BOT4_COUNT(p) BOT4_LOAD((p), BOT4_RELAXED)

#endif
