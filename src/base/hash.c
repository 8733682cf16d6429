// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"

#include <openssl/evp.h>
#include <stdio.h>

static void digest_text(const EVP_MD *algorithm, const void *data, size_t size_bytes, char *text)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int digest_bytes = 0;
    if (EVP_Digest(data, size_bytes, digest, &digest_bytes, algorithm, NULL) != 1) digest_bytes = 0;
    for (unsigned int i = 0; i < digest_bytes; i++) snprintf(text + 2 * (size_t)i, 3, "%02x", digest[i]);
    text[2 * (size_t)digest_bytes] = '\0';
}

void pomi_sha256_text(const void *data, size_t size_bytes, char text[POMI_SHA256_TEXT_BYTES])
{
    digest_text(EVP_sha256(), data, size_bytes, text);
}

void pomi_md5_text(const void *data, size_t size_bytes, char text[POMI_MD5_TEXT_BYTES])
{
    digest_text(EVP_md5(), data, size_bytes, text);
}
