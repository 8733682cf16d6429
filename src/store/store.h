// SPDX-License-Identifier: Apache-2.0
/*
 * Where files live. The one place that knows whether a path is on the local disk or s3://; everything above
 * reads, lists and publishes through these functions. A file published here appears whole or not at all.
 */
#ifndef POMONA_STORE_STORE_H
#define POMONA_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* Reads a whole file into `bytes` (reusing its memory). Files larger than max_bytes are refused before
 * allocation. Errors: NOT_FOUND ("not_found"), IO ("unreadable"), LIMIT ("file_too_large"), UNSUPPORTED
 * ("not_a_file"). */
enum pom_status pomi_store_read(const char *path, size_t max_bytes, struct pomi_bytes *bytes,
                                struct pom_error *err);

/* Writes `content` under a temporary name in the same folder, flushes it to the disk and renames it to
 * `path`. */
enum pom_status pomi_store_write(const char *path, struct pomi_view content, struct pom_error *err);

/* A name beside `path` that no reader takes for a result (".NAME.tmp-PROCESS"); the caller frees it with
 * free(). */
enum pom_status pomi_store_temporary(const char *path, char **temporary, struct pom_error *err);

/* Flushes the local file `temporary` and moves it to `path`, replacing what is there. */
enum pom_status pomi_store_publish(const char *temporary, const char *path, struct pom_error *err);

enum pom_status pomi_store_make_folder(const char *path, struct pom_error *err); /* with its parents */
enum pom_status pomi_store_remove(const char *path, struct pom_error *err);      /* a file; absent is fine */
enum pom_status pomi_store_remove_tree(const char *path,
                                       struct pom_error *err); /* a folder; absent is fine */
bool pomi_store_exists(const char *path);
bool pomi_store_is_folder(const char *path);

/* Keeps other processes out of the folder: holds until pomi_store_unlock or until this process ends, however it ends,
 * and leaves no trace. Errors: EXISTS ("locked") when another process holds it; IO. */
struct pomi_store_lock;
enum pom_status pomi_store_lock(struct pomi_store_lock **lock, const char *folder, struct pom_error *err);
void pomi_store_unlock(struct pomi_store_lock *lock); /* NULL is fine */

struct pomi_store_entry {
    char *path; /* `folder`/...; bytes as the file system gives them */
    int64_t size_bytes;
};

struct pomi_store_listing {
    struct pomi_store_entry *entries;
    size_t n_entries;
};

/* Every file under `folder`, recursively, sorted by path bytes. Symbolic links are followed; loops,
 * unreadable folders and a missing folder are errors by name. `keep` (may be NULL) decides by path which
 * files to take. */
enum pom_status pomi_store_list(const char *folder, bool (*keep)(void *user, const char *path), void *user,
                                struct pomi_store_listing *listing, struct pom_error *err);
/* Sorts by path bytes: what pomi_store_list gives is sorted, what somebody else put together may not be. */
void pomi_store_listing_sort(struct pomi_store_listing *listing);
void pomi_store_listing_release(struct pomi_store_listing *listing);

/* "FOLDER/NAME", formatted; the caller frees it. NULL when memory is out. */
char *pomi_store_join(const char *folder, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
