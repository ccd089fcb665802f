/* Exact decimal text to whole grid steps: "61837.63000000" on a tick of "0.01" is 6183763 ticks.
 *
 * A grid is a step of `mantissa` * 10^-decimals ("0.01" is 1 * 10^-2, "0.5" is 5 * 10^-1, "25" is 25 * 10^0). No binary
 * floating point anywhere: a value that is not a whole number of steps is refused, never rounded.
 *
 * A literal is digits, optionally followed by a point and digits: no sign, no exponent, no leading zero before another
 * digit, no bare point. Its verdict is decided in this order: length, shape, sign, range, grid.
 */
#ifndef BOT4_DECIMAL_H
#define BOT4_DECIMAL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* 16 bytes at a time where the build allows SSE4.1 (x86-64-v2 and later), byte by byte elsewhere; same results. */
#if defined(__SSE4_1__) && !defined(BOT4_PORTABLE)
#define BOT4_SIMD 1
#include <smmintrin.h>
#else
#define BOT4_SIMD 0
#endif

#define BOT4_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define BOT4_UNLIKELY(condition) __builtin_expect(!!(condition), 0)
/* What a hot loop enters once in a while: kept out of its code. */
#define BOT4_COLD __attribute__((noinline, cold, unused))
#define BOT4_HOT static inline __attribute__((always_inline, unused))

#define BOT4_DECIMAL_MAX_LENGTH 40 /* bytes of one literal */
#define BOT4_DECIMAL_MAX_SCALE 18  /* decimals of a step: 10^18 is the last power of ten in an int64 */

typedef enum {
    DECIMAL_OK = 0,
    DECIMAL_EMPTY = 1,
    DECIMAL_MALFORMED = 2,
    DECIMAL_NEGATIVE = 3,
    DECIMAL_OVERLONG = 4, /* over 40 bytes, or beyond int64 in units of the last decimal of the step */
    DECIMAL_OFF_GRID = 5
} bot4_decimal_verdict;

typedef struct {
    int64_t mantissa; /* > 0 */
    int32_t decimals; /* 0 to 18 */
    int32_t reserved;
} bot4_grid;

static const int64_t bot4_pow10[BOT4_DECIMAL_MAX_SCALE + 1] = {
    1LL, 10LL, 100LL, 1000LL, 10000LL, 100000LL, 1000000LL, 10000000LL, 100000000LL, 1000000000LL, 10000000000LL,
    100000000000LL, 1000000000000LL, 10000000000000LL, 100000000000000LL, 1000000000000000LL, 10000000000000000LL,
    100000000000000000LL, 1000000000000000000LL};

/* Appends one digit to a non-negative value; 0 where that leaves int64. */
BOT4_HOT int bot4_append_digit(int64_t *value, int digit) {
    return !__builtin_mul_overflow(*value, (int64_t)10, value) &&
           !__builtin_add_overflow(*value, (int64_t)digit, value);
}

/* Shape of an unsigned literal: digits of the whole part and of the fraction; 0 where it is not one. */
static inline int bot4_decimal_shape(const char *text, size_t length, size_t *whole, size_t *fraction) {
    size_t at = 0;
    while (at < length && text[at] >= '0' && text[at] <= '9') at++;
    *whole = at;
    *fraction = 0;
    if (at == 0 || (at > 1 && text[0] == '0')) return 0;
    if (at == length) return 1;
    if (text[at] != '.') return 0;
    for (at++; at < length; at++, (*fraction)++)
        if (text[at] < '0' || text[at] > '9') return 0;
    return *fraction > 0;
}

/* Units of 10^-decimals to steps of the grid. */
BOT4_HOT int bot4_units_to_steps(const bot4_grid *grid, int64_t units, int on_grid, int64_t *steps) {
    if (BOT4_LIKELY(grid->mantissa == 1)) {
        *steps = units;
        return BOT4_LIKELY(on_grid) ? DECIMAL_OK : DECIMAL_OFF_GRID;
    }
    *steps = units / grid->mantissa;
    return on_grid && units % grid->mantissa == 0 ? DECIMAL_OK : DECIMAL_OFF_GRID;
}

/* Any literal, byte by byte: the rule itself, and the path of literals over 16 bytes and of refusals. */
static BOT4_COLD int bot4_decimal_parse_any(const bot4_grid *grid, const char *text, size_t length, int64_t *steps) {
    size_t whole, fraction;
    *steps = 0;
    if (length == 0) return DECIMAL_EMPTY;
    if (length > BOT4_DECIMAL_MAX_LENGTH) return DECIMAL_OVERLONG;
    if (text[0] == '-')
        return bot4_decimal_shape(text + 1, length - 1, &whole, &fraction) ? DECIMAL_NEGATIVE : DECIMAL_MALFORMED;
    if (!bot4_decimal_shape(text, length, &whole, &fraction)) return DECIMAL_MALFORMED;
    int64_t units = 0;
    int on_grid = 1;
    for (size_t i = 0; i < whole; i++)
        if (!bot4_append_digit(&units, text[i] - '0')) return DECIMAL_OVERLONG;
    const char *after = text + whole + 1;
    for (size_t i = 0; i < (size_t)grid->decimals; i++)
        if (!bot4_append_digit(&units, i < fraction ? after[i] - '0' : 0)) return DECIMAL_OVERLONG;
    for (size_t i = (size_t)grid->decimals; i < fraction; i++) on_grid &= after[i] == '0';
    return bot4_units_to_steps(grid, units, on_grid, steps);
}

#if BOT4_SIMD
/* Bit i is set where byte i of `digits` (characters xor '0') is no digit. */
BOT4_HOT uint32_t bot4_not_digits(__m128i digits) {
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_max_epu8(digits, _mm_set1_epi8(10)), digits));
}

/* Value of 16 digits 0 to 9, the first in byte 0: pairs, then fours, then eights, then both. */
BOT4_HOT int64_t bot4_sixteen_digits(__m128i digits) {
    const __m128i pairs = _mm_maddubs_epi16(digits, _mm_set1_epi16(10 | 1 << 8));
    const __m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi32(100 | 1 << 16));
    const __m128i eights = _mm_madd_epi16(_mm_packus_epi32(fours, fours), _mm_set1_epi32(10000 | 1 << 16));
    const uint64_t both = (uint64_t)_mm_cvtsi128_si64(eights);
    return (int64_t)((both & 0xFFFFFFFFu) * 100000000u + (both >> 32));
}

/* The first `kept` digits (1 to 16) but for the byte at `skipped`, moved so that the last one stands in byte 15. */
BOT4_HOT __m128i bot4_right_align(__m128i digits, uint32_t kept, uint32_t skipped) {
    const __m128i count = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m128i from = _mm_add_epi8(count, _mm_set1_epi8((char)(kept - 16))); /* negative: nothing, a zero */
    const __m128i behind = _mm_cmpgt_epi8(from, _mm_set1_epi8((char)(skipped - 1)));
    return _mm_shuffle_epi8(digits, _mm_sub_epi8(from, behind));
}

/* The same rule for 1 to 16 bytes held in a register; bytes at and beyond `length` may be anything.
 *
 * The digits that count are moved together, over the point, to the end of the register; those finer than the grid must
 * be zeros.
 */
BOT4_HOT int bot4_decimal_parse_16(const bot4_grid *grid, __m128i bytes, const char *text, uint32_t length,
                                   int64_t *steps) {
    const __m128i digits = _mm_xor_si128(bytes, _mm_set1_epi8('0'));
    const uint32_t used = (1u << length) - 1;
    const uint32_t others = bot4_not_digits(digits) & used;
    const uint32_t zeros = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(digits, _mm_setzero_si128()));
    const uint32_t whole = (uint32_t)__builtin_ctz(others | 1u << length);
    /* At most one byte that is no digit, and that a point inside; no zero in front of another digit. */
    if (BOT4_UNLIKELY((others & (others - 1)) || whole == 0 ||
                      (others && (text[whole] != '.' || whole == length - 1)) || ((zeros & 1) && whole > 1)))
        return bot4_decimal_parse_any(grid, text, length, steps);
    const uint32_t fraction = length - whole - (others != 0), decimals = (uint32_t)grid->decimals;
    const uint32_t counted = fraction < decimals ? fraction : decimals;
    const uint32_t finer = ~zeros & used & ~((2u << (whole + counted)) - 1);
    int64_t units = bot4_sixteen_digits(bot4_right_align(digits, whole + counted, whole));
    if (BOT4_UNLIKELY(counted < decimals) &&
        BOT4_UNLIKELY(__builtin_mul_overflow(units, bot4_pow10[decimals - counted], &units))) {
        *steps = 0;
        return DECIMAL_OVERLONG;
    }
    return bot4_units_to_steps(grid, units, finer == 0, steps);
}
#endif

/* Literal `text` of `length` bytes to steps of `grid`; DECIMAL_OK, or why not (then *steps means nothing). */
static inline int bot4_decimal_parse(const bot4_grid *grid, const char *text, size_t length, int64_t *steps) {
#if BOT4_SIMD
    if (BOT4_LIKELY(length - 1 < 16)) {
        char padded[16] = {0};
        __m128i bytes;
        memcpy(padded, text, length);
        memcpy(&bytes, padded, sizeof bytes);
        return bot4_decimal_parse_16(grid, bytes, text, (uint32_t)length, steps);
    }
#endif
    return bot4_decimal_parse_any(grid, text, length, steps);
}

/* The grid of a step such as "0.01", "0.5", "0.01000000" or "25"; a step of zero is DECIMAL_MALFORMED. */
static inline int bot4_grid_parse(const char *step, size_t length, bot4_grid *grid) {
    size_t whole, fraction;
    memset(grid, 0, sizeof *grid);
    if (length == 0) return DECIMAL_EMPTY;
    if (length > BOT4_DECIMAL_MAX_LENGTH) return DECIMAL_OVERLONG;
    if (step[0] == '-')
        return bot4_decimal_shape(step + 1, length - 1, &whole, &fraction) ? DECIMAL_NEGATIVE : DECIMAL_MALFORMED;
    if (!bot4_decimal_shape(step, length, &whole, &fraction)) return DECIMAL_MALFORMED;
    while (fraction && step[whole + fraction] == '0') fraction--;
    if (fraction > BOT4_DECIMAL_MAX_SCALE) return DECIMAL_OVERLONG;
    int64_t mantissa = 0;
    for (size_t i = 0; i < whole; i++)
        if (!bot4_append_digit(&mantissa, step[i] - '0')) return DECIMAL_OVERLONG;
    for (size_t i = 0; i < fraction; i++)
        if (!bot4_append_digit(&mantissa, step[whole + 1 + i] - '0')) return DECIMAL_OVERLONG;
    if (mantissa == 0) return DECIMAL_MALFORMED;
    grid->mantissa = mantissa;
    grid->decimals = (int32_t)fraction;
    return DECIMAL_OK;
}

#endif
