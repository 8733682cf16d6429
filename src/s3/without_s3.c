// SPDX-License-Identifier: Apache-2.0
/* A build without libcurl or expat: the functions are there and say so. */
#include "s3/s3.h"

static enum pom_status fail_absent(struct pom_error *err)
{
    return pomi_fail(err, POM_ERROR_UNSUPPORTED, "without_s3",
                     "this build has no S3: install libcurl and expat and build again");
}

enum pom_status pomi_s3_new(struct pomi_s3 **client, const struct pomi_s3_options *options,
                            struct pom_error *err)
{
    (void)client, (void)options;
    *client = NULL;
    return fail_absent(err);
}

void pomi_s3_free(struct pomi_s3 *client)
{
    (void)client;
}

void pomi_s3_cancel(struct pomi_s3 *client)
{
    (void)client;
}

enum pom_status pomi_s3_get(struct pomi_s3 *client, const char *bucket, const char *key,
                            const struct pomi_s3_range *range, size_t max_bytes, struct pomi_bytes *bytes,
                            struct pomi_s3_facts *facts, struct pom_error *err)
{
    (void)client, (void)bucket, (void)key, (void)range, (void)max_bytes, (void)bytes, (void)facts;
    return fail_absent(err);
}

enum pom_status pomi_s3_head(struct pomi_s3 *client, const char *bucket, const char *key,
                             struct pomi_s3_facts *facts, struct pom_error *err)
{
    (void)client, (void)bucket, (void)key, (void)facts;
    return fail_absent(err);
}

enum pom_status pomi_s3_put(struct pomi_s3 *client, const char *bucket, const char *key,
                            struct pomi_view content, const struct pomi_s3_put_options *options,
                            struct pomi_s3_facts *facts, struct pom_error *err)
{
    (void)client, (void)bucket, (void)key, (void)content, (void)options, (void)facts;
    return fail_absent(err);
}

enum pom_status pomi_s3_copy(struct pomi_s3 *client, const char *from_bucket, const char *from_key,
                             const char *bucket, const char *key, struct pom_error *err)
{
    (void)client, (void)from_bucket, (void)from_key, (void)bucket, (void)key;
    return fail_absent(err);
}

enum pom_status pomi_s3_delete(struct pomi_s3 *client, const char *bucket, const char *key,
                               struct pom_error *err)
{
    (void)client, (void)bucket, (void)key;
    return fail_absent(err);
}

enum pom_status pomi_s3_list(struct pomi_s3 *client, const char *bucket, const char *prefix,
                             const struct pomi_s3_list_options *options,
                             enum pom_status (*visit)(void *user, const struct pomi_s3_entry *entry,
                                                      struct pom_error *err),
                             void *user, struct pom_error *err)
{
    (void)client, (void)bucket, (void)prefix, (void)options, (void)visit, (void)user;
    return fail_absent(err);
}

enum pom_status pomi_s3_upload_new(struct pomi_s3_upload **upload, struct pomi_s3 *client, const char *bucket,
                                   const char *key, const struct pomi_s3_put_options *options,
                                   struct pom_error *err)
{
    (void)upload, (void)client, (void)bucket, (void)key, (void)options;
    *upload = NULL;
    return fail_absent(err);
}

enum pom_status pomi_s3_upload_write(struct pomi_s3_upload *upload, struct pomi_view content,
                                     struct pom_error *err)
{
    (void)upload, (void)content;
    return fail_absent(err);
}

enum pom_status pomi_s3_upload_finish(struct pomi_s3_upload *upload, struct pom_error *err)
{
    (void)upload;
    return fail_absent(err);
}

void pomi_s3_upload_abort(struct pomi_s3_upload *upload)
{
    (void)upload;
}

enum pom_status pomi_s3_upload_file(struct pomi_s3 *client, const char *bucket, const char *key,
                                    const char *file, const struct pomi_s3_put_options *options,
                                    struct pom_error *err)
{
    (void)client, (void)bucket, (void)key, (void)file, (void)options;
    return fail_absent(err);
}

enum pom_status pomi_s3_abort_uploads(struct pomi_s3 *client, const char *bucket, const char *prefix,
                                      int64_t *n_aborted, struct pom_error *err)
{
    (void)client, (void)bucket, (void)prefix, (void)n_aborted;
    return fail_absent(err);
}

enum pom_status pomi_s3_download_file(struct pomi_s3 *client, const char *bucket, const char *key,
                                      const char *file, struct pom_error *err)
{
    (void)client, (void)bucket, (void)key, (void)file;
    return fail_absent(err);
}

enum pom_status pomi_s3_fetch_new(struct pomi_s3_fetch **fetch, struct pomi_s3 *client,
                                  pomi_s3_wanted_at wanted_at, void *user, size_t n_objects,
                                  size_t max_object_bytes, struct pom_error *err)
{
    (void)fetch, (void)client, (void)wanted_at, (void)user, (void)n_objects, (void)max_object_bytes;
    *fetch = NULL;
    return fail_absent(err);
}

enum pom_status pomi_s3_fetch_take(struct pomi_s3_fetch *fetch, size_t index, struct pomi_bytes *bytes,
                                   struct pomi_s3_facts *facts, struct pom_error *err)
{
    (void)fetch, (void)index, (void)bytes, (void)facts;
    return fail_absent(err);
}

void pomi_s3_fetch_free(struct pomi_s3_fetch *fetch)
{
    (void)fetch;
}

void pomi_s3_statistics(struct pomi_s3 *client, struct pomi_s3_statistics *statistics)
{
    (void)client, (void)statistics;
    *statistics = (struct pomi_s3_statistics){0};
}

void pomi_s3_visit_buckets(struct pomi_s3 *client,
                           void (*visit)(void *user, const struct pomi_s3_bucket *bucket), void *user)
{
    (void)client, (void)visit, (void)user;
}

enum pom_status pomi_s3_bucket_region(struct pomi_s3 *client, const char *bucket, char region[64],
                                      struct pom_error *err)
{
    (void)client, (void)bucket, (void)region;
    return fail_absent(err);
}
