/* Fixed-point market types shared by every kernel of the core.
 *
 * Prices are int64 ticks, quantities int64 lots, times int64 nanoseconds UTC. Products of the two are 128 bits wide.
 * An event and an order intent are one cache line each, so that a ring slot never straddles two lines.
 */
#ifndef BOT4_TYPES_H
#define BOT4_TYPES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define BOT4_CACHE_LINE 64

/* Unlike assert(), stays on in a release build: a broken invariant must stop the process, not corrupt money. */
#define BOT4_ASSERT(condition)                                                                              \
    do {                                                                                                    \
        if (__builtin_expect(!(condition), 0)) {                                                            \
            fprintf(stderr, "bot4: invariant broken: %s (%s:%d)\n", #condition, __FILE__, __LINE__);        \
            abort();                                                                                        \
        }                                                                                                   \
    } while (0)

/* Money in atoms of an asset (10^-decimals units); wide enough that no product of a price and a quantity overflows. */
typedef __int128 bot4_money;

static inline bot4_money bot4_mul_wide(int64_t a, int64_t b) { return (bot4_money)a * (bot4_money)b; }
static inline int64_t bot4_money_high(bot4_money m) { return (int64_t)(m >> 64); }
static inline uint64_t bot4_money_low(bot4_money m) { return (uint64_t)m; }
static inline bot4_money bot4_money_join(int64_t high, uint64_t low) {
    return (bot4_money)(((unsigned __int128)(uint64_t)high << 64) | low);
}
static inline double bot4_money_double(bot4_money m) { return (double)m; }

typedef struct {
    int64_t first_id;    /* U: first update id of the message */
    int64_t last_id;     /* u, or lastUpdateId of a snapshot */
    int64_t prev_id;     /* pu on futures, -1 elsewhere */
    int64_t level_count; /* DEPTH_LEVEL events that follow */
    int64_t checksum;    /* venue checksum, -1 where the venue has none */
} bot4_depth_begin;

typedef struct {
    int64_t price_ticks;
    int64_t qty_lots; /* absolute; 0 removes the level */
    int64_t last_id;
    int64_t index; /* 0-based position in its message */
    int64_t reserved;
} bot4_depth_level;

typedef struct {
    int64_t price_ticks;
    int64_t qty_lots;
    int64_t trade_id; /* t of a trade, a of an aggTrade */
    int64_t first_id; /* f of an aggTrade, else trade_id */
    int64_t last_id;  /* l of an aggTrade, else trade_id */
} bot4_trade;

typedef struct {
    int64_t bid_price_ticks;
    int64_t bid_qty_lots;
    int64_t ask_price_ticks;
    int64_t ask_qty_lots;
    int64_t update_id;
} bot4_quote;

typedef struct {
    int64_t open_ticks;
    int64_t high_ticks;
    int64_t low_ticks;
    int64_t close_ticks;
    int64_t open_time_ns;
} bot4_bar_prices;

typedef struct {
    int64_t volume_lots;
    int64_t taker_buy_lots;
    int64_t trade_count;
    int64_t interval_ns;
    int64_t open_time_ns;
} bot4_bar_flow;

typedef struct {
    uint64_t order_id;
    int64_t price_ticks;
    int64_t qty_lots;  /* of this fill, or what is left for a close */
    int64_t trade_id;  /* venue trade id of a fill, else -1 */
    int64_t fee_atoms; /* of the fee asset; negative is a rebate */
} bot4_order_update;

typedef struct {
    int64_t code;   /* a CONTROL_* code */
    int64_t value;  /* its argument */
    int64_t reserved[3];
} bot4_control;

typedef struct {
    uint8_t kind;        /* EVENT_* */
    uint8_t side;        /* SIDE_BUY (bid) or SIDE_SELL (ask) */
    uint16_t flags;      /* FLAG_* */
    uint16_t instrument; /* index in the session's instrument table */
    uint16_t reason;     /* verdict of a reject or a close */
    int64_t venue_ns;    /* the venue's stamp; 0 where it gives none */
    int64_t recv_ns;     /* our receive stamp */
    union {
        bot4_depth_begin depth;
        bot4_depth_level level;
        bot4_trade trade;
        bot4_quote quote;
        bot4_bar_prices bar;
        bot4_bar_flow flow;
        bot4_order_update order;
        bot4_control control;
    } body;
} bot4_event;

typedef struct {
    uint64_t order_id;   /* the journal sequence of the intent */
    uint16_t instrument;
    uint8_t action;      /* ACTION_* */
    uint8_t side;        /* SIDE_* */
    uint8_t type;        /* ORDER_* */
    uint8_t tif;         /* TIF_* */
    uint8_t flags;       /* INTENT_* */
    uint8_t reason;      /* why it was decided: REASON_* */
    int64_t price_ticks;
    int64_t qty_lots;
    int64_t ts_ns;
    uint64_t generation; /* breaker word at admission */
    int64_t trigger_ticks;
    double score;
} bot4_order_intent;

#define BOT4_TOP_LEVELS 5

/* The first levels of both sides, best first; unused slots are zero. */
typedef struct {
    int64_t bid_price_ticks[BOT4_TOP_LEVELS];
    int64_t bid_qty_lots[BOT4_TOP_LEVELS];
    int64_t ask_price_ticks[BOT4_TOP_LEVELS];
    int64_t ask_qty_lots[BOT4_TOP_LEVELS];
    int32_t bid_levels;
    int32_t ask_levels;
} bot4_top_of_book;

typedef struct {
    int64_t open_ticks;
    int64_t high_ticks;
    int64_t low_ticks;
    int64_t close_ticks;
    int64_t volume_lots;
    int64_t taker_buy_lots;
    int64_t trade_count;
    int64_t open_time_ns;
    int64_t close_time_ns; /* first nanosecond after the bar */
} bot4_bar;

_Static_assert(sizeof(bot4_event) == BOT4_CACHE_LINE, "an event is one cache line");
_Static_assert(sizeof(bot4_order_intent) == BOT4_CACHE_LINE, "an order intent is one cache line");
_Static_assert(sizeof(bot4_money) == 16, "money is 128 bits");

/* Cache-line aligned, zeroed memory: a struct member inside a Python object is never aligned beyond 16 bytes. */
static inline void *bot4_aligned_zalloc(size_t bytes) {
    size_t rounded = (bytes + BOT4_CACHE_LINE - 1) / BOT4_CACHE_LINE * BOT4_CACHE_LINE;
    void *memory = aligned_alloc(BOT4_CACHE_LINE, rounded ? rounded : BOT4_CACHE_LINE);
    if (memory) __builtin_memset(memory, 0, rounded);
    return memory;
}

/* splitmix64 finaliser: the one mixing step of every state hash. */
static inline uint64_t bot4_hash_mix(uint64_t hash, uint64_t word) {
    uint64_t z = (hash ^ word) + 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

#endif
