/* The circuit breaker's one word, and the lock-free counters behind its trips.
 *
 * Everything that decides whether an order may go is in 64 bits, so that one atomic access sees or changes all of it:
 *
 *   bits  0-1   state: CLOSED, OPEN, HALF_OPEN (never 0, so a word is never 0)
 *   bit   2     killed
 *   bit   3     only in the copy an exit carries: admitted as reduce-only
 *   bits  4-7   reason of the last trip, 0 when closed
 *   bits  8-15  HALF_OPEN: probes that may still be admitted
 *   bits 16-23  HALF_OPEN: probes that succeeded
 *   bit  24     latched: open until an explicit reset
 *   bits 25-63  generation: +1 at every trip, kill and reset, never at a close
 *
 * An order carries the word of its admission; breaker_word_readmit compares the generation again at the socket. The
 * word publishes no other memory except the reopen time (see breaker_word_trip), so the orders below say what pairs
 * with what; the coherence of a single object gives the rest.
 *
 * The macros of atomics.h make the word functions what a model checker runs, too (BOT4_MODEL_RELACY).
 */
#ifndef BOT4_BREAKER_H
#define BOT4_BREAKER_H

#include <stdint.h>

#include "bot4/atomics.h"

#define BREAKER_WORD_CLOSED UINT64_C(1)
#define BREAKER_WORD_OPEN UINT64_C(2)
#define BREAKER_WORD_HALF_OPEN UINT64_C(3)
#define BREAKER_STATE_MASK UINT64_C(3)
#define BREAKER_KILLED UINT64_C(4)
#define BREAKER_REDUCE UINT64_C(8)
#define BREAKER_REASON_SHIFT 4
#define BREAKER_REASON_MASK (UINT64_C(15) << BREAKER_REASON_SHIFT)
#define BREAKER_PROBE_SHIFT 8
#define BREAKER_PROBE_ONE (UINT64_C(1) << BREAKER_PROBE_SHIFT)
#define BREAKER_PROBE_MASK (UINT64_C(255) << BREAKER_PROBE_SHIFT)
#define BREAKER_SUCCESS_SHIFT 16
#define BREAKER_SUCCESS_ONE (UINT64_C(1) << BREAKER_SUCCESS_SHIFT)
#define BREAKER_SUCCESS_MASK (UINT64_C(255) << BREAKER_SUCCESS_SHIFT)
#define BREAKER_LATCHED (UINT64_C(1) << 24)
#define BREAKER_GENERATION_ONE (UINT64_C(1) << 25)
#define BREAKER_GENERATION_MASK (~(BREAKER_GENERATION_ONE - 1))

typedef BOT4_ATOMIC(uint64_t) breaker_word;

/* Strong, so that a single try means what it says. */
#define BREAKER_CAS(p, expected, desired) BOT4_CAS_STRONG((p), (expected), (desired), BOT4_SEQ_CST, BOT4_ACQUIRE)

static inline uint64_t breaker_state_of(uint64_t word) { return word & BREAKER_STATE_MASK; }
static inline int breaker_reason_of(uint64_t word) {
    return (int)((word & BREAKER_REASON_MASK) >> BREAKER_REASON_SHIFT);
}
static inline int breaker_probes_left(uint64_t word) {
    return (int)((word & BREAKER_PROBE_MASK) >> BREAKER_PROBE_SHIFT);
}
static inline int breaker_successes(uint64_t word) {
    return (int)((word & BREAKER_SUCCESS_MASK) >> BREAKER_SUCCESS_SHIFT);
}
static inline uint64_t breaker_next_generation(uint64_t word) {
    return (word & BREAKER_GENERATION_MASK) + BREAKER_GENERATION_ONE;
}

/* Entries, hot path: one load, one compare. 0 when not plainly closed. */
static inline uint64_t breaker_word_admit(breaker_word *word) {
    uint64_t seen = BOT4_LOAD(word, BOT4_ACQUIRE);
    return (seen & (BREAKER_STATE_MASK | BREAKER_KILLED)) == BREAKER_WORD_CLOSED ? seen : 0;
}

/* Half-open: takes one probe from the word itself, so no more than the bound are ever admitted. */
static inline uint64_t breaker_word_probe(breaker_word *word) {
    uint64_t seen = BOT4_LOAD(word, BOT4_ACQUIRE);
    for (;;) {
        if (seen & BREAKER_KILLED) return 0;
        if (breaker_state_of(seen) == BREAKER_WORD_CLOSED) return seen;
        if (breaker_state_of(seen) != BREAKER_WORD_HALF_OPEN || breaker_probes_left(seen) == 0) return 0;
        if (BREAKER_CAS(word, &seen, seen - BREAKER_PROBE_ONE)) return seen - BREAKER_PROBE_ONE;
    }
}

static inline int breaker_exits_pass(uint64_t word, uint32_t exit_reasons) {
    return breaker_state_of(word) != BREAKER_WORD_OPEN || ((exit_reasons >> breaker_reason_of(word)) & 1);
}

/* Exits: pass unless killed, or open for a reason that is not in the bit set exit_reasons. They take no probe. */
static inline uint64_t breaker_word_admit_reduce(breaker_word *word, uint32_t exit_reasons) {
    uint64_t seen = BOT4_LOAD(word, BOT4_ACQUIRE);
    if ((seen & BREAKER_KILLED) || !breaker_exits_pass(seen, exit_reasons)) return 0;
    return seen | BREAKER_REDUCE;
}

/* The last check before the socket. The load is seq_cst and every change of the word is a seq_cst RMW: a load that
 * comes after a kill in the single total order reads the killed word or a later one, whose generation differs. */
static inline int breaker_word_readmit(breaker_word *word, uint64_t ticket, uint32_t exit_reasons) {
    uint64_t seen = BOT4_LOAD(word, BOT4_SEQ_CST);
    if ((seen ^ ticket) & BREAKER_GENERATION_MASK) return 0;
    if (seen & BREAKER_KILLED) return 0; /* a kill moves the generation too; no ticket is of a killed word */
    if (breaker_state_of(seen) != BREAKER_WORD_OPEN) return 1;
    return (ticket & BREAKER_REDUCE) && breaker_exits_pass(seen, exit_reasons);
}

/* Opens, or raises an open breaker to a stronger (higher) reason or a latch. 1: opened, 2: raised, 0: neither.
 * The caller stored the reopen time before: this CAS publishes it to whoever reads the open word (release/acquire). */
static inline int breaker_word_trip(breaker_word *word, int reason, int latch) {
    uint64_t seen = BOT4_LOAD(word, BOT4_ACQUIRE);
    for (;;) {
        int open = breaker_state_of(seen) == BREAKER_WORD_OPEN;
        int held = open ? breaker_reason_of(seen) : 0;
        uint64_t latched = (open ? seen & BREAKER_LATCHED : 0) | (latch ? BREAKER_LATCHED : 0);
        uint64_t next = breaker_next_generation(seen) | latched | BREAKER_WORD_OPEN |
                        ((uint64_t)(held > reason ? held : reason) << BREAKER_REASON_SHIFT);
        if (seen & BREAKER_KILLED) return 0;
        if (open && ((seen ^ next) & (BREAKER_REASON_MASK | BREAKER_LATCHED)) == 0) return 0;
        if (BREAKER_CAS(word, &seen, next)) return open ? 2 : 1;
    }
}

/* Cool-down over: open -> half-open, if the word is still the one that was judged. The generation stays: an exit
 * admitted while open may still go. */
static inline int breaker_word_half_open(breaker_word *word, uint64_t seen, int probes) {
    return BREAKER_CAS(word, &seen,
                       (seen & (BREAKER_GENERATION_MASK | BREAKER_REASON_MASK)) | BREAKER_WORD_HALF_OPEN |
                           ((uint64_t)probes << BREAKER_PROBE_SHIFT));
}

/* A success while half-open; no more are counted than probes were admitted. 1: this one closed the breaker. */
static inline int breaker_word_succeed(breaker_word *word, int probes, int needed) {
    uint64_t seen = BOT4_LOAD(word, BOT4_ACQUIRE);
    for (;;) {
        uint64_t next;
        if ((seen & BREAKER_KILLED) || breaker_state_of(seen) != BREAKER_WORD_HALF_OPEN) return 0;
        if (breaker_successes(seen) >= probes - breaker_probes_left(seen)) return 0;
        next = breaker_successes(seen) + 1 >= needed ? (seen & BREAKER_GENERATION_MASK) | BREAKER_WORD_CLOSED
                                                     : seen + BREAKER_SUCCESS_ONE;
        if (BREAKER_CAS(word, &seen, next)) return breaker_state_of(next) == BREAKER_WORD_CLOSED;
    }
}

/* Never fails. A second kill moves the generation too, so a reset that looked before it does not undo it. */
static inline void breaker_word_kill(breaker_word *word) {
    uint64_t seen = BOT4_LOAD(word, BOT4_ACQUIRE);
    while (!BREAKER_CAS(word, &seen,
                        breaker_next_generation(seen) | (seen & ~BREAKER_GENERATION_MASK) | BREAKER_KILLED)) {
    }
}

/* Closed again, if the word is still the one the operator looked at. */
static inline int breaker_word_reset(breaker_word *word, uint64_t seen) {
    return BREAKER_CAS(word, &seen, breaker_next_generation(seen) | BREAKER_WORD_CLOSED);
}

#ifndef BOT4_MODEL_RELACY

/* ---- counters of the trips: relaxed, because no decision but a trip's threshold hangs on them ---- */

#define BREAKER_SLOTS 8

static inline int64_t breaker_get(const int64_t *p) { return BOT4_LOAD(p, BOT4_RELAXED); }
static inline void breaker_set(int64_t *p, int64_t value) { BOT4_STORE(p, value, BOT4_RELAXED); }
static inline int64_t breaker_add(int64_t *p, int64_t by) { return BOT4_FETCH_ADD(p, by, BOT4_RELAXED) + by; }
static inline uint64_t breaker_read_word(const uint64_t *p) { return BOT4_LOAD(p, BOT4_ACQUIRE); }

static inline void breaker_raise(int64_t *p, int64_t value) {
    int64_t seen = breaker_get(p);
    while (seen < value && !BOT4_CAS(p, &seen, value, BOT4_RELAXED, BOT4_RELAXED)) {
    }
}

/* A sliding window of BREAKER_SLOTS slots; a slot packs its epoch (32 bits), failures (16) and samples (16), so that
 * a slot that starts over and a sample that is added cannot interleave. */
static inline void breaker_window_add(uint64_t *slots, uint32_t epoch, int failed) {
    uint64_t *slot = &slots[epoch % BREAKER_SLOTS];
    uint64_t seen = BOT4_LOAD(slot, BOT4_RELAXED), next;
    do {
        uint32_t held = (uint32_t)(seen >> 32);
        uint64_t failures = (seen >> 16) & 0xFFFF, samples = seen & 0xFFFF;
        /* A late sample of a slot that moved on counts in the newer one; an empty slot has no epoch. */
        if (samples == 0 || (int32_t)(epoch - held) > 0) {
            held = epoch;
            failures = samples = 0;
        }
        if (samples == 0xFFFF) { /* full: halve both, the rate stays */
            samples >>= 1;
            failures >>= 1;
        }
        next = ((uint64_t)held << 32) | ((failures + (failed ? 1 : 0)) << 16) | (samples + 1);
    } while (!BOT4_CAS(slot, &seen, next, BOT4_RELAXED, BOT4_RELAXED));
}

static inline void breaker_window_sum(const uint64_t *slots, uint32_t epoch, int64_t *failures, int64_t *samples) {
    *failures = *samples = 0;
    for (int i = 0; i < BREAKER_SLOTS; i++) {
        uint64_t seen = BOT4_LOAD(&slots[i], BOT4_RELAXED);
        /* Slots ahead of `epoch` (a caller that is late) are in the window too. */
        if ((int32_t)(epoch - (uint32_t)(seen >> 32)) < BREAKER_SLOTS) {
            *failures += (int64_t)((seen >> 16) & 0xFFFF);
            *samples += (int64_t)(seen & 0xFFFF);
        }
    }
}

static inline void breaker_window_clear(uint64_t *slots) {
    for (int i = 0; i < BREAKER_SLOTS; i++) BOT4_STORE(&slots[i], 0, BOT4_RELAXED);
}

#endif
#endif
