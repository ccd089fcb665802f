/* One producer that never waits, consumers that are overtaken: body of stress.h.
 *
 * Record p carries number p. ACCEPTABLE: records missing, when `lost` counts exactly them, at their place. FORBIDDEN: a
 * torn record, a number that does not follow, popped + dropped != pushed at the end. */
#define BOT4_FN(suffix) BOT4_JOIN(BOT4_RING_NAME, suffix)

static void *BOT4_FN(_stress_new)(size_t capacity) { return BOT4_FN(_new)(capacity); }

static void BOT4_FN(_stress_produce)(void *any, bot4_stress *stress, bot4_stress_tally *tally, uint64_t producer) {
    BOT4_RING_NAME *ring = (BOT4_RING_NAME *)any;
    bot4_event event;
    uint64_t words[8], number;
    memset(&event, 0, sizeof event);
    bot4_stress_start(stress, tally);
    for (number = 0; number < stress->per_producer; number++) {
        bot4_stress_encode_event(&event, bot4_stress_key(producer, number), 0);
        memcpy(words, &event, sizeof words);
        BOT4_FN(_push)(ring, words);
        if (number % 4096 == 0) BOT4_YIELD(); /* let consumers overlap, also on one core */
    }
    tally->moved = number;
    tally->end_ns = bot4_waiter_now();
    BOT4_FETCH_ADD(&stress->producers_done, 1, BOT4_ACQ_REL);
}

static void BOT4_FN(_stress_consume)(void *any, bot4_stress *stress, bot4_stress_tally *tally, uint64_t consumer) {
    BOT4_RING_NAME *ring = (BOT4_RING_NAME *)any;
    BOT4_FN(_cursor) cursor;
    bot4_event event, expected;
    uint64_t words[8], lost, follows = 0;
    memset(&cursor, 0, sizeof cursor);
    (void)consumer;
    bot4_stress_start(stress, tally);
    for (;;) {
        int done = BOT4_LOAD(&stress->producers_done, BOT4_ACQUIRE) == stress->producers;
        if (!BOT4_FN(_try_pop)(ring, &cursor, words, &lost)) {
            if (done) break;
            BOT4_YIELD();
            continue;
        }
        memcpy(&event, words, sizeof event);
        follows += lost;
        bot4_stress_encode_event(&expected, (uint64_t)event.venue_ns, 0);
        tally->torn += memcmp(&expected, &event, sizeof event) != 0;
        tally->reordered += (uint64_t)event.venue_ns != follows;
        follows++;
        tally->moved++;
    }
    tally->stuck = cursor.popped + cursor.dropped != stress->per_producer || follows != stress->per_producer;
    tally->end_ns = bot4_waiter_now();
}

#undef BOT4_FN
#undef BOT4_RING_NAME
