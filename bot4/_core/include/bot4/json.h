/* A strict, bounds-checked cursor over one JSON text (RFC 8259), without allocation and without recursion.
 *
 * Every function takes the position `p` and returns the position after what it consumed, or NULL with the reason in
 * `json->error`. Nothing at or beyond `json->end` is ever read. The text must be UTF-8: a byte sequence that is not,
 * inside a string, is refused like any other malformed input. At most BOT4_JSON_MAX_DEPTH containers may be open.
 *
 * The vector paths load the 8 or 16 bytes that *end* at `json->end` where fewer are left, and shift: so at least 16
 * readable bytes must lie before `end`. bot4_json_open sees to that for texts shorter than 16 bytes.
 */
#ifndef BOT4_JSON_H
#define BOT4_JSON_H

#include "bot4/decimal.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "digits are read eight at a time, first digit in the low byte");

#define BOT4_JSON_MAX_DEPTH 32
#define BOT4_JSON_ROOM 16 /* readable bytes that must lie before the end */

typedef enum { JSON_OK = 0, JSON_MALFORMED = 1, JSON_TRUNCATED = 2, JSON_TOO_DEEP = 3 } bot4_json_error;

typedef struct {
    const char *end;
    int error; /* bot4_json_error of the first refusal */
    char copy[2 * BOT4_JSON_ROOM];
} bot4_json;

BOT4_HOT const char *bot4_json_refuse(bot4_json *json, int error) {
    json->error = error;
    return NULL;
}

/* Malformed at `p`, or truncated where the text ended there. */
BOT4_HOT const char *bot4_json_unexpected(bot4_json *json, const char *p) {
    return bot4_json_refuse(json, p == json->end ? JSON_TRUNCATED : JSON_MALFORMED);
}

/* Start of the text; one too short for the vector loads is moved to the end of a buffer of our own. */
BOT4_HOT const char *bot4_json_open(bot4_json *json, const char *text, size_t length) {
    json->error = JSON_OK;
    json->end = text + length;
    if (BOT4_LIKELY(length >= BOT4_JSON_ROOM)) return text;
    memset(json->copy, 0, sizeof json->copy);
    json->end = json->copy + sizeof json->copy;
    char *start = json->copy + sizeof json->copy - length;
    if (length) memcpy(start, text, length);
    return start;
}

/* The 8 bytes from `p` < end; zeros stand for what lies beyond the end. */
BOT4_HOT uint64_t bot4_load_8(const char *p, const char *end) {
    uint64_t word;
    if (BOT4_LIKELY(end - p >= 8)) {
        memcpy(&word, p, sizeof word);
        return word;
    }
    memcpy(&word, end - 8, sizeof word);
    return word >> (8 * (8 - (end - p)));
}

BOT4_HOT const char *bot4_json_space(const bot4_json *json, const char *p) {
    while (p < json->end && BOT4_UNLIKELY((unsigned char)*p <= ' ') &&
           (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/* After the mark `mark` (a comma, a colon) and the white space around it. */
BOT4_HOT const char *bot4_json_mark(bot4_json *json, const char *p, char mark) {
    p = bot4_json_space(json, p);
    if (BOT4_UNLIKELY(p == json->end || *p != mark)) return bot4_json_unexpected(json, p);
    return bot4_json_space(json, p + 1);
}

/* ---- strings ---- */

BOT4_HOT int bot4_hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* After the escape whose backslash is at `p`. */
static BOT4_COLD const char *bot4_json_escape(bot4_json *json, const char *p) {
    if (++p == json->end) return bot4_json_refuse(json, JSON_TRUNCATED);
    if (*p != 'u') return *p != 0 && strchr("\"\\/bfnrt", *p) ? p + 1 : bot4_json_refuse(json, JSON_MALFORMED);
    p++;
    for (int i = 0; i < 4; i++, p++)
        if (p == json->end || bot4_hex_digit(*p) < 0) return bot4_json_unexpected(json, p);
    return p;
}

/* After the UTF-8 sequence whose first byte, at `p`, is not ASCII; refuses overlong forms, surrogates, > U+10FFFF. */
static BOT4_COLD const char *bot4_json_utf8(bot4_json *json, const char *p) {
    const unsigned char first = (unsigned char)*p++;
    const int more = first >= 0xC2 && first <= 0xDF   ? 1
                     : (first & 0xF0) == 0xE0         ? 2
                     : first >= 0xF0 && first <= 0xF4 ? 3
                                                      : 0;
    if (more == 0) return bot4_json_refuse(json, JSON_MALFORMED);
    for (int i = 0; i < more; i++, p++) {
        if (p == json->end) return bot4_json_refuse(json, JSON_TRUNCATED);
        const unsigned char low = i || (first != 0xE0 && first != 0xF0) ? 0x80 : first == 0xE0 ? 0xA0 : 0x90;
        const unsigned char high = i || (first != 0xED && first != 0xF4) ? 0xBF : first == 0xED ? 0x9F : 0x8F;
        if ((unsigned char)*p < low || (unsigned char)*p > high) return bot4_json_refuse(json, JSON_MALFORMED);
    }
    return p;
}

/* The same as bot4_json_string, byte by byte. */
static BOT4_COLD const char *bot4_json_string_any(bot4_json *json, const char *p, int *escaped) {
    while (p < json->end) {
        const unsigned char c = (unsigned char)*p;
        if (c == '"') return p;
        if (c < 0x20) return bot4_json_refuse(json, JSON_MALFORMED);
        if (c == '\\') *escaped = 1;
        if (c < 0x80 && c != '\\') p++;
        else if ((p = c == '\\' ? bot4_json_escape(json, p) : bot4_json_utf8(json, p)) == NULL) return NULL;
    }
    return bot4_json_refuse(json, JSON_TRUNCATED);
}

#if BOT4_SIMD
/* The 16 bytes from `p` < end; zeros stand for what lies beyond the end. */
BOT4_HOT __m128i bot4_load_16(const char *p, const char *end) {
    static const unsigned char slide[32] = {0,    1,    2,    3,    4,    5,    6,    7,    8,    9,    10,
                                            11,   12,   13,   14,   15,   0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                            0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
    if (BOT4_LIKELY(end - p >= 16)) return _mm_loadu_si128((const __m128i *)p);
    const __m128i last = _mm_loadu_si128((const __m128i *)(end - 16));
    return _mm_shuffle_epi8(last, _mm_loadu_si128((const __m128i *)(slide + (16 - (end - p)))));
}

/* Bit i is set where byte i is a quote, a backslash, a control character or not ASCII: all that may end a plain run. */
BOT4_HOT uint32_t bot4_json_specials(__m128i bytes) {
    const __m128i quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    const __m128i slashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    const __m128i others = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)); /* signed: bytes from 0x80 are negative */
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, slashes), others));
}
#endif

/* The closing quote of the string whose first character is at `p`; *escaped is set to 1 where it holds a backslash. */
BOT4_HOT const char *bot4_json_string(bot4_json *json, const char *p, int *escaped) {
    *escaped = 0;
#if BOT4_SIMD
    for (; BOT4_LIKELY(p < json->end); p += 16) {
        const uint32_t specials = bot4_json_specials(bot4_load_16(p, json->end));
        if (BOT4_UNLIKELY(specials == 0)) continue; /* so all 16 lie before the end: behind it stand zeros */
        p += __builtin_ctz(specials);
        if (BOT4_LIKELY(p < json->end && *p == '"')) return p;
        break;
    }
#endif
    return bot4_json_string_any(json, p, escaped);
}

/* Writes `point` as UTF-8 (a lone surrogate as the three bytes of its value); how many bytes, 0 if there is no room. */
static inline size_t bot4_put_utf8(uint32_t point, char *out, size_t room) {
    const size_t bytes = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    if (room < bytes) return 0;
    static const unsigned char lead[5] = {0, 0x00, 0xC0, 0xE0, 0xF0};
    for (size_t i = bytes - 1; i > 0; i--, point >>= 6) out[i] = (char)(0x80 | (point & 0x3F));
    out[0] = (char)(lead[bytes] | point);
    return bytes;
}

BOT4_HOT uint32_t bot4_json_code_unit(const char *hex) {
    uint32_t unit = 0;
    for (int i = 0; i < 4; i++) unit = unit << 4 | (uint32_t)bot4_hex_digit(hex[i]);
    return unit;
}

/* Text of an already checked string with escapes; its length, or `room` + 1 where it is longer than `room` bytes. */
static BOT4_COLD size_t bot4_json_unescape(const char *text, size_t length, char *out, size_t room) {
    static const char marks[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    size_t used = 0;
    for (size_t i = 0; i < length;) {
        uint32_t point = (unsigned char)text[i++];
        if (point == '\\' && text[i] != 'u') {
            point = (unsigned char)meant[strchr(marks, text[i++]) - marks];
        } else if (point == '\\') {
            point = bot4_json_code_unit(text + i + 1);
            i += 5;
            if ((point & 0xFC00) == 0xD800 && length - i >= 6 && text[i] == '\\' && text[i + 1] == 'u') {
                const uint32_t low = bot4_json_code_unit(text + i + 2);
                if ((low & 0xFC00) == 0xDC00) {
                    point = 0x10000 + ((point & 0x3FF) << 10) + (low & 0x3FF);
                    i += 6;
                }
            }
        } else if (point >= 0x80) { /* already UTF-8: copied as it is */
            if (used == room) return room + 1;
            out[used++] = (char)point;
            continue;
        }
        const size_t bytes = bot4_put_utf8(point, out + used, room - used);
        if (bytes == 0) return room + 1;
        used += bytes;
    }
    return used;
}

/* ---- numbers and literals ---- */

typedef enum { NUMBER_UNSIGNED = 0, NUMBER_NEGATIVE = 1, NUMBER_FRACTION = 2, NUMBER_OVERLONG = 3 } bot4_number_kind;

/* After any JSON number at `p` < end; for what is no unsigned int64, *kind says why. */
static BOT4_COLD const char *bot4_json_number_any(bot4_json *json, const char *p, int64_t *value, int *kind) {
    const char *end = json->end;
    *kind = NUMBER_UNSIGNED;
    *value = 0;
    const int negative = *p == '-';
    p += negative;
    if (p == end || *p < '0' || *p > '9') return bot4_json_unexpected(json, p);
    int fits = 1;
    const char *first = p;
    for (; p < end && *p >= '0' && *p <= '9'; p++) fits = fits && bot4_append_digit(value, *p - '0');
    if (*first == '0' && p - first > 1) return bot4_json_refuse(json, JSON_MALFORMED);
    if (!fits) *kind = NUMBER_OVERLONG;
    if (p < end && *p == '.') {
        *kind = NUMBER_FRACTION;
        if (++p == end || *p < '0' || *p > '9') return bot4_json_unexpected(json, p);
        while (p < end && *p >= '0' && *p <= '9') p++;
    }
    if (p < end && (*p | 0x20) == 'e') {
        *kind = NUMBER_FRACTION;
        if (++p < end && (*p == '+' || *p == '-')) p++;
        if (p == end || *p < '0' || *p > '9') return bot4_json_unexpected(json, p);
        while (p < end && *p >= '0' && *p <= '9') p++;
    }
    if (negative) *kind = NUMBER_NEGATIVE;
    return p;
}

#if BOT4_SIMD
/* Digits at the start of the 16 bytes, and the value of all but none and all 16 of them. */
BOT4_HOT uint32_t bot4_json_digits(const char *p, const char *end, int64_t *value) {
    const __m128i digits = _mm_xor_si128(bot4_load_16(p, end), _mm_set1_epi8('0'));
    const uint32_t count = (uint32_t)__builtin_ctz(bot4_not_digits(digits) | 1u << 16);
    *value = bot4_sixteen_digits(bot4_right_align(digits, count, 16));
    return count;
}
#endif

/* After the JSON number at `p` < end. Plain integers of up to 15 digits, as ids and times are, take the short way. */
BOT4_HOT const char *bot4_json_number(bot4_json *json, const char *p, int64_t *value, int *kind) {
#if BOT4_SIMD
    const uint32_t count = bot4_json_digits(p, json->end, value);
    const char *after = p + count;
    const int is_plain = count - 1 < 15 && (*p != '0' || count == 1) &&
                         (after == json->end || (*after != '.' && (*after | 0x20) != 'e'));
    *kind = NUMBER_UNSIGNED;
    if (BOT4_LIKELY(is_plain)) return after;
#endif
    return bot4_json_number_any(json, p, value, kind);
}

/* After the literal true, false or null whose first character is at `p` < end. */
BOT4_HOT const char *bot4_json_literal(bot4_json *json, const char *p) {
    uint32_t head;
    if (BOT4_LIKELY(json->end - p > 4)) {
        memcpy(&head, p, sizeof head);
        if (head == 0x65757274u || head == 0x6C6C756Eu) return p + 4; /* true, null */
        if (BOT4_LIKELY(head == 0x736C6166u && p[4] == 'e')) return p + 5;
    }
    const char *word = *p == 't' ? "true" : *p == 'f' ? "false" : *p == 'n' ? "null" : NULL;
    if (word == NULL) return bot4_json_refuse(json, JSON_MALFORMED);
    for (; *word; word++, p++)
        if (p == json->end || *p != *word) return bot4_json_unexpected(json, p);
    return p;
}

/* After the string, number or literal at `p` < end. */
BOT4_HOT const char *bot4_json_scalar(bot4_json *json, const char *p) {
    int64_t value;
    int detail;
    if (*p == '"') {
        p = bot4_json_string(json, p + 1, &detail);
        return p ? p + 1 : NULL;
    }
    if (*p == '-' || (*p >= '0' && *p <= '9')) return bot4_json_number(json, p, &value, &detail);
    return bot4_json_literal(json, p);
}

/* After the key of a member at `p` and its colon: the start of the member's value. */
BOT4_HOT const char *bot4_json_key(bot4_json *json, const char *p) {
    int escaped;
    if (p == json->end || *p != '"') return bot4_json_unexpected(json, p);
    p = bot4_json_string(json, p + 1, &escaped);
    return p ? bot4_json_mark(json, p + 1, ':') : NULL;
}

/* After the value at `p`, whatever it is, checked to its end; `depth` containers are open around it. */
static inline const char *bot4_json_skip(bot4_json *json, const char *p, int depth) {
    uint64_t objects = 0; /* bit 0: the innermost open container is an object */
    const int outside = depth;
    for (;;) {
        if (p == json->end) return bot4_json_refuse(json, JSON_TRUNCATED);
        const int is_object = *p == '{';
        if (is_object || *p == '[') {
            if (depth == BOT4_JSON_MAX_DEPTH) return bot4_json_refuse(json, JSON_TOO_DEEP);
            p = bot4_json_space(json, p + 1);
            if (p == json->end) return bot4_json_refuse(json, JSON_TRUNCATED);
            if (*p != (is_object ? '}' : ']')) {
                objects = objects << 1 | (uint64_t)is_object;
                depth++;
                if (is_object && (p = bot4_json_key(json, p)) == NULL) return NULL;
                continue;
            }
            p++;
        } else if ((p = bot4_json_scalar(json, p)) == NULL) {
            return NULL;
        }
        for (;;) { /* after a value: the ends of what it closes, then the next value */
            if (depth == outside) return p;
            p = bot4_json_space(json, p);
            if (p == json->end) return bot4_json_refuse(json, JSON_TRUNCATED);
            if (*p == ',') break;
            if (*p != (objects & 1 ? '}' : ']')) return bot4_json_refuse(json, JSON_MALFORMED);
            objects >>= 1;
            depth--;
            p++;
        }
        p = bot4_json_space(json, p + 1);
        if ((objects & 1) && (p = bot4_json_key(json, p)) == NULL) return NULL;
    }
}

#endif
