// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"

#include "config.h"

#include <stdio.h>

#if POMI_HASHES_LIBCRYPTO
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

static size_t digest_parts(enum pomi_hash hash, const struct pomi_view *parts, size_t n_parts,
                           uint8_t digest[POMI_MAX_DIGEST_BYTES])
{
    const EVP_MD *algorithm = hash == POMI_HASH_MD5    ? EVP_md5()
                              : hash == POMI_HASH_SHA1 ? EVP_sha1()
                                                       : EVP_sha256();
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned int digest_bytes = 0;
    int done = context != NULL && EVP_DigestInit_ex(context, algorithm, NULL) == 1;
    for (size_t i = 0; i < n_parts && done; i++)
        done = EVP_DigestUpdate(context, parts[i].data, parts[i].size_bytes) == 1;
    if (done) done = EVP_DigestFinal_ex(context, digest, &digest_bytes) == 1;
    EVP_MD_CTX_free(context);
    return done ? digest_bytes : 0;
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

static size_t digest_parts(enum pomi_hash hash, const struct pomi_view *parts, size_t n_parts,
                           uint8_t digest[POMI_MAX_DIGEST_BYTES])
{
    const mbedtls_md_info_t *algorithm =
        mbedtls_md_info_from_type(hash == POMI_HASH_MD5    ? MBEDTLS_MD_MD5
                                  : hash == POMI_HASH_SHA1 ? MBEDTLS_MD_SHA1
                                                           : MBEDTLS_MD_SHA256);
    mbedtls_md_context_t context;
    mbedtls_md_init(&context);
    int done = mbedtls_md_setup(&context, algorithm, 0) == 0 && mbedtls_md_starts(&context) == 0;
    for (size_t i = 0; i < n_parts && done; i++)
        done = mbedtls_md_update(&context, parts[i].data, parts[i].size_bytes) == 0;
    if (done) done = mbedtls_md_finish(&context, digest) == 0;
    mbedtls_md_free(&context);
    return done ? mbedtls_md_get_size(algorithm) : 0;
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

size_t pomi_digest(enum pomi_hash hash, const void *data, size_t size_bytes,
                   uint8_t digest[POMI_MAX_DIGEST_BYTES])
{
    return digest_parts(hash, &(struct pomi_view){data, size_bytes}, 1, digest);
}

static void digest_text(enum pomi_hash hash, const struct pomi_view *parts, size_t n_parts, char *text)
{
    uint8_t digest[POMI_MAX_DIGEST_BYTES];
    size_t digest_bytes = digest_parts(hash, parts, n_parts, digest);
    for (size_t i = 0; i < digest_bytes; i++) snprintf(text + 2 * i, 3, "%02x", digest[i]);
    text[2 * digest_bytes] = '\0';
}

void pomi_sha256_text(const void *data, size_t size_bytes, char text[POMI_SHA256_TEXT_BYTES])
{
    pomi_sha256_text_of_parts(&(struct pomi_view){data, size_bytes}, 1, text);
}

void pomi_sha256_text_of_parts(const struct pomi_view *parts, size_t n_parts,
                               char text[POMI_SHA256_TEXT_BYTES])
{
    digest_text(POMI_HASH_SHA256, parts, n_parts, text);
}

void pomi_md5_text(const void *data, size_t size_bytes, char text[POMI_MD5_TEXT_BYTES])
{
    digest_text(POMI_HASH_MD5, &(struct pomi_view){data, size_bytes}, 1, text);
}
