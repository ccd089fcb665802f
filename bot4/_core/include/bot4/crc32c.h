/* CRC-32C (Castagnoli, reflected polynomial 0x82F63B78): the SSE4.2 instruction where the processor has it, else tables
 * of eight bytes a step. Both give the same value; include from one unit only, which calls bot4_crc32c_init first.
 *
 * Source: RFC 3720 appendix B.4 (test vectors), Intel SDM volume 2 (CRC32).
 */
#ifndef BOT4_CRC32C_H
#define BOT4_CRC32C_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static uint32_t bot4_crc32c_table[8][256];

static inline uint32_t bot4_crc32c_by_table(uint32_t crc, const void *data, size_t length) {
    const unsigned char *p = (const unsigned char *)data;
    crc = ~crc;
    for (; length >= 8; length -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        word ^= crc;
        crc = bot4_crc32c_table[7][word & 255] ^ bot4_crc32c_table[6][(word >> 8) & 255] ^
              bot4_crc32c_table[5][(word >> 16) & 255] ^ bot4_crc32c_table[4][(word >> 24) & 255] ^
              bot4_crc32c_table[3][(word >> 32) & 255] ^ bot4_crc32c_table[2][(word >> 40) & 255] ^
              bot4_crc32c_table[1][(word >> 48) & 255] ^ bot4_crc32c_table[0][word >> 56];
    }
    while (length--) crc = (crc >> 8) ^ bot4_crc32c_table[0][(crc ^ *p++) & 255];
    return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>
__attribute__((target("sse4.2"))) static inline uint32_t bot4_crc32c_by_instruction(uint32_t crc, const void *data,
                                                                                    size_t length) {
    const unsigned char *p = (const unsigned char *)data;
    uint64_t state = (uint32_t)~crc;
    for (; length >= 8; length -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        state = _mm_crc32_u64(state, word);
    }
    uint32_t tail = (uint32_t)state;
    if (length & 4) {
        uint32_t word;
        memcpy(&word, p, 4);
        tail = _mm_crc32_u32(tail, word);
        p += 4;
    }
    for (length &= 3; length--;) tail = _mm_crc32_u8(tail, *p++);
    return ~tail;
}
static inline int bot4_crc32c_has_instruction(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("sse4.2") != 0;
}
#else
#define bot4_crc32c_by_instruction bot4_crc32c_by_table
static inline int bot4_crc32c_has_instruction(void) { return 0; }
#endif

static int bot4_crc32c_use_instruction;

static inline uint32_t bot4_crc32c(uint32_t crc, const void *data, size_t length) {
    return bot4_crc32c_use_instruction ? bot4_crc32c_by_instruction(crc, data, length)
                                       : bot4_crc32c_by_table(crc, data, length);
}

static inline void bot4_crc32c_init(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82F63B78u & (0u - (crc & 1)));
        bot4_crc32c_table[0][byte] = crc;
    }
    for (int row = 1; row < 8; row++)
        for (int byte = 0; byte < 256; byte++) {
            uint32_t before = bot4_crc32c_table[row - 1][byte];
            bot4_crc32c_table[row][byte] = (before >> 8) ^ bot4_crc32c_table[0][before & 255];
        }
    bot4_crc32c_use_instruction = bot4_crc32c_has_instruction();
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "records are little-endian");

#endif
