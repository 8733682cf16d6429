// SPDX-License-Identifier: Apache-2.0
/*
 * What is in a folder on S3. A request lists 1000 names and tells where the next one goes on, so that of many photos the
 * pages, one after the other, take longer than the photos themselves. The names of the folders inside cut a long listing
 * into stretches, which are listed at the same time:
 *
 *     the first page      | photos/apple/000.jpg ... photos/banana/480.jpg
 *     stretch 0           | behind photos/banana/480.jpg, up to photos/fig/
 *     stretch 1           | behind photos/fig/, up to photos/lemon/
 *     the last stretch    | behind photos/quince/
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/bucket.h"

#define MAX_STRETCHES 16
#define MIN_STRETCHES 3 /* for less, looking for folders does not pay */
#define FEW_FOLDERS   8 /* so few, and large: their own folders are looked for */
#define MAX_LEVELS    3

struct walk {
    struct pomi_bucket_path at;
    char *prefix;
    bool (*keep)(void *user, const char *path);
    void *user;
};

struct stretch {
    const struct walk *walk;
    struct pomi_s3_list_options options;
    struct pomi_store_listing found;
    int64_t n_seen;
    char *last_key; /* of a full page */
    enum pom_status status;
    struct pom_error error;
    pthread_t thread;
    bool has_thread;
};

/* --- one stretch --- */

static enum pom_status add_object(void *user, const struct pomi_s3_entry *entry, struct pom_error *err)
{
    struct stretch *stretch = user;
    const struct walk *walk = stretch->walk;
    size_t length = strlen(entry->key);
    if (++stretch->n_seen == POMI_S3_PAGE_KEYS && stretch->options.max_keys == POMI_S3_PAGE_KEYS &&
        (stretch->last_key = strdup(entry->key)) == NULL)
        return pomi_fail_memory(err, length, "the listing");
    if (length > 0 && entry->key[length - 1] == '/')
        return POM_OK; /* what consoles make of an empty folder */
    char *path = NULL;
    if (asprintf(&path, "s3://%s/%s", walk->at.parts.bucket, entry->key) < 0)
        return pomi_fail_memory(err, length, "the listing");
    enum pom_status status = POM_OK;
    if (walk->keep(walk->user, path)) {
        status = pomi_store_listing_add(&stretch->found, path, entry->size_bytes, err);
        if (status == POM_OK) path = NULL;
    }
    free(path);
    return status;
}

static void *list_stretch(void *argument)
{
    struct stretch *stretch = argument;
    const struct walk *walk = stretch->walk;
    stretch->status = pomi_s3_list(walk->at.client, walk->at.parts.bucket, walk->prefix, &stretch->options,
                                   add_object, stretch, &stretch->error);
    return NULL;
}

/* Moves what was found behind what is in *listing; or tells why nothing was. */
static enum pom_status take(struct pomi_store_listing *listing, struct stretch *stretch,
                            struct pom_error *err)
{
    struct pomi_store_listing *found = &stretch->found;
    enum pom_status status = stretch->status;
    if (status != POM_OK && err != NULL) *err = stretch->error;
    for (size_t i = 0; status == POM_OK && i < found->n_entries; i++) {
        status = pomi_store_listing_add(listing, found->entries[i].path, found->entries[i].size_bytes, err);
        if (status == POM_OK) found->entries[i].path = NULL;
    }
    pomi_store_listing_release(found);
    return status;
}

/* --- where to cut --- */

static enum pom_status add_folder(void *user, const struct pomi_s3_entry *entry, struct pom_error *err)
{
    if (!entry->is_prefix) return POM_OK;
    char *name = strdup(entry->key);
    if (name == NULL) return pomi_fail_memory(err, strlen(entry->key), "the listing");
    enum pom_status status = pomi_store_listing_add(user, name, 0, err);
    if (status != POM_OK) free(name);
    return status;
}

static enum pom_status find_folders(const struct walk *walk, const char *prefix,
                                    struct pomi_store_listing *folders, struct pom_error *err)
{
    const struct pomi_s3_list_options options = {.delimiter = "/", .max_keys = POMI_S3_PAGE_KEYS};
    return pomi_s3_list(walk->at.client, walk->at.parts.bucket, prefix, &options, add_folder, folders, err);
}

/* The folders, and those in them where they are few and the first already has more than a page. */
static enum pom_status find_cuts(const struct walk *walk, const char *last_key,
                                 struct pomi_store_listing *folders, struct pom_error *err)
{
    POMI_TRY(find_folders(walk, walk->prefix, folders, err));
    size_t begin = 0, end = folders->n_entries;
    for (int level = 1; level < MAX_LEVELS; level++) {
        if (end == begin || end - begin >= FEW_FOLDERS ||
            strncmp(last_key, folders->entries[begin].path, strlen(folders->entries[begin].path)) != 0)
            break;
        for (size_t i = begin; i < end; i++) {
            POMI_TRY(find_folders(walk, folders->entries[i].path, folders, err));
            if (folders->n_entries == end) break; /* the first has none: nor will the others */
        }
        begin = end;
        end = folders->n_entries;
    }
    pomi_store_listing_sort(folders);
    return POM_OK;
}

/* How many stretches are worth it, by how many of the folders the first page got through. */
static size_t count_stretches(size_t n_before, size_t n_after)
{
    size_t n_pages = n_after / (n_before > 0 ? n_before : 1);
    return n_pages < MIN_STRETCHES ? 1 : n_pages < MAX_STRETCHES ? n_pages : MAX_STRETCHES;
}

/* --- the whole --- */

static enum pom_status list_stretches(const struct walk *walk, const char *last_key,
                                      const struct pomi_store_listing *folders,
                                      struct pomi_store_listing *listing, struct pom_error *err)
{
    struct stretch stretches[MAX_STRETCHES] = {0};
    size_t n_before = 0, n_after;
    while (n_before < folders->n_entries && strcmp(folders->entries[n_before].path, last_key) <= 0)
        n_before++;
    n_after = folders->n_entries - n_before;
    const size_t n = count_stretches(n_before, n_after);
    for (size_t i = 0; i < n; i++) {
        stretches[i].walk = walk;
        stretches[i].options.after = i > 0 ? stretches[i - 1].options.last : last_key;
        if (i + 1 < n) stretches[i].options.last = folders->entries[n_before + (i + 1) * n_after / n].path;
    }
    for (size_t i = 1; i < n; i++)
        stretches[i].has_thread =
            pthread_create(&stretches[i].thread, NULL, list_stretch, &stretches[i]) == 0;
    for (size_t i = 0; i < n; i++)
        if (!stretches[i].has_thread) list_stretch(&stretches[i]);
    enum pom_status status = POM_OK;
    for (size_t i = 0; i < n; i++) {
        if (stretches[i].has_thread) pthread_join(stretches[i].thread, NULL);
        if (status == POM_OK) status = take(listing, &stretches[i], err);
        pomi_store_listing_release(&stretches[i].found);
    }
    return status;
}

/* Not every server heeds where a listing is to begin: what that brings is no listing, and page after page is asked for. */
static enum pom_status list_rest(const struct walk *walk, const char *last_key,
                                 struct pomi_store_listing *listing, struct pom_error *err)
{
    struct pomi_store_listing folders = {0};
    struct pom_error why = {0};
    enum pom_status status = find_cuts(walk, last_key, &folders, &why);
    if (status == POM_OK) status = list_stretches(walk, last_key, &folders, listing, &why);
    pomi_store_listing_release(&folders);
    if (status == POM_OK) return POM_OK;
    if (strcmp(why.reason, "bad_answer") != 0) {
        if (err != NULL) *err = why;
        return status;
    }
    struct stretch all = {.walk = walk};
    pomi_store_listing_release(listing);
    list_stretch(&all);
    return take(listing, &all, err);
}

enum pom_status pomi_bucket_list(struct pomi_store *store, const char *folder,
                                 bool (*keep)(void *user, const char *path), void *user,
                                 struct pomi_store_listing *listing, struct pom_error *err)
{
    struct walk walk = {.keep = keep, .user = user};
    struct stretch first = {.walk = &walk, .options = {.max_keys = POMI_S3_PAGE_KEYS}};
    POMI_TRY(pomi_bucket_enter(&walk.at, store, folder, err));
    walk.prefix = pomi_bucket_prefix(&walk.at.parts);
    if (walk.prefix == NULL) return pomi_fail_memory(err, strlen(folder), "a file name");
    list_stretch(&first);
    enum pom_status status = take(listing, &first, err);
    if (status == POM_OK && first.last_key != NULL) status = list_rest(&walk, first.last_key, listing, err);
    free(first.last_key);
    free(walk.prefix);
    return status;
}
