// SPDX-License-Identifier: Apache-2.0
/*
 * SigV4 against the examples that AWS publishes and against botocore (make_signatures.py): the canonical request by its
 * hash, and the signature. With an argument: the cases of that file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "s3/sigv4.h"
#include "s3/xml.h"

static const char *cases_path;

struct example {
    struct pomi_credentials credentials;
    char method[16], path[2048], region[64], payload_hash[80], date[32];
    char canonical_hash[80], signature[80]; /* expected */
    char texts[16][2][1024];
    struct pomi_pair query[8], headers[16];
    size_t n_query, n_headers;
};

static void check(const struct example *example)
{
    const struct pomi_sigv4_request request = {
        .method = example->method,
        .path = example->path,
        .query = example->query,
        .n_query = example->n_query,
        .headers = example->headers,
        .n_headers = example->n_headers,
        .payload_hash = example->payload_hash,
        .region = example->region,
        .service = "s3",
    };
    struct pomi_bytes canonical = {0}, authorization = {0};
    char hash[POMI_SHA256_TEXT_BYTES];
    assert_int_equal(pomi_sigv4_canonical(&canonical, &request, NULL), POM_OK);
    pomi_sha256_text(canonical.data, canonical.size_bytes, hash);
    if (example->canonical_hash[0] != '\0' && strcmp(hash, example->canonical_hash) != 0)
        fail_msg("%s %s: the canonical request differs:\n%.*s", example->method, example->path,
                 (int)canonical.size_bytes, (char *)canonical.data);
    assert_int_equal(pomi_sigv4_sign(&authorization, &request, example->date, &example->credentials, NULL),
                     POM_OK);
    const char *signature = strstr((char *)authorization.data, "Signature=");
    assert_non_null(signature);
    assert_string_equal(signature + strlen("Signature="), example->signature);
    pomi_bytes_release(&canonical);
    pomi_bytes_release(&authorization);
}

/* ---- AWS's: "Signature Calculations for the Authorization Header", Amazon S3 API Reference ---- */

#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void published(const char *method, const char *path, const struct pomi_pair *query, size_t n_query,
                      const struct pomi_pair *headers, size_t n_headers, const char *payload_hash,
                      const char *signature)
{
    struct example example = {.credentials = {.key_id = "AKIAIOSFODNN7EXAMPLE",
                                              .secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
                              .region = "us-east-1",
                              .n_query = n_query};
    strcpy(example.method, method);
    strcpy(example.path, path);
    strcpy(example.payload_hash, payload_hash);
    strcpy(example.signature, signature);
    strcpy(example.date, "20130524T000000Z");
    memcpy(example.query, query, n_query * sizeof *query);
    memcpy(example.headers, headers, n_headers * sizeof *headers);
    example.headers[n_headers++] = (struct pomi_pair){"host", "examplebucket.s3.amazonaws.com"};
    example.headers[n_headers++] = (struct pomi_pair){"x-amz-date", example.date};
    example.headers[n_headers++] = (struct pomi_pair){"x-amz-content-sha256", example.payload_hash};
    example.n_headers = n_headers;
    check(&example);
}

static void the_published_examples(void **state)
{
    (void)state;
    const struct pomi_pair none[1] = {{0}};
    published("GET", "/test.txt", none, 0, &(struct pomi_pair){"range", "bytes=0-9"}, 1, EMPTY_HASH,
              "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    const struct pomi_pair put[] = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                                    {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
    published("PUT", "/test%24file.text", none, 0, put, 2,
              "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
              "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    published("GET", "/", &(struct pomi_pair){"lifecycle", ""}, 1, none, 0, EMPTY_HASH,
              "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    const struct pomi_pair list[] = {{"prefix", "J"}, {"max-keys", "2"}};
    published("GET", "/", list, 2, none, 0, EMPTY_HASH,
              "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

/* ---- botocore's ---- */

static void keep(char *to, size_t to_bytes, const char *text)
{
    size_t length = strlen(text);
    assert_true(length < to_bytes);
    memcpy(to, text, length + 1);
}

static struct pomi_pair pair_of(struct example *example, char *text, size_t index)
{
    char *equals = strchr(text, '=');
    assert_non_null(equals);
    *equals = '\0';
    assert_true(pomi_url_decode(text));
    assert_true(pomi_url_decode(equals + 1));
    keep(example->texts[index][0], sizeof example->texts[index][0], text);
    keep(example->texts[index][1], sizeof example->texts[index][1], equals + 1);
    return (struct pomi_pair){example->texts[index][0], example->texts[index][1]};
}

static void add_header(struct example *example, const char *name, const char *value)
{
    example->headers[example->n_headers++] = (struct pomi_pair){name, value};
}

static void check_case(struct example *example)
{
    add_header(example, "host", "s3.amazonaws.com");
    add_header(example, "x-amz-date", example->date);
    add_header(example, "x-amz-content-sha256", example->payload_hash);
    if (example->credentials.token[0] != '\0')
        add_header(example, "x-amz-security-token", example->credentials.token);
    check(example);
}

static void botocore_signs_the_same(void **state)
{
    (void)state;
    static struct example example;
    static const struct example fresh = {
        .credentials = {.key_id = "AKIDEXAMPLE7", .secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}};
    FILE *file = fopen(cases_path, "r");
    char line[8192];
    int n_cases = 0;
    assert_non_null(file);
    example = fresh;
    while (fgets(line, sizeof line, file) != NULL) {
        char *text = line + 2;
        line[strcspn(line, "\n")] = '\0';
        switch (line[0]) {
        case 'm':
            keep(example.method, sizeof example.method, text);
            break;
        case 'p':
            assert_true(pomi_url_decode(text));
            keep(example.path, sizeof example.path, text);
            break;
        case 'q':
            example.query[example.n_query] = pair_of(&example, text, example.n_query);
            example.n_query++;
            break;
        case 'h':
            example.headers[example.n_headers] = pair_of(&example, text, 8 + example.n_headers);
            example.n_headers++;
            break;
        case 'b':
            keep(example.payload_hash, sizeof example.payload_hash, text);
            break;
        case 'r':
            keep(example.region, sizeof example.region, text);
            break;
        case 'd':
            keep(example.date, sizeof example.date, text);
            break;
        case 't':
            assert_true(pomi_url_decode(text));
            keep(example.credentials.token, sizeof example.credentials.token, text);
            break;
        case 'c':
            keep(example.canonical_hash, sizeof example.canonical_hash, text);
            break;
        case 's':
            keep(example.signature, sizeof example.signature, text);
            check_case(&example);
            n_cases++;
            example = fresh;
            break;
        default:
            break;
        }
    }
    fclose(file);
    assert_true(n_cases >= 15);
    printf("%d cases\n", n_cases);
}

static void secrets_are_redacted(void **state)
{
    (void)state;
    const struct pomi_credentials credentials = {
        .key_id = "AKIDEXAMPLE7", .secret = "topsecretsecret", .token = "tokentoken"};
    char text[] = "AKIDEXAMPLE7 and topsecretsecret, tokentokentokentoken";
    pomi_credentials_redact(&credentials, text);
    assert_string_equal(text, "************ and ***************, ********************");
    char cut[] = "the secret is topsecre";
    pomi_credentials_redact(&credentials, cut);
    assert_string_equal(cut, "the secret is ********");
    char harmless[] = "at the top";
    pomi_credentials_redact(&credentials, harmless);
    assert_string_equal(harmless, "at the top");
}

int main(int argc, char **argv)
{
    char in_tree[4096];
    snprintf(in_tree, sizeof in_tree, "%s/tests/unit/s3/signatures.txt", getenv("POMONA_SOURCE"));
    cases_path = argc > 1 ? argv[1] : in_tree;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_examples),
        cmocka_unit_test(botocore_signs_the_same),
        cmocka_unit_test(secrets_are_redacted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
