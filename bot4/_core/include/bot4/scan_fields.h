/* First half of the scanner: one pass over a frame that checks all of it as JSON and notes where the known members lie.
 *
 * The members of two objects are noted: of the frame itself, and of its "data" (combined streams). What a member means
 * is decided only when the frame is known to be sound (bot4/scan.h). Levels are the exception: where the symbol is known
 * when its bids or asks come by, they are decoded on the way, into events that count only if the frame turns out sound.
 */
#ifndef BOT4_SCAN_FIELDS_H
#define BOT4_SCAN_FIELDS_H

#include "bot4/symbols.h"

typedef enum {
    SCAN_OK = 0,
    SCAN_IGNORED = 1,      /* sound, and no market event in it */
    SCAN_MALFORMED = 2,    /* not JSON, or not UTF-8 */
    SCAN_TRUNCATED = 3,    /* the start of a JSON text */
    SCAN_TOO_DEEP = 4,     /* over 32 containers inside one another */
    SCAN_OVERSIZED = 5,    /* over 16 MiB */
    SCAN_DUPLICATE_FIELD = 6,
    SCAN_MISSING_FIELD = 7,
    SCAN_WRONG_TYPE = 8,   /* a number where a string belongs, a level that is not two strings */
    SCAN_BAD_NUMBER = 9,   /* no plain decimal literal */
    SCAN_NEGATIVE = 10,
    SCAN_OVERLONG = 11,    /* beyond int64, or a literal over 40 bytes */
    SCAN_OFF_TICK = 12,
    SCAN_OFF_LOT = 13,
    SCAN_ZERO_PRICE = 14,
    SCAN_BAD_TIME = 15,    /* neither milliseconds nor microseconds since 1970 */
    SCAN_BAD_RANGE = 16,   /* first id after last id, low above high */
    SCAN_UNKNOWN_SYMBOL = 17,
    SCAN_TOO_MANY_LEVELS = 18, /* more events than the caller has room for */
    SCAN_VERDICTS = 19
} bot4_scan_verdict;

/* Members that mean something; each may stand once in an object. */
enum {
    SLOT_NONE = 0, /* any other member: checked and skipped */
    SLOT_e, SLOT_E, SLOT_T, SLOT_s, SLOT_U, SLOT_u, SLOT_b, SLOT_a, SLOT_B, SLOT_A, SLOT_t, SLOT_p, SLOT_q, SLOT_X, SLOT_m,
    SLOT_f, SLOT_l, SLOT_k, SLOT_o, SLOT_h, SLOT_c, SLOT_v, SLOT_n, SLOT_x, SLOT_V,
    SLOT_pu, SLOT_bids, SLOT_asks, SLOT_data, SLOT_stream, SLOT_symbol, SLOT_lastUpdateId,
    SLOTS
};

enum { SIDE_BIDS = 0, SIDE_ASKS = 1 }; /* as in Event.side */

#define BOT4_BIT(slot) (1ull << (slot))

/* One-letter keys; a zero entry is a letter that is no known key. */
static const uint8_t bot4_letter_slot[128] = {
    ['e'] = SLOT_e, ['E'] = SLOT_E, ['T'] = SLOT_T, ['s'] = SLOT_s, ['U'] = SLOT_U, ['u'] = SLOT_u, ['b'] = SLOT_b,
    ['a'] = SLOT_a, ['B'] = SLOT_B, ['A'] = SLOT_A, ['t'] = SLOT_t, ['p'] = SLOT_p, ['q'] = SLOT_q, ['X'] = SLOT_X,
    ['m'] = SLOT_m, ['f'] = SLOT_f, ['l'] = SLOT_l, ['k'] = SLOT_k, ['o'] = SLOT_o, ['h'] = SLOT_h, ['c'] = SLOT_c,
    ['v'] = SLOT_v, ['n'] = SLOT_n, ['x'] = SLOT_x, ['V'] = SLOT_V};

typedef enum {
    VALUE_STRING, VALUE_ESCAPED, /* a string; a string with backslashes in it */
    VALUE_NUMBER, VALUE_TRUE, VALUE_FALSE, VALUE_NULL, VALUE_ARRAY, VALUE_OBJECT
} bot4_value_type;

typedef struct {
    const char *text; /* first character inside the quotes of a string, else of the value */
    int64_t number;
    uint32_t length; /* of a string, without its quotes */
    uint8_t type;    /* bot4_value_type */
    uint8_t kind;    /* of a number: bot4_number_kind */
} bot4_value;

typedef struct {
    uint64_t seen; /* BOT4_BIT of each slot that is filled */
    int duplicate;
    bot4_value slot[SLOTS];
} bot4_fields;

/* One instrument table and the counts of one feed; one thread at a time. */
typedef struct {
    uint64_t count[SCAN_VERDICTS]; /* frames by verdict */
    uint64_t zero_trades;          /* ignored frames: a trade of quantity 0 */
    uint64_t off_book_trades;      /* ignored frames: a trade that no order in the book made (X is not MARKET) */
    uint64_t off_tick_levels;      /* levels left out of accepted frames, of instruments that skip them */
    bot4_symbol_table symbols;
} bot4_scanner;

#define BOT4_TEXT_BYTES 64

typedef struct {
    bot4_json json;
    bot4_scanner *scanner;
    bot4_event *out;
    size_t capacity;
    int64_t recv_ns;
    int default_instrument;
    /* levels decoded on the way: by which object, for which instrument, from which slot, how many */
    const bot4_fields *decoded_by;
    int decoded_instrument;
    int decoded_slot[2];
    size_t decoded[2];
    size_t skipped[2]; /* levels left out, by side */
    bot4_fields root;
    bot4_fields data;
    char plain[BOT4_JSON_ROOM + BOT4_TEXT_BYTES + 1]; /* one string without its escapes */
} bot4_scan;

/* Text of a string value, escapes resolved; `end` is the end of the memory it lies in. */
BOT4_HOT const char *bot4_scan_text(bot4_scan *scan, const bot4_value *value, size_t *length, const char **end) {
    *end = scan->json.end;
    *length = value->length;
    if (BOT4_LIKELY(value->type == VALUE_STRING)) return value->text;
    memset(scan->plain, 0, sizeof scan->plain);
    *end = scan->plain + sizeof scan->plain;
    *length = bot4_json_unescape(value->text, value->length, scan->plain + BOT4_JSON_ROOM, BOT4_TEXT_BYTES);
    return scan->plain + BOT4_JSON_ROOM;
}

BOT4_HOT int bot4_scan_is_string(const bot4_value *value) { return value->type <= VALUE_ESCAPED; }

/* ---- decimals ---- */

BOT4_HOT int bot4_scan_of_decimal(int verdict, int off_grid) {
    if (BOT4_LIKELY(verdict == DECIMAL_OK)) return SCAN_OK;
    if (verdict == DECIMAL_OFF_GRID) return off_grid;
    return verdict == DECIMAL_NEGATIVE ? SCAN_NEGATIVE : verdict == DECIMAL_OVERLONG ? SCAN_OVERLONG : SCAN_BAD_NUMBER;
}

static BOT4_COLD int bot4_scan_decimal_any(bot4_scan *scan, const bot4_value *value, const bot4_grid *grid, int off_grid, int64_t *steps) {
    size_t length;
    const char *end, *text = bot4_scan_text(scan, value, &length, &end);
    return bot4_scan_of_decimal(bot4_decimal_parse_any(grid, text, length, steps), off_grid);
}

/* Steps of the decimal in a string value; `off_grid` is the verdict for what is between two steps. */
BOT4_HOT int bot4_scan_decimal(bot4_scan *scan, const bot4_value *value, const bot4_grid *grid, int off_grid, int64_t *steps) {
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
BOT4_HOT const char *bot4_scan_level_number(bot4_scan *scan, const char *p, const bot4_grid *grid, int off_grid, int64_t *steps, int *verdict) {
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

/* Decodes [["price","qty"], ...] from `p`, which stands on its bracket, into events from out[1 + before].
 *
 * Returns the position after the array, with *levels set; or NULL with *verdict set. An array that is no JSON also ends
 * in some verdict here: only a caller that knows the text to be JSON may report it.
 */
static inline const char *bot4_scan_levels(bot4_scan *scan, const char *p, const bot4_instrument *instrument, int side, size_t before,
                                           size_t *levels, int *verdict) {
    bot4_json *json = &scan->json;
    size_t index = before, skipped = 0;
    int64_t price_ticks = 0, qty_lots = 0;
    *verdict = SCAN_WRONG_TYPE;
    p = bot4_json_space(json, p + 1);
    scan->skipped[side] = 0;
    if (p < json->end && *p == ']') {
        *levels = 0;
        return p + 1;
    }
    for (;;) {
        int is_off_tick = 0;
        if (BOT4_UNLIKELY(index + 1 >= scan->capacity)) {
            *verdict = SCAN_TOO_MANY_LEVELS;
            return NULL;
        }
        if (BOT4_UNLIKELY(p == json->end || *p != '[')) break;
        p = bot4_json_space(json, p + 1);
        p = bot4_scan_level_number(scan, p, &instrument->price, SCAN_OFF_TICK, &price_ticks, verdict);
        if (BOT4_UNLIKELY(*verdict != SCAN_OK)) {
            if (*verdict != SCAN_OFF_TICK || !instrument->skips_off_tick) return NULL;
            is_off_tick = 1;
        }
        if (BOT4_UNLIKELY((p = bot4_json_mark(json, p, ',')) == NULL)) break;
        p = bot4_scan_level_number(scan, p, &instrument->qty, SCAN_OFF_LOT, &qty_lots, verdict);
        if (BOT4_UNLIKELY(*verdict != SCAN_OK)) return NULL;
        if (BOT4_UNLIKELY((p = bot4_json_mark(json, p, ']')) == NULL)) break;
        if (BOT4_UNLIKELY(is_off_tick)) {
            skipped++;
        } else if (BOT4_UNLIKELY(price_ticks == 0)) {
            *verdict = SCAN_ZERO_PRICE;
            return NULL;
        } else {
            bot4_event *event = &scan->out[1 + index];
            event->side = (uint8_t)side;
            event->body.level.price_ticks = price_ticks;
            event->body.level.qty_lots = qty_lots;
            event->body.level.index = (int64_t)index++;
        }
        if (BOT4_UNLIKELY(p == json->end)) break;
        if (*p == ']') {
            *levels = index - before;
            scan->skipped[side] = skipped;
            *verdict = SCAN_OK;
            return p + 1;
        }
        if (BOT4_UNLIKELY(*p != ',')) break;
        p = bot4_json_space(json, p + 1);
    }
    *verdict = SCAN_WRONG_TYPE;
    return NULL;
}

/* The instrument the levels of `fields` are likely of, from what has been read so far; -1 if that cannot be said yet. */
BOT4_HOT int bot4_scan_likely_instrument(bot4_scan *scan, const bot4_fields *fields) {
    const int slot = fields->seen & BOT4_BIT(SLOT_s) ? SLOT_s : SLOT_symbol;
    bot4_symbol symbol;
    if (!(fields->seen & BOT4_BIT(slot))) {
        const int known = scan->default_instrument >= 0 && scan->default_instrument < scan->scanner->symbols.count;
        return known ? scan->default_instrument : -1;
    }
    const bot4_value *value = &fields->slot[slot];
    if (value->type != VALUE_STRING || !bot4_symbol_read(value->text, value->length, scan->json.end, &symbol)) return -1;
    return bot4_symbol_find(&scan->scanner->symbols, &symbol);
}

/* After the array at `p`, a member `slot` of `fields`: decoded if it is levels of a known instrument, checked anyway. */
BOT4_HOT const char *bot4_scan_array(bot4_scan *scan, const char *p, const bot4_fields *fields, int slot, int depth) {
    const int side = slot == SLOT_b || slot == SLOT_bids ? SIDE_BIDS : slot == SLOT_a || slot == SLOT_asks ? SIDE_ASKS : -1;
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

/* ---- members ---- */

static inline int bot4_word_slot(const char *key, size_t length) {
    static const struct {
        const char *key;
        uint8_t length, slot;
    } words[] = {{"stream", 6, SLOT_stream}, {"data", 4, SLOT_data}, {"pu", 2, SLOT_pu}, {"bids", 4, SLOT_bids},
                 {"asks", 4, SLOT_asks}, {"symbol", 6, SLOT_symbol}, {"lastUpdateId", 12, SLOT_lastUpdateId}};
    if (length == 1) return (unsigned char)*key < 128 ? bot4_letter_slot[(unsigned char)*key] : SLOT_NONE;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].length == length && memcmp(words[i].key, key, length) == 0) return words[i].slot;
    return SLOT_NONE;
}

/* After the key at `p` and its colon; *slot says which one it is. */
BOT4_HOT const char *bot4_scan_key(bot4_scan *scan, const char *p, int *slot) {
    bot4_json *json = &scan->json;
    bot4_value key;
    if (BOT4_UNLIKELY(p == json->end || *p != '"')) return bot4_json_unexpected(json, p);
    if (BOT4_LIKELY(json->end - p > 4)) { /* "x": of one letter, in one comparison */
        uint32_t word;
        memcpy(&word, p, sizeof word);
        if (BOT4_LIKELY((word | 0xFF00u) == 0x3A22FF22u && (signed char)p[1] >= 'A' && p[1] != '\\')) {
            *slot = bot4_letter_slot[(unsigned char)p[1]];
            return bot4_json_space(json, p + 4);
        }
    }
    const uint64_t head = bot4_load_8(p, json->end);
    if (head == 0x226D616572747322ull) { /* "stream" */
        *slot = SLOT_stream;
        return bot4_json_mark(json, p + 8, ':');
    }
    if ((head & 0xFFFFFFFFFFFFull) == 0x226174616422ull) { /* "data" */
        *slot = SLOT_data;
        return bot4_json_mark(json, p + 6, ':');
    }
    int escaped;
    key.text = ++p;
    if ((p = bot4_json_string(json, p, &escaped)) == NULL) return NULL;
    key.length = (uint32_t)(p - key.text);
    key.type = escaped ? VALUE_ESCAPED : VALUE_STRING;
    size_t length;
    const char *end, *text = bot4_scan_text(scan, &key, &length, &end);
    *slot = bot4_word_slot(text, length);
    return bot4_json_mark(json, p + 1, ':');
}

/* After the members of an object, `p` standing behind its brace. `inner` takes those of a member "data"; may be NULL. */
static inline const char *bot4_scan_members(bot4_scan *scan, const char *p, bot4_fields *fields, bot4_fields *inner, int depth) {
    bot4_json *json = &scan->json;
    p = bot4_json_space(json, p);
    if (p < json->end && *p == '}') return p + 1;
    for (;;) {
        int slot, detail;
        if (BOT4_UNLIKELY((p = bot4_scan_key(scan, p, &slot)) == NULL)) return NULL;
        if (BOT4_UNLIKELY(p == json->end)) return bot4_json_refuse(json, JSON_TRUNCATED);
        if (slot != SLOT_NONE && BOT4_UNLIKELY(fields->seen & BOT4_BIT(slot))) {
            fields->duplicate = 1;
            slot = SLOT_NONE;
        }
        bot4_value *value = &fields->slot[slot]; /* the slot of no member takes what nobody reads */
        value->text = p;
        const char first = *p;
        if (BOT4_LIKELY(first == '"')) {
            value->text = p + 1;
            if (BOT4_UNLIKELY((p = bot4_json_string(json, p + 1, &detail)) == NULL)) return NULL;
            value->length = (uint32_t)(p - value->text);
            value->type = BOT4_UNLIKELY(detail) ? VALUE_ESCAPED : VALUE_STRING;
            p++;
        } else if ((first >= '0' && first <= '9') || first == '-') {
            if (BOT4_UNLIKELY((p = bot4_json_number(json, p, &value->number, &detail)) == NULL)) return NULL;
            value->type = VALUE_NUMBER;
            value->kind = (uint8_t)detail;
        } else if (first == '{') {
            value->type = VALUE_OBJECT;
            p = slot == SLOT_data && inner ? bot4_scan_members(scan, p + 1, inner, NULL, depth + 1) : bot4_json_skip(json, p, depth);
            if (BOT4_UNLIKELY(p == NULL)) return NULL;
        } else if (first == '[') {
            value->type = VALUE_ARRAY;
            if (BOT4_UNLIKELY((p = bot4_scan_array(scan, p, fields, slot, depth)) == NULL)) return NULL;
        } else {
            if (BOT4_UNLIKELY((p = bot4_json_literal(json, p)) == NULL)) return NULL;
            value->type = first == 't' ? VALUE_TRUE : first == 'f' ? VALUE_FALSE : VALUE_NULL;
        }
        fields->seen |= BOT4_BIT(slot);
        p = bot4_json_space(json, p);
        if (BOT4_LIKELY(p < json->end)) {
            if (*p == '}') return p + 1;
            if (BOT4_LIKELY(*p == ',')) {
                p = bot4_json_space(json, p + 1);
                continue;
            }
        }
        return bot4_json_unexpected(json, p);
    }
}

#endif
