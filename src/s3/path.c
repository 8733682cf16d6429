// SPDX-License-Identifier: Apache-2.0
/* The parts of the client that need no network: paths, names, defaults. */
#include <string.h>

#include "s3/s3.h"

bool pomi_s3_is_path(const char *path)
{
    return strncmp(path, "s3://", 5) == 0;
}

enum pom_status pomi_s3_split(const char *path, struct pomi_s3_path *parts, struct pom_error *err)
{
    const char *bucket = path + 5;
    size_t length = pomi_s3_is_path(path) ? strcspn(bucket, "/") : 0;
    if (length == 0 || length >= sizeof parts->bucket)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_s3_path", "%s is not of the form s3://BUCKET/KEY",
                         path);
    memcpy(parts->bucket, bucket, length);
    parts->bucket[length] = '\0';
    parts->key = bucket[length] == '/' ? bucket + length + 1 : bucket + length;
    return POM_OK;
}

void pomi_s3_options_init(struct pomi_s3_options *options)
{
    *options = (struct pomi_s3_options){0};
}

bool pomi_s3_concerns_all(const struct pom_error *err)
{
    static const char *const reasons[] = {"bucket_not_found", "bucket_denied", "wrong_secret",
                                          "unknown_key",      "expired_token", "no_credentials",
                                          "clock_skew",       "wrong_region",  "tls",
                                          "retry_budget",     "bad_option"};
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
