// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "s3/client.h"

#define N_RANGES 4 /* of one file at a time */

enum pom_status pomi_s3_get(struct pomi_s3 *client, const char *bucket, const char *key,
                            const struct pomi_s3_range *range, size_t max_bytes, struct pomi_bytes *bytes,
                            struct pomi_s3_facts *facts, struct pom_error *err)
{
    struct pomi_s3_request request;
    POMI_TRY(pomi_s3_request_init(&request, client, POMI_S3_GET, "GET", "s3:GetObject", bucket, key, err));
    request.max_bytes = max_bytes;
    if (range != NULL) {
        request.has_range = true;
        request.range = *range;
        request.expected_bytes = range->size_bytes;
    }
    request.content = *bytes;
    request.content.size_bytes = 0;
    *bytes = (struct pomi_bytes){0};
    enum pom_status status = pomi_s3_perform(client, &request, err);
    if (status == POM_OK && facts != NULL) *facts = request.facts;
    if (status != POM_OK) request.content.size_bytes = 0;
    *bytes = request.content;
    request.content = (struct pomi_bytes){0};
    pomi_s3_request_release(&request);
    return status;
}

static enum pom_status ask_head(struct pomi_s3 *client, const char *bucket, const char *key,
                                bool with_checksum, struct pomi_s3_facts *facts,
                                struct pomi_s3_answer *answer, struct pom_error *err)
{
    struct pomi_s3_request request;
    POMI_TRY(pomi_s3_request_init(&request, client, POMI_S3_HEAD, "HEAD",
                                  key[0] != '\0' ? "s3:GetObject" : "s3:ListBucket", bucket, key, err));
    request.is_on_bucket = key[0] == '\0';
    if (with_checksum) pomi_s3_add_header(&request, "x-amz-checksum-mode", "ENABLED");
    enum pom_status status = pomi_s3_perform(client, &request, err);
    if (status == POM_OK && facts != NULL) *facts = request.facts;
    *answer = request.answer;
    pomi_s3_request_release(&request);
    return status;
}

static enum pom_status show_nothing(void *user, const struct pomi_s3_entry *entry, struct pom_error *err)
{
    (void)user, (void)entry, (void)err;
    return POM_OK;
}

/* The answer to HEAD has no body, so a 400 does not say whether the region is wrong or the token old. Listing one name
 * brings the same refusal with its reason, from which the client learns; then HEAD is asked again. */
static enum pom_status head(struct pomi_s3 *client, const char *bucket, const char *key, bool with_checksum,
                            struct pomi_s3_facts *facts, struct pomi_s3_answer *answer, struct pom_error *err)
{
    struct pomi_s3_answer ignored;
    struct pom_error why = {0};
    if (answer == NULL) answer = &ignored;
    enum pom_status status = ask_head(client, bucket, key, with_checksum, facts, answer, err);
    if (status == POM_OK || answer->status != 400) return status;
    const struct pomi_s3_list_options one = {.max_keys = 1};
    status = pomi_s3_list(client, bucket, "", &one, show_nothing, NULL, &why);
    if (status == POM_OK || strcmp(why.reason, "bucket_denied") == 0)
        return ask_head(client, bucket, key, with_checksum, facts, answer, err);
    if (err != NULL) *err = why;
    return status;
}

enum pom_status pomi_s3_head(struct pomi_s3 *client, const char *bucket, const char *key,
                             struct pomi_s3_facts *facts, struct pom_error *err)
{
    return head(client, bucket, key, false, facts, NULL, err);
}

enum pom_status pomi_s3_bucket_region(struct pomi_s3 *client, const char *bucket, char region[64],
                                      struct pom_error *err)
{
    struct pomi_s3_bucket_state *state = pomi_s3_bucket_of(client, bucket);
    if (state == NULL) return pomi_fail_memory(err, strlen(bucket), "a bucket's name");
    for (int is_asked = 0;; is_asked++) {
        pthread_mutex_lock(&client->lock);
        strcpy(region, state->region);
        pthread_mutex_unlock(&client->lock);
        if (region[0] != '\0' || is_asked) return POM_OK;
        struct pom_error why = {0};
        /* Who may not list the bucket is told its region all the same, in the header of the refusal. */
        if (head(client, bucket, "", false, NULL, NULL, &why) != POM_OK &&
            strcmp(why.reason, "bucket_denied") != 0) {
            if (err != NULL) *err = why;
            return why.status;
        }
    }
}

/* ---- put ---- */

/* An object that is there already, after an attempt whose answer got lost: is it the one we sent? */
static bool is_ours(struct pomi_s3 *client, const char *bucket, const char *key, struct pomi_view content,
                    struct pomi_s3_facts *facts)
{
    char checksum[POMI_CHECKSUM_TEXT_BYTES], md5[POMI_MD5_TEXT_BYTES], etag[POMI_MD5_TEXT_BYTES + 2];
    struct pomi_s3_answer answer;
    if (head(client, bucket, key, true, facts, &answer, NULL) != POM_OK) return false;
    if (answer.content_bytes != (int64_t)content.size_bytes) return false;
    if (answer.checksum[0] != '\0' && pomi_checksum(answer.checksum_name, content, checksum))
        return strcmp(checksum, answer.checksum) == 0;
    pomi_md5_text(content.data, content.size_bytes, md5);
    snprintf(etag, sizeof etag, "\"%s\"", md5);
    return strcmp(etag, answer.etag) == 0;
}

enum pom_status pomi_s3_put(struct pomi_s3 *client, const char *bucket, const char *key,
                            struct pomi_view content, const struct pomi_s3_put_options *options,
                            struct pomi_s3_facts *facts, struct pom_error *err)
{
    static const struct pomi_s3_put_options none = {0};
    char checksum[POMI_CHECKSUM_TEXT_BYTES];
    struct pomi_s3_request request;
    struct pomi_s3_facts ours;
    if (options == NULL) options = &none;
    POMI_TRY(pomi_s3_request_init(&request, client, POMI_S3_PUT, "PUT", "s3:PutObject", bucket, key, err));
    pomi_s3_set_body(&request, content);
    pomi_s3_add_header(&request, "content-type",
                       options->content_type != NULL ? options->content_type : "application/octet-stream");
    if (client->with_request_checksums) {
        pomi_checksum_of_hex(request.body_hash, checksum);
        pomi_s3_add_header(&request, "x-amz-checksum-sha256", checksum);
    }
    if (options->if_none_match) pomi_s3_add_header(&request, "if-none-match", "*");
    if (options->if_match != NULL) pomi_s3_add_header(&request, "if-match", options->if_match);
    enum pom_status status = pomi_s3_perform(client, &request, err);
    bool is_refused =
        status == POM_ERROR_EXISTS || (status == POM_ERROR_MISMATCH && options->if_match != NULL);
    if (is_refused && request.is_uncertain && is_ours(client, bucket, key, content, &ours)) {
        request.facts = ours;
        status = POM_OK;
    }
    request.facts.size_bytes = (int64_t)content.size_bytes;
    if (status == POM_OK && facts != NULL) *facts = request.facts;
    pomi_s3_request_release(&request);
    return status;
}

enum pom_status pomi_s3_copy(struct pomi_s3 *client, const char *from_bucket, const char *from_key,
                             const char *bucket, const char *key, struct pom_error *err)
{
    struct pomi_s3_request request;
    struct pomi_bytes source = {0};
    POMI_TRY(pomi_s3_request_init(&request, client, POMI_S3_COPY, "PUT",
                                  "s3:PutObject (and s3:GetObject on what is copied)", bucket, key, err));
    enum pom_status status = pomi_bytes_print(&source, err, "/%s/", from_bucket);
    if (status == POM_OK) status = pomi_uri_encode(&source, from_key, true, err);
    if (status == POM_OK) status = pomi_bytes_append(&source, "", 1, err);
    if (status == POM_OK) {
        request.is_slow = request.fails_late = true;
        pomi_s3_add_header(&request, "x-amz-copy-source", (const char *)source.data);
        status = pomi_s3_perform(client, &request, err);
    }
    pomi_bytes_release(&source);
    pomi_s3_request_release(&request);
    return status;
}

enum pom_status pomi_s3_delete(struct pomi_s3 *client, const char *bucket, const char *key,
                               struct pom_error *err)
{
    struct pomi_s3_request request;
    struct pom_error why = {0};
    POMI_TRY(pomi_s3_request_init(&request, client, POMI_S3_DELETE, "DELETE", "s3:DeleteObject", bucket, key,
                                  err));
    enum pom_status status = pomi_s3_perform(client, &request, &why);
    pomi_s3_request_release(&request);
    if (status == POM_ERROR_NOT_FOUND && strcmp(why.reason, "not_found") == 0) return POM_OK;
    if (status != POM_OK && err != NULL) *err = why;
    return status;
}

/* ---- to a file ---- */

static enum pom_status write_at(int file, const char *path, const struct pomi_bytes *bytes, int64_t offset,
                                struct pom_error *err)
{
    for (size_t done = 0; done < bytes->size_bytes;) {
        ssize_t n = pwrite(file, bytes->data + done, bytes->size_bytes - done, offset + (off_t)done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            return pomi_fail(err, POM_ERROR_IO, errno == ENOSPC || errno == EDQUOT ? "disk_full" : "io",
                             "cannot write %s: %s", path, strerror(errno));
        done += (size_t)n;
    }
    return POM_OK;
}

static enum pom_status begin_range(struct pomi_s3 *client, struct pomi_s3_request *request,
                                   const char *bucket, const char *key, int64_t offset, int64_t size_bytes,
                                   const char *etag, struct pom_error *err)
{
    POMI_TRY(pomi_s3_request_init(request, client, POMI_S3_GET, "GET", "s3:GetObject", bucket, key, err));
    request->has_range = true;
    request->range = (struct pomi_s3_range){offset, size_bytes};
    request->max_bytes = (size_t)size_bytes;
    request->expected_bytes = size_bytes;
    request->has_if_match = etag[0] != '\0'; /* all ranges of one object */
    if (request->has_if_match) pomi_s3_add_header(request, "if-match", etag);
    pomi_s3_submit(client, request);
    return POM_OK;
}

static enum pom_status download(struct pomi_s3 *client, const char *bucket, const char *key, int file,
                                const char *path, const struct pomi_s3_facts *facts, struct pom_error *err)
{
    struct pomi_s3_request *requests = calloc(N_RANGES, sizeof *requests);
    if (requests == NULL) return pomi_fail_memory(err, N_RANGES * sizeof *requests, "requests");
    const int64_t step = (int64_t)client->options.upload_part_bytes;
    int64_t begun = 0, n_begun = 0, n_done = 0;
    enum pom_status status = POM_OK;
    while (n_done < n_begun || (status == POM_OK && begun < facts->size_bytes)) {
        if (status == POM_OK && begun < facts->size_bytes && n_begun - n_done < N_RANGES) {
            int64_t size_bytes = facts->size_bytes - begun < step ? facts->size_bytes - begun : step;
            status = begin_range(client, &requests[n_begun % N_RANGES], bucket, key, begun, size_bytes,
                                 facts->etag, err);
            begun += size_bytes;
            n_begun += status == POM_OK;
            continue;
        }
        struct pomi_s3_request *request = &requests[n_done++ % N_RANGES];
        enum pom_status one = pomi_s3_wait(client, request, status == POM_OK ? err : NULL);
        if (one == POM_OK && status == POM_OK)
            one = write_at(file, path, &request->content, request->range.offset_bytes, err);
        if (status == POM_OK) status = one;
        pomi_s3_request_release(request);
    }
    free(requests);
    return status;
}

enum pom_status pomi_s3_download_file(struct pomi_s3 *client, const char *bucket, const char *key,
                                      const char *file, struct pom_error *err)
{
    struct pomi_s3_facts facts;
    POMI_TRY(pomi_s3_head(client, bucket, key, &facts, err));
    int to = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (to < 0) return pomi_fail(err, POM_ERROR_IO, "io", "cannot write %s: %s", file, strerror(errno));
    enum pom_status status = download(client, bucket, key, to, file, &facts, err);
    if (close(to) != 0 && status == POM_OK)
        status = pomi_fail(err, POM_ERROR_IO, "io", "cannot write %s: %s", file, strerror(errno));
    return status;
}
