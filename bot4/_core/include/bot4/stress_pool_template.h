/* Threads that acquire, own, hand over and release records of one pool: body of stress.h.
 *
 * `owners[slot]` is exchanged at each acquire and release. FORBIDDEN: a slot acquired while somebody owns it (doubled);
 * a record whose bytes changed under its owner (torn); a second release accepted (reordered counts these); a handle
 * that cannot be released (lost). ACCEPTABLE: a refusal as exhausted, at any time. */
#define BOT4_FN(suffix) BOT4_JOIN(BOT4_POOL_NAME, suffix)

static void BOT4_FN(_stress)(
    BOT4_POOL_NAME *pool, bot4_mpmc_word *handover, uint64_t *owners, bot4_stress *stress, bot4_stress_tally *tally,
    uint64_t thread) {
    BOT4_FN(_cache) *cache = BOT4_FN(_cache_new)(pool);
    uint64_t handles[BOT4_STRESS_BATCH_MOST];
    uint64_t state = thread + 1, round, held, i;
    BOT4_ASSERT(cache != NULL);
    bot4_stress_start(stress, tally);
    for (round = 0; round < stress->per_producer; round++) {
        uint64_t wanted = 1 + (state = bot4_hash_mix(state, round)) % stress->batch;
        for (held = 0; held < wanted; held++) {
            uint64_t handle = BOT4_FN(_acquire)(cache), *record;
            if (handle == 0) break; /* exhausted */
            tally->doubled += BOT4_EXCHANGE(&owners[handle & BOT4_POOL_SLOT], thread + 1, BOT4_RELAXED) != 0;
            record = (uint64_t *)BOT4_FN(_record)(pool, handle);
            if (record == NULL) {
                tally->torn++;
                break;
            }
            *record = handle ^ thread; /* plain: a race here is a pool that gave one record to two threads */
            handles[held] = handle;
            tally->moved++;
        }
        if (state >> 60 == 0) BOT4_YIELD();
        for (i = 0; i < held; i++) {
            uint64_t handle = handles[i], *record = (uint64_t *)BOT4_FN(_record)(pool, handle);
            tally->torn += record == NULL || *record != (handle ^ thread);
            if ((state >> (i & 31)) % 4 == 0) {
                /* Another thread's business from now on: it may release what it did not acquire. */
                uint64_t other;
                if (bot4_mpmc_word_offer(handover, &handle)) {
                    if (!bot4_mpmc_word_try_pop(handover, &other)) continue;
                    handle = other;
                }
            }
            BOT4_EXCHANGE(&owners[handle & BOT4_POOL_SLOT], 0, BOT4_RELAXED);
            tally->stuck += BOT4_FN(_release)(cache, handle) != BOT4_POOL_OK;
            /* At once, by the same thread: must be refused (unless another thread has it again: still refused). */
            tally->reordered += BOT4_FN(_release)(cache, handle) == BOT4_POOL_OK;
        }
    }
    BOT4_FN(_cache_free)(cache);
    tally->end_ns = bot4_waiter_now();
}

/* After all threads: what still lies in the hand-over ring is released, then every record must be there exactly once.
 * Returns how many are missing or doubled. */
static uint64_t BOT4_FN(_stress_count)(BOT4_POOL_NAME *pool, bot4_mpmc_word *handover) {
    BOT4_FN(_cache) *cache = BOT4_FN(_cache_new)(pool);
    uint8_t *found = (uint8_t *)calloc(pool->capacity, 1);
    uint64_t handle, slot, wrong = 0;
    BOT4_ASSERT(cache != NULL && found != NULL);
    while (bot4_mpmc_word_try_pop(handover, &handle)) BOT4_FN(_release)(cache, handle);
    for (slot = 0; slot < 2 * pool->capacity && (handle = BOT4_FN(_acquire)(cache)) != 0; slot++)
        if (found[handle & BOT4_POOL_SLOT] < 2) found[handle & BOT4_POOL_SLOT]++;
    for (slot = 0; slot < pool->capacity; slot++) wrong += found[slot] != 1;
    free(found);
    free(cache); /* not flushed: a ring that was broken might wait for ever */
    return wrong;
}

#undef BOT4_FN
#undef BOT4_POOL_NAME
