/* Exact 128-bit money arithmetic: what a C operator would silently wrap, round or narrow.
 *
 * Cython types bot4_money as a long long, so every step that needs the full width or a stated rounding lives here.
 * An overflow is a broken invariant (a price or a quantity far beyond any market) and stops the process.
 */
#ifndef BOT4_MONEY_H
#define BOT4_MONEY_H

#include "bot4/types.h"

static inline bot4_money bot4_money_add(bot4_money a, bot4_money b) {
    bot4_money sum;
    BOT4_ASSERT(!__builtin_add_overflow(a, b, &sum));
    return sum;
}

static inline bot4_money bot4_money_sub(bot4_money a, bot4_money b) {
    bot4_money difference;
    BOT4_ASSERT(!__builtin_sub_overflow(a, b, &difference));
    return difference;
}

static inline bot4_money bot4_money_mul(bot4_money a, int64_t b) {
    bot4_money product;
    BOT4_ASSERT(!__builtin_mul_overflow(a, (bot4_money)b, &product));
    return product;
}

/* 1 where a * b fits 128 bits: the check a caller makes before it commits to bot4_money_mul. */
static inline int bot4_money_mul_fits(bot4_money a, int64_t b) {
    bot4_money product;
    return !__builtin_mul_overflow(a, (bot4_money)b, &product);
}

static inline int bot4_money_fits_64(bot4_money a) { return a == (bot4_money)(int64_t)a; }
/* What 64 bits hold of it: the nearest such amount. */
static inline int64_t bot4_money_clamp_64(bot4_money a) {
    return a > INT64_MAX ? INT64_MAX : a < INT64_MIN ? INT64_MIN : (int64_t)a;
}
static inline bot4_money bot4_money_abs(bot4_money a) { return a < 0 ? -a : a; }
static inline bot4_money bot4_money_min(bot4_money a, bot4_money b) { return a < b ? a : b; }

/* numerator / denominator, truncated, for both above or at zero: most amounts fit 64 bits, where a division costs a third. */
static inline bot4_money bot4_money_quotient(bot4_money numerator, int64_t denominator) {
    return numerator <= INT64_MAX ? (int64_t)numerator / denominator : numerator / denominator;
}

/* numerator / denominator for numerator >= 0, denominator > 0, to the nearest integer, ties to the even one. */
static inline bot4_money bot4_money_div_half_even(bot4_money numerator, bot4_money denominator) {
    BOT4_ASSERT(numerator >= 0 && denominator > 0);
    if (numerator <= INT64_MAX && denominator <= INT64_MAX) { /* 64-bit division is several times cheaper */
        int64_t n = (int64_t)numerator, d = (int64_t)denominator;
        int64_t quotient = n / d, rest = n % d;
        return quotient + (rest > d - rest || (rest == d - rest && (quotient & 1)));
    }
    bot4_money quotient = numerator / denominator, rest = numerator % denominator;
    return quotient + (rest > denominator - rest || (rest == denominator - rest && (quotient & 1)));
}

/* floor(total * part / whole) for total >= 0 and 0 <= part <= whole, whole > 0: exact although total * part may need
 * 190 bits, because total = q * whole + r and r * part < 2^126. */
static inline bot4_money bot4_money_share(bot4_money total, int64_t part, int64_t whole) {
    BOT4_ASSERT(total >= 0 && part >= 0 && whole > 0 && part <= whole);
    bot4_money quotient = bot4_money_quotient(total, whole);
    int64_t rest = (int64_t)(total - quotient * whole);
    return quotient * part + bot4_money_quotient(bot4_mul_wide(rest, part), whole);
}

/* ceil(amount * rate_e8 / 10^8) for amount >= 0 and any sign of rate: a fee rounds up and a rebate rounds towards
 * nothing, both against the trader. Exact by the same split as above. */
static inline bot4_money bot4_money_rate_up(bot4_money amount, int64_t rate_e8) {
    const int64_t scale = 100000000;
    BOT4_ASSERT(amount >= 0);
    bot4_money quotient = bot4_money_quotient(amount, scale);
    int64_t tail = (int64_t)(amount - quotient * scale) * rate_e8; /* both at most 10^8 */
    bot4_money rounded = tail / scale + (tail % scale > 0); /* C truncates towards zero: the ceiling of a negative */
    return bot4_money_add(bot4_money_mul(quotient, rate_e8), rounded);
}

static inline uint64_t bot4_money_hash(uint64_t hash, bot4_money amount) {
    return bot4_hash_mix(bot4_hash_mix(hash, bot4_money_low(amount)), (uint64_t)bot4_money_high(amount));
}

#endif
