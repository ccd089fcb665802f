/* CRC-32 (polynomial 0x04C11DB7 reflected, as in zlib, gzip and the Kraken and OKX book checksums), eight bytes a step.
 *
 * Source: the polynomial division of ISO 3309; table k holds the remainder of a byte followed by k zero bytes, so that
 * eight look-ups advance the remainder by eight bytes.
 */
#ifndef BOT4_CRC32_H
#define BOT4_CRC32_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    uint32_t table[8][256];
} bot4_crc32_tables;

static inline void bot4_crc32_build(bot4_crc32_tables *tables) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t remainder = byte;
        for (int bit = 0; bit < 8; bit++) remainder = (remainder >> 1) ^ (0xEDB88320u & (0u - (remainder & 1u)));
        tables->table[0][byte] = remainder;
    }
    for (int k = 1; k < 8; k++)
        for (uint32_t byte = 0; byte < 256; byte++) {
            const uint32_t shorter = tables->table[k - 1][byte];
            tables->table[k][byte] = (shorter >> 8) ^ tables->table[0][shorter & 0xFF];
        }
}

/* CRC of `length` bytes, continued from `crc` (0 to start). */
static inline uint32_t bot4_crc32_update(const bot4_crc32_tables *tables, uint32_t crc, const char *bytes,
                                         size_t length) {
    const unsigned char *at = (const unsigned char *)bytes;
    const uint32_t (*t)[256] = tables->table;
    crc = ~crc;
    for (; length >= 8; at += 8, length -= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        word ^= crc;
        crc = t[7][word & 0xFF] ^ t[6][(word >> 8) & 0xFF] ^ t[5][(word >> 16) & 0xFF] ^ t[4][(word >> 24) & 0xFF] ^
              t[3][(word >> 32) & 0xFF] ^ t[2][(word >> 40) & 0xFF] ^ t[1][(word >> 48) & 0xFF] ^ t[0][word >> 56];
    }
    for (; length; at++, length--) crc = (crc >> 8) ^ t[0][(crc ^ *at) & 0xFF];
    return ~crc;
}

#endif
