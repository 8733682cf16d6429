// SPDX-License-Identifier: Apache-2.0
/*
 * What a place for files has to be able to do; store.h says what each function means. local.c and bucket.c fill one table
 * each, and store.c picks by the path. A third place is one more file and one more line there.
 */
#ifndef POMONA_STORE_PLACE_H
#define POMONA_STORE_PLACE_H

#include "store/store.h"

struct pomi_s3;

struct pomi_place {
    enum pom_status (*read)(struct pomi_store *store, const char *path, size_t max_bytes,
                            struct pomi_bytes *bytes, struct pom_error *err);
    enum pom_status (*write)(struct pomi_store *store, const char *path, struct pomi_view content,
                             struct pom_error *err);
    enum pom_status (*create)(struct pomi_store *store, const char *path, struct pomi_local_file *file,
                              struct pom_error *err);
    enum pom_status (*publish)(struct pomi_store *store, struct pomi_local_file *file, const char *path,
                               struct pom_error *err);
    enum pom_status (*fetch)(struct pomi_store *store, const char *path, size_t tail_bytes,
                             struct pomi_local_file *file, struct pom_error *err);
    enum pom_status (*make_folder)(struct pomi_store *store, const char *path, struct pom_error *err);
    enum pom_status (*remove)(struct pomi_store *store, const char *path, struct pom_error *err);
    enum pom_status (*remove_tree)(struct pomi_store *store, const char *path, struct pom_error *err);
    enum pom_status (*remove_unfinished)(struct pomi_store *store, const char *folder, struct pom_error *err);
    enum pom_status (*is_file)(struct pomi_store *store, const char *path, bool *is_file,
                               struct pom_error *err);
    enum pom_status (*is_folder)(struct pomi_store *store, const char *path, bool *is_folder,
                                 struct pom_error *err);
    /* Unsorted. */
    enum pom_status (*list)(struct pomi_store *store, const char *folder,
                            bool (*keep)(void *user, const char *path), void *user,
                            struct pomi_store_listing *listing, struct pom_error *err);
    enum pom_status (*lock)(struct pomi_store *store, struct pomi_store_lock **lock, const char *folder,
                            struct pom_error *err);
};

extern const struct pomi_place pomi_local_place;
extern const struct pomi_place pomi_bucket_place;

/* What every kind of lock begins with. */
struct pomi_store_lock {
    enum pom_status (*check)(struct pomi_store_lock *lock, struct pom_error *err);
    enum pom_status (*unlock)(struct pomi_store_lock *lock, struct pom_error *err); /* frees it, too */
};

/* The client for s3:// paths, opened on the first call. Errors: those of pomi_s3_new. */
enum pom_status pomi_store_s3(struct pomi_store *store, struct pomi_s3 **client, struct pom_error *err);
/* The same when it is open already, else NULL. */
struct pomi_s3 *pomi_store_open_client(struct pomi_store *store);
const struct pom_s3_options *pomi_store_s3_options(const struct pomi_store *store);

/* Refuses a bucket outside of pom_s3_options.require_region; asks each bucket once. Errors: ARGUMENT ("other_region"). */
enum pom_status pomi_store_check_region(struct pomi_store *store, const char *bucket, struct pom_error *err);
/* The buckets that were found to be fine. */
bool pomi_store_is_allowed(struct pomi_store *store, const char *bucket);
enum pom_status pomi_store_allow(struct pomi_store *store, const char *bucket, struct pom_error *err);

/* An empty file without a name in TMPDIR. */
enum pom_status pomi_local_file_unnamed(struct pomi_local_file *file, struct pom_error *err);

#endif
