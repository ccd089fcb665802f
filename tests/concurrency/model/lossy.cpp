// One producer overwrites a ring of two slots with records of two words (n, ~n), one consumer reads behind it.
// ACCEPTABLE: records missing, when `lost` counts exactly them.
// FORBIDDEN: a record of mixed words, a number that does not follow from what was popped and lost.
#include "model.hpp"

#define BOT4_RING_NAME ring
#define BOT4_RING_WORDS 2
#include "bot4/lossy_template.h"

#define RECORDS 4

struct lossy_suite : rl::test_suite<lossy_suite, 2> {
    ring queue;
    ring_slot slots[2];
    ring_cursor cursor;

    void before() {
        ring_init(&queue, slots, 2);
        for (unsigned s = 0; s < 2; s++)
            for (unsigned w = 0; w < 2; w++) BOT4_STORE(&slots[s].words[w], 0, BOT4_RELAXED);
        std::memset(&cursor, 0, sizeof cursor);
    }

    void thread(unsigned index) {
        uint64_t words[2];
        if (index == 0) {
            for (uint64_t n = 1; n <= RECORDS; n++) {
                words[0] = n;
                words[1] = ~n;
                ring_push(&queue, words);
            }
        } else {
            uint64_t follows = 1;
            uint64_t lost;
            for (unsigned look = 0; look < RECORDS; look++) {
                if (!ring_try_pop(&queue, &cursor, words, &lost)) continue;
                follows += lost;
                RL_ASSERT(words[0] == follows && words[1] == ~follows);
                follows++;
            }
            RL_ASSERT(cursor.popped + cursor.dropped == follows - 1);
        }
    }
};

int main(int argc, char **argv) { return check<lossy_suite>("lossy", argc, argv); }
