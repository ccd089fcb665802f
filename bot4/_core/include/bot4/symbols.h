/* Bounded table of the instruments a scanner knows: symbol to index, with the price and quantity grid of each.
 *
 * Open addressing over a power of two of at least twice the capacity, so that a probe always meets an empty slot.
 * Written only while the session is set up; reading needs no lock.
 */
#ifndef BOT4_SYMBOLS_H
#define BOT4_SYMBOLS_H

#include "bot4/json.h"
#include "bot4/types.h"

#define BOT4_SYMBOL_BYTES 32
#define BOT4_MAX_INSTRUMENTS 4096
#define BOT4_SYMBOL_SLOTS (2 * BOT4_MAX_INSTRUMENTS)

/* A symbol padded with zeros; the length tells a symbol from one with trailing NULs. */
typedef struct {
    uint64_t word[BOT4_SYMBOL_BYTES / 8];
    uint32_t length;
    uint32_t reserved;
} bot4_symbol;

typedef struct {
    bot4_symbol symbol;
    bot4_grid price;
    bot4_grid qty;
    int64_t
        skips_off_tick; /* depth levels between two ticks are left out and counted, not a reason to refuse the frame */
} bot4_instrument;

typedef struct {
    int32_t count;
    int32_t recent; /* index of the last hit: a stream often speaks of one instrument many times in a row */
    uint16_t slot[BOT4_SYMBOL_SLOTS]; /* index + 1, 0 is empty */
    bot4_instrument instrument[BOT4_MAX_INSTRUMENTS];
} bot4_symbol_table;

/* The symbol of `length` bytes at `text`, where BOT4_JSON_ROOM bytes lie before `end`; 0 if too long or empty. */
BOT4_HOT int bot4_symbol_read(const char *text, size_t length, const char *end, bot4_symbol *symbol) {
    if (BOT4_UNLIKELY(length - 1 >= BOT4_SYMBOL_BYTES)) return 0;
    symbol->length = (uint32_t)length;
    symbol->reserved = 0;
    for (uint32_t i = 0; i < BOT4_SYMBOL_BYTES / 8; i++) {
        const size_t left = length > 8 * i ? length - 8 * i : 0;
        symbol->word[i] = left == 0 ? 0 : bot4_load_8(text + 8 * i, end);
        if (left && left < 8) symbol->word[i] &= (1ull << (8 * left)) - 1;
    }
    return 1;
}

/* The symbol of `length` bytes at `text`, wherever that lies; 0 if too long or empty. */
static inline int bot4_symbol_from(const char *text, size_t length, bot4_symbol *symbol) {
    memset(symbol, 0, sizeof *symbol);
    if (length == 0 || length > BOT4_SYMBOL_BYTES) return 0;
    memcpy(symbol->word, text, length);
    symbol->length = (uint32_t)length;
    return 1;
}

BOT4_HOT int bot4_symbol_equal(const bot4_symbol *a, const bot4_symbol *b) {
    return ((a->word[0] ^ b->word[0]) | (a->word[1] ^ b->word[1]) | (a->word[2] ^ b->word[2]) |
            (a->word[3] ^ b->word[3]) | (a->length ^ b->length)) == 0;
}

/* Slot of `symbol`, or the empty slot where it would go. */
static inline uint32_t bot4_symbol_slot(const bot4_symbol_table *table, const bot4_symbol *symbol) {
    const uint64_t hash =
        bot4_hash_mix(bot4_hash_mix(symbol->word[0], symbol->word[1]) ^ symbol->word[2], symbol->word[3]);
    uint32_t slot = (uint32_t)hash & (BOT4_SYMBOL_SLOTS - 1);
    for (uint32_t probes = 0; probes < BOT4_SYMBOL_SLOTS; probes++) {
        const uint16_t held = table->slot[slot];
        if (held == 0 || bot4_symbol_equal(&table->instrument[held - 1].symbol, symbol)) return slot;
        slot = (slot + 1) & (BOT4_SYMBOL_SLOTS - 1);
    }
    BOT4_ASSERT(!"a table of twice its capacity has an empty slot");
    return 0;
}

/* Index of `symbol`, -1 where it is not known. */
BOT4_HOT int bot4_symbol_find(bot4_symbol_table *table, const bot4_symbol *symbol) {
    if (BOT4_LIKELY(bot4_symbol_equal(&table->instrument[table->recent].symbol, symbol))) return table->recent;
    const uint16_t held = table->slot[bot4_symbol_slot(table, symbol)];
    if (held == 0) return -1;
    table->recent = held - 1;
    return held - 1;
}

/* Adds an instrument: its index, -1 where the table is full, -2 where the symbol is there already. */
static inline int bot4_symbol_add(bot4_symbol_table *table, const bot4_symbol *symbol, const bot4_grid *price,
                                  const bot4_grid *qty, int skips_off_tick) {
    if (table->count == BOT4_MAX_INSTRUMENTS) return -1;
    const uint32_t slot = bot4_symbol_slot(table, symbol);
    if (table->slot[slot]) return -2;
    bot4_instrument *instrument = &table->instrument[table->count];
    instrument->symbol = *symbol;
    instrument->price = *price;
    instrument->qty = *qty;
    instrument->skips_off_tick = skips_off_tick;
    table->slot[slot] = (uint16_t)(++table->count);
    return table->count - 1;
}

#endif
