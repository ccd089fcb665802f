/* What the scanner keeps: its verdicts, the members it knows, the values it notes, the state of a feed and of a frame. */
#ifndef BOT4_SCAN_STATE_H
#define BOT4_SCAN_STATE_H

#include "bot4/symbols.h"

typedef enum {
    SCAN_OK = 0,
    SCAN_IGNORED = 1,   /* sound, and no market event in it */
    SCAN_MALFORMED = 2, /* not JSON, or not UTF-8 */
    SCAN_TRUNCATED = 3, /* the start of a JSON text */
    SCAN_TOO_DEEP = 4,  /* over 32 containers inside one another */
    SCAN_OVERSIZED = 5, /* over 16 MiB */
    SCAN_DUPLICATE_FIELD = 6,
    SCAN_MISSING_FIELD = 7,
    SCAN_WRONG_TYPE = 8, /* a number where a string belongs, a level that is not two strings */
    SCAN_BAD_NUMBER = 9, /* no plain decimal literal */
    SCAN_NEGATIVE = 10,
    SCAN_OVERLONG = 11, /* beyond int64, or a literal over 40 bytes */
    SCAN_OFF_TICK = 12,
    SCAN_OFF_LOT = 13,
    SCAN_ZERO_PRICE = 14,
    SCAN_BAD_TIME = 15,  /* neither milliseconds nor microseconds since 1970 */
    SCAN_BAD_RANGE = 16, /* first id after last id, low above high */
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
    VALUE_STRING,
    VALUE_ESCAPED, /* a string with backslashes in it */
    VALUE_NUMBER,
    VALUE_TRUE,
    VALUE_FALSE,
    VALUE_NULL,
    VALUE_ARRAY,
    VALUE_OBJECT
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

#define BOT4_SCAN_MAX_BYTES ((size_t)16 << 20)
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

#endif
