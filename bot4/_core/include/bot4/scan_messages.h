/* What the members of a sound frame mean: one function for each kind of message (docs/wire.md).
 *
 * A message is judged in this order: are all its members there, is its symbol known, then the members one by one. So a
 * verdict does not depend on the order of the keys.
 */
#ifndef BOT4_SCAN_MESSAGES_H
#define BOT4_SCAN_MESSAGES_H

#include "bot4/scan_fields.h"

/* Event kinds and flags, as in bot4/_core/types.pxd. */
enum {
    KIND_DEPTH_BEGIN = 1,
    KIND_DEPTH_LEVEL = 2,
    KIND_TRADE = 3,
    KIND_AGG_TRADE = 4,
    KIND_QUOTE = 5,
    KIND_BAR_PRICES = 6,
    KIND_BAR_FLOW = 7
};
enum {
    MARK_FIRST = 1,
    MARK_LAST = 2,
    MARK_SNAPSHOT = 4,
    MARK_BUYER_IS_MAKER = 8,
    MARK_PARTIAL = 16,
    MARK_FUTURES = 32,
    MARK_BAR_CLOSED = 64
};

#define BOT4_TRY(expression)                                                                                           \
    do {                                                                                                               \
        const int verdict_ = (expression);                                                                             \
        if (BOT4_UNLIKELY(verdict_ != SCAN_OK)) return verdict_;                                                       \
    } while (0)

BOT4_HOT int bot4_scan_has(const bot4_fields *fields, uint64_t members) { return (fields->seen & members) == members; }

/* ---- single members ---- */

BOT4_HOT int bot4_scan_integer(const bot4_value *value, int64_t *number) {
    if (BOT4_UNLIKELY(value->type != VALUE_NUMBER)) return SCAN_WRONG_TYPE;
    *number = value->number;
    if (BOT4_LIKELY(value->kind == NUMBER_UNSIGNED)) return SCAN_OK;
    return value->kind == NUMBER_NEGATIVE   ? SCAN_NEGATIVE
           : value->kind == NUMBER_OVERLONG ? SCAN_OVERLONG
                                            : SCAN_BAD_NUMBER;
}

BOT4_HOT int bot4_scan_flag(const bot4_value *value, int *flag) {
    *flag = value->type == VALUE_TRUE;
    return BOT4_LIKELY(value->type == VALUE_TRUE || value->type == VALUE_FALSE) ? SCAN_OK : SCAN_WRONG_TYPE;
}

/* Nanoseconds of a stamp, whose size tells its unit: milliseconds since 2001 start at 10^12, microseconds at 10^15. */
BOT4_HOT int bot4_scan_stamp(int64_t stamp, int64_t *ns, int64_t *unit_ns) {
    *unit_ns = stamp < 100000000000000LL ? 1000000 : 1000;
    if (BOT4_UNLIKELY(stamp < (*unit_ns == 1000 ? 1000000000000000LL : 1000000000000LL) ||
                      stamp > INT64_MAX / *unit_ns))
        return SCAN_BAD_TIME;
    *ns = stamp * *unit_ns;
    return SCAN_OK;
}

BOT4_HOT int bot4_scan_time(const bot4_value *value, int64_t *ns, int64_t *unit_ns) {
    int64_t stamp = 0;
    BOT4_TRY(bot4_scan_integer(value, &stamp));
    return bot4_scan_stamp(stamp, ns, unit_ns);
}

/* The venue's stamp of a message: transaction time T where it has one, else event time E, else 0. */
BOT4_HOT int bot4_scan_venue_time(const bot4_fields *fields, int64_t *ns) {
    int64_t unit_ns;
    *ns = 0;
    const int slot = fields->seen & BOT4_BIT(SLOT_T) ? SLOT_T : SLOT_E;
    return fields->seen & BOT4_BIT(slot) ? bot4_scan_time(&fields->slot[slot], ns, &unit_ns) : SCAN_OK;
}

BOT4_HOT int bot4_scan_symbol(bot4_scan *scan, const bot4_value *value, int *instrument) {
    bot4_symbol symbol;
    size_t length;
    const char *end;
    if (BOT4_UNLIKELY(!bot4_scan_is_string(value))) return SCAN_WRONG_TYPE;
    const char *text = bot4_scan_text(scan, value, &length, &end);
    *instrument =
        bot4_symbol_read(text, length, end, &symbol) ? bot4_symbol_find(&scan->scanner->symbols, &symbol) : -1;
    return BOT4_LIKELY(*instrument >= 0) ? SCAN_OK : SCAN_UNKNOWN_SYMBOL;
}

/* Name of the combined stream a frame came by, such as btcusdt@depth20@100ms; NULL for a frame without wrapper. */
BOT4_HOT const char *bot4_scan_stream(bot4_scan *scan, size_t *length, size_t *symbol_length) {
    const bot4_value *value = &scan->root.slot[SLOT_stream];
    const char *end;
    if (!(scan->root.seen & BOT4_BIT(SLOT_stream)) || !bot4_scan_is_string(value)) return NULL;
    const char *name = bot4_scan_text(scan, value, length, &end);
    if (BOT4_UNLIKELY(*length > BOT4_TEXT_BYTES)) *length = BOT4_TEXT_BYTES;
    for (*symbol_length = 0; *symbol_length < *length && name[*symbol_length] != '@';) ++*symbol_length;
    return name;
}

/* Is the stream one of @depth5, @depth10, @depth20, with or without a speed behind? */
BOT4_HOT int bot4_scan_is_partial(bot4_scan *scan) {
    size_t length, at;
    const char *name = bot4_scan_stream(scan, &length, &at);
    if (name == NULL || length - at < 7 || memcmp(name + at, "@depth", 6) != 0 || name[at + 6] == '@') return 0;
    size_t after = at + 7;
    if (name[at + 6] == '1' || name[at + 6] == '2') {
        if (after == length || name[after++] != '0') return 0;
    } else if (name[at + 6] != '5') {
        return 0;
    }
    return after == length || name[after] == '@';
}

/* The instrument a stream name is of: stream names are lower case, symbols upper. */
static BOT4_COLD int bot4_scan_stream_instrument(bot4_scan *scan, const char *name, size_t length) {
    bot4_symbol symbol;
    char upper[BOT4_SYMBOL_BYTES];
    for (size_t i = 0; i < length && i < sizeof upper; i++)
        upper[i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 32 : name[i]);
    return bot4_symbol_from(upper, length, &symbol) ? bot4_symbol_find(&scan->scanner->symbols, &symbol) : -1;
}

BOT4_HOT const bot4_instrument *bot4_scan_instrument(const bot4_scan *scan, int index) {
    return &scan->scanner->symbols.instrument[index];
}

/* ---- events ---- */

BOT4_HOT bot4_event *bot4_scan_event(bot4_scan *scan, size_t index, int kind, int flags, int instrument,
                                     int64_t venue_ns) {
    bot4_event *event = &scan->out[index];
    event->kind = (uint8_t)kind;
    event->side = 0;
    event->flags = (uint16_t)flags;
    event->instrument = (uint16_t)instrument;
    event->reason = 0;
    event->venue_ns = venue_ns;
    event->recv_ns = scan->recv_ns;
    return event;
}

/* Levels of one side behind the `before` ones already there: decoded on the way, or else now. */
BOT4_HOT int bot4_scan_side(bot4_scan *scan, const bot4_fields *fields, int slot, int side, int instrument,
                            size_t before, size_t *levels) {
    const bot4_value *value = &fields->slot[slot];
    int verdict;
    if (BOT4_UNLIKELY(value->type != VALUE_ARRAY)) return SCAN_WRONG_TYPE;
    if (BOT4_LIKELY(scan->decoded_by == fields && scan->decoded_instrument == instrument &&
                    scan->decoded_slot[side] == slot)) {
        *levels = scan->decoded[side];
        return SCAN_OK;
    }
    scan->decoded_by = NULL; /* what the other side left is about to be written over */
    return bot4_scan_levels(scan, value->text, bot4_scan_instrument(scan, instrument), side, before, levels, &verdict)
               ? SCAN_OK
               : verdict;
}

/* The events of a depth message around its levels, which stand behind out[0]: all bids, then all asks. */
BOT4_HOT void bot4_scan_put_depth(bot4_scan *scan, const bot4_depth_begin *begin, const size_t *levels, int flags,
                                  int instrument, int64_t venue_ns, size_t *count) {
    bot4_event *first = bot4_scan_event(scan, 0, KIND_DEPTH_BEGIN, flags | MARK_FIRST, instrument, venue_ns);
    bot4_event head = *first, *event = first + 1;
    first->body.depth = *begin;
    first->body.depth.level_count = (int64_t)(levels[SIDE_BIDS] + levels[SIDE_ASKS]);
    head.kind = KIND_DEPTH_LEVEL;
    head.flags = (uint16_t)flags;
    for (int side = SIDE_BIDS; side <= SIDE_ASKS; side++) {
        head.side = (uint8_t)side;
        for (const bot4_event *end = event + levels[side]; event != end; event++) {
            memcpy(event, &head, offsetof(bot4_event, body));
            event->body.level.last_id = begin->last_id;
            event->body.level.reserved = 0;
        }
    }
    event[-1].flags |= MARK_LAST;
    scan->scanner->off_tick_levels += scan->skipped[SIDE_BIDS] + scan->skipped[SIDE_ASKS];
    *count = (size_t)(event - first);
}

/* A depth message, whichever side the frame gives first. */
BOT4_HOT int bot4_scan_depth(bot4_scan *scan, const bot4_fields *fields, int bid_slot, int ask_slot, int instrument,
                             int flags, int64_t venue_ns, const bot4_depth_begin *begin, size_t *count) {
    size_t levels[2] = {0, 0};
    if (BOT4_UNLIKELY(scan->capacity == 0)) return SCAN_TOO_MANY_LEVELS;
    BOT4_TRY(bot4_scan_side(scan, fields, bid_slot, SIDE_BIDS, instrument, 0, &levels[SIDE_BIDS]));
    BOT4_TRY(bot4_scan_side(scan, fields, ask_slot, SIDE_ASKS, instrument, levels[SIDE_BIDS], &levels[SIDE_ASKS]));
    bot4_scan_put_depth(scan, begin, levels, flags, instrument, venue_ns, count);
    return SCAN_OK;
}

static inline int bot4_scan_depth_update(bot4_scan *scan, const bot4_fields *fields, size_t *count) {
    int instrument = 0;
    int64_t venue_ns;
    bot4_depth_begin begin = {.prev_id = -1, .checksum = -1};
    if (!bot4_scan_has(fields,
                       BOT4_BIT(SLOT_s) | BOT4_BIT(SLOT_U) | BOT4_BIT(SLOT_u) | BOT4_BIT(SLOT_b) | BOT4_BIT(SLOT_a)) ||
        !(fields->seen & (BOT4_BIT(SLOT_E) | BOT4_BIT(SLOT_T))))
        return SCAN_MISSING_FIELD;
    BOT4_TRY(bot4_scan_symbol(scan, &fields->slot[SLOT_s], &instrument));
    BOT4_TRY(bot4_scan_integer(&fields->slot[SLOT_U], &begin.first_id));
    BOT4_TRY(bot4_scan_integer(&fields->slot[SLOT_u], &begin.last_id));
    int flags = 0;
    if (fields->seen & BOT4_BIT(SLOT_pu)) {
        BOT4_TRY(bot4_scan_integer(&fields->slot[SLOT_pu], &begin.prev_id));
        flags = MARK_FUTURES;
    }
    if (begin.first_id > begin.last_id) return SCAN_BAD_RANGE;
    BOT4_TRY(bot4_scan_venue_time(fields, &venue_ns));
    /* Partial depth of the futures looks like a diff: only its stream name tells. */
    if (bot4_scan_is_partial(scan)) flags |= MARK_SNAPSHOT | MARK_PARTIAL;
    return bot4_scan_depth(scan, fields, SLOT_b, SLOT_a, instrument, flags, venue_ns, &begin, count);
}

static inline int bot4_scan_snapshot(bot4_scan *scan, const bot4_fields *fields, size_t *count) {
    int instrument = scan->default_instrument, flags = MARK_SNAPSHOT;
    size_t length, symbol_length;
    int64_t venue_ns;
    bot4_depth_begin begin = {.prev_id = -1, .checksum = -1};
    if (!bot4_scan_has(fields, BOT4_BIT(SLOT_lastUpdateId) | BOT4_BIT(SLOT_bids) | BOT4_BIT(SLOT_asks)))
        return SCAN_MISSING_FIELD;
    const char *stream = bot4_scan_stream(scan, &length, &symbol_length);
    if (stream) instrument = bot4_scan_stream_instrument(scan, stream, symbol_length);
    if (fields->seen & BOT4_BIT(SLOT_symbol)) BOT4_TRY(bot4_scan_symbol(scan, &fields->slot[SLOT_symbol], &instrument));
    else if (instrument < 0 || instrument >= scan->scanner->symbols.count) return SCAN_UNKNOWN_SYMBOL;
    if (bot4_scan_is_partial(scan)) flags |= MARK_PARTIAL;
    if (fields->seen & (BOT4_BIT(SLOT_E) | BOT4_BIT(SLOT_T))) flags |= MARK_FUTURES;
    BOT4_TRY(bot4_scan_integer(&fields->slot[SLOT_lastUpdateId], &begin.last_id));
    begin.first_id = begin.last_id;
    BOT4_TRY(bot4_scan_venue_time(fields, &venue_ns));
    return bot4_scan_depth(scan, fields, SLOT_bids, SLOT_asks, instrument, flags, venue_ns, &begin, count);
}

/* A side with nothing in it is sent as price 0 and quantity 0. */
BOT4_HOT int bot4_scan_quote_is_sound(const bot4_quote *quote) {
    return (quote->bid_price_ticks != 0 || quote->bid_qty_lots == 0) &&
           (quote->ask_price_ticks != 0 || quote->ask_qty_lots == 0);
}

BOT4_HOT void bot4_scan_put_quote(bot4_scan *scan, const bot4_quote *quote, int is_futures, int instrument,
                                  int64_t venue_ns, size_t *count) {
    const int flags = MARK_FIRST | MARK_LAST | (is_futures ? MARK_FUTURES : 0);
    bot4_scan_event(scan, 0, KIND_QUOTE, flags, instrument, venue_ns)->body.quote = *quote;
    *count = 1;
}

static inline int bot4_scan_quote(bot4_scan *scan, const bot4_fields *fields, size_t *count) {
    int instrument = 0;
    int64_t venue_ns;
    bot4_quote quote;
    if (!bot4_scan_has(fields, BOT4_BIT(SLOT_s) | BOT4_BIT(SLOT_u) | BOT4_BIT(SLOT_b) | BOT4_BIT(SLOT_B) |
                                   BOT4_BIT(SLOT_a) | BOT4_BIT(SLOT_A)))
        return SCAN_MISSING_FIELD;
    BOT4_TRY(bot4_scan_symbol(scan, &fields->slot[SLOT_s], &instrument));
    const bot4_instrument *of = bot4_scan_instrument(scan, instrument);
    BOT4_TRY(bot4_scan_integer(&fields->slot[SLOT_u], &quote.update_id));
    BOT4_TRY(bot4_scan_decimal(scan, &fields->slot[SLOT_b], &of->price, SCAN_OFF_TICK, &quote.bid_price_ticks));
    BOT4_TRY(bot4_scan_decimal(scan, &fields->slot[SLOT_B], &of->qty, SCAN_OFF_LOT, &quote.bid_qty_lots));
    BOT4_TRY(bot4_scan_decimal(scan, &fields->slot[SLOT_a], &of->price, SCAN_OFF_TICK, &quote.ask_price_ticks));
    BOT4_TRY(bot4_scan_decimal(scan, &fields->slot[SLOT_A], &of->qty, SCAN_OFF_LOT, &quote.ask_qty_lots));
    if (BOT4_UNLIKELY(!bot4_scan_quote_is_sound(&quote))) return SCAN_ZERO_PRICE;
    BOT4_TRY(bot4_scan_venue_time(fields, &venue_ns));
    if (BOT4_UNLIKELY(scan->capacity < 1)) return SCAN_TOO_MANY_LEVELS;
    bot4_scan_put_quote(scan, &quote, (fields->seen & BOT4_BIT(SLOT_e)) != 0, instrument, venue_ns, count);
    return SCAN_OK;
}

BOT4_HOT void bot4_scan_put_trade(bot4_scan *scan, const bot4_trade *trade, int kind, int buyer_is_maker,
                                  int instrument, int64_t venue_ns, size_t *count) {
    const int flags = MARK_FIRST | MARK_LAST | (buyer_is_maker ? MARK_BUYER_IS_MAKER : 0);
    bot4_event *event = bot4_scan_event(scan, 0, kind, flags, instrument, venue_ns);
    event->side = (uint8_t)(buyer_is_maker ? SIDE_ASKS : SIDE_BIDS);
    event->body.trade = *trade;
    *count = 1;
}

/* A trade or an aggregate of trades. One that no order of the book made, or of no quantity, is not market activity. */
static inline int bot4_scan_trade(bot4_scan *scan, const bot4_fields *fields, int kind, size_t *count) {
    int instrument = 0, buyer_is_maker;
    int64_t venue_ns, unit_ns;
    size_t length;
    const char *end;
    bot4_trade trade;
    const uint64_t ids = kind == KIND_TRADE ? BOT4_BIT(SLOT_t) : BOT4_BIT(SLOT_a) | BOT4_BIT(SLOT_f) | BOT4_BIT(SLOT_l);
    if (!bot4_scan_has(fields, ids | BOT4_BIT(SLOT_s) | BOT4_BIT(SLOT_p) | BOT4_BIT(SLOT_q) | BOT4_BIT(SLOT_T) |
                                   BOT4_BIT(SLOT_m)))
        return SCAN_MISSING_FIELD;
    BOT4_TRY(bot4_scan_symbol(scan, &fields->slot[SLOT_s], &instrument));
    const bot4_instrument *of = bot4_scan_instrument(scan, instrument);
    BOT4_TRY(bot4_scan_time(&fields->slot[SLOT_T], &venue_ns, &unit_ns));
    BOT4_TRY(bot4_scan_flag(&fields->slot[SLOT_m], &buyer_is_maker));
    if (fields->seen & BOT4_BIT(SLOT_X)) {
        if (!bot4_scan_is_string(&fields->slot[SLOT_X])) return SCAN_WRONG_TYPE;
        const char *made_by = bot4_scan_text(scan, &fields->slot[SLOT_X], &length, &end);
        if (length != 6 || memcmp(made_by, "MARKET", 6) != 0) {
            scan->scanner->off_book_trades++;
            return SCAN_IGNORED;
        }
    }
    BOT4_TRY(bot4_scan_decimal(scan, &fields->slot[SLOT_p], &of->price, SCAN_OFF_TICK, &trade.price_ticks));
    BOT4_TRY(bot4_scan_decimal(scan, &fields->slot[SLOT_q], &of->qty, SCAN_OFF_LOT, &trade.qty_lots));
    if (BOT4_UNLIKELY(trade.qty_lots == 0)) {
        scan->scanner->zero_trades++;
        return SCAN_IGNORED;
    }
    if (BOT4_UNLIKELY(trade.price_ticks == 0)) return SCAN_ZERO_PRICE;
    BOT4_TRY(bot4_scan_integer(&fields->slot[kind == KIND_TRADE ? SLOT_t : SLOT_a], &trade.trade_id));
    trade.first_id = trade.last_id = trade.trade_id;
    if (kind == KIND_AGG_TRADE) {
        BOT4_TRY(bot4_scan_integer(&fields->slot[SLOT_f], &trade.first_id));
        BOT4_TRY(bot4_scan_integer(&fields->slot[SLOT_l], &trade.last_id));
        if (trade.first_id > trade.last_id) return SCAN_BAD_RANGE;
    }
    if (BOT4_UNLIKELY(scan->capacity < 1)) return SCAN_TOO_MANY_LEVELS;
    bot4_scan_put_trade(scan, &trade, kind, buyer_is_maker, instrument, venue_ns, count);
    return SCAN_OK;
}

static inline int bot4_scan_kline(bot4_scan *scan, const bot4_fields *fields, size_t *count) {
    int instrument = 0, closed;
    int64_t venue_ns, open_ns, last_ns, unit_ns, last_unit_ns;
    bot4_bar_prices bar;
    bot4_bar_flow flow;
    bot4_fields inner;
    if (!bot4_scan_has(fields, BOT4_BIT(SLOT_s) | BOT4_BIT(SLOT_E) | BOT4_BIT(SLOT_k))) return SCAN_MISSING_FIELD;
    if (fields->slot[SLOT_k].type != VALUE_OBJECT) return SCAN_WRONG_TYPE;
    inner.seen = 0;
    inner.duplicate = 0;
    /* Its first pass only checked it; bars are rare enough for a second one that notes the members. */
    bot4_scan_members(scan, fields->slot[SLOT_k].text + 1, &inner, NULL, 2);
    if (inner.duplicate) return SCAN_DUPLICATE_FIELD;
    if (!bot4_scan_has(&inner, BOT4_BIT(SLOT_t) | BOT4_BIT(SLOT_T) | BOT4_BIT(SLOT_o) | BOT4_BIT(SLOT_h) |
                                   BOT4_BIT(SLOT_l) | BOT4_BIT(SLOT_c) | BOT4_BIT(SLOT_v) | BOT4_BIT(SLOT_n) |
                                   BOT4_BIT(SLOT_x) | BOT4_BIT(SLOT_V)))
        return SCAN_MISSING_FIELD;
    BOT4_TRY(bot4_scan_symbol(scan, &fields->slot[SLOT_s], &instrument));
    const bot4_instrument *of = bot4_scan_instrument(scan, instrument);
    BOT4_TRY(bot4_scan_time(&fields->slot[SLOT_E], &venue_ns, &unit_ns));
    BOT4_TRY(bot4_scan_time(&inner.slot[SLOT_t], &open_ns, &unit_ns));
    BOT4_TRY(bot4_scan_time(&inner.slot[SLOT_T], &last_ns, &last_unit_ns));
    BOT4_TRY(bot4_scan_decimal(scan, &inner.slot[SLOT_o], &of->price, SCAN_OFF_TICK, &bar.open_ticks));
    BOT4_TRY(bot4_scan_decimal(scan, &inner.slot[SLOT_h], &of->price, SCAN_OFF_TICK, &bar.high_ticks));
    BOT4_TRY(bot4_scan_decimal(scan, &inner.slot[SLOT_l], &of->price, SCAN_OFF_TICK, &bar.low_ticks));
    BOT4_TRY(bot4_scan_decimal(scan, &inner.slot[SLOT_c], &of->price, SCAN_OFF_TICK, &bar.close_ticks));
    BOT4_TRY(bot4_scan_decimal(scan, &inner.slot[SLOT_v], &of->qty, SCAN_OFF_LOT, &flow.volume_lots));
    BOT4_TRY(bot4_scan_decimal(scan, &inner.slot[SLOT_V], &of->qty, SCAN_OFF_LOT, &flow.taker_buy_lots));
    BOT4_TRY(bot4_scan_integer(&inner.slot[SLOT_n], &flow.trade_count));
    BOT4_TRY(bot4_scan_flag(&inner.slot[SLOT_x], &closed));
    if (bar.low_ticks == 0) return SCAN_ZERO_PRICE;
    const int64_t least = bar.open_ticks < bar.close_ticks ? bar.open_ticks : bar.close_ticks;
    const int64_t most = bar.open_ticks < bar.close_ticks ? bar.close_ticks : bar.open_ticks;
    if (bar.low_ticks > least || bar.high_ticks < most || flow.taker_buy_lots > flow.volume_lots || last_ns < open_ns ||
        unit_ns != last_unit_ns)
        return SCAN_BAD_RANGE;
    if (scan->capacity < 2) return SCAN_TOO_MANY_LEVELS;
    bar.open_time_ns = flow.open_time_ns = open_ns;
    flow.interval_ns = last_ns - open_ns + unit_ns; /* T is the last unit of time inside the bar */
    const int flags = closed ? MARK_BAR_CLOSED : 0;
    bot4_scan_event(scan, 0, KIND_BAR_PRICES, flags | MARK_FIRST, instrument, venue_ns)->body.bar = bar;
    bot4_scan_event(scan, 1, KIND_BAR_FLOW, flags | MARK_LAST, instrument, venue_ns)->body.flow = flow;
    *count = 2;
    return SCAN_OK;
}

#endif
