/* First half of the scanner: one pass over a frame that checks all of it as JSON and notes where the known members lie.
 *
 * The members of two objects are noted: of the frame itself, and of its "data" (combined streams). What a member means
 * is decided only when the frame is known to be sound (bot4/scan_messages.h).
 */
#ifndef BOT4_SCAN_FIELDS_H
#define BOT4_SCAN_FIELDS_H

#include "bot4/scan_levels.h"

static inline int bot4_word_slot(const char *key, size_t length) {
    static const struct {
        const char *key;
        uint8_t length, slot;
    } words[] = {{"stream", 6, SLOT_stream},
                 {"data", 4, SLOT_data},
                 {"pu", 2, SLOT_pu},
                 {"bids", 4, SLOT_bids},
                 {"asks", 4, SLOT_asks},
                 {"symbol", 6, SLOT_symbol},
                 {"lastUpdateId", 12, SLOT_lastUpdateId}};
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

/* After the members of an object, `p` standing behind its brace; `inner`, if any, takes those of a member "data". */
static inline const char *bot4_scan_members(bot4_scan *scan, const char *p, bot4_fields *fields, bot4_fields *inner,
                                            int depth) {
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
            p = slot == SLOT_data && inner ? bot4_scan_members(scan, p + 1, inner, NULL, depth + 1)
                                           : bot4_json_skip(json, p, depth);
            if (BOT4_UNLIKELY(p == NULL)) return NULL;
        } else if (first == '[') {
            value->type = VALUE_ARRAY;
            if (BOT4_UNLIKELY((p = bot4_scan_array(scan, p, fields, slot, depth)) == NULL)) return NULL;
        } else {
            if (BOT4_UNLIKELY((p = bot4_json_literal(json, p)) == NULL)) return NULL;
            value->type = first == 't' ? VALUE_TRUE : first == 'f' ? VALUE_FALSE : VALUE_NULL;
        }
        fields->seen |= BOT4_BIT(slot);
        if (BOT4_LIKELY(json->end - p > 1 && p[0] == ',' && p[1] == '"')) { /* what stands behind most values */
            p++;
            continue;
        }
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
