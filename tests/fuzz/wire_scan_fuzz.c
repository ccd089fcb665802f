/* Fuzz target of the frame scanner: any bytes at all, under AddressSanitizer and UBSan (ci/fuzz.sh).
 *
 * The first byte chooses room for events and default instrument, the rest is the frame. Frame and room are allocated to
 * the byte, so that one byte read or written beside them is seen. Each frame goes through the vector build and the
 * byte-by-byte build of the scanner (tests/fuzz/wire_scan_portable.c), which must agree in verdict, events and counts.
 */
#include "bot4/scan.h"

int portable_scan_frame(bot4_scanner *scanner, const char *frame, size_t length, int64_t recv_ns, int default_instrument,
                        bot4_event *out, size_t capacity, size_t *count);

static bot4_scanner vector_scanner, portable_scanner;

static void add(const char *name, const char *tick, const char *lot, int skips_off_tick) {
    bot4_symbol symbol;
    bot4_grid price, qty;
    BOT4_ASSERT(bot4_symbol_from(name, strlen(name), &symbol));
    BOT4_ASSERT(bot4_grid_parse(tick, strlen(tick), &price) == DECIMAL_OK);
    BOT4_ASSERT(bot4_grid_parse(lot, strlen(lot), &qty) == DECIMAL_OK);
    BOT4_ASSERT(bot4_symbol_add(&vector_scanner.symbols, &symbol, &price, &qty, skips_off_tick) >= 0);
    BOT4_ASSERT(bot4_symbol_add(&portable_scanner.symbols, &symbol, &price, &qty, skips_off_tick) >= 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    add("BTCUSDT", "0.01", "0.00001", 0);
    add("BTCUSD_PERP", "0.1", "1", 0);
    add("ETHUSDT", "0.05", "0.001", 0);
    add("NKNUSDT", "0.00000100", "10", 1);
    add("\xEF\xBC\x91\xEF\xBC\x92\xEF\xBC\x93\xEF\xBC\x94\xEF\xBC\x95\xEF\xBC\x96USDT", "0.5", "0.25", 0);
    add("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", "2.5", "0.000000000000000001", 0);
    return 0;
}

/* What must hold of the events of any accepted frame, whatever it said. */
static void check_events(const bot4_event *events, size_t count) {
    BOT4_ASSERT(events[0].flags & MARK_FIRST);
    BOT4_ASSERT(events[count - 1].flags & MARK_LAST);
    for (size_t i = 0; i < count; i++) {
        const bot4_event *event = &events[i];
        BOT4_ASSERT(event->instrument < vector_scanner.symbols.count && event->side <= 1 && event->reason == 0);
        BOT4_ASSERT(event->venue_ns >= 0 && event->recv_ns == 42);
        if (event->kind == KIND_DEPTH_BEGIN) BOT4_ASSERT(i == 0 && event->body.depth.level_count == (int64_t)count - 1);
        if (event->kind == KIND_DEPTH_LEVEL)
            BOT4_ASSERT(event->body.level.price_ticks > 0 && event->body.level.qty_lots >= 0 && event->body.level.index == (int64_t)i - 1);
        if (event->kind == KIND_TRADE || event->kind == KIND_AGG_TRADE)
            BOT4_ASSERT(event->body.trade.price_ticks > 0 && event->body.trade.qty_lots > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    const size_t capacity = data[0] & 1 ? 256 : (data[0] >> 3) & 7;
    const int default_instrument = ((data[0] >> 1) & 7) - 1;
    const size_t length = size - 1;
    char *frame = malloc(length);
    bot4_event *ours = malloc(capacity * sizeof *ours), *theirs = malloc(capacity * sizeof *theirs);
    if (length) memcpy(frame, data + 1, length);
    memset(ours, 0, capacity * sizeof *ours);
    memset(theirs, 0, capacity * sizeof *theirs);
    size_t count = 99, portable_count = 99;
    const int verdict = bot4_scan_frame(&vector_scanner, frame, length, 42, default_instrument, ours, capacity, &count);
    const int portable = portable_scan_frame(&portable_scanner, frame, length, 42, default_instrument, theirs, capacity, &portable_count);
    BOT4_ASSERT(verdict >= 0 && verdict < SCAN_VERDICTS);
    BOT4_ASSERT(verdict == SCAN_OK ? count > 0 && count <= capacity : count == 0);
    if (count) check_events(ours, count);
    BOT4_ASSERT(verdict == portable && count == portable_count);
    BOT4_ASSERT(memcmp(ours, theirs, count * sizeof *ours) == 0);
    BOT4_ASSERT(vector_scanner.zero_trades == portable_scanner.zero_trades);
    BOT4_ASSERT(vector_scanner.off_book_trades == portable_scanner.off_book_trades);
    BOT4_ASSERT(vector_scanner.off_tick_levels == portable_scanner.off_tick_levels);
    free(frame);
    free(ours);
    free(theirs);
    return 0;
}
