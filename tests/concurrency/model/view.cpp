// One shard writes two words (n, ~n) WRITES times, two watchers read.
// ACCEPTABLE: a read that says "try again"; an older state than the newest.
// FORBIDDEN: words of two writes in one copy, a state older than one this watcher saw before.
#include "model.hpp"

#define BOT4_VIEW_WORDS 2
#include "bot4/view.h"

#ifndef WRITES
#define WRITES 2
#endif
#ifndef LOOKS
#define LOOKS 2
#endif

struct view_suite : rl::test_suite<view_suite, 3> {
    bot4_view view;

    void before() {
        BOT4_STORE(&view.version, 0, BOT4_RELAXED);
        BOT4_STORE(&view.words[0], 0, BOT4_RELAXED);
        BOT4_STORE(&view.words[1], ~0ull, BOT4_RELAXED);
    }

    void thread(unsigned index) {
        if (index == 0) {
            for (uint64_t n = 1; n <= WRITES; n++) {
                bot4_view_begin(&view);
                bot4_view_set(&view, 0, n);
                bot4_view_set(&view, 1, ~n);
                bot4_view_end(&view);
            }
        } else {
            uint64_t words[2];
            uint64_t seen = 0;
            for (unsigned look = 0; look < LOOKS; look++) {
                if (!bot4_view_read(&view, words, 2)) continue;
                RL_ASSERT(words[1] == ~words[0]);
                RL_ASSERT(words[0] >= seen);
                seen = words[0];
            }
        }
    }
};

int main(int argc, char **argv) { return check<view_suite>("view", argc, argv); }
