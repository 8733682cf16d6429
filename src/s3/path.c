// SPDX-License-Identifier: Apache-2.0
/* The parts of the client that need no network and are there in every build: paths, names, defaults. */
#include <string.h>

#include "s3/s3.h"

/* What was meant for S3 and is written otherwise counts too: it is refused then, where a local folder "s3:" would be made. */
bool pomi_s3_is_path(const char *path)
{
    static const char *const beginnings[] = {"s3:/", "S3:/", "s3a:/", "s3n:/"};
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++)
        if (strncmp(path, beginnings[i], strlen(beginnings[i])) == 0) return true;
    return false;
}

enum pom_status pomi_s3_split(const char *path, struct pomi_s3_path *parts, struct pom_error *err)
{
    const char *bucket = strncmp(path, "s3://", 5) == 0 ? path + 5 : "";
    size_t bucket_bytes = strcspn(bucket, "/");
    if (strncmp(bucket, "arn:", 4) == 0)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_s3_path",
                         "%.300s: access points by ARN are not supported, their aliases are", path);
    if (bucket_bytes < 3 || bucket_bytes >= sizeof parts->bucket ||
        strspn(bucket, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") != bucket_bytes)
        return pomi_fail(
            err, POM_ERROR_ARGUMENT, "bad_s3_path",
            "%.300s is no S3 path: it is s3://BUCKET/KEY, and a bucket's name has 3 to 255 letters, "
            "digits, dots, hyphens",
            path);
    memcpy(parts->bucket, bucket, bucket_bytes);
    parts->bucket[bucket_bytes] = '\0';
    parts->key = bucket[bucket_bytes] == '/' ? bucket + bucket_bytes + 1 : bucket + bucket_bytes;
    return POM_OK;
}

void pomi_s3_options_init(struct pomi_s3_options *options)
{
    *options = (struct pomi_s3_options){
        .max_connections = 64,
        .max_in_flight_bytes = (size_t)64 << 20,
        .upload_part_bytes = (size_t)8 << 20,
        .max_attempts = 6,
        .request_timeout_ms = 300000,
        .connect_timeout_ms = 10000,
        .stall_timeout_ms = 20000,
        .backoff_ms = 100,
        .backoff_max_ms = 20000,
        .retry_budget = 2000,
    };
}

bool pomi_s3_concerns_all(const struct pom_error *err)
{
    static const char *const reasons[] = {"bucket_not_found", "bucket_denied", "wrong_secret",
                                          "unknown_key",      "expired_token", "no_credentials",
                                          "clock_skew",       "wrong_region",  "tls",
                                          "retry_budget",     "bad_option",    "without_s3"};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (strcmp(err->reason, reasons[i]) == 0) return true;
    return false;
}

const char *pomi_s3_kind_name(enum pomi_s3_kind kind)
{
    static const char *const names[POMI_S3_N_KINDS] = {"list", "get",    "head",  "put",
                                                       "copy", "upload", "delete"};
    return names[kind];
}
