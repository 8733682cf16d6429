// SPDX-License-Identifier: Apache-2.0
/*
 * Canonical requests: lines "NAME=VALUE" are query and header in turn. Whatever they hold, the canonical form has its
 * number of lines, the query is sorted, and neither order nor a second run changes the signature. (What is signed is
 * compared with botocore by tests/unit/s3.)
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "s3/sigv4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

enum { MAX_PAIRS = 16 };

static void sign(struct pomi_bytes *bytes, const struct pomi_sigv4_request *request)
{
    static const struct pomi_credentials credentials = {.key_id = "AKID", .secret = "secret"};
    if (pomi_sigv4_sign(bytes, request, "20130524T000000Z", &credentials, NULL) != POM_OK) abort();
}

static void check_sorted(const struct pomi_bytes *query)
{
    const char *before = NULL;
    char *text = strndup((const char *)query->data, query->size_bytes), *rest = text;
    for (char *pair; (pair = strsep(&rest, "&")) != NULL; before = pair) {
        for (const char *c = pair; *c != '\0'; c++)
            if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 127) abort();
        /* Names by name: "=" would not sort as the end of one. */
        char *equals = strchr(pair, '=');
        if (equals != NULL) *equals = '\0';
        if (before != NULL && strcmp(before, pair) > 0) abort();
    }
    free(text);
}

static void turn_round(struct pomi_pair *pairs, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct pomi_pair pair = pairs[i];
        pairs[i] = pairs[n - 1 - i];
        pairs[n - 1 - i] = pair;
    }
}

static bool is_new(const struct pomi_pair *pairs, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(pairs[i].name, name) == 0) return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    char *text = malloc(size_bytes + 1), *rest = text;
    struct pomi_pair query[MAX_PAIRS], headers[MAX_PAIRS];
    struct pomi_bytes path = {0}, encoded = {0}, once = {0}, again = {0};
    size_t n_query = 0, n_headers = 0;
    if (text == NULL) abort();
    if (size_bytes > 0) memcpy(text, data, size_bytes);
    text[size_bytes] = '\0';
    const char *key = strsep(&rest, "\n");
    bool is_query = true;
    for (char *line; rest != NULL && (line = strsep(&rest, "\n")) != NULL; is_query = !is_query) {
        char *value = strchr(line, '=');
        if (value != NULL) *value++ = '\0';
        const struct pomi_pair pair = {line, value != NULL ? value : ""};
        if (is_query && n_query < MAX_PAIRS) query[n_query++] = pair;
        if (!is_query && n_headers < MAX_PAIRS && is_new(headers, n_headers, line))
            headers[n_headers++] = pair;
    }
    if (pomi_uri_encode(&path, key, true, NULL) != POM_OK || pomi_bytes_append(&path, "", 1, NULL) != POM_OK)
        abort();
    if (path.size_bytes > 3 * strlen(key) + 1) abort();
    const struct pomi_sigv4_request request = {
        "GET",     (const char *)path.data, query,       n_query, headers,
        n_headers, "UNSIGNED-PAYLOAD",      "us-east-1", "s3"};
    if (pomi_sigv4_query(&encoded, query, n_query, NULL) != POM_OK) abort();
    if (encoded.size_bytes > 0) check_sorted(&encoded);
    sign(&once, &request);
    turn_round(query, n_query);
    turn_round(headers, n_headers);
    sign(&again, &request);
    if (once.size_bytes != again.size_bytes || memcmp(once.data, again.data, once.size_bytes) != 0) abort();
    pomi_bytes_release(&path);
    pomi_bytes_release(&encoded);
    pomi_bytes_release(&once);
    pomi_bytes_release(&again);
    free(text);
    return 0;
}
