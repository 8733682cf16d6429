// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"

#include "config.h"

#include <stdio.h>

#if POMI_HASHES_LIBCRYPTO
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

size_t pomi_digest(enum pomi_hash hash, const void *data, size_t size_bytes,
                   uint8_t digest[POMI_MAX_DIGEST_BYTES])
{
    const EVP_MD *algorithm = hash == POMI_HASH_MD5    ? EVP_md5()
                              : hash == POMI_HASH_SHA1 ? EVP_sha1()
                                                       : EVP_sha256();
    unsigned int digest_bytes = 0;
    return EVP_Digest(data, size_bytes, digest, &digest_bytes, algorithm, NULL) == 1 ? digest_bytes : 0;
}

void pomi_hmac_sha256(const void *key, size_t key_bytes, const void *data, size_t size_bytes,
                      uint8_t digest[POMI_SHA256_BYTES])
{
    HMAC(EVP_sha256(), key, (int)key_bytes, data, size_bytes, digest, NULL);
}

size_t pomi_base64(char *text, const void *data, size_t size_bytes)
{
    return (size_t)EVP_EncodeBlock((unsigned char *)text, data, (int)size_bytes);
}

void pomi_wipe(void *data, size_t size_bytes)
{
    if (data != NULL) OPENSSL_cleanse(data, size_bytes);
}
#else
#include <mbedtls/base64.h>
#include <mbedtls/md.h>
#include <mbedtls/platform_util.h>

size_t pomi_digest(enum pomi_hash hash, const void *data, size_t size_bytes,
                   uint8_t digest[POMI_MAX_DIGEST_BYTES])
{
    const mbedtls_md_info_t *algorithm =
        mbedtls_md_info_from_type(hash == POMI_HASH_MD5    ? MBEDTLS_MD_MD5
                                  : hash == POMI_HASH_SHA1 ? MBEDTLS_MD_SHA1
                                                           : MBEDTLS_MD_SHA256);
    return mbedtls_md(algorithm, data, size_bytes, digest) == 0 ? mbedtls_md_get_size(algorithm) : 0;
}

void pomi_hmac_sha256(const void *key, size_t key_bytes, const void *data, size_t size_bytes,
                      uint8_t digest[POMI_SHA256_BYTES])
{
    mbedtls_md_hmac(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), key, key_bytes, data, size_bytes, digest);
}

size_t pomi_base64(char *text, const void *data, size_t size_bytes)
{
    size_t text_bytes = 0;
    mbedtls_base64_encode((unsigned char *)text, POMI_BASE64_BYTES(size_bytes), &text_bytes, data,
                          size_bytes);
    return text_bytes;
}

void pomi_wipe(void *data, size_t size_bytes)
{
    mbedtls_platform_zeroize(data, size_bytes);
}
#endif

static void digest_text(enum pomi_hash hash, const void *data, size_t size_bytes, char *text)
{
    uint8_t digest[POMI_MAX_DIGEST_BYTES];
    size_t digest_bytes = pomi_digest(hash, data, size_bytes, digest);
    for (size_t i = 0; i < digest_bytes; i++) snprintf(text + 2 * i, 3, "%02x", digest[i]);
    text[2 * digest_bytes] = '\0';
}

void pomi_sha256_text(const void *data, size_t size_bytes, char text[POMI_SHA256_TEXT_BYTES])
{
    digest_text(POMI_HASH_SHA256, data, size_bytes, text);
}

void pomi_md5_text(const void *data, size_t size_bytes, char text[POMI_MD5_TEXT_BYTES])
{
    digest_text(POMI_HASH_MD5, data, size_bytes, text);
}
