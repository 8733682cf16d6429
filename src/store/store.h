// SPDX-License-Identifier: Apache-2.0
/*
 * Where files live. The one place that knows whether a path is on the local disk or s3://; everything above reads, lists
 * and publishes through these functions. A file published here appears whole or not at all.
 *
 *     store.c    this door: from a path to the place that serves it (place.h)
 *     local.c    the local disk
 *     bucket.c   s3://BUCKET/KEY, by src/s3; bucket_lock.c, bucket_write.c
 *     read_ahead.c   many small files fetched before somebody waits for them
 *
 * A handle holds the S3 client, opened when the first s3:// path comes. NULL is a handle too: the local disk, and for
 * pomi_store_read and pomi_store_write on s3:// a client that lives for that call. A handle may be used by many threads.
 */
#ifndef POMONA_STORE_STORE_H
#define POMONA_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "pomona/s3.h"

struct pomi_store;

/* `options` (may be NULL: defaults) are borrowed until pomi_store_free. Nothing is connected yet. Errors: MEMORY. */
enum pom_status pomi_store_new(struct pomi_store **store, const struct pom_s3_options *options,
                               struct pom_error *err);
void pomi_store_free(struct pomi_store *store); /* NULL is fine */

/* Whether `path` is s3://... */
bool pomi_store_is_remote(const char *path);

/* Reads a whole file into `bytes` (reusing its memory). Files larger than max_bytes are refused before
 * allocation. Errors: NOT_FOUND ("not_found"), IO ("unreadable"), LIMIT ("file_too_large"), UNSUPPORTED
 * ("not_a_file"). */
enum pom_status pomi_store_read(struct pomi_store *store, const char *path, size_t max_bytes,
                                struct pomi_bytes *bytes, struct pom_error *err);

/* Makes `content` the file `path`, replacing what is there: written under another name, flushed and renamed on a disk, one
 * completed upload on S3. */
enum pom_status pomi_store_write(struct pomi_store *store, const char *path, struct pomi_view content,
                                 struct pom_error *err);

/*
 * A local file that stands for one in the store, for libraries that read and write files by name. Before a result is
 * published no reader takes it for one: on a disk it is ".NAME.tmp-PROCESS-MACHINE" beside it; for S3 it is a file without a name
 * in TMPDIR, which ends with this process, however that ends. A zeroed struct is empty and releasable.
 */
struct pomi_local_file {
    char *path;        /* to open it by */
    int descriptor;    /* of a file without a name, plus 1; else 0 */
    bool is_temporary; /* the name goes away on release */
};

/* An empty file that will become `path`. */
enum pom_status pomi_store_create(struct pomi_store *store, const char *path, struct pomi_local_file *file,
                                  struct pom_error *err);

/* Makes `file` the store's `path`, replacing what is there; releases it when that succeeds. */
enum pom_status pomi_store_publish(struct pomi_store *store, struct pomi_local_file *file, const char *path,
                                   struct pom_error *err);

/* A file to read `path` by: itself on a disk. With tail_bytes > 0 only the last so many bytes are sure to be there; what
 * comes before may be zeros, at its right length. */
enum pom_status pomi_store_fetch(struct pomi_store *store, const char *path, size_t tail_bytes,
                                 struct pomi_local_file *file, struct pom_error *err);

void pomi_local_file_release(struct pomi_local_file *file);

enum pom_status pomi_store_make_folder(struct pomi_store *store, const char *path,
                                       struct pom_error *err); /* with its parents */
enum pom_status pomi_store_remove(struct pomi_store *store, const char *path,
                                  struct pom_error *err); /* a file; absent is fine */
enum pom_status pomi_store_remove_tree(struct pomi_store *store, const char *path,
                                       struct pom_error *err); /* a folder; absent is fine */

/* Removes what a process that was killed left half-written under `folder`. Only while holding its lock. */
enum pom_status pomi_store_remove_unfinished(struct pomi_store *store, const char *folder,
                                             struct pom_error *err);

/* Whether there is a file, or a folder: on S3, an object of that name, or any whose name begins with it and a slash. */
enum pom_status pomi_store_is_file(struct pomi_store *store, const char *path, bool *is_file,
                                   struct pom_error *err);
enum pom_status pomi_store_is_folder(struct pomi_store *store, const char *path, bool *is_folder,
                                     struct pom_error *err);

/*
 * Keeps other processes out of the folder until pomi_store_unlock. On a disk it also ends with the process and leaves no
 * trace. On S3 it is the object FOLDER/_lock, made on the condition that there is none; a process that is killed leaves it
 * behind. One that this machine can tell to be gone is taken over; for others pom_s3_options.take_over decides.
 * Errors: EXISTS ("locked") when another process holds it; IO.
 */
struct pomi_store_lock;
enum pom_status pomi_store_lock(struct pomi_store *store, struct pomi_store_lock **lock, const char *folder,
                                struct pom_error *err);
/* Fails with IO ("lock_lost") when somebody took the lock over, or moved the folder away. NULL is fine. */
enum pom_status pomi_store_lock_check(struct pomi_store_lock *lock, struct pom_error *err);
/* Frees the lock in every case; NULL is fine. Fails when FOLDER/_lock stays where it is, although it is this process's. */
enum pom_status pomi_store_unlock(struct pomi_store_lock *lock, struct pom_error *err);

struct pomi_store_entry {
    char *path; /* `folder`/...; bytes as the file system gives them */
    int64_t size_bytes;
};

struct pomi_store_listing {
    struct pomi_store_entry *entries;
    size_t n_entries;
    size_t capacity;
};

/* Every file under `folder`, recursively, sorted by path bytes. Symbolic links are followed; loops,
 * unreadable folders and a missing folder are errors by name. `keep` (may be NULL) decides by path which
 * files to take, for several threads at once. */
enum pom_status pomi_store_list(struct pomi_store *store, const char *folder,
                                bool (*keep)(void *user, const char *path), void *user,
                                struct pomi_store_listing *listing, struct pom_error *err);
/* Adds an entry; takes `path` when it succeeds. */
enum pom_status pomi_store_listing_add(struct pomi_store_listing *listing, char *path, int64_t size_bytes,
                                       struct pom_error *err);
/* Sorts by path bytes: what pomi_store_list gives is sorted, what somebody else put together may not be. */
void pomi_store_listing_sort(struct pomi_store_listing *listing);
void pomi_store_listing_release(struct pomi_store_listing *listing);

/* "FOLDER/NAME", formatted; the caller frees it. NULL when memory is out. */
char *pomi_store_join(const char *folder, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
