// SPDX-License-Identifier: Apache-2.0
/* SHA-256 for identities and MD5 for publishers' checksums, by libcrypto. */
#ifndef POMONA_BASE_HASH_H
#define POMONA_BASE_HASH_H

#include <stddef.h>

#define POMI_SHA256_TEXT_BYTES 65 /* 64 lower-case hex digits and the terminator */
#define POMI_MD5_TEXT_BYTES    33

void pomi_sha256_text(const void *data, size_t size_bytes, char text[POMI_SHA256_TEXT_BYTES]);
void pomi_md5_text(const void *data, size_t size_bytes, char text[POMI_MD5_TEXT_BYTES]);

#endif
