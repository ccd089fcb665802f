/* Drop-oldest ring of 64-byte events with a gap mark; the design and its argument are in lossy_template.h. */
#ifndef BOT4_LOSSY_RING_H
#define BOT4_LOSSY_RING_H

#include <string.h>

#include "bot4/atomics.h"
#include "bot4/types.h"

#define BOT4_RING_NAME bot4_lossy
#define BOT4_RING_WORDS 8
#include "bot4/lossy_template.h"

#define BOT4_GAP_MARK_KIND 8 /* EVENT_GAP_MARK of types.pxd */

static inline void bot4_lossy_push_event(bot4_lossy *ring, const bot4_event *event) {
    bot4_lossy_push(ring, (const bot4_any_word *)(const void *)event);
}

/* Pop one event, and how many were lost just before it. */
static inline int bot4_lossy_pop_event(bot4_lossy *ring, bot4_lossy_cursor *cursor, bot4_event *event, uint64_t *lost) {
    return bot4_lossy_try_pop(ring, cursor, (bot4_any_word *)(void *)event, lost);
}

/* Pop up to `count` events. Where records were lost a gap mark stands in their place (kind EVENT_GAP_MARK,
 * body.control.value = how many), and takes one of the `count`; so count must be at least 2, else nothing is popped:
 * a mark without room for the record that showed the loss would have to be remembered. */
static inline size_t bot4_lossy_pop_batch(
    bot4_lossy *ring, bot4_lossy_cursor *cursor, bot4_event *events, size_t count) {
    size_t popped = 0;
    uint64_t lost;
    while (popped + 2 <= count) {
        bot4_event event;
        if (!bot4_lossy_pop_event(ring, cursor, &event, &lost)) break;
        if (BOT4_UNLIKELY(lost)) {
            memset(&events[popped], 0, sizeof events[popped]);
            events[popped].kind = BOT4_GAP_MARK_KIND;
            events[popped].recv_ns = event.recv_ns;
            events[popped].body.control.value = (int64_t)lost;
            popped++;
        }
        events[popped++] = event;
    }
    return popped;
}

#endif
