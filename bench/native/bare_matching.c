/* The floor of price-time matching: an array of levels by tick, order records in arrays, ids that are places. No events,
 * no prevention, no hash of ids, prices within 65,536 ticks, at most 2^21 orders ever. What remains is the work itself.
 *
 * Rows are those of MatchingBook.run; ids are numbered from 1 in the order of OP_ADD rows, as there.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TICKS 65536
#define ORDERS (1 << 21)

typedef struct {
    uint8_t kind, side, stp, tif;
    int32_t account, trade_group;
    uint32_t reserved;
    uint64_t order_id;
    int64_t price_ticks, qty_lots, iceberg_lots;
} op;

typedef struct {
    int64_t lots;
    uint32_t prev, next, level;
} order;

typedef struct {
    uint32_t head, tail;
} level;

typedef struct {
    level levels[2][TICKS];
    order orders[ORDERS];
    int64_t best[2], base;
    uint64_t last_id, traded;
} bare_book;

bare_book *bare_new(int64_t base) {
    bare_book *book = calloc(1, sizeof(bare_book));
    book->base = base;
    book->best[0] = -1;
    book->best[1] = TICKS;
    return book;
}

void bare_free(bare_book *book) { free(book); }
uint64_t bare_traded(const bare_book *book) { return book->traded; }

static void unlink_order(bare_book *book, int side, uint32_t id) {
    order *gone = &book->orders[id];
    level *at = &book->levels[side][gone->level];
    if (gone->prev) book->orders[gone->prev].next = gone->next; else at->head = gone->next;
    if (gone->next) book->orders[gone->next].prev = gone->prev; else at->tail = gone->prev;
    if (side == 0) while (book->best[0] >= 0 && !book->levels[0][book->best[0]].head) book->best[0]--;
    else while (book->best[1] < TICKS && !book->levels[1][book->best[1]].head) book->best[1]++;
    gone->lots = 0;
}

static void add(bare_book *book, const op *row) {
    int64_t tick = row->price_ticks - book->base, left = row->qty_lots;
    int side = row->side, other = 1 - side;
    uint32_t id = (uint32_t)++book->last_id;
    while (left && (side ? book->best[0] >= tick : book->best[1] <= tick)) {
        uint32_t maker = book->levels[other][book->best[other]].head;
        int64_t lots = left < book->orders[maker].lots ? left : book->orders[maker].lots;
        book->traded += (uint64_t)lots;
        left -= lots;
        book->orders[maker].lots -= lots;
        if (!book->orders[maker].lots) unlink_order(book, other, maker);
    }
    if (!left || row->tif) return;
    level *at = &book->levels[side][tick];
    book->orders[id] = (order){left, at->tail, 0, (uint32_t)tick | (uint32_t)side << 31};
    book->orders[id].level = (uint32_t)tick;
    if (at->tail) book->orders[at->tail].next = id; else at->head = id;
    at->tail = id;
    if (side == 0 ? tick > book->best[0] : tick < book->best[1]) book->best[side] = tick;
}

/* Nanoseconds of all rows. A cancel needs the side, which the row carries. */
int64_t bare_run(bare_book *book, const op *rows, int64_t count) {
    struct timespec begun, ended;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begun);
    for (int64_t i = 0; i < count; i++) {
        if (rows[i].kind == 0) add(book, &rows[i]);
        else if (book->orders[rows[i].order_id].lots) unlink_order(book, rows[i].side, (uint32_t)rows[i].order_id);
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ended);
    return (ended.tv_sec - begun.tv_sec) * 1000000000 + ended.tv_nsec - begun.tv_nsec;
}
