// SPDX-License-Identifier: Apache-2.0
/*
 * Digests, keyed digests and base64: all that the library takes from libcrypto or, where the host's is not to be relied
 * on (the Python wheel), from Mbed TLS. The meson option `hashes` chooses; nobody else includes their headers.
 */
#ifndef POMONA_BASE_HASH_H
#define POMONA_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define POMI_MAX_DIGEST_BYTES  32
#define POMI_SHA256_BYTES      32
#define POMI_SHA256_TEXT_BYTES 65 /* 64 lower-case hex digits and the terminator */
#define POMI_MD5_TEXT_BYTES    33

enum pomi_hash {
    POMI_HASH_MD5,  /* publishers' checksums */
    POMI_HASH_SHA1, /* checksums that S3 keeps */
    POMI_HASH_SHA256
};

/* Returns the length of the digest; 0 where the algorithm is not to be had (MD5 on some FIPS systems). */
size_t pomi_digest(enum pomi_hash hash, const void *data, size_t size_bytes,
                   uint8_t digest[POMI_MAX_DIGEST_BYTES]);

/* The digest in hex, "" where the algorithm is not to be had. */
void pomi_sha256_text(const void *data, size_t size_bytes, char text[POMI_SHA256_TEXT_BYTES]);
/* Of the parts' bytes one after another. */
void pomi_sha256_text_of_parts(const struct pomi_view *parts, size_t n_parts,
                               char text[POMI_SHA256_TEXT_BYTES]);
void pomi_md5_text(const void *data, size_t size_bytes, char text[POMI_MD5_TEXT_BYTES]);

/* RFC 2104. The digest may be the key's memory. */
void pomi_hmac_sha256(const void *key, size_t key_bytes, const void *data, size_t size_bytes,
                      uint8_t digest[POMI_SHA256_BYTES]);

/* RFC 4648, padded and terminated; returns the length without the terminator. */
#define POMI_BASE64_BYTES(size_bytes) (((size_bytes) + 2) / 3 * 4 + 1)
size_t pomi_base64(char *text, const void *data, size_t size_bytes);

/* Zeros that no optimiser leaves out: for secrets. */
void pomi_wipe(void *data, size_t size_bytes);

#endif
