/* Waiting on one ring type: body of ring_wait.h. BOT4_RING_NAME and BOT4_RING_RECORD are defined by who includes it.
 *
 * Backpressure needs two waiters: consumers sleep on one until there is a record, producers on another until there is
 * room. Whoever changes the ring notifies the other side's waiter. */
#define BOT4_FN(suffix) BOT4_JOIN(BOT4_RING_NAME, suffix)

static inline int BOT4_FN(_has_record)(void *ring) { return BOT4_FN(_is_readable)((BOT4_RING_NAME *)ring); }
static inline int BOT4_FN(_has_room)(void *ring) { return BOT4_FN(_is_writable)((BOT4_RING_NAME *)ring); }

/* Consumer: 1 when the ring holds a record, 0 when `timeout_ns` passed first. */
static inline int BOT4_FN(_wait)(BOT4_RING_NAME *ring, bot4_waiter *records, int64_t timeout_ns) {
    return bot4_waiter_wait_until(records, BOT4_FN(_has_record), ring, timeout_ns);
}

/* Producer: push all `count` records, waiting for room as long as `timeout_ns` (negative: for ever) from the last
 * progress; returns how many were pushed, and counts the others as rejected. `records` (may be NULL) is notified. */
static inline size_t BOT4_FN(_push_wait)(
    BOT4_RING_NAME *ring, const BOT4_RING_RECORD *source, size_t count, bot4_waiter *room, bot4_waiter *records,
    int64_t timeout_ns) {
    size_t pushed = 0;
    while (pushed < count) {
        size_t now = BOT4_FN(_offer_batch)(ring, source + pushed, count - pushed);
        pushed += now;
        if (now && records) bot4_waiter_notify_many(records, now);
        if (!now && !bot4_waiter_wait_until(room, BOT4_FN(_has_room), ring, timeout_ns))
            return pushed + BOT4_FN(_push_batch)(ring, source + pushed, count - pushed);
    }
    return pushed;
}

#undef BOT4_FN
#undef BOT4_RING_NAME
#undef BOT4_RING_RECORD
