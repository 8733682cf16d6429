// SPDX-License-Identifier: Apache-2.0
#include "store/read_ahead.h"

#include <stdlib.h>
#include <string.h>

#include "store/bucket.h"

struct pomi_read_ahead {
    struct pomi_store *store;
    pomi_wanted_at wanted_at;
    const void *user;
    size_t max_file_bytes;
    bool takes_tails;            /* the last max_file_bytes of each */
    struct pomi_s3_fetch *fetch; /* NULL: none of the files is on S3 */
    char **buckets;              /* those of the list, each once */
    size_t n_buckets;
};

static const char *known_bucket(const struct pomi_read_ahead *ahead, const char *name)
{
    for (size_t i = 0; i < ahead->n_buckets; i++)
        if (strcmp(ahead->buckets[i], name) == 0) return ahead->buckets[i];
    return NULL;
}

/* Finds the buckets of the list, and whether each may be read, before any of it is. */
static enum pom_status enter_buckets(struct pomi_read_ahead *ahead, size_t n_files, struct pomi_s3 **client,
                                     struct pom_error *err)
{
    *client = NULL;
    for (size_t i = 0; i < n_files; i++) {
        struct pomi_bucket_path at;
        struct pomi_wanted_file file = ahead->wanted_at(ahead->user, i);
        if (!pomi_store_is_remote(file.path)) continue;
        if (pomi_s3_split(file.path, &at.parts, NULL) != POM_OK) continue; /* fails when it is taken */
        if (known_bucket(ahead, at.parts.bucket) != NULL) continue;
        POMI_TRY(pomi_bucket_enter(&at, ahead->store, file.path, err));
        *client = at.client;
        char **grown = realloc(ahead->buckets, (ahead->n_buckets + 1) * sizeof *grown);
        if (grown == NULL) return pomi_fail_memory(err, ahead->n_buckets * sizeof *grown, "names of buckets");
        ahead->buckets = grown;
        ahead->buckets[ahead->n_buckets] = strdup(at.parts.bucket);
        if (ahead->buckets[ahead->n_buckets++] == NULL) return pomi_fail_memory(err, 0, "names of buckets");
    }
    return POM_OK;
}

static bool object_at(void *user, size_t index, struct pomi_s3_wanted *wanted)
{
    struct pomi_read_ahead *ahead = user;
    struct pomi_s3_path parts;
    struct pomi_wanted_file file = ahead->wanted_at(ahead->user, index);
    if (!pomi_store_is_remote(file.path) || pomi_s3_split(file.path, &parts, NULL) != POM_OK) return false;
    *wanted = (struct pomi_s3_wanted){known_bucket(ahead, parts.bucket), parts.key, file.size_bytes, {0, 0}};
    int64_t tail_bytes = (int64_t)ahead->max_file_bytes;
    if (ahead->takes_tails && file.size_bytes <= 0) return false; /* not known where its end is */
    if (ahead->takes_tails && file.size_bytes > tail_bytes)
        wanted->range = (struct pomi_s3_range){file.size_bytes - tail_bytes, tail_bytes};
    return wanted->bucket != NULL && parts.key[0] != '\0';
}

static enum pom_status begin(struct pomi_read_ahead **ahead, const struct pomi_read_ahead *how,
                             size_t n_files, struct pom_error *err)
{
    struct pomi_read_ahead *made = malloc(sizeof *made);
    *ahead = NULL;
    if (made == NULL) return pomi_fail_memory(err, sizeof *made, "reading ahead");
    *made = *how;
    struct pomi_s3 *client;
    enum pom_status status = enter_buckets(made, n_files, &client, err);
    if (status == POM_OK && client != NULL)
        status = pomi_s3_fetch_new(&made->fetch, client, object_at, made, n_files, made->max_file_bytes, err);
    if (status == POM_OK)
        *ahead = made;
    else
        pomi_read_ahead_free(made);
    return status;
}

enum pom_status pomi_read_ahead_new(struct pomi_read_ahead **ahead, struct pomi_store *store,
                                    pomi_wanted_at wanted_at, const void *user, size_t n_files,
                                    size_t max_file_bytes, struct pom_error *err)
{
    const struct pomi_read_ahead how = {
        .store = store, .wanted_at = wanted_at, .user = user, .max_file_bytes = max_file_bytes};
    return begin(ahead, &how, n_files, err);
}

enum pom_status pomi_read_tails_new(struct pomi_read_ahead **ahead, struct pomi_store *store,
                                    pomi_wanted_at wanted_at, const void *user, size_t n_files,
                                    size_t tail_bytes, struct pom_error *err)
{
    const struct pomi_read_ahead how = {.store = store,
                                        .wanted_at = wanted_at,
                                        .user = user,
                                        .max_file_bytes = tail_bytes,
                                        .takes_tails = true};
    return begin(ahead, &how, n_files, err);
}

enum pom_status pomi_read_ahead_take(struct pomi_read_ahead *ahead, size_t index, struct pomi_bytes *bytes,
                                     struct pom_error *err)
{
    struct pomi_s3_wanted wanted;
    struct pomi_wanted_file file = ahead->wanted_at(ahead->user, index);
    if (ahead->fetch != NULL && object_at(ahead, index, &wanted))
        return pomi_s3_fetch_take(ahead->fetch, index, bytes, NULL, err);
    return pomi_store_read(ahead->store, file.path, ahead->max_file_bytes, bytes, err);
}

enum pom_status pomi_read_tails_take(struct pomi_read_ahead *ahead, size_t index,
                                     struct pomi_local_file *file, struct pom_error *err)
{
    struct pomi_s3_wanted wanted;
    struct pomi_bytes tail = {0};
    struct pomi_wanted_file from = ahead->wanted_at(ahead->user, index);
    if (ahead->fetch == NULL || !object_at(ahead, index, &wanted))
        return pomi_store_fetch(ahead->store, from.path, ahead->max_file_bytes, file, err);
    *file = (struct pomi_local_file){0};
    enum pom_status status = pomi_s3_fetch_take(ahead->fetch, index, &tail, NULL, err);
    if (status == POM_OK) status = pomi_local_file_unnamed(file, err);
    if (status == POM_OK) status = pomi_bucket_fill_tail(file, from.size_bytes, pomi_bytes_view(&tail), err);
    pomi_bytes_release(&tail);
    if (status != POM_OK) pomi_local_file_release(file);
    return status;
}

size_t pomi_read_ahead_bytes(const struct pomi_read_ahead *ahead)
{
    return ahead->fetch != NULL ? POMI_STORE_AHEAD_BYTES : 0;
}

void pomi_read_ahead_free(struct pomi_read_ahead *ahead)
{
    if (ahead == NULL) return;
    pomi_s3_fetch_free(ahead->fetch);
    for (size_t i = 0; i < ahead->n_buckets; i++) free(ahead->buckets[i]);
    free(ahead->buckets);
    free(ahead);
}

bool pomi_store_failure_is_general(const char *path, const struct pom_error *err)
{
    static const char *const of_one[] = {"not_found", "access_denied", "file_too_large",
                                         "archived",  "refused",       "changed",
                                         "checksum",  "not_a_file",    "bad_s3_path"};
    if (!pomi_store_is_remote(path) || err->status == POM_ERROR_MEMORY) return false;
    for (size_t i = 0; i < sizeof of_one / sizeof of_one[0]; i++)
        if (strcmp(err->reason, of_one[i]) == 0) return false;
    return true;
}
