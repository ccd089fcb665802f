/* Producer and consumer loop over one ring type: body of stress.h. BOT4_RING_NAME and BOT4_STRESS_KIND (word, event) are
 * defined by who includes it, and BOT4_STRESS_PARKS where the ring has waits. */
#define BOT4_FN(suffix) BOT4_JOIN(BOT4_RING_NAME, suffix)
#define BOT4_STRESS_word uint64_t
#define BOT4_STRESS_event bot4_event
#define BOT4_STRESS_RECORD BOT4_JOIN(BOT4_STRESS_, BOT4_STRESS_KIND)

static void *BOT4_FN(_stress_new)(size_t capacity) { return BOT4_FN(_new)(capacity); }

/* What could not be sent within the patience is counted as stuck. */
static void BOT4_FN(_stress_produce)(void *any, bot4_stress *stress, bot4_stress_tally *tally, uint64_t producer) {
    BOT4_RING_NAME *ring = (BOT4_RING_NAME *)any;
    BOT4_STRESS_RECORD records[BOT4_STRESS_BATCH_MOST];
    uint64_t sent = 0;
    uint32_t fails = 0;
    int64_t since_ns = 0;
    memset(records, 0, sizeof records);
    bot4_stress_start(stress, tally);
    while (sent < stress->per_producer) {
        uint64_t left = stress->per_producer - sent, pushed, i;
        uint64_t count = left < stress->batch ? left : stress->batch;
        for (i = 0; i < count; i++) {
            int64_t stamp_ns = (sent + i) % BOT4_STRESS_STAMP_EVERY ? 0 : bot4_waiter_now();
            BOT4_JOIN(bot4_stress_encode_, BOT4_STRESS_KIND)(&records[i], bot4_stress_key(producer, sent + i), stamp_ns);
        }
#ifdef BOT4_STRESS_PARKS
        if (stress->room) {
            pushed = BOT4_FN(_push_wait)(ring, records, count, stress->room, stress->records, stress->patience_ns);
            if (pushed < count) {
                tally->stuck = left - pushed;
                break;
            }
            sent += pushed;
            continue;
        }
#endif
        pushed = BOT4_FN(_offer_batch)(ring, records, count);
        sent += pushed;
        if (pushed) {
            fails = 0;
            since_ns = 0;
        } else if (!bot4_stress_backoff(stress, &fails, &since_ns)) {
            tally->stuck = left;
            break;
        }
    }
    tally->moved = sent;
    tally->end_ns = bot4_waiter_now();
    /* The last producer wakes every sleeping consumer, so that each finds out that it is over. */
    if (BOT4_FETCH_ADD(&stress->producers_done, 1, BOT4_ACQ_REL) + 1 == stress->producers && stress->records)
        bot4_waiter_notify_many(stress->records, UINT64_MAX);
}

typedef struct {
    BOT4_RING_NAME *ring;
    bot4_stress *stress;
} BOT4_FN(_stress_context);

/* What a consumer sleeps for: a record, or the end. */
static int BOT4_FN(_stress_ready)(void *any) {
    BOT4_FN(_stress_context) *context = (BOT4_FN(_stress_context) *)any;
    return BOT4_FN(_is_readable)(context->ring) ||
           BOT4_LOAD(&context->stress->producers_done, BOT4_ACQUIRE) == context->stress->producers;
}

static void BOT4_FN(_stress_consume)(void *any, bot4_stress *stress, bot4_stress_tally *tally, uint64_t consumer) {
    BOT4_RING_NAME *ring = (BOT4_RING_NAME *)any;
    BOT4_STRESS_RECORD records[BOT4_STRESS_BATCH_MOST];
    uint32_t fails = 0;
    int64_t since_ns = 0;
    BOT4_FN(_stress_context) context = {ring, stress};
    (void)consumer;
    bot4_stress_start(stress, tally);
    for (;;) {
        /* Read before the pop: when all were done and there is still nothing, there will never be anything. */
        int done = BOT4_LOAD(&stress->producers_done, BOT4_ACQUIRE) == stress->producers;
        uint64_t popped = BOT4_FN(_pop_batch)(ring, records, stress->batch), i;
        for (i = 0; i < popped; i++)
            BOT4_JOIN(bot4_stress_decode_, BOT4_STRESS_KIND)(stress, tally, &records[i]);
        if (popped) {
            fails = 0;
            since_ns = 0;
            if (stress->room) bot4_waiter_notify_many(stress->room, popped);
            continue;
        }
        if (done && BOT4_FN(_size)(ring) == 0) break;
        if (stress->records && !done) {
            if (bot4_waiter_wait_until(stress->records, BOT4_FN(_stress_ready), &context, stress->patience_ns)) continue;
            tally->stuck = 1; /* a wake-up was lost */
            break;
        }
        if (!bot4_stress_backoff(stress, &fails, &since_ns)) {
            tally->stuck = 1;
            break;
        }
    }
    tally->end_ns = bot4_waiter_now();
}

#undef BOT4_STRESS_RECORD
#undef BOT4_STRESS_event
#undef BOT4_STRESS_word
#undef BOT4_STRESS_PARKS
#undef BOT4_STRESS_KIND
#undef BOT4_FN
#undef BOT4_RING_NAME
