// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"
#include "s3/s3.h"
#include "store/place.h"
#include "store/read_ahead.h"

struct pomi_store {
    struct pom_s3_options options;
    pthread_mutex_t mutex; /* guards what follows */
    struct pomi_s3 *client;
    char **allowed_buckets;
    size_t n_allowed_buckets;
};

bool pomi_store_is_remote(const char *path)
{
    return pomi_s3_is_path(path);
}

static const struct pomi_place *place_of(const char *path)
{
    return pomi_store_is_remote(path) ? &pomi_bucket_place : &pomi_local_place;
}

/* --- the handle --- */

enum pom_status pomi_store_new(struct pomi_store **store, const struct pom_s3_options *options,
                               struct pom_error *err)
{
    *store = calloc(1, sizeof **store);
    if (*store == NULL) return pomi_fail_memory(err, sizeof **store, "the store");
    if (options != NULL) (*store)->options = *options;
    pthread_mutex_init(&(*store)->mutex, NULL);
    return POM_OK;
}

void pomi_store_free(struct pomi_store *store)
{
    if (store == NULL) return;
    pomi_s3_free(store->client);
    for (size_t i = 0; i < store->n_allowed_buckets; i++) free(store->allowed_buckets[i]);
    free(store->allowed_buckets);
    pthread_mutex_destroy(&store->mutex);
    free(store);
}

const struct pom_s3_options *pomi_store_s3_options(const struct pomi_store *store)
{
    return &store->options;
}

enum pom_status pomi_store_s3(struct pomi_store *store, struct pomi_s3 **client, struct pom_error *err)
{
    if (store == NULL)
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "not_local",
                         "s3:// paths do not work here: use a local one");
    const struct pom_s3_options *options = &store->options;
    struct pomi_s3_options client_options;
    pomi_s3_options_init(&client_options);
    client_options.endpoint_url = options->endpoint_url;
    client_options.region = options->region;
    client_options.profile = options->profile;
    client_options.no_sign_request = options->no_sign_request != 0;
    client_options.request_payer = options->request_payer;
    client_options.max_in_flight_bytes = POMI_STORE_AHEAD_BYTES;
    if (options->n_connections > 0) client_options.max_connections = options->n_connections;
    pthread_mutex_lock(&store->mutex);
    enum pom_status status =
        store->client == NULL ? pomi_s3_new(&store->client, &client_options, err) : POM_OK;
    *client = store->client;
    pthread_mutex_unlock(&store->mutex);
    return status;
}

struct pomi_s3 *pomi_store_open_client(struct pomi_store *store)
{
    pthread_mutex_lock(&store->mutex);
    struct pomi_s3 *client = store->client;
    pthread_mutex_unlock(&store->mutex);
    return client;
}

bool pomi_store_is_allowed(struct pomi_store *store, const char *bucket)
{
    bool is_allowed = false;
    pthread_mutex_lock(&store->mutex);
    for (size_t i = 0; i < store->n_allowed_buckets && !is_allowed; i++)
        is_allowed = strcmp(store->allowed_buckets[i], bucket) == 0;
    pthread_mutex_unlock(&store->mutex);
    return is_allowed;
}

enum pom_status pomi_store_allow(struct pomi_store *store, const char *bucket, struct pom_error *err)
{
    char *name = strdup(bucket);
    pthread_mutex_lock(&store->mutex);
    char **grown = realloc(store->allowed_buckets, (store->n_allowed_buckets + 1) * sizeof *grown);
    if (grown != NULL) store->allowed_buckets = grown;
    if (grown != NULL && name != NULL) grown[store->n_allowed_buckets++] = name;
    pthread_mutex_unlock(&store->mutex);
    if (grown != NULL && name != NULL) return POM_OK;
    free(name);
    return pomi_fail_memory(err, strlen(bucket), "a bucket's name");
}

/* --- the door --- */

enum pom_status pomi_store_read(struct pomi_store *store, const char *path, size_t max_bytes,
                                struct pomi_bytes *bytes, struct pom_error *err)
{
    if (store != NULL || !pomi_store_is_remote(path))
        return place_of(path)->read(store, path, max_bytes, bytes, err);
    POMI_TRY(pomi_store_new(&store, NULL, err));
    enum pom_status status = place_of(path)->read(store, path, max_bytes, bytes, err);
    pomi_store_free(store);
    return status;
}

enum pom_status pomi_store_write(struct pomi_store *store, const char *path, struct pomi_view content,
                                 struct pom_error *err)
{
    if (store != NULL || !pomi_store_is_remote(path)) return place_of(path)->write(store, path, content, err);
    POMI_TRY(pomi_store_new(&store, NULL, err));
    enum pom_status status = place_of(path)->write(store, path, content, err);
    pomi_store_free(store);
    return status;
}

enum pom_status pomi_store_create(struct pomi_store *store, const char *path, struct pomi_local_file *file,
                                  struct pom_error *err)
{
    *file = (struct pomi_local_file){0};
    return place_of(path)->create(store, path, file, err);
}

enum pom_status pomi_store_publish(struct pomi_store *store, struct pomi_local_file *file, const char *path,
                                   struct pom_error *err)
{
    return place_of(path)->publish(store, file, path, err);
}

enum pom_status pomi_store_fetch(struct pomi_store *store, const char *path, size_t tail_bytes,
                                 struct pomi_local_file *file, struct pom_error *err)
{
    *file = (struct pomi_local_file){0};
    return place_of(path)->fetch(store, path, tail_bytes, file, err);
}

enum pom_status pomi_store_make_folder(struct pomi_store *store, const char *path, struct pom_error *err)
{
    return place_of(path)->make_folder(store, path, err);
}

enum pom_status pomi_store_remove(struct pomi_store *store, const char *path, struct pom_error *err)
{
    return place_of(path)->remove(store, path, err);
}

enum pom_status pomi_store_remove_tree(struct pomi_store *store, const char *path, struct pom_error *err)
{
    return place_of(path)->remove_tree(store, path, err);
}

enum pom_status pomi_store_remove_unfinished(struct pomi_store *store, const char *folder,
                                             struct pom_error *err)
{
    return place_of(folder)->remove_unfinished(store, folder, err);
}

enum pom_status pomi_store_is_file(struct pomi_store *store, const char *path, bool *is_file,
                                   struct pom_error *err)
{
    *is_file = false;
    return place_of(path)->is_file(store, path, is_file, err);
}

enum pom_status pomi_store_is_folder(struct pomi_store *store, const char *path, bool *is_folder,
                                     struct pom_error *err)
{
    *is_folder = false;
    return place_of(path)->is_folder(store, path, is_folder, err);
}

enum pom_status pomi_store_lock(struct pomi_store *store, struct pomi_store_lock **lock, const char *folder,
                                struct pom_error *err)
{
    *lock = NULL;
    return place_of(folder)->lock(store, lock, folder, err);
}

enum pom_status pomi_store_lock_check(struct pomi_store_lock *lock, struct pom_error *err)
{
    return lock != NULL && lock->check != NULL ? lock->check(lock, err) : POM_OK;
}

enum pom_status pomi_store_unlock(struct pomi_store_lock *lock, struct pom_error *err)
{
    return lock != NULL ? lock->unlock(lock, err) : POM_OK;
}

/* --- listings --- */

static bool keep_all(void *user, const char *path)
{
    (void)user;
    (void)path;
    return true;
}

enum pom_status pomi_store_list(struct pomi_store *store, const char *folder,
                                bool (*keep)(void *user, const char *path), void *user,
                                struct pomi_store_listing *listing, struct pom_error *err)
{
    *listing = (struct pomi_store_listing){0};
    enum pom_status status =
        place_of(folder)->list(store, folder, keep != NULL ? keep : keep_all, user, listing, err);
    if (status == POM_OK)
        pomi_store_listing_sort(listing);
    else
        pomi_store_listing_release(listing);
    return status;
}

enum pom_status pomi_store_listing_add(struct pomi_store_listing *listing, char *path, int64_t size_bytes,
                                       struct pom_error *err)
{
    if (listing->n_entries == listing->capacity) {
        size_t capacity = listing->capacity > 0 ? listing->capacity * 2 : 256, size;
        struct pomi_store_entry *grown =
            pomi_size_multiply(capacity, sizeof *grown, &size) ? realloc(listing->entries, size) : NULL;
        if (grown == NULL) return pomi_fail_memory(err, capacity, "the listing");
        listing->entries = grown;
        listing->capacity = capacity;
    }
    listing->entries[listing->n_entries++] = (struct pomi_store_entry){path, size_bytes};
    return POM_OK;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct pomi_store_entry *)a)->path, ((const struct pomi_store_entry *)b)->path);
}

void pomi_store_listing_sort(struct pomi_store_listing *listing)
{
    if (listing->n_entries > 1)
        qsort(listing->entries, listing->n_entries, sizeof *listing->entries, by_path);
}

void pomi_store_listing_release(struct pomi_store_listing *listing)
{
    for (size_t i = 0; i < listing->n_entries; i++) free(listing->entries[i].path);
    free(listing->entries);
    *listing = (struct pomi_store_listing){0};
}

/* --- names --- */

char *pomi_store_join(const char *folder, const char *format, ...)
{
    char *name = NULL, *path = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&name, format, arguments);
    va_end(arguments);
    if (length < 0) return NULL;
    size_t folder_bytes = strlen(folder);
    const char *separator = folder_bytes > 0 && folder[folder_bytes - 1] == '/' ? "" : "/";
    if (asprintf(&path, "%s%s%s", folder, separator, name) < 0) path = NULL;
    free(name);
    return path;
}
