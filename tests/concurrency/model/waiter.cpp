// A producer publishes a record and notifies; a consumer announces itself, looks again, and sleeps.
// The eventfd is a count of tokens here. ACCEPTABLE: the consumer finds the record, at once or after a token.
// FORBIDDEN: it sleeps on with the record there (a lost wake-up: relacy reports a livelock or a deadlock), or
// sleepers and tokens disagree at the end.
#include "model.hpp"

#define BOT4_RING_NAME ring
#define BOT4_RING_RECORD unsigned
#include "bot4/spsc_template.h"
#include "bot4/waiter.h"

#ifndef RECORDS
#define RECORDS 2
#endif

struct waiter_suite : rl::test_suite<waiter_suite, 2> {
    ring queue;
    ring_slot slots[2];
    bot4_waiter waiter;
    rl::atomic<unsigned> tokens;

    void before() {
        ring_init(&queue, slots, 2);
        BOT4_STORE(&waiter.sleepers, 0, BOT4_RELAXED);
        BOT4_STORE(&waiter.parks, 0, BOT4_RELAXED);
        BOT4_STORE(&waiter.wakes, 0, BOT4_RELAXED);
        BOT4_STORE(&tokens, 0, BOT4_RELAXED);
    }

    // A blocking read of the eventfd: relacy ends an execution that waits for ever as a livelock.
    void take_token() {
        for (;;) {
            unsigned seen = BOT4_LOAD(&tokens, BOT4_RELAXED);
            if (seen && BOT4_CAS(&tokens, &seen, seen - 1, BOT4_RELAXED, BOT4_RELAXED)) return;
            BOT4_YIELD();
        }
    }

    void thread(unsigned index) {
        if (index == 0) {
            for (unsigned n = 1; n <= RECORDS; n++) {
                RL_ASSERT(ring_offer(&queue, &n));
                if (bot4_waiter_claim(&waiter, 1)) BOT4_FETCH_ADD(&tokens, 1, BOT4_RELAXED);
            }
        } else {
            unsigned taken = 0, record;
            while (taken < RECORDS) {
                while (ring_try_pop(&queue, &record)) RL_ASSERT(record == ++taken);
                if (taken == RECORDS) break;
                bot4_waiter_announce(&waiter);
                if (ring_is_readable(&queue)) {
                    if (!bot4_waiter_withdraw(&waiter)) take_token();
                } else {
                    take_token();
                }
            }
        }
    }

    void after() { RL_ASSERT(BOT4_LOAD(&waiter.sleepers, BOT4_RELAXED) == BOT4_LOAD(&tokens, BOT4_RELAXED)); }
};

int main(int argc, char **argv) { return check<waiter_suite>("waiter", argc, argv); }
