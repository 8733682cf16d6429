// SPDX-License-Identifier: Apache-2.0
/*
 * AWS Signature Version 4 in the Authorization header, with S3's rules: the path is percent-encoded once and not
 * normalised. Source: "Create a signed AWS API request" in the AWS IAM User Guide.
 */
#ifndef POMONA_S3_SIGV4_H
#define POMONA_S3_SIGV4_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* Fixed sizes, so that they live in one place and are wiped in one go. AWS promises at most 128 characters for a key
 * id; session tokens have no promised size and are refused when longer. */
struct pomi_credentials {
    char key_id[256];
    char secret[256];
    char token[8192];  /* "": none */
    int64_t expires_s; /* Unix time; 0: never */
};

void pomi_credentials_wipe(struct pomi_credentials *credentials);

/* Replaces the key id, the secret and the token wherever they stand in `text` by stars. */
void pomi_credentials_redact(const struct pomi_credentials *credentials, char *text);

struct pomi_pair {
    const char *name;
    const char *value;
};

struct pomi_sigv4_request {
    const char *method;
    const char *path;              /* encoded, as it is sent */
    const struct pomi_pair *query; /* plain, in any order */
    size_t n_query;
    const struct pomi_pair
        *headers; /* in lower case, in any order: host, x-amz-date, x-amz-content-sha256, ... */
    size_t n_headers;
    const char *payload_hash; /* 64 hex digits or UNSIGNED-PAYLOAD */
    const char *region, *service;
};

/* Appends `text` with every byte but A-Z a-z 0-9 - . _ ~ (and /, when kept) as %XX. */
enum pom_status pomi_uri_encode(struct pomi_bytes *bytes, const char *text, bool keep_slashes,
                                struct pom_error *err);

/* Appends the query in its canonical form, sorted and encoded, which is the form that is sent as well. */
enum pom_status pomi_sigv4_query(struct pomi_bytes *bytes, const struct pomi_pair *query, size_t n_query,
                                 struct pom_error *err);

/* Appends the canonical request; what is signed is its hash. */
enum pom_status pomi_sigv4_canonical(struct pomi_bytes *bytes, const struct pomi_sigv4_request *request,
                                     struct pom_error *err);

#define POMI_SIGV4_DATE_BYTES 17 /* 20130524T000000Z and the terminator */
void pomi_sigv4_date(int64_t time_s, char date[POMI_SIGV4_DATE_BYTES]);

/* Appends the value of the Authorization header, terminated. `date` is that of the x-amz-date header. */
enum pom_status pomi_sigv4_sign(struct pomi_bytes *bytes, const struct pomi_sigv4_request *request,
                                const char *date, const struct pomi_credentials *credentials,
                                struct pom_error *err);

#endif
