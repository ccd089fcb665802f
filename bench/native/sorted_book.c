/* The reference order book: sorted arrays, binary search, memmove. Simple, correct, and nobody's favourite.
 *
 * A key is the price, or minus the price on the ask side, in ascending order: the best level stands last.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CAPACITY (1 << 17)

typedef struct {
    int64_t keys[2][CAPACITY];
    int64_t lots[2][CAPACITY];
    int64_t count[2];
} sorted_book;

static int64_t monotonic_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

sorted_book *sorted_book_new(void) { return calloc(1, sizeof(sorted_book)); }
void sorted_book_free(sorted_book *book) { free(book); }

static void apply(sorted_book *book, int side, int64_t price, int64_t qty) {
    int64_t *keys = book->keys[side], *lots = book->lots[side];
    int64_t key = side ? -price : price, low = 0, high = book->count[side];
    while (low < high) {
        int64_t middle = (low + high) >> 1;
        if (keys[middle] < key) low = middle + 1; else high = middle;
    }
    size_t above = (size_t)(book->count[side] - low) * sizeof(int64_t);
    if (low < book->count[side] && keys[low] == key) {
        if (qty) {
            lots[low] = qty;
            return;
        }
        memmove(keys + low, keys + low + 1, above - sizeof(int64_t));
        memmove(lots + low, lots + low + 1, above - sizeof(int64_t));
        book->count[side]--;
    } else if (qty && book->count[side] < CAPACITY) {
        memmove(keys + low + 1, keys + low, above);
        memmove(lots + low + 1, lots + low, above);
        keys[low] = key;
        lots[low] = qty;
        book->count[side]++;
    }
}

/* Applies all deltas; nanoseconds of each batch go to batch_ns unless that is NULL. Returns nanoseconds of all. */
int64_t sorted_book_apply(sorted_book *book, const uint8_t *sides, const int64_t *prices, const int64_t *qtys,
                          int64_t count, int64_t batch, int64_t *batch_ns) {
    int64_t begun = monotonic_ns();
    for (int64_t start = 0; start < count; start += batch) {
        int64_t end = start + batch < count ? start + batch : count;
        int64_t before = batch_ns ? monotonic_ns() : 0;
        for (int64_t i = start; i < end; i++) apply(book, sides[i], prices[i], qtys[i]);
        if (batch_ns) batch_ns[start / batch] = monotonic_ns() - before;
    }
    return monotonic_ns() - begun;
}

/* Applies all deltas and writes the five best levels a side after each: 20 int64 a row, as Book.apply_and_top does. */
int64_t sorted_book_apply_and_top(sorted_book *book, const uint8_t *sides, const int64_t *prices, const int64_t *qtys,
                                  int64_t count, int64_t *tops) {
    int64_t begun = monotonic_ns();
    for (int64_t i = 0; i < count; i++, tops += 20) {
        apply(book, sides[i], prices[i], qtys[i]);
        int64_t bids = book->count[0], asks = book->count[1];
        for (int64_t level = 1; level <= 5; level++) {
            tops[level - 1] = level <= bids ? book->keys[0][bids - level] : 0;
            tops[level + 4] = level <= bids ? book->lots[0][bids - level] : 0;
            tops[level + 9] = level <= asks ? -book->keys[1][asks - level] : 0;
            tops[level + 14] = level <= asks ? book->lots[1][asks - level] : 0;
        }
    }
    return monotonic_ns() - begun;
}

int64_t sorted_book_level_count(const sorted_book *book, int side) { return book->count[side]; }
