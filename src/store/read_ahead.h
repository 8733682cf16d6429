// SPDX-License-Identifier: Apache-2.0
/*
 * Many small files, read before somebody waits for them. From S3 each takes tens of milliseconds whatever its size, so
 * requests run ahead of those who take the files, as many as hide that; from a disk a file is read when it is taken.
 */
#ifndef POMONA_STORE_READ_AHEAD_H
#define POMONA_STORE_READ_AHEAD_H

#include "store/store.h"

/* Of what is fetched and not taken yet. */
#define POMI_STORE_AHEAD_BYTES ((size_t)64 << 20)

struct pomi_read_ahead;

struct pomi_wanted_file {
    const char *path;   /* stays valid until pomi_read_ahead_free */
    int64_t size_bytes; /* -1: not known */
};

/* File `index` of the list; from any thread, one at a time. */
typedef struct pomi_wanted_file (*pomi_wanted_at)(const void *user, size_t index);

/* Begins to read the files [0, n_files) in their order. Larger ones than max_file_bytes will be refused. Errors: those of
 * opening the S3 client and of pom_s3_options.require_region. */
enum pom_status pomi_read_ahead_new(struct pomi_read_ahead **ahead, struct pomi_store *store,
                                    pomi_wanted_at wanted_at, const void *user, size_t n_files,
                                    size_t max_file_bytes, struct pom_error *err);

/* The content of file `index`, as from pomi_store_read. Each index once, by any thread, in roughly ascending order. */
enum pom_status pomi_read_ahead_take(struct pomi_read_ahead *ahead, size_t index, struct pomi_bytes *bytes,
                                     struct pom_error *err);

/* The same for the last tail_bytes of each file only, for those who look at many footers. */
enum pom_status pomi_read_tails_new(struct pomi_read_ahead **ahead, struct pomi_store *store,
                                    pomi_wanted_at wanted_at, const void *user, size_t n_files,
                                    size_t tail_bytes, struct pom_error *err);

/* A file to read the end of file `index` by, as from pomi_store_fetch. Of pomi_read_tails_new. */
enum pom_status pomi_read_tails_take(struct pomi_read_ahead *ahead, size_t index,
                                     struct pomi_local_file *file, struct pom_error *err);

/* Bytes of files that were read and not taken yet, at most; 0 where nothing is read ahead. */
size_t pomi_read_ahead_bytes(const struct pomi_read_ahead *ahead);

/* Nobody may be taking any more. NULL is fine. */
void pomi_read_ahead_free(struct pomi_read_ahead *ahead);

/* Whether this failure to read `path` is about more than this one file: a connection, a server or credentials with which
 * others would fail too. */
bool pomi_store_failure_is_general(const char *path, const struct pom_error *err);

#endif
