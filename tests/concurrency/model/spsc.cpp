// One producer sends RECORDS numbers through a ring of two slots, one consumer takes them.
// ACCEPTABLE: the consumer takes 1, 2, ... RECORDS in this order.
// FORBIDDEN: a record lost, doubled, reordered; a slot written while it is read (relacy reports a data race).
#include "model.hpp"

#define BOT4_RING_NAME ring
#define BOT4_RING_RECORD unsigned
#include "bot4/spsc_template.h"

#ifndef RECORDS
#define RECORDS 3
#endif
#ifndef BATCH
#define BATCH 1
#endif

struct spsc_suite : rl::test_suite<spsc_suite, 2> {
    ring queue;
    ring_slot slots[2];

    void before() { ring_init(&queue, slots, 2); }

    void thread(unsigned index) {
        unsigned records[BATCH];
        unsigned done = 0;
        while (done < RECORDS) {
            unsigned const count = BATCH < RECORDS - done ? BATCH : RECORDS - done;
            if (index == 0) {
                for (unsigned i = 0; i < count; i++) records[i] = done + i + 1;
#if BATCH == 1
                unsigned const moved = ring_try_push(&queue, records);
#else
                unsigned const moved = ring_push_batch(&queue, records, count);
#endif
                done += moved;
                if (!moved) BOT4_YIELD();
            } else {
#if BATCH == 1
                unsigned const moved = ring_try_pop(&queue, records);
#else
                unsigned const moved = ring_pop_batch(&queue, records, count);
#endif
                for (unsigned i = 0; i < moved; i++) RL_ASSERT(records[i] == done + i + 1);
                done += moved;
                if (!moved) BOT4_YIELD();
            }
        }
    }

    void after() { RL_ASSERT(ring_size(&queue) == 0 && ring_pushed(&queue) == RECORDS); }
};

int main(int argc, char **argv) { return check<spsc_suite>("spsc", argc, argv); }
