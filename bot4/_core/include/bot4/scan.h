/* Raw Binance frame to events, straight from the receive buffer (docs/wire.md).
 *
 * A frame is judged in this order: is it JSON, does a known member stand twice, what kind of message is it; then
 * bot4/scan_messages.h goes on.
 */
#ifndef BOT4_SCAN_H
#define BOT4_SCAN_H

#include "bot4/scan_quick.h"

static inline int bot4_scan_message(bot4_scan *scan, const bot4_fields *fields, size_t *count) {
    if (BOT4_UNLIKELY(scan->root.duplicate || fields->duplicate)) return SCAN_DUPLICATE_FIELD;
    if (fields->seen & BOT4_BIT(SLOT_e)) {
        if (BOT4_UNLIKELY(!bot4_scan_is_string(&fields->slot[SLOT_e]))) return SCAN_WRONG_TYPE;
        size_t length;
        const char *end, *event = bot4_scan_text(scan, &fields->slot[SLOT_e], &length, &end);
        if (length == 10 && memcmp(event, "bookTicker", 10) == 0) return bot4_scan_quote(scan, fields, count);
        if (length == 11 && memcmp(event, "depthUpdate", 11) == 0) return bot4_scan_depth_update(scan, fields, count);
        if (length == 5 && memcmp(event, "trade", 5) == 0) return bot4_scan_trade(scan, fields, KIND_TRADE, count);
        if (length == 8 && memcmp(event, "aggTrade", 8) == 0)
            return bot4_scan_trade(scan, fields, KIND_AGG_TRADE, count);
        if (length == 5 && memcmp(event, "kline", 5) == 0) return bot4_scan_kline(scan, fields, count);
        return SCAN_IGNORED;
    }
    /* No event type: a spot bookTicker or a snapshot. One member of theirs is enough to demand all the others. */
    if (fields->seen & (BOT4_BIT(SLOT_u) | BOT4_BIT(SLOT_s) | BOT4_BIT(SLOT_b) | BOT4_BIT(SLOT_B) | BOT4_BIT(SLOT_a) |
                        BOT4_BIT(SLOT_A)))
        return bot4_scan_quote(scan, fields, count);
    if (fields->seen & (BOT4_BIT(SLOT_lastUpdateId) | BOT4_BIT(SLOT_bids) | BOT4_BIT(SLOT_asks)))
        return bot4_scan_snapshot(scan, fields, count);
    return SCAN_IGNORED;
}

BOT4_HOT int bot4_scan_of_json(int error) {
    return error == JSON_TRUNCATED ? SCAN_TRUNCATED : error == JSON_TOO_DEEP ? SCAN_TOO_DEEP : SCAN_MALFORMED;
}

static inline int bot4_scan_judge(bot4_scan *scan, const char *frame, size_t length, size_t *count) {
    bot4_json *json = &scan->json;
    if (BOT4_UNLIKELY(length > BOT4_SCAN_MAX_BYTES)) return SCAN_OVERSIZED;
    const char *p = bot4_json_space(json, bot4_json_open(json, frame, length));
    if (BOT4_UNLIKELY(p == json->end)) return SCAN_TRUNCATED;
    const int is_object = *p == '{';
    p = is_object ? bot4_scan_members(scan, p + 1, &scan->root, &scan->data, 1) : bot4_json_skip(json, p, 0);
    if (BOT4_UNLIKELY(p == NULL)) return bot4_scan_of_json(json->error);
    if (BOT4_UNLIKELY(bot4_json_space(json, p) != json->end)) return SCAN_MALFORMED;
    if (!is_object) return SCAN_IGNORED;
    const int is_wrapped = bot4_scan_has(&scan->root, BOT4_BIT(SLOT_stream) | BOT4_BIT(SLOT_data)) &&
                           bot4_scan_is_string(&scan->root.slot[SLOT_stream]) &&
                           scan->root.slot[SLOT_data].type == VALUE_OBJECT;
    return bot4_scan_message(scan, is_wrapped ? &scan->data : &scan->root, count);
}

/* Scans one frame into at most `capacity` events from `out`; see scan_frame in bot4/_core/wire/scan.pxd. */
static inline int bot4_scan_frame(bot4_scanner *scanner, const char *frame, size_t length, int64_t recv_ns,
                                  int default_instrument, bot4_event *out, size_t capacity, size_t *count) {
    bot4_scan scan;
    scan.scanner = scanner;
    scan.out = out;
    scan.capacity = capacity;
    scan.recv_ns = recv_ns;
    scan.default_instrument = default_instrument;
    *count = 0;
    if (BOT4_LIKELY(bot4_scan_quick(&scan, frame, length, count))) {
        scanner->count[SCAN_OK]++;
        return SCAN_OK;
    }
    scan.decoded_by = NULL;
    scan.decoded_slot[0] = scan.decoded_slot[1] = SLOT_NONE;
    scan.root.seen = scan.data.seen = 0;
    scan.root.duplicate = scan.data.duplicate = 0;
    const int verdict = bot4_scan_judge(&scan, frame, length, count);
    scanner->count[verdict]++;
    return verdict;
}

#endif
