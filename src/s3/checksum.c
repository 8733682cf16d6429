// SPDX-License-Identifier: Apache-2.0
/*
 * The three CRCs are one algorithm: reflected, all ones at the start, inverted at the end. Narrower registers live in
 * the low bits of a 64-bit one. Eight tables take eight bytes at a step (slicing by 8).
 *
 *     name        bits  polynomial, reflected   check value of "123456789"
 *     crc32         32  EDB88320                cbf43926
 *     crc32c        32  82F63B78                e3069283
 *     crc64nvme     64  9A6C9329AC4BC9B5        ae8b14860a799888
 */
#include "s3/checksum.h"

#include <pthread.h>
#include <string.h>

#include "base/hash.h"

struct crc {
    const char *name;
    int bits;
    uint64_t polynomial;
    uint64_t tables[8][256];
};

static struct crc crcs[] = {
    {"crc32", 32, UINT64_C(0xEDB88320), {{0}}},
    {"crc32c", 32, UINT64_C(0x82F63B78), {{0}}},
    {"crc64nvme", 64, UINT64_C(0x9A6C9329AC4BC9B5), {{0}}},
};
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void fill_tables(void)
{
    for (size_t c = 0; c < sizeof crcs / sizeof crcs[0]; c++) {
        struct crc *crc = &crcs[c];
        for (unsigned byte = 0; byte < 256; byte++) {
            uint64_t value = byte;
            for (int bit = 0; bit < 8; bit++) value = (value >> 1) ^ ((value & 1) != 0 ? crc->polynomial : 0);
            crc->tables[0][byte] = value;
        }
        for (int table = 1; table < 8; table++)
            for (unsigned byte = 0; byte < 256; byte++) {
                uint64_t before = crc->tables[table - 1][byte];
                crc->tables[table][byte] = (before >> 8) ^ crc->tables[0][before & 255];
            }
    }
}

static uint64_t crc_of(const struct crc *crc, struct pomi_view bytes)
{
    const uint64_t mask = crc->bits == 64 ? UINT64_MAX : (UINT64_C(1) << crc->bits) - 1;
    const uint8_t *data = bytes.data;
    size_t left = bytes.size_bytes;
    uint64_t value = mask;
    for (; left >= 8; left -= 8, data += 8) {
        uint64_t word = 0;
        for (int i = 7; i >= 0; i--) word = word << 8 | data[i];
        value ^= word;
        uint64_t next = 0;
        for (int i = 0; i < 8; i++) next ^= crc->tables[7 - i][value >> (8 * i) & 255];
        value = next;
    }
    for (; left > 0; left--, data++) value = (value >> 8) ^ crc->tables[0][(value ^ *data) & 255];
    return value ^ mask;
}

bool pomi_checksum(const char *name, struct pomi_view bytes, char text[POMI_CHECKSUM_TEXT_BYTES])
{
    uint8_t digest[POMI_MAX_DIGEST_BYTES];
    for (size_t c = 0; c < sizeof crcs / sizeof crcs[0]; c++) {
        if (strcmp(name, crcs[c].name) != 0) continue;
        pthread_once(&tables_once, fill_tables);
        uint64_t value = crc_of(&crcs[c], bytes);
        int n_bytes = crcs[c].bits / 8;
        for (int i = 0; i < n_bytes; i++) digest[i] = (uint8_t)(value >> (8 * (n_bytes - 1 - i)));
        pomi_base64(text, digest, (size_t)n_bytes);
        return true;
    }
    bool is_sha256 = strcmp(name, "sha256") == 0;
    if (!is_sha256 && strcmp(name, "sha1") != 0) return false;
    size_t digest_bytes =
        pomi_digest(is_sha256 ? POMI_HASH_SHA256 : POMI_HASH_SHA1, bytes.data, bytes.size_bytes, digest);
    pomi_base64(text, digest, digest_bytes);
    return digest_bytes > 0;
}

static unsigned hex_digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

void pomi_checksum_of_hex(const char *hex, char text[POMI_CHECKSUM_TEXT_BYTES])
{
    uint8_t digest[POMI_SHA256_BYTES];
    for (int i = 0; i < 32; i++)
        digest[i] = (uint8_t)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
    pomi_base64(text, digest, sizeof digest);
}
