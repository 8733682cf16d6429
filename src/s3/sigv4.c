// SPDX-License-Identifier: Apache-2.0
/*
 *     canonical request = method \n path \n query \n name:value \n ... \n \n names \n payload hash
 *     string to sign    = "AWS4-HMAC-SHA256" \n date \n scope \n hex(SHA-256(canonical request))
 *     scope             = day/region/service/aws4_request
 *     signing key       = HMAC(HMAC(HMAC(HMAC("AWS4" + secret, day), region), service), "aws4_request")
 *     signature         = hex(HMAC(signing key, string to sign))
 */
#include "s3/sigv4.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"

#define SHORTEST_SECRET_BYTES 8

void pomi_credentials_wipe(struct pomi_credentials *credentials)
{
    pomi_wipe(credentials, sizeof *credentials);
}

static void redact(char *text, const char *secret)
{
    size_t length = strlen(secret);
    if (length < SHORTEST_SECRET_BYTES)
        return; /* too short to be one, and stars would only garble the message */
    for (char *at = text; (at = strstr(at, secret)) != NULL; at += length) memset(at, '*', length);
    /* Texts are cut to their buffers: one may end within a secret. */
    size_t text_bytes = strlen(text);
    for (size_t n = text_bytes < length ? text_bytes : length - 1; n >= SHORTEST_SECRET_BYTES; n--) {
        if (memcmp(text + text_bytes - n, secret, n) != 0) continue;
        memset(text + text_bytes - n, '*', n);
        break;
    }
}

void pomi_credentials_redact(const struct pomi_credentials *credentials, char *text)
{
    redact(text, credentials->token);
    redact(text, credentials->secret);
    redact(text, credentials->key_id);
}

static bool is_unreserved(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

enum pom_status pomi_uri_encode(struct pomi_bytes *bytes, const char *text, bool keep_slashes,
                                struct pom_error *err)
{
    static const char hex[] = "0123456789ABCDEF";
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        const char encoded[3] = {'%', hex[c >> 4], hex[c & 15]};
        bool is_kept = is_unreserved(c) || (c == '/' && keep_slashes);
        POMI_TRY(pomi_bytes_append(bytes, is_kept ? text : encoded, is_kept ? 1 : 3, err));
    }
    return POM_OK;
}

/* ---- query ---- */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum pom_status encode_pair(char **text, const struct pomi_pair *pair, struct pom_error *err)
{
    struct pomi_bytes bytes = {0};
    /* 0x01 sorts before everything that an encoded name can hold, as the end of the name does; "=" would not. */
    enum pom_status status = pomi_uri_encode(&bytes, pair->name, false, err);
    if (status == POM_OK) status = pomi_bytes_append(&bytes, "\x01", 1, err);
    if (status == POM_OK) status = pomi_uri_encode(&bytes, pair->value, false, err);
    if (status == POM_OK) status = pomi_bytes_append(&bytes, "", 1, err);
    if (status == POM_OK)
        *text = (char *)bytes.data;
    else
        pomi_bytes_release(&bytes);
    return status;
}

enum pom_status pomi_sigv4_query(struct pomi_bytes *bytes, const struct pomi_pair *query, size_t n_query,
                                 struct pom_error *err)
{
    if (n_query == 0) return POM_OK;
    char **texts = calloc(n_query, sizeof *texts);
    if (texts == NULL) return pomi_fail_memory(err, n_query * sizeof *texts, "a query");
    enum pom_status status = POM_OK;
    for (size_t i = 0; i < n_query && status == POM_OK; i++) status = encode_pair(&texts[i], &query[i], err);
    if (status == POM_OK) qsort(texts, n_query, sizeof *texts, compare_texts);
    for (size_t i = 0; i < n_query && status == POM_OK; i++) {
        *strchr(texts[i], '\x01') = '=';
        if (i > 0) status = pomi_bytes_append(bytes, "&", 1, err);
        if (status == POM_OK) status = pomi_bytes_append(bytes, texts[i], strlen(texts[i]), err);
    }
    for (size_t i = 0; i < n_query; i++) free(texts[i]);
    free(texts);
    return status;
}

/* ---- headers ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct pomi_pair *)a)->name, ((const struct pomi_pair *)b)->name);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* Without spaces at its ends, and each run of spaces inside as one. */
static enum pom_status append_value(struct pomi_bytes *bytes, const char *value, struct pom_error *err)
{
    while (is_space(*value)) value++;
    for (; *value != '\0'; value++) {
        if (is_space(*value) && (is_space(value[1]) || value[1] == '\0')) continue;
        POMI_TRY(pomi_bytes_append(bytes, is_space(*value) ? " " : value, 1, err));
    }
    return POM_OK;
}

static enum pom_status append_names(struct pomi_bytes *bytes, const struct pomi_pair *sorted,
                                    size_t n_headers, struct pom_error *err)
{
    for (size_t i = 0; i < n_headers; i++)
        POMI_TRY(pomi_bytes_print(bytes, err, "%s%s", i > 0 ? ";" : "", sorted[i].name));
    return POM_OK;
}

static enum pom_status sort_headers(struct pomi_pair **sorted, const struct pomi_sigv4_request *request,
                                    struct pom_error *err)
{
    size_t size_bytes = request->n_headers * sizeof **sorted;
    *sorted = malloc(size_bytes > 0 ? size_bytes : 1);
    if (*sorted == NULL) return pomi_fail_memory(err, size_bytes, "headers");
    if (size_bytes > 0) {
        memcpy(*sorted, request->headers, size_bytes);
        qsort(*sorted, request->n_headers, sizeof **sorted, compare_names);
    }
    return POM_OK;
}

static enum pom_status append_canonical(struct pomi_bytes *bytes, const struct pomi_sigv4_request *request,
                                        const struct pomi_pair *sorted, struct pom_error *err)
{
    POMI_TRY(pomi_bytes_print(bytes, err, "%s\n%s\n", request->method, request->path));
    POMI_TRY(pomi_sigv4_query(bytes, request->query, request->n_query, err));
    POMI_TRY(pomi_bytes_append(bytes, "\n", 1, err));
    for (size_t i = 0; i < request->n_headers; i++) {
        POMI_TRY(pomi_bytes_print(bytes, err, "%s:", sorted[i].name));
        POMI_TRY(append_value(bytes, sorted[i].value, err));
        POMI_TRY(pomi_bytes_append(bytes, "\n", 1, err));
    }
    POMI_TRY(pomi_bytes_append(bytes, "\n", 1, err));
    POMI_TRY(append_names(bytes, sorted, request->n_headers, err));
    return pomi_bytes_print(bytes, err, "\n%s", request->payload_hash);
}

enum pom_status pomi_sigv4_canonical(struct pomi_bytes *bytes, const struct pomi_sigv4_request *request,
                                     struct pom_error *err)
{
    struct pomi_pair *sorted;
    POMI_TRY(sort_headers(&sorted, request, err));
    enum pom_status status = append_canonical(bytes, request, sorted, err);
    free(sorted);
    return status;
}

/* ---- signature ---- */

void pomi_sigv4_date(int64_t time_s, char date[POMI_SIGV4_DATE_BYTES])
{
    time_t time = (time_t)time_s;
    struct tm parts;
    if (gmtime_r(&time, &parts) == NULL ||
        strftime(date, POMI_SIGV4_DATE_BYTES, "%Y%m%dT%H%M%SZ", &parts) == 0)
        date[0] = '\0';
}

static void signing_key(unsigned char key[POMI_SHA256_BYTES], const char *secret, const char *date,
                        const char *region, const char *service)
{
    char start[sizeof((struct pomi_credentials *)0)->secret + 4] = "AWS4";
    size_t secret_bytes = strlen(secret);
    memcpy(start + 4, secret, secret_bytes);
    pomi_hmac_sha256(start, 4 + secret_bytes, date, 8, key);
    pomi_hmac_sha256(key, POMI_SHA256_BYTES, region, strlen(region), key);
    pomi_hmac_sha256(key, POMI_SHA256_BYTES, service, strlen(service), key);
    pomi_hmac_sha256(key, POMI_SHA256_BYTES, "aws4_request", strlen("aws4_request"), key);
    pomi_wipe(start, sizeof start);
}

static enum pom_status append_authorization(struct pomi_bytes *bytes,
                                            const struct pomi_sigv4_request *request,
                                            const struct pomi_pair *sorted, const char *date,
                                            const struct pomi_credentials *credentials,
                                            struct pomi_bytes *canonical, struct pomi_bytes *to_sign,
                                            struct pom_error *err)
{
    char hash[POMI_SHA256_TEXT_BYTES];
    unsigned char key[POMI_SHA256_BYTES];
    POMI_TRY(append_canonical(canonical, request, sorted, err));
    pomi_sha256_text(canonical->data, canonical->size_bytes, hash);
    POMI_TRY(pomi_bytes_print(to_sign, err, "AWS4-HMAC-SHA256\n%s\n%.8s/%s/%s/aws4_request\n%s", date, date,
                              request->region, request->service, hash));
    signing_key(key, credentials->secret, date, request->region, request->service);
    pomi_hmac_sha256(key, POMI_SHA256_BYTES, (const char *)to_sign->data, to_sign->size_bytes, key);
    POMI_TRY(pomi_bytes_print(bytes, err,
                              "AWS4-HMAC-SHA256 Credential=%s/%.8s/%s/%s/aws4_request, SignedHeaders=",
                              credentials->key_id, date, request->region, request->service));
    POMI_TRY(append_names(bytes, sorted, request->n_headers, err));
    POMI_TRY(pomi_bytes_print(bytes, err, ", Signature="));
    for (int i = 0; i < POMI_SHA256_BYTES; i++) POMI_TRY(pomi_bytes_print(bytes, err, "%02x", key[i]));
    return pomi_bytes_append(bytes, "", 1, err);
}

enum pom_status pomi_sigv4_sign(struct pomi_bytes *bytes, const struct pomi_sigv4_request *request,
                                const char *date, const struct pomi_credentials *credentials,
                                struct pom_error *err)
{
    struct pomi_pair *sorted;
    struct pomi_bytes canonical = {0}, to_sign = {0};
    POMI_TRY(sort_headers(&sorted, request, err));
    enum pom_status status =
        append_authorization(bytes, request, sorted, date, credentials, &canonical, &to_sign, err);
    free(sorted);
    /* The session token is one of the canonical headers. */
    if (canonical.data != NULL) pomi_wipe(canonical.data, canonical.capacity_bytes);
    pomi_bytes_release(&canonical);
    pomi_bytes_release(&to_sign);
    return status;
}
