/* Decimal members and the levels of depth messages.
 *
 * Where the symbol is known when its bids or asks come by, they are decoded on the way, into events that count only if
 * the frame turns out sound and of that instrument; else when all of the frame has been read.
 */
#ifndef BOT4_SCAN_LEVELS_H
#define BOT4_SCAN_LEVELS_H

#include "bot4/scan_state.h"

BOT4_HOT int bot4_scan_of_decimal(int verdict, int off_grid) {
    if (BOT4_LIKELY(verdict == DECIMAL_OK)) return SCAN_OK;
    if (verdict == DECIMAL_OFF_GRID) return off_grid;
    return verdict == DECIMAL_NEGATIVE ? SCAN_NEGATIVE : verdict == DECIMAL_OVERLONG ? SCAN_OVERLONG : SCAN_BAD_NUMBER;
}

static BOT4_COLD int bot4_scan_decimal_any(bot4_scan *scan, const bot4_value *value, const bot4_grid *grid,
                                           int off_grid, int64_t *steps) {
    size_t length;
    const char *end, *text = bot4_scan_text(scan, value, &length, &end);
    return bot4_scan_of_decimal(bot4_decimal_parse_any(grid, text, length, steps), off_grid);
}

/* Steps of the decimal in a string value; `off_grid` is the verdict for what is between two steps. */
BOT4_HOT int bot4_scan_decimal(bot4_scan *scan, const bot4_value *value, const bot4_grid *grid, int off_grid,
                               int64_t *steps) {
    if (BOT4_UNLIKELY(!bot4_scan_is_string(value))) return SCAN_WRONG_TYPE;
#if BOT4_SIMD
    if (BOT4_LIKELY(value->type == VALUE_STRING && value->length - 1 < 16)) {
        const __m128i bytes = bot4_load_16(value->text, scan->json.end);
        return bot4_scan_of_decimal(bot4_decimal_parse_16(grid, bytes, value->text, value->length, steps), off_grid);
    }
#endif
    return bot4_scan_decimal_any(scan, value, grid, off_grid, steps);
}

/* After the closing quote of the decimal string that opens at `p`, with *verdict on it; NULL where it is no string. */
BOT4_HOT const char *bot4_scan_level_number(bot4_scan *scan, const char *p, const bot4_grid *grid, int off_grid,
                                            int64_t *steps, int *verdict) {
    bot4_json *json = &scan->json;
    if (BOT4_UNLIKELY(p >= json->end || *p++ != '"' || p == json->end)) {
        *verdict = SCAN_WRONG_TYPE;
        return NULL;
    }
#if BOT4_SIMD
    const __m128i bytes = bot4_load_16(p, json->end);
    const uint32_t specials = bot4_json_specials(bytes);
    const uint32_t length = specials ? (uint32_t)__builtin_ctz(specials) : 0;
    if (BOT4_LIKELY(length && p + length < json->end && p[length] == '"')) {
        *verdict = bot4_scan_of_decimal(bot4_decimal_parse_16(grid, bytes, p, length, steps), off_grid);
        return p + length + 1;
    }
#endif
    int escaped = 0;
    bot4_value value = {.text = p};
    const char *quote = bot4_json_string_any(json, p, &escaped);
    if (quote == NULL) {
        *verdict = SCAN_MALFORMED;
        return NULL;
    }
    value.type = escaped ? VALUE_ESCAPED : VALUE_STRING;
    value.length = (uint32_t)(quote - p);
    *verdict = bot4_scan_decimal_any(scan, &value, grid, off_grid, steps);
    return quote + 1;
}

#if BOT4_SIMD
/* Bit i is set where byte i of the 32 at `p` is a quote. */
BOT4_HOT uint32_t bot4_scan_quotes_32(const char *p) {
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i low = _mm_loadu_si128((const __m128i *)p), high = _mm_loadu_si128((const __m128i *)(p + 16));
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(low, quote)) |
           (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(high, quote)) << 16;
}
#endif

/* After the level ["price","qty"] at `p`, where it is sound, on the grid and without white space; else NULL.
 *
 * All four quotes are found at once, so that the next level need not wait for these two numbers.
 */
BOT4_HOT const char *bot4_scan_level_quick(bot4_scan *scan, const char *p, const bot4_instrument *instrument,
                                           int64_t *price_ticks, int64_t *qty_lots) {
#if BOT4_SIMD
    if (BOT4_UNLIKELY(scan->json.end - p < 48)) return NULL; /* the last 16 bytes from the 32nd must be there, too */
    const uint32_t from_price = bot4_scan_quotes_32(p);
    const uint32_t behind_price = from_price & (from_price - 1), from_qty = behind_price & (behind_price - 1);
    const uint32_t behind_qty = from_qty & (from_qty - 1);
    if (BOT4_UNLIKELY(behind_qty == 0)) return NULL;
    const uint32_t price_end = (uint32_t)__builtin_ctz(behind_price), qty = (uint32_t)__builtin_ctz(from_qty) + 1;
    const uint32_t qty_end = (uint32_t)__builtin_ctz(behind_qty);
    if (BOT4_UNLIKELY(p[0] != '[' || p[1] != '"' || price_end > 2 + 16 || qty != price_end + 3 ||
                      p[price_end + 1] != ',' || qty_end > qty + 16 || p[qty_end + 1] != ']'))
        return NULL;
    const __m128i price_bytes = _mm_loadu_si128((const __m128i *)(p + 2));
    const __m128i qty_bytes = _mm_loadu_si128((const __m128i *)(p + qty));
    if (BOT4_UNLIKELY(bot4_decimal_parse_16(&instrument->price, price_bytes, p + 2, price_end - 2, price_ticks) |
                      bot4_decimal_parse_16(&instrument->qty, qty_bytes, p + qty, qty_end - qty, qty_lots)))
        return NULL;
    return BOT4_LIKELY(*price_ticks != 0) ? p + qty_end + 2 : NULL;
#else
    (void)scan, (void)p, (void)instrument, (void)price_ticks, (void)qty_lots;
    return NULL;
#endif
}

/* After the level at `p`, however it is spelled: SCAN_OK in *verdict, or SCAN_OFF_TICK where the instrument skips such a
 * level. NULL for any other verdict, and for what is not a level of two strings (SCAN_WRONG_TYPE).
 */
BOT4_HOT const char *bot4_scan_level(bot4_scan *scan, const char *p, const bot4_instrument *instrument,
                                     int64_t *price_ticks, int64_t *qty_lots, int *verdict) {
    bot4_json *json = &scan->json;
    *verdict = SCAN_WRONG_TYPE;
    if (BOT4_UNLIKELY(p == json->end || *p != '[')) return NULL;
    p = bot4_scan_level_number(scan, bot4_json_space(json, p + 1), &instrument->price, SCAN_OFF_TICK, price_ticks,
                               verdict);
    if (BOT4_UNLIKELY(*verdict != SCAN_OK) && (*verdict != SCAN_OFF_TICK || !instrument->skips_off_tick)) return NULL;
    const int of_price = *verdict;
    *verdict = SCAN_WRONG_TYPE;
    if (BOT4_UNLIKELY((p = bot4_json_mark(json, p, ',')) == NULL)) return NULL;
    p = bot4_scan_level_number(scan, p, &instrument->qty, SCAN_OFF_LOT, qty_lots, verdict);
    if (BOT4_UNLIKELY(*verdict != SCAN_OK)) return NULL;
    *verdict = SCAN_WRONG_TYPE;
    if (BOT4_UNLIKELY((p = bot4_json_mark(json, p, ']')) == NULL)) return NULL;
    *verdict = BOT4_UNLIKELY(of_price == SCAN_OK && *price_ticks == 0) ? SCAN_ZERO_PRICE : of_price;
    return *verdict == SCAN_ZERO_PRICE ? NULL : p;
}

/* Decodes [["price","qty"], ...] from `p`, which stands on its bracket, into events from out[1 + before].
 *
 * Returns the position after the array, with *levels set; or NULL with *verdict set. An array that is no JSON also ends
 * in some verdict here: only a caller that knows the text to be JSON may report it.
 */
static inline const char *bot4_scan_levels(bot4_scan *scan, const char *p, const bot4_instrument *instrument, int side,
                                           size_t before, size_t *levels, int *verdict) {
    bot4_json *json = &scan->json;
    size_t index = before, skipped = 0;
    int64_t price_ticks = 0, qty_lots = 0;
    p = bot4_json_space(json, p + 1);
    if (p < json->end && *p == ']') {
        scan->skipped[side] = 0;
        *levels = 0;
        return p + 1;
    }
    for (;;) {
        if (BOT4_UNLIKELY(index + 1 >= scan->capacity)) {
            *verdict = SCAN_TOO_MANY_LEVELS;
            return NULL;
        }
        const char *after = bot4_scan_level_quick(scan, p, instrument, &price_ticks, &qty_lots);
        *verdict = SCAN_OK;
        if (BOT4_UNLIKELY(after == NULL) &&
            (after = bot4_scan_level(scan, p, instrument, &price_ticks, &qty_lots, verdict)) == NULL)
            return NULL;
        p = bot4_json_space(json, after);
        if (BOT4_UNLIKELY(*verdict != SCAN_OK)) {
            skipped++;
        } else {
            bot4_event *event = &scan->out[1 + index];
            event->body.level.price_ticks = price_ticks;
            event->body.level.qty_lots = qty_lots;
            event->body.level.index = (int64_t)index++;
        }
        *verdict = SCAN_WRONG_TYPE;
        if (BOT4_UNLIKELY(p == json->end)) return NULL;
        if (*p == ']') {
            *levels = index - before;
            scan->skipped[side] = skipped;
            *verdict = SCAN_OK;
            return p + 1;
        }
        if (BOT4_UNLIKELY(*p != ',')) return NULL;
        p = bot4_json_space(json, p + 1);
    }
}

/* The instrument the levels of `fields` are likely of, from what has been read so far; -1 if it is not known yet. */
BOT4_HOT int bot4_scan_likely_instrument(bot4_scan *scan, const bot4_fields *fields) {
    const int slot = fields->seen & BOT4_BIT(SLOT_s) ? SLOT_s : SLOT_symbol;
    bot4_symbol symbol;
    if (!(fields->seen & BOT4_BIT(slot))) {
        const int known = scan->default_instrument >= 0 && scan->default_instrument < scan->scanner->symbols.count;
        return known ? scan->default_instrument : -1;
    }
    const bot4_value *value = &fields->slot[slot];
    if (value->type != VALUE_STRING || !bot4_symbol_read(value->text, value->length, scan->json.end, &symbol))
        return -1;
    return bot4_symbol_find(&scan->scanner->symbols, &symbol);
}

/* After the array at `p`, member `slot` of `fields`: decoded if it is levels of a known instrument, checked anyway. */
BOT4_HOT const char *bot4_scan_array(bot4_scan *scan, const char *p, const bot4_fields *fields, int slot, int depth) {
    const int side = slot == SLOT_b || slot == SLOT_bids   ? SIDE_BIDS
                     : slot == SLOT_a || slot == SLOT_asks ? SIDE_ASKS
                                                           : -1;
    int ready = 0, verdict;
    if (side == SIDE_BIDS && scan->decoded_by == NULL) {
        scan->decoded_instrument = bot4_scan_likely_instrument(scan, fields);
        ready = scan->decoded_instrument >= 0;
    } else if (side == SIDE_ASKS) {
        ready = scan->decoded_by == fields && scan->decoded_slot[SIDE_ASKS] == SLOT_NONE;
    }
    if (ready) {
        const bot4_instrument *instrument = &scan->scanner->symbols.instrument[scan->decoded_instrument];
        const size_t before = side == SIDE_BIDS ? 0 : scan->decoded[SIDE_BIDS];
        const char *after = bot4_scan_levels(scan, p, instrument, side, before, &scan->decoded[side], &verdict);
        if (BOT4_LIKELY(after != NULL)) {
            scan->decoded_by = fields;
            scan->decoded_slot[side] = slot;
            return after;
        }
        scan->json.error = JSON_OK; /* not for the levels to say: the check below does */
    }
    return bot4_json_skip(&scan->json, p, depth);
}

#endif
