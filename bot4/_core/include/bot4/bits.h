/* Bit scans, branch hints and prefetches that Cython has no word for. */
#ifndef BOT4_BITS_H
#define BOT4_BITS_H

#include <stdint.h>

/* Index of the highest and of the lowest set bit; the word must not be zero. */
static inline int bot4_high_bit(uint64_t word) { return 63 - __builtin_clzll(word); }
static inline int bot4_low_bit(uint64_t word) { return __builtin_ctzll(word); }
static inline int bot4_bit_count(uint64_t word) { return __builtin_popcountll(word); }

static inline int bot4_likely(int condition) { return __builtin_expect(condition, 1); }
static inline int bot4_unlikely(int condition) { return __builtin_expect(condition, 0); }

/* For a write soon to come; harmless on any address. */
static inline void bot4_prefetch(const void *address) { __builtin_prefetch(address, 1, 3); }

#endif
