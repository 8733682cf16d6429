// SPDX-License-Identifier: Apache-2.0
/*
 * The store on S3. Folders there are a way of speaking: FOLDER/ is how the keys in it begin. An object appears when its
 * upload is complete, whole or not at all, so nothing needs a temporary name.
 *
 * Whether something is there is asked by listing, never by asking for the object: who may list only below a prefix, as
 * `pomona s3-policy` has it, is told "forbidden" about an object that is absent.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/bucket.h"

/* --- paths --- */

enum pom_status pomi_bucket_enter(struct pomi_bucket_path *at, struct pomi_store *store, const char *path,
                                  struct pom_error *err)
{
    POMI_TRY(pomi_s3_split(path, &at->parts, err));
    POMI_TRY(pomi_store_s3(store, &at->client, err));
    return pomi_store_check_region(store, at->parts.bucket, err);
}

/* The same for an object, which has to have a name. */
static enum pom_status enter_object(struct pomi_bucket_path *at, struct pomi_store *store, const char *path,
                                    struct pom_error *err)
{
    POMI_TRY(pomi_bucket_enter(at, store, path, err));
    size_t length = strlen(at->parts.key);
    if (length > 0 && at->parts.key[length - 1] != '/') return POM_OK;
    return pomi_fail(err, POM_ERROR_UNSUPPORTED, "not_a_file", "%s is a folder, not an object", path);
}

char *pomi_bucket_prefix(const struct pomi_s3_path *parts)
{
    size_t length = strlen(parts->key);
    while (length > 0 && parts->key[length - 1] == '/') length--;
    char *prefix = malloc(length + 2);
    if (prefix == NULL) return NULL;
    memcpy(prefix, parts->key, length);
    strcpy(prefix + length, length > 0 ? "/" : "");
    return prefix;
}

/* --- reading --- */

static enum pom_status bucket_read(struct pomi_store *store, const char *path, size_t max_bytes,
                                   struct pomi_bytes *bytes, struct pom_error *err)
{
    struct pomi_bucket_path at;
    POMI_TRY(enter_object(&at, store, path, err));
    return pomi_s3_get(at.client, at.parts.bucket, at.parts.key, NULL, max_bytes, bytes, NULL, err);
}

enum pom_status pomi_bucket_fill_tail(const struct pomi_local_file *file, int64_t size_bytes,
                                      struct pomi_view tail, struct pom_error *err)
{
    int descriptor = file->descriptor - 1;
    off_t offset = (off_t)size_bytes - (off_t)tail.size_bytes;
    if (ftruncate(descriptor, (off_t)size_bytes) == 0 &&
        pwrite(descriptor, tail.data, tail.size_bytes, offset) == (ssize_t)tail.size_bytes)
        return POM_OK;
    return pomi_fail(err, POM_ERROR_IO, errno == ENOSPC ? "disk_full" : "io",
                     "cannot write to a temporary file: %s", strerror(errno));
}

static enum pom_status fetch_tail(const struct pomi_bucket_path *at, int64_t size_bytes, size_t tail_bytes,
                                  const struct pomi_local_file *file, struct pom_error *err)
{
    struct pomi_bytes tail = {0};
    struct pomi_s3_range range = {size_bytes - (int64_t)tail_bytes, (int64_t)tail_bytes};
    enum pom_status status =
        pomi_s3_get(at->client, at->parts.bucket, at->parts.key, &range, tail_bytes, &tail, NULL, err);
    if (status == POM_OK) status = pomi_bucket_fill_tail(file, size_bytes, pomi_bytes_view(&tail), err);
    pomi_bytes_release(&tail);
    return status;
}

static enum pom_status bucket_fetch(struct pomi_store *store, const char *path, size_t tail_bytes,
                                    struct pomi_local_file *file, struct pom_error *err)
{
    struct pomi_bucket_path at;
    struct pomi_s3_facts facts = {0};
    POMI_TRY(enter_object(&at, store, path, err));
    POMI_TRY(pomi_local_file_unnamed(file, err));
    enum pom_status status = POM_OK;
    if (tail_bytes > 0) status = pomi_s3_head(at.client, at.parts.bucket, at.parts.key, &facts, err);
    if (status == POM_OK && tail_bytes > 0 && facts.size_bytes > (int64_t)tail_bytes)
        status = fetch_tail(&at, facts.size_bytes, tail_bytes, file, err);
    else if (status == POM_OK)
        status = pomi_s3_download_file(at.client, at.parts.bucket, at.parts.key, file->path, err);
    if (status != POM_OK) pomi_local_file_release(file);
    return status;
}

/* --- writing --- */

static const char *content_type_of(const char *path)
{
    static const char *const types[][2] = {
        {".json", "application/json"},       {".html", "text/html; charset=utf-8"},
        {".svg", "image/svg+xml"},           {".png", "image/png"},
        {".csv", "text/csv; charset=utf-8"}, {".parquet", "application/vnd.apache.parquet"}};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot != NULL && i < sizeof types / sizeof types[0]; i++)
        if (strcmp(dot, types[i][0]) == 0) return types[i][1];
    return NULL;
}

static enum pom_status bucket_write(struct pomi_store *store, const char *path, struct pomi_view content,
                                    struct pom_error *err)
{
    struct pomi_bucket_path at;
    struct pomi_s3_put_options options = {.content_type = content_type_of(path)};
    POMI_TRY(enter_object(&at, store, path, err));
    return pomi_s3_put(at.client, at.parts.bucket, at.parts.key, content, &options, NULL, err);
}

static enum pom_status bucket_create(struct pomi_store *store, const char *path, struct pomi_local_file *file,
                                     struct pom_error *err)
{
    struct pomi_bucket_path at;
    POMI_TRY(enter_object(&at, store, path, err));
    return pomi_local_file_unnamed(file, err);
}

static enum pom_status bucket_publish(struct pomi_store *store, struct pomi_local_file *file,
                                      const char *path, struct pom_error *err)
{
    struct pomi_bucket_path at;
    struct pomi_s3_put_options options = {.content_type = content_type_of(path)};
    POMI_TRY(enter_object(&at, store, path, err));
    POMI_TRY(pomi_s3_upload_file(at.client, at.parts.bucket, at.parts.key, file->path, &options, err));
    pomi_local_file_release(file);
    return POM_OK;
}

static enum pom_status bucket_make_folder(struct pomi_store *store, const char *path, struct pom_error *err)
{
    struct pomi_bucket_path at;
    return pomi_bucket_enter(&at, store, path, err);
}

/* --- what is there --- */

static const struct pomi_s3_list_options first_only = {.max_keys = 1};

struct first_key {
    const char *wanted; /* NULL: any */
    bool is_there;
};

static enum pom_status look_at_first(void *user, const struct pomi_s3_entry *entry, struct pom_error *err)
{
    struct first_key *first = user;
    (void)err;
    if (first->wanted == NULL || strcmp(entry->key, first->wanted) == 0) first->is_there = true;
    return POM_OK;
}

/* Of all keys that begin with a text, the text itself comes first. */
static enum pom_status bucket_is_file(struct pomi_store *store, const char *path, bool *is_file,
                                      struct pom_error *err)
{
    struct pomi_bucket_path at;
    POMI_TRY(pomi_bucket_enter(&at, store, path, err));
    struct first_key first = {.wanted = at.parts.key};
    size_t length = strlen(at.parts.key);
    if (length == 0 || at.parts.key[length - 1] == '/') return POM_OK;
    POMI_TRY(pomi_s3_list(at.client, at.parts.bucket, at.parts.key, &first_only, look_at_first, &first, err));
    *is_file = first.is_there;
    return POM_OK;
}

static enum pom_status bucket_is_folder(struct pomi_store *store, const char *path, bool *is_folder,
                                        struct pom_error *err)
{
    struct pomi_bucket_path at;
    struct first_key first = {0};
    POMI_TRY(pomi_bucket_enter(&at, store, path, err));
    char *prefix = pomi_bucket_prefix(&at.parts);
    if (prefix == NULL) return pomi_fail_memory(err, strlen(path), "a file name");
    enum pom_status status =
        pomi_s3_list(at.client, at.parts.bucket, prefix, &first_only, look_at_first, &first, err);
    *is_folder = first.is_there;
    free(prefix);
    return status;
}

/* --- removing --- */

/* Only what is there: a run that has nothing to remove then needs no permission to. */
static enum pom_status bucket_remove(struct pomi_store *store, const char *path, struct pom_error *err)
{
    struct pomi_bucket_path at;
    bool is_there = false;
    POMI_TRY(enter_object(&at, store, path, err));
    POMI_TRY(bucket_is_file(store, path, &is_there, err));
    return is_there ? pomi_s3_delete(at.client, at.parts.bucket, at.parts.key, err) : POM_OK;
}

static bool keep_all(void *user, const char *path)
{
    (void)user;
    (void)path;
    return true;
}

static enum pom_status bucket_remove_tree(struct pomi_store *store, const char *path, struct pom_error *err)
{
    struct pomi_store_listing inside = {0};
    struct pomi_bucket_path at;
    enum pom_status status = pomi_bucket_list(store, path, keep_all, NULL, &inside, err);
    for (size_t i = 0; status == POM_OK && i < inside.n_entries; i++) {
        status = pomi_bucket_enter(&at, store, inside.entries[i].path, err);
        if (status == POM_OK) status = pomi_s3_delete(at.client, at.parts.bucket, at.parts.key, err);
    }
    pomi_store_listing_release(&inside);
    return status;
}

static enum pom_status bucket_remove_unfinished(struct pomi_store *store, const char *folder,
                                                struct pom_error *err)
{
    struct pomi_bucket_path at;
    POMI_TRY(pomi_bucket_enter(&at, store, folder, err));
    char *prefix = pomi_bucket_prefix(&at.parts);
    if (prefix == NULL) return pomi_fail_memory(err, strlen(folder), "a file name");
    enum pom_status status = pomi_s3_abort_uploads(at.client, at.parts.bucket, prefix, NULL, err);
    free(prefix);
    return status;
}

const struct pomi_place pomi_bucket_place = {
    .read = bucket_read,
    .write = bucket_write,
    .create = bucket_create,
    .publish = bucket_publish,
    .fetch = bucket_fetch,
    .make_folder = bucket_make_folder,
    .remove = bucket_remove,
    .remove_tree = bucket_remove_tree,
    .remove_unfinished = bucket_remove_unfinished,
    .is_file = bucket_is_file,
    .is_folder = bucket_is_folder,
    .list = pomi_bucket_list,
    .lock = pomi_bucket_lock,
};
