// Two producers send EACH numbers each through a ring of two slots, two consumers take EACH.
// ACCEPTABLE: all numbers taken, each once; a consumer that takes both of one producer takes them in order.
// FORBIDDEN: lost, doubled, reordered, a slot written while it is read (relacy reports a data race).
#include "model.hpp"

#define BOT4_RING_NAME ring
#define BOT4_RING_RECORD unsigned
#define BOT4_RING_RECORD_ALIGNED
#include "bot4/mpmc_template.h"

#ifndef EACH
#define EACH 2
#endif
#ifndef BATCH
#define BATCH 1
#endif

struct mpmc_suite : rl::test_suite<mpmc_suite, 4> {
    ring queue;
    ring_slot slots[2];
    unsigned taken[2][EACH]; // by consumer; compared only after all threads have ended

    void before() {
        ring_init(&queue, slots, 2);
        std::memset(taken, 0, sizeof taken);
    }

    void thread(unsigned index) {
        unsigned done = 0;
        unsigned records[EACH];
        while (done < EACH) {
            unsigned const count = BATCH < EACH - done ? BATCH : EACH - done;
            unsigned moved;
            if (index < 2) {
                for (unsigned i = 0; i < count; i++) records[i] = index * EACH + done + i + 1;
                moved = ring_offer_batch(&queue, records, count);
            } else {
                moved = ring_pop_batch(&queue, records, count);
                for (unsigned i = 0; i < moved; i++) taken[index - 2][done + i] = records[i];
            }
            done += moved;
            if (!moved) BOT4_YIELD();
        }
    }

    void after() {
        unsigned seen[2 * EACH + 1] = {0};
        for (unsigned c = 0; c < 2; c++) {
            unsigned last[2] = {0, 0}; // by producer
            for (unsigned i = 0; i < EACH; i++) {
                unsigned const number = taken[c][i];
                RL_ASSERT(number >= 1 && number <= 2 * EACH);
                seen[number]++;
                RL_ASSERT(number > last[(number - 1) / EACH]);
                last[(number - 1) / EACH] = number;
            }
        }
        for (unsigned n = 1; n <= 2 * EACH; n++) RL_ASSERT(seen[n] == 1);
    }
};

int main(int argc, char **argv) { return check<mpmc_suite>("mpmc", argc, argv); }
