/* Wait strategies: spin, yield, park. A waiter is where threads (or an asyncio loop) sleep until a ring changes.
 *
 * A parked waiter sleeps on an eventfd in semaphore mode: one token wakes one sleeper. `sleepers` counts who has
 * announced itself and has not been given a token yet.
 *
 *   to sleep:   sleepers + 1;  look at the ring again;  still nothing: take a token (blocks)
 *               something there, or time is up: withdraw, sleepers - 1; if a waker was quicker, its token is ours
 *               and is taken, so that the count and the tokens always agree
 *   to wake:    after the publish: if sleepers > 0, sleepers - 1 and put a token
 *
 * Why no wake-up is lost. Every access to `sleepers` is a read-modify-write with ACQ_REL, so all of them stand in one
 * order and each synchronises with the one before. Either the waker's comes after the sleeper's announcement: it sees
 * the sleeper and puts a token. Or it comes before: then the sleeper's announcement synchronises with it, the publish
 * that preceded it is visible, and the second look at the ring finds it. A plain load in the waker would not do: it may
 * be satisfied before the publish leaves the store buffer (the Dekker pattern). That read-modify-write is the one
 * store-load barrier a notify costs; a waiter that does not park has none.
 *
 * Planted fault, for the controls only: BOT4_PLANT_PLAIN_NOTIFY loads `sleepers` instead.
 */
#ifndef BOT4_WAITER_H
#define BOT4_WAITER_H

#include "bot4/atomics.h"

enum { BOT4_WAIT_SPIN = 0, BOT4_WAIT_YIELD = 1, BOT4_WAIT_PARK = 2 };

typedef struct {
    BOT4_ALIGNED BOT4_ATOMIC(uint64_t) sleepers;
    BOT4_ALIGNED int strategy; /* BOT4_WAIT_* */
    int fd;                    /* eventfd, -1 unless parking */
    uint32_t spins;            /* looks with a pause in between before the first yield */
    uint32_t yields;           /* looks with a sched_yield in between before parking */
    BOT4_ATOMIC(uint64_t) parks; /* times a thread announced itself */
    BOT4_ATOMIC(uint64_t) wakes; /* tokens put */
} bot4_waiter;

static inline void bot4_waiter_announce(bot4_waiter *waiter) {
    BOT4_FETCH_ADD(&waiter->sleepers, 1, BOT4_ACQ_REL);
    BOT4_FETCH_ADD(&waiter->parks, 1, BOT4_RELAXED);
}

/* 1: withdrawn. 0: a waker has counted us already; its token is there or about to be, and must be taken. */
static inline int bot4_waiter_withdraw(bot4_waiter *waiter) {
    uint64_t sleepers = BOT4_LOAD(&waiter->sleepers, BOT4_RELAXED);
    while (sleepers > 0)
        if (BOT4_CAS(&waiter->sleepers, &sleepers, sleepers - 1, BOT4_ACQ_REL, BOT4_RELAXED)) return 1;
    return 0;
}

/* Waker: take up to `count` sleepers off the count; returns how many tokens to put. */
static inline uint64_t bot4_waiter_claim(bot4_waiter *waiter, uint64_t count) {
#ifdef BOT4_PLANT_PLAIN_NOTIFY
    uint64_t sleepers = BOT4_LOAD(&waiter->sleepers, BOT4_RELAXED);
#else
    uint64_t sleepers = BOT4_FETCH_ADD(&waiter->sleepers, 0, BOT4_ACQ_REL);
#endif
    while (sleepers > 0) {
        uint64_t woken = sleepers < count ? sleepers : count;
        if (BOT4_CAS(&waiter->sleepers, &sleepers, sleepers - woken, BOT4_ACQ_REL, BOT4_RELAXED)) return woken;
    }
    return 0;
}

#ifndef BOT4_MODEL_RELACY

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "bot4/types.h"

/* NULL with errno set when memory or file descriptors are out. */
static inline bot4_waiter *bot4_waiter_new(int strategy, uint32_t spins, uint32_t yields) {
    bot4_waiter *waiter = (bot4_waiter *)bot4_aligned_zalloc(sizeof(bot4_waiter));
    if (!waiter) {
        errno = ENOMEM;
        return NULL;
    }
    waiter->strategy = strategy;
    waiter->spins = spins;
    waiter->yields = yields;
    waiter->fd = -1;
    if (strategy == BOT4_WAIT_PARK) {
        waiter->fd = eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
        if (waiter->fd < 0) {
            int error = errno;
            free(waiter);
            errno = error;
            return NULL;
        }
    }
    return waiter;
}

static inline void bot4_waiter_free(bot4_waiter *waiter) {
    if (!waiter) return;
    if (waiter->fd >= 0) close(waiter->fd);
    free(waiter);
}

/* Wake up to `count` sleepers; call after the publish. Free of cost unless the strategy parks. */
static inline void bot4_waiter_notify_many(bot4_waiter *waiter, uint64_t count) {
    uint64_t tokens;
    if (waiter->strategy != BOT4_WAIT_PARK) return;
    tokens = bot4_waiter_claim(waiter, count);
    if (BOT4_LIKELY(tokens == 0)) return;
    BOT4_FETCH_ADD(&waiter->wakes, tokens, BOT4_RELAXED);
    while (write(waiter->fd, &tokens, sizeof tokens) < 0)
        BOT4_ASSERT(errno == EINTR); /* the counter cannot overflow: tokens never exceed the threads asleep */
}

static inline void bot4_waiter_notify(bot4_waiter *waiter) { bot4_waiter_notify_many(waiter, 1); }

/* Take a token without blocking; 0 when there is none. */
static inline int bot4_waiter_take_token(bot4_waiter *waiter) {
    uint64_t token;
    return read(waiter->fd, &token, sizeof token) == sizeof token;
}

static inline int64_t bot4_waiter_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now); /* determinism: how long a thread sleeps is no part of the state */
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* Block until a token is ours (1) or the deadline passed (0); deadline < 0 waits for ever. */
static inline int bot4_waiter_sleep(bot4_waiter *waiter, int64_t deadline_ns) {
    struct pollfd poller = {waiter->fd, POLLIN, 0};
    while (!bot4_waiter_take_token(waiter)) {
        struct timespec left, *limit = NULL;
        if (deadline_ns >= 0) {
            int64_t left_ns = deadline_ns - bot4_waiter_now();
            if (left_ns <= 0) return 0;
            left.tv_sec = left_ns / 1000000000LL;
            left.tv_nsec = left_ns % 1000000000LL;
            limit = &left;
        }
        ppoll(&poller, 1, limit, NULL);
    }
    return 1;
}

typedef int (*bot4_ready_fn)(void *context);

/* Wait until ready(context) is true (1) or `timeout_ns` passed (0); negative waits for ever, 0 looks once.
 *
 * Spin waits with pauses and gives its core away once every `spins` looks, for with more threads than cores the one
 * waited for may be off the core; yield does so at every look after the first `spins`; park stops using the core after
 * `spins` + `yields` looks. The clock is read only from the first yield on. */
static inline int bot4_waiter_wait_until(
    bot4_waiter *waiter, bot4_ready_fn ready, void *context, int64_t timeout_ns) {
    uint32_t spins = waiter->spins ? waiter->spins : 1;
    uint64_t look = 0;
    int64_t deadline_ns = -1;
    if (ready(context)) return 1;
    if (timeout_ns == 0) return 0;
    for (; look < spins; look++) {
        BOT4_PAUSE();
        if (ready(context)) return 1;
    }
    if (timeout_ns > 0) deadline_ns = bot4_waiter_now() + timeout_ns;
    for (look = 0; waiter->strategy != BOT4_WAIT_PARK || look < waiter->yields; look++) {
        if (waiter->strategy == BOT4_WAIT_SPIN && (look + 1) % spins != 0) {
            BOT4_PAUSE();
        } else {
            BOT4_YIELD();
            if (deadline_ns >= 0 && bot4_waiter_now() >= deadline_ns) return ready(context);
        }
        if (ready(context)) return 1;
    }
    for (;;) {
        int found;
        bot4_waiter_announce(waiter);
        found = ready(context);
        if (!found && bot4_waiter_sleep(waiter, deadline_ns)) {
            if (ready(context)) return 1;
            continue; /* another consumer was quicker */
        }
        if (!bot4_waiter_withdraw(waiter)) bot4_waiter_sleep(waiter, -1); /* the token is on its way */
        return found || ready(context);
    }
}

#endif
#endif
