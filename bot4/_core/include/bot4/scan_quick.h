/* The short way: frames in the very spelling Binance sends, decoded in one pass.
 *
 * It takes a frame or leaves it. What it takes is sound and gives the events and the counts that the whole scanner gives;
 * all the rest (white space, escapes, members it does not expect, wrapper members the other way round, any fault at all)
 * it leaves to the whole scanner, which alone refuses. So it may give up anywhere, and no verdict is decided here.
 *
 * Known: bookTicker, trade, aggTrade and depthUpdate, the event type first where there is one, the symbol before what is
 * on its grid, bids before asks; else members in any order.
 */
#ifndef BOT4_SCAN_QUICK_H
#define BOT4_SCAN_QUICK_H

#include "bot4/scan_messages.h"

#if BOT4_SIMD
enum { QUICK_OTHER = 0, QUICK_QUOTE, QUICK_TRADE, QUICK_AGG_TRADE, QUICK_DEPTH };

typedef struct {
    int kind; /* a QUICK_ kind */
    int instrument;
    const bot4_grid *grid[3]; /* by bot4_quick_grid; NULL until the symbol is known */
    uint64_t seen, numbers, decimals, flags, arrays; /* members by BOT4_BIT, and by what their value is */
    size_t levels[2];                                /* by side */
    int64_t value[SLOTS];
} bot4_quick;

enum { GRID_NONE = 0, GRID_PRICE = 1, GRID_QTY = 2 };

static const uint8_t bot4_quick_grid[SLOTS] = {
    [SLOT_b] = GRID_PRICE, [SLOT_a] = GRID_PRICE, [SLOT_p] = GRID_PRICE,
    [SLOT_B] = GRID_QTY,   [SLOT_A] = GRID_QTY,   [SLOT_q] = GRID_QTY,
};

/* Members that may be a number, and those that may be true or false ("M" of the spot's trades is no member we know). */
#define BOT4_QUICK_NUMBERS                                                                                             \
    (BOT4_BIT(SLOT_E) | BOT4_BIT(SLOT_T) | BOT4_BIT(SLOT_U) | BOT4_BIT(SLOT_u) | BOT4_BIT(SLOT_pu) | BOT4_BIT(SLOT_t) | \
     BOT4_BIT(SLOT_a) | BOT4_BIT(SLOT_f) | BOT4_BIT(SLOT_l))
#define BOT4_QUICK_FLAGS (BOT4_BIT(SLOT_m) | BOT4_BIT(SLOT_NONE))

#define BOT4_SPELLS(p, word) (memcmp((p), (word), sizeof(word) - 1) == 0)

/* Behind the head of a combined stream's frame, or behind the brace of a bare one; NULL where it is neither. */
BOT4_HOT const char *bot4_quick_head(bot4_scan *scan, const char *p) {
    const char *end = scan->json.end;
    int escaped;
    if (end - p < 24 || *p != '{') return NULL;
    scan->root.seen = 0;
    if (!BOT4_SPELLS(p, "{\"stream\":\"")) return p + 1;
    bot4_value *stream = &scan->root.slot[SLOT_stream];
    stream->text = p + 11;
    p = bot4_json_string(&scan->json, p + 11, &escaped);
    if (p == NULL || escaped || end - p < 16) return NULL;
    stream->length = (uint32_t)(p - stream->text);
    stream->type = VALUE_STRING;
    scan->root.seen = BOT4_BIT(SLOT_stream);
    return BOT4_SPELLS(p, "\",\"data\":{") ? p + 10 : NULL;
}

/* After the event type and its comma at `p`, if there is one; its kind in *kind. */
BOT4_HOT const char *bot4_quick_kind(const char *p, const char *end, int *kind) {
    *kind = QUICK_QUOTE;
    if (end - p < 24) return p;
    if (!BOT4_SPELLS(p, "\"e\":\"")) return p;
    if (BOT4_SPELLS(p + 5, "bookTicker\",")) return p + 17;
    *kind = QUICK_TRADE;
    if (BOT4_SPELLS(p + 5, "trade\",")) return p + 12;
    *kind = QUICK_DEPTH;
    if (BOT4_SPELLS(p + 5, "depthUpdate\",")) return p + 18;
    *kind = QUICK_AGG_TRADE;
    if (BOT4_SPELLS(p + 5, "aggTrade\",")) return p + 15;
    *kind = QUICK_OTHER;
    return p;
}

/* After the string that opens at `p`: the symbol, a decimal, who made a trade, or one that means nothing ("ps"). */
BOT4_HOT const char *bot4_quick_string(bot4_scan *scan, bot4_quick *quick, const char *p, int slot) {
    const __m128i bytes = bot4_load_16(++p, scan->json.end);
    const uint32_t quotes = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')));
    if (BOT4_UNLIKELY(quotes == 0)) return NULL;
    const uint32_t length = (uint32_t)__builtin_ctz(quotes);
    if (slot == SLOT_s) {
        bot4_symbol symbol = {.length = length};
        if (BOT4_UNLIKELY((bot4_json_specials(bytes) ^ quotes) & ((1u << length) - 1))) return NULL;
        const __m128i place = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        const __m128i text = _mm_and_si128(bytes, _mm_cmpgt_epi8(_mm_set1_epi8((char)length), place));
        memcpy(symbol.word, &text, sizeof text);
        quick->instrument = bot4_symbol_find(&scan->scanner->symbols, &symbol);
        if (BOT4_UNLIKELY(quick->instrument < 0 || length == 0)) return NULL;
        const bot4_instrument *of = bot4_scan_instrument(scan, quick->instrument);
        quick->grid[GRID_PRICE] = &of->price;
        quick->grid[GRID_QTY] = &of->qty;
        return p + length + 1;
    }
    const bot4_grid *grid = quick->grid[bot4_quick_grid[slot]];
    if (grid == NULL) {
        const int is_market = slot == SLOT_X && length == 6 && BOT4_SPELLS((const char *)&bytes, "MARKET");
        const int is_plain = slot == SLOT_NONE && !((bot4_json_specials(bytes) ^ quotes) & ((1u << length) - 1));
        return is_market || is_plain ? p + length + 1 : NULL;
    }
    if (BOT4_UNLIKELY(bot4_decimal_parse_16(grid, bytes, p, length, &quick->value[slot]) != DECIMAL_OK)) return NULL;
    quick->decimals |= BOT4_BIT(slot);
    return p + length + 1;
}

/* After the plain integer at `p`. */
BOT4_HOT const char *bot4_quick_number(bot4_scan *scan, bot4_quick *quick, const char *p, int slot) {
    const uint32_t count = bot4_json_digits(p, scan->json.end, &quick->value[slot]);
    if (BOT4_UNLIKELY(count == 0 || (*p == '0' && count > 1))) return NULL;
    if (BOT4_UNLIKELY(!(BOT4_QUICK_NUMBERS & BOT4_BIT(slot)))) return NULL;
    quick->numbers |= BOT4_BIT(slot);
    return p + count; /* where a comma or a brace must stand */
}

/* After the levels at `p`. */
BOT4_HOT const char *bot4_quick_levels(bot4_scan *scan, bot4_quick *quick, const char *p, int slot) {
    int verdict;
    const int side = slot == SLOT_b ? SIDE_BIDS : SIDE_ASKS;
    if (quick->kind != QUICK_DEPTH || quick->grid[GRID_PRICE] == NULL) return NULL;
    if (slot != SLOT_b && (slot != SLOT_a || !(quick->arrays & BOT4_BIT(SLOT_b)))) return NULL;
    quick->arrays |= BOT4_BIT(slot);
    const size_t before = side == SIDE_BIDS ? 0 : quick->levels[SIDE_BIDS];
    return bot4_scan_levels(scan, p, bot4_scan_instrument(scan, quick->instrument), side, before, &quick->levels[side],
                            &verdict);
}

/* After the members from `p` and their closing brace; NULL to give up. */
BOT4_HOT const char *bot4_quick_members(bot4_scan *scan, bot4_quick *quick, const char *p) {
    const char *end = scan->json.end;
    for (;;) {
        uint32_t key;
        int slot;
        if (BOT4_UNLIKELY(end - p < 8)) return NULL;
        memcpy(&key, p, sizeof key);
        if (BOT4_LIKELY((key & 0xFFFF80FFu) == 0x3A220022u)) { /* "x": of one ASCII letter */
            slot = bot4_letter_slot[key >> 8 & 0x7F];
            if (BOT4_UNLIKELY(slot == SLOT_NONE && key != 0x3A224D22u)) return NULL; /* but the "M" of spot trades */
            p += 4;
        } else if ((key == 0x22757022u || key == 0x22737022u) && p[4] == ':') { /* "pu":, "ps": */
            slot = key == 0x22757022u ? SLOT_pu : SLOT_NONE;
            p += 5;
        } else {
            return NULL;
        }
        if (BOT4_UNLIKELY(quick->seen & BOT4_BIT(slot))) return NULL;
        if (*p == '"') {
            p = bot4_quick_string(scan, quick, p, slot);
        } else if (*p == '[') {
            p = bot4_quick_levels(scan, quick, p, slot);
        } else if (*p == 't' || *p == 'f') {
            if (BOT4_UNLIKELY(!(BOT4_QUICK_FLAGS & BOT4_BIT(slot)))) return NULL;
            quick->flags |= BOT4_BIT(slot);
            quick->value[slot] = *p == 't';
            p = bot4_json_literal(&scan->json, p);
        } else {
            p = bot4_quick_number(scan, quick, p, slot);
        }
        if (BOT4_UNLIKELY(p == NULL || p >= end)) return NULL;
        quick->seen |= BOT4_BIT(slot);
        if (*p != ',') return *p == '}' ? p + 1 : NULL;
        p++;
    }
}

/* The venue's stamp, as bot4_scan_venue_time; 0 to give up. */
BOT4_HOT int bot4_quick_venue_time(const bot4_quick *quick, int64_t *ns) {
    int64_t unit_ns;
    *ns = 0;
    const int slot = quick->seen & BOT4_BIT(SLOT_T) ? SLOT_T : SLOT_E;
    if (!(quick->seen & BOT4_BIT(slot))) return 1;
    return (quick->numbers & BOT4_BIT(slot)) && bot4_scan_stamp(quick->value[slot], ns, &unit_ns) == SCAN_OK;
}

BOT4_HOT int bot4_quick_quote(bot4_scan *scan, const bot4_quick *quick, int has_type, size_t *count) {
    const uint64_t decimals = BOT4_BIT(SLOT_b) | BOT4_BIT(SLOT_B) | BOT4_BIT(SLOT_a) | BOT4_BIT(SLOT_A);
    int64_t venue_ns;
    if (BOT4_UNLIKELY((quick->decimals & decimals) != decimals || !(quick->numbers & BOT4_BIT(SLOT_u)) ||
                      !bot4_quick_venue_time(quick, &venue_ns)))
        return 0;
    const bot4_quote quote = {quick->value[SLOT_b], quick->value[SLOT_B], quick->value[SLOT_a], quick->value[SLOT_A],
                              quick->value[SLOT_u]};
    if (BOT4_UNLIKELY(!bot4_scan_quote_is_sound(&quote))) return 0;
    bot4_scan_put_quote(scan, &quote, has_type, quick->instrument, venue_ns, count);
    return 1;
}

BOT4_HOT int bot4_quick_trade(bot4_scan *scan, const bot4_quick *quick, size_t *count) {
    const int is_aggregate = quick->kind == QUICK_AGG_TRADE;
    const uint64_t decimals = BOT4_BIT(SLOT_p) | BOT4_BIT(SLOT_q);
    const uint64_t numbers = BOT4_BIT(SLOT_T) | (is_aggregate ? BOT4_BIT(SLOT_a) | BOT4_BIT(SLOT_f) | BOT4_BIT(SLOT_l)
                                                              : BOT4_BIT(SLOT_t));
    int64_t venue_ns;
    if (BOT4_UNLIKELY((quick->decimals & decimals) != decimals || (quick->numbers & numbers) != numbers ||
                      !(quick->flags & BOT4_BIT(SLOT_m)) || !bot4_quick_venue_time(quick, &venue_ns)))
        return 0;
    bot4_trade trade = {.price_ticks = quick->value[SLOT_p], .qty_lots = quick->value[SLOT_q]};
    trade.trade_id = quick->value[is_aggregate ? SLOT_a : SLOT_t];
    trade.first_id = is_aggregate ? quick->value[SLOT_f] : trade.trade_id;
    trade.last_id = is_aggregate ? quick->value[SLOT_l] : trade.trade_id;
    if (BOT4_UNLIKELY(trade.price_ticks == 0 || trade.qty_lots == 0 || trade.first_id > trade.last_id)) return 0;
    bot4_scan_put_trade(scan, &trade, is_aggregate ? KIND_AGG_TRADE : KIND_TRADE, (int)quick->value[SLOT_m],
                        quick->instrument, venue_ns, count);
    return 1;
}

BOT4_HOT int bot4_quick_depth(bot4_scan *scan, const bot4_quick *quick, size_t *count) {
    const uint64_t ids = BOT4_BIT(SLOT_U) | BOT4_BIT(SLOT_u);
    const int has_previous = (quick->numbers & BOT4_BIT(SLOT_pu)) != 0;
    int64_t venue_ns;
    if (BOT4_UNLIKELY((quick->numbers & ids) != ids || !(quick->numbers & (BOT4_BIT(SLOT_E) | BOT4_BIT(SLOT_T))) ||
                      !(quick->arrays & BOT4_BIT(SLOT_a)) || (!has_previous && (quick->seen & BOT4_BIT(SLOT_pu))) ||
                      quick->value[SLOT_U] > quick->value[SLOT_u] || !bot4_quick_venue_time(quick, &venue_ns)))
        return 0;
    const bot4_depth_begin begin = {.first_id = quick->value[SLOT_U],
                                    .last_id = quick->value[SLOT_u],
                                    .prev_id = has_previous ? quick->value[SLOT_pu] : -1,
                                    .checksum = -1};
    const int flags = (has_previous ? MARK_FUTURES : 0) | (bot4_scan_is_partial(scan) ? MARK_SNAPSHOT | MARK_PARTIAL : 0);
    bot4_scan_put_depth(scan, &begin, quick->levels, flags, quick->instrument, venue_ns, count);
    return 1;
}
#endif

/* Was the frame taken? Then *count events were written. */
BOT4_HOT int bot4_scan_quick(bot4_scan *scan, const char *frame, size_t length, size_t *count) {
#if BOT4_SIMD
    bot4_quick quick;
    if (BOT4_UNLIKELY(length > BOT4_SCAN_MAX_BYTES || scan->capacity == 0)) return 0;
    scan->json.end = frame + length;
    const char *p = bot4_quick_head(scan, frame);
    if (BOT4_UNLIKELY(p == NULL)) return 0;
    const char *members = p;
    p = bot4_quick_kind(p, scan->json.end, &quick.kind);
    if (BOT4_UNLIKELY(quick.kind == QUICK_OTHER)) return 0;
    const int has_type = p != members;
    quick.seen = BOT4_BIT(SLOT_e); /* one that comes later is not for us */
    quick.numbers = quick.decimals = quick.flags = quick.arrays = 0;
    quick.grid[GRID_NONE] = quick.grid[GRID_PRICE] = quick.grid[GRID_QTY] = NULL;
    if (BOT4_UNLIKELY((p = bot4_quick_members(scan, &quick, p)) == NULL)) return 0;
    if (scan->root.seen && (p == scan->json.end || *p++ != '}')) return 0;
    if (BOT4_UNLIKELY(bot4_json_space(&scan->json, p) != scan->json.end)) return 0;
    if (quick.kind == QUICK_QUOTE) return bot4_quick_quote(scan, &quick, has_type, count);
    return quick.kind == QUICK_DEPTH ? bot4_quick_depth(scan, &quick, count) : bot4_quick_trade(scan, &quick, count);
#else
    (void)scan, (void)frame, (void)length, (void)count;
    return 0;
#endif
}

#endif
