// SPDX-License-Identifier: Apache-2.0
/*
 * Pages of names. A page is read whole before its first entry is shown, so that a page that breaks off is asked for
 * again and nothing is seen twice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s3/client.h"
#include "s3/pages.h"

#define N_PAGE_ATTEMPTS 3 /* for pages that are no XML */

static enum pom_status ask_page(struct pomi_s3 *client, struct pomi_s3_request *request,
                                struct pomi_s3_page *page, struct pom_error *err)
{
    struct pom_error why = {0};
    for (int attempt = 1;; attempt++) {
        POMI_TRY(pomi_s3_perform(client, request, err));
        enum pom_status status = pomi_s3_page_read(page, pomi_bytes_view(&request->content), &why);
        if (status == POM_OK) return POM_OK;
        if (status == POM_ERROR_MEMORY || attempt == N_PAGE_ATTEMPTS) {
            if (status != POM_ERROR_MEMORY)
                pomi_s3_fail(request, POM_ERROR_IO, "bad_answer",
                             "the service's answer to %s is %.200s; given up after %d attempts",
                             request->permission, why.message, attempt);
            if (err != NULL) *err = status == POM_ERROR_MEMORY ? why : request->error;
            return status == POM_ERROR_MEMORY ? status : POM_ERROR_IO;
        }
        request->is_done = false;
        request->n_attempts = 0;
        request->deadline_ms = 0;
    }
}

static enum pom_status fail_circle(struct pomi_s3_request *request, const char *what, struct pom_error *err)
{
    pomi_s3_fail(request, POM_ERROR_IO, "bad_answer", "the listing goes round in circles: the service %s",
                 what);
    if (err != NULL) *err = request->error;
    return POM_ERROR_IO;
}

/* Whether all names are below the prefix: a server that ignored it would have its other objects read, or removed. */
static bool is_below(const struct pomi_s3_page *page, const char *prefix)
{
    size_t prefix_bytes = strlen(prefix), i = 0;
    while (i < page->n_entries &&
           strncmp((const char *)page->text.data + page->entries[i].key, prefix, prefix_bytes) == 0)
        i++;
    return i == page->n_entries;
}

/* One listing under way. */
struct walk {
    struct pomi_s3 *client;
    struct pomi_s3_request request;
    struct pomi_s3_page page;
    const char *prefix;
    struct pomi_s3_list_options options;
    int64_t n_left;
    enum pom_status (*visit)(void *user, const struct pomi_s3_entry *entry, struct pom_error *err);
    void *user;
};

static enum pom_status show_page(struct walk *walk, struct pom_error *err)
{
    const char *last = walk->options.delimiter == NULL ? walk->options.last : NULL;
    for (size_t i = 0; i < walk->page.n_entries && walk->n_left > 0; i++) {
        const struct pomi_s3_page_entry *from = &walk->page.entries[i];
        const char *text = (const char *)walk->page.text.data;
        const struct pomi_s3_entry entry = {.key = text + from->key,
                                            .is_prefix = from->is_prefix,
                                            .is_archived = from->is_archived,
                                            .size_bytes = from->size_bytes,
                                            .modified_s = from->modified_s,
                                            .etag = text + from->etag};
        if (last != NULL && strcmp(entry.key, last) > 0) {
            walk->n_left = 0;
            break;
        }
        walk->n_left--;
        POMI_TRY(walk->visit(walk->user, &entry, err));
    }
    return POM_OK;
}

static enum pom_status list(struct walk *walk, struct pom_error *err)
{
    struct pomi_s3_request *request = &walk->request;
    struct pomi_s3_page *page = &walk->page;
    char *token = NULL, *last_key = walk->options.after != NULL ? strdup(walk->options.after) : NULL;
    enum pom_status status = walk->options.after != NULL && last_key == NULL
                                 ? pomi_fail_memory(err, strlen(walk->options.after), "a listing")
                                 : POM_OK;
    size_t n_query = request->n_query;
    while (status == POM_OK) {
        request->n_query = n_query;
        request->is_done = false;
        request->n_attempts = request->n_redirects = 0;
        request->deadline_ms = 0;
        if (token != NULL)
            pomi_s3_add_query(request, "continuation-token", token);
        else if (walk->options.after != NULL)
            pomi_s3_add_query(request, "start-after", walk->options.after);
        status = ask_page(walk->client, request, page, err);
        if (status != POM_OK) break;
        /* Keys rise from page to page; a service that repeats a token or starts again would go on for ever. */
        const char *first_key =
            page->n_entries > 0 ? (const char *)page->text.data + page->entries[0].key : NULL;
        if (first_key != NULL && last_key != NULL && strcmp(first_key, last_key) <= 0 && page->is_sorted)
            status = fail_circle(request, "gave the same names again", err);
        if (status == POM_OK && !is_below(page, walk->prefix)) {
            status = pomi_s3_fail(request, POM_ERROR_IO, "bad_answer",
                                  "the service lists names that do not begin with \"%.200s\"", walk->prefix);
            if (err != NULL) *err = request->error;
        }
        if (status == POM_OK) status = show_page(walk, err);
        if (status != POM_OK || !page->is_truncated || walk->n_left <= 0) break;
        if (page->token[0] == '\0' || (token != NULL && strcmp(token, page->token) == 0)) {
            status = fail_circle(request, "says that there is more, but not where it goes on", err);
            break;
        }
        if (page->n_entries > 0) {
            free(last_key);
            last_key = strdup((const char *)page->text.data + page->entries[page->n_entries - 1].key);
        }
        free(token);
        token = strdup(page->token);
        if (token == NULL || (page->n_entries > 0 && last_key == NULL))
            status = pomi_fail_memory(err, strlen(page->token), "a listing");
    }
    free(token);
    free(last_key);
    return status;
}

enum pom_status pomi_s3_list(struct pomi_s3 *client, const char *bucket, const char *prefix,
                             const struct pomi_s3_list_options *options,
                             enum pom_status (*visit)(void *user, const struct pomi_s3_entry *entry,
                                                      struct pom_error *err),
                             void *user, struct pom_error *err)
{
    char page_keys[24];
    struct walk *walk = calloc(1, sizeof *walk);
    if (walk == NULL) return pomi_fail_memory(err, sizeof *walk, "a listing");
    walk->client = client;
    walk->prefix = prefix;
    walk->visit = visit;
    walk->user = user;
    if (options != NULL) walk->options = *options;
    const int64_t max_keys = walk->options.max_keys;
    walk->n_left = max_keys > 0 ? max_keys : INT64_MAX;
    struct pomi_s3_request *request = &walk->request;
    enum pom_status status =
        pomi_s3_request_init(request, client, POMI_S3_LIST, "GET", "s3:ListBucket", bucket, "", err);
    if (status == POM_OK) {
        request->is_on_bucket = true;
        pomi_s3_add_query(request, "list-type", "2");
        pomi_s3_add_query(request, "encoding-type", "url");
        pomi_s3_add_query(request, "prefix", prefix);
        if (walk->options.delimiter != NULL) pomi_s3_add_query(request, "delimiter", walk->options.delimiter);
        if (max_keys > 0 && max_keys < POMI_S3_PAGE_KEYS) {
            snprintf(page_keys, sizeof page_keys, "%d", (int)max_keys);
            pomi_s3_add_query(request, "max-keys", page_keys);
        }
        walk->page.is_sorted = walk->options.delimiter == NULL; /* prefixes stand behind keys */
        status = list(walk, err);
        pomi_s3_request_release(request);
    }
    pomi_s3_page_release(&walk->page);
    free(walk);
    return status;
}

/* ---- uploads that were left open ---- */

static enum pom_status abort_one(struct pomi_s3 *client, const char *bucket, const char *key,
                                 const char *upload_id, struct pom_error *err)
{
    struct pomi_s3_request request;
    struct pom_error why = {0};
    POMI_TRY(pomi_s3_request_init(&request, client, POMI_S3_DELETE, "DELETE", "s3:AbortMultipartUpload",
                                  bucket, key, err));
    request.ignores_cancel = true;
    pomi_s3_add_query(&request, "uploadId", upload_id);
    enum pom_status status = pomi_s3_perform(client, &request, &why);
    pomi_s3_request_release(&request);
    if (status == POM_ERROR_NOT_FOUND) return POM_OK; /* somebody else was faster */
    if (status != POM_OK && err != NULL) *err = why;
    return status;
}

static enum pom_status abort_page(struct pomi_s3 *client, const char *bucket, const char *prefix,
                                  const struct pomi_s3_page *page, int64_t *n_aborted, struct pom_error *err)
{
    for (size_t i = 0; i < page->n_entries; i++) {
        const char *key = (const char *)page->text.data + page->entries[i].key;
        const char *id = (const char *)page->text.data + page->entries[i].upload_id;
        /* Not every server heeds the prefix; what is not below it is somebody else's. */
        if (page->entries[i].is_prefix || id[0] == '\0' || strncmp(key, prefix, strlen(prefix)) != 0)
            continue;
        POMI_TRY(abort_one(client, bucket, key, id, err));
        ++*n_aborted;
    }
    return POM_OK;
}

enum pom_status pomi_s3_abort_uploads(struct pomi_s3 *client, const char *bucket, const char *prefix,
                                      int64_t *n_aborted, struct pom_error *err)
{
    int64_t count = 0, before;
    enum pom_status status = POM_OK;
    struct pomi_s3_page page = {0};
    /* Each round asks for the first page of what is still open, until a round finds nothing of ours. */
    do {
        struct pomi_s3_request request;
        before = count;
        status = pomi_s3_request_init(&request, client, POMI_S3_LIST, "GET", "s3:ListBucketMultipartUploads",
                                      bucket, "", err);
        if (status != POM_OK) break;
        request.is_on_bucket = true;
        request.ignores_cancel = true;
        pomi_s3_add_query(&request, "uploads", "");
        pomi_s3_add_query(&request, "encoding-type", "url");
        pomi_s3_add_query(&request, "prefix", prefix);
        status = ask_page(client, &request, &page, err);
        if (status == POM_OK) status = abort_page(client, bucket, prefix, &page, &count, err);
        pomi_s3_request_release(&request);
    } while (status == POM_OK && page.is_truncated && count > before);
    pomi_s3_page_release(&page);
    if (n_aborted != NULL) *n_aborted = count;
    return status;
}
