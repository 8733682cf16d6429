// SPDX-License-Identifier: Apache-2.0
/* Configuration, credentials, the JSON of credential sources, endpoints and paths: the same text as each of them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "s3/credentials.h"
#include "s3/endpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check_files(struct pomi_view text)
{
    struct pomi_aws_files *files;
    struct pom_error err = {0};
    if (pomi_aws_files_new(&files, NULL) != POM_OK) abort();
    for (int is_credentials = 0; is_credentials < 2; is_credentials++) {
        pomi_aws_files_add(files, text, is_credentials, "file", &err);
        const char *value = pomi_aws_files_get(files, is_credentials ? POMI_AWS_CREDENTIALS : POMI_AWS_CONFIG,
                                               "default", "aws_secret_access_key");
        if (value != NULL && strlen(value) > text.size_bytes) abort();
    }
    pomi_aws_files_free(files);
}

static void check_json(struct pomi_view text)
{
    struct pomi_credentials credentials;
    struct pom_error err = {0};
    if (pomi_credentials_of_json(&credentials, text, "it", &err) != POM_OK && credentials.secret[0] != '\0')
        abort();
    if (strcspn(credentials.token, "\r\n") != strlen(credentials.token)) abort(); /* it becomes a header */
}

static void check_address(const char *text)
{
    struct pomi_s3_endpoint endpoint;
    struct pomi_s3_path parts;
    struct pomi_bytes path = {0};
    char host[512];
    if (pomi_s3_endpoint_init(&endpoint, text, POMI_S3_ADDRESSING_VIRTUAL, NULL) == POM_OK) {
        pomi_s3_endpoint_place(&endpoint, "bucket", text, "eu-west-1", host, &path, NULL);
        if (strpbrk(host, "\r\n \"@") != NULL || strpbrk((char *)path.data, "\r\n \"") != NULL) abort();
    }
    if (pomi_s3_split(text, &parts, NULL) == POM_OK && strchr(parts.bucket, '/') != NULL) abort();
    pomi_bytes_release(&path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    char *text = malloc(size_bytes + 1);
    if (text == NULL) abort();
    if (size_bytes > 0) memcpy(text, data, size_bytes);
    text[size_bytes] = '\0';
    check_files((struct pomi_view){data, size_bytes});
    check_json((struct pomi_view){data, size_bytes});
    check_address(text);
    free(text);
    return 0;
}
