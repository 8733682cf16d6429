// SPDX-License-Identifier: Apache-2.0
/* What the files of the store on S3 share. */
#ifndef POMONA_STORE_BUCKET_H
#define POMONA_STORE_BUCKET_H

#include "s3/s3.h"
#include "store/place.h"

struct pomi_bucket_path {
    struct pomi_s3 *client;
    struct pomi_s3_path parts;
};

/* Where `path` is, and a client that may go there. Errors: ARGUMENT (not an s3:// path; a bucket outside of
 * pom_s3_options.require_region), those of pomi_s3_new. */
enum pom_status pomi_bucket_enter(struct pomi_bucket_path *at, struct pomi_store *store, const char *path,
                                  struct pom_error *err);

/* How the keys in this folder begin: "KEY/", "" for the whole bucket. The caller frees it; NULL when memory is out. */
char *pomi_bucket_prefix(const struct pomi_s3_path *parts);

/* Makes `file`, which has no name, size_bytes long with `tail` at its end. */
enum pom_status pomi_bucket_fill_tail(const struct pomi_local_file *file, int64_t size_bytes,
                                      struct pomi_view tail, struct pom_error *err);

/* What is in a folder: bucket_list.c. */
enum pom_status pomi_bucket_list(struct pomi_store *store, const char *folder,
                                 bool (*keep)(void *user, const char *path), void *user,
                                 struct pomi_store_listing *listing, struct pom_error *err);

/* FOLDER/_lock: bucket_lock.c. */
enum pom_status pomi_bucket_lock(struct pomi_store *store, struct pomi_store_lock **lock, const char *folder,
                                 struct pom_error *err);

#endif
