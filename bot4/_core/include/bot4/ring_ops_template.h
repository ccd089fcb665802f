/* The table of one ring type: body of ring_ops.h. BOT4_RING_NAME and BOT4_RING_RECORD are defined by who includes it. */
#define BOT4_FN(suffix) BOT4_JOIN(BOT4_RING_NAME, suffix)

static void *BOT4_FN(_any_open)(size_t capacity) { return BOT4_FN(_new)(capacity); }
static void BOT4_FN(_any_close)(void *ring) { BOT4_FN(_free)((BOT4_RING_NAME *)ring); }

static size_t BOT4_FN(_any_push)(void *ring, const void *records, size_t n) {
    return BOT4_FN(_push_batch)((BOT4_RING_NAME *)ring, (const BOT4_RING_RECORD *)records, n);
}

static size_t BOT4_FN(_any_push_wait)(
    void *ring, const void *records, size_t n, bot4_waiter *room, bot4_waiter *readers, int64_t timeout_ns) {
    return BOT4_FN(_push_wait)(
        (BOT4_RING_NAME *)ring, (const BOT4_RING_RECORD *)records, n, room, readers, timeout_ns);
}

static size_t BOT4_FN(_any_pop)(void *ring, void *records, size_t n) {
    return BOT4_FN(_pop_batch)((BOT4_RING_NAME *)ring, (BOT4_RING_RECORD *)records, n);
}

static int BOT4_FN(_any_wait)(void *ring, bot4_waiter *readers, int64_t timeout_ns) {
    return BOT4_FN(_wait)((BOT4_RING_NAME *)ring, readers, timeout_ns);
}

static size_t BOT4_FN(_any_size)(void *ring) { return BOT4_FN(_size)((BOT4_RING_NAME *)ring); }
static uint64_t BOT4_FN(_any_pushed)(void *ring) { return BOT4_FN(_pushed)((BOT4_RING_NAME *)ring); }
static uint64_t BOT4_FN(_any_popped)(void *ring) { return BOT4_FN(_popped)((BOT4_RING_NAME *)ring); }
static uint64_t BOT4_FN(_any_rejected)(void *ring) { return BOT4_FN(_rejected)((BOT4_RING_NAME *)ring); }
static uint64_t BOT4_FN(_any_high_water)(void *ring) { return BOT4_FN(_high_water)((BOT4_RING_NAME *)ring); }

static const bot4_ring_ops BOT4_FN(_ops) = {
    sizeof(BOT4_RING_RECORD),
    BOT4_FN(_any_open),
    BOT4_FN(_any_close),
    BOT4_FN(_any_push),
    BOT4_FN(_any_push_wait),
    BOT4_FN(_any_pop),
    BOT4_FN(_any_wait),
    BOT4_FN(_any_size),
    BOT4_FN(_any_pushed),
    BOT4_FN(_any_popped),
    BOT4_FN(_any_rejected),
    BOT4_FN(_any_high_water),
};

#undef BOT4_FN
#undef BOT4_RING_NAME
#undef BOT4_RING_RECORD
