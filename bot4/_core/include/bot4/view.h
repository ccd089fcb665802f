/* What a shard shows to others: words behind a sequence lock, one writer, any number of readers.
 *
 * The writer never waits. A reader copies the words and takes them only where the version was even and the same before
 * and after; every access is atomic, so a torn copy is thrown away rather than shown.
 *
 * Why it holds. `version` is odd while the writer is at work.
 *   (W) word: stored with RELEASE after the odd version, loaded with ACQUIRE: a reader that takes a word of a later
 *       write sees that write's odd version, or a newer one, at its second look, and throws the copy away.
 *   (V) version: the even one is stored with RELEASE after the words and loaded with ACQUIRE at the first look: a reader
 *       that sees it reads no word older than it.
 * The second look needs no order of its own: no word is loaded after it, as every word's load is an ACQUIRE.
 *
 * Planted faults, for the controls only: BOT4_PLANT_RELAXED_WORDS breaks (W), BOT4_PLANT_RELAXED_PUBLISH breaks (V),
 * BOT4_PLANT_NO_SECOND_LOOK takes every copy.
 */
#ifndef BOT4_VIEW_H
#define BOT4_VIEW_H

#include "bot4/atomics.h"

#ifndef BOT4_VIEW_WORDS
#define BOT4_VIEW_WORDS 1040 /* head and 64 lanes of 16 words each */
#endif

#ifdef BOT4_PLANT_RELAXED_WORDS
#define BOT4_VIEW_WORD_ORDER BOT4_RELAXED
#else
#define BOT4_VIEW_WORD_ORDER BOT4_RELEASE
#endif
#ifdef BOT4_PLANT_RELAXED_PUBLISH
#define BOT4_VIEW_PUBLISH_ORDER BOT4_RELAXED
#else
#define BOT4_VIEW_PUBLISH_ORDER BOT4_RELEASE
#endif

typedef struct {
    BOT4_ATOMIC(uint64_t) version; /* odd while the writer is at work */
    BOT4_ATOMIC(uint64_t) lanes;   /* shown; grows only */
    BOT4_ATOMIC(uint64_t) words[BOT4_VIEW_WORDS];
} bot4_view;

/* Writer: begin, set what changes, end. */
static inline void bot4_view_begin(bot4_view *view) {
    BOT4_STORE(&view->version, BOT4_LOAD(&view->version, BOT4_RELAXED) + 1, BOT4_RELAXED);
}

static inline void bot4_view_set(bot4_view *view, int index, uint64_t word) {
    BOT4_STORE(&view->words[index], word, BOT4_VIEW_WORD_ORDER); /* (W) */
}

static inline void bot4_view_end(bot4_view *view) {
    BOT4_STORE(&view->version, BOT4_LOAD(&view->version, BOT4_RELAXED) + 1, BOT4_VIEW_PUBLISH_ORDER); /* (V) */
}

static inline void bot4_view_set_lanes(bot4_view *view, uint64_t lanes) {
    BOT4_STORE(&view->lanes, lanes, BOT4_RELEASE);
}

static inline uint64_t bot4_view_lanes(const bot4_view *view) { return BOT4_LOAD(&view->lanes, BOT4_ACQUIRE); }

/* Reader: 1 and a consistent copy of the first `count` words, or 0: try again. */
static inline int bot4_view_read(const bot4_view *view, uint64_t *out, int count) {
    uint64_t before = BOT4_LOAD(&view->version, BOT4_ACQUIRE); /* pairs with (V) */
    int i;
    if (before & 1) return 0;
    for (i = 0; i < count; i++) out[i] = BOT4_LOAD(&view->words[i], BOT4_ACQUIRE); /* pairs with (W) */
#ifdef BOT4_PLANT_NO_SECOND_LOOK
    return 1;
#endif
    return BOT4_LOAD(&view->version, BOT4_RELAXED) == before;
}

#ifndef BOT4_MODEL_RELACY
#include <time.h>

#define BOT4_VIEW_LOOKS 64
#define BOT4_VIEW_REST_NS 100000

/* As bot4_view_read, for a reader that has time: the writer may be off its core in the middle of a write for as long as
 * the system likes, so after some looks the reader sleeps, `rests` times at most. 0: the writer never came back. */
static inline int bot4_view_await(const bot4_view *view, uint64_t *out, int count, int rests) {
    const struct timespec rest = {0, BOT4_VIEW_REST_NS};
    int look;
    for (;; rests--) {
        for (look = 0; look < BOT4_VIEW_LOOKS; look++)
            if (bot4_view_read(view, out, count)) return 1;
        if (rests <= 0) return 0;
        nanosleep(&rest, NULL);
    }
}
#endif

#endif
