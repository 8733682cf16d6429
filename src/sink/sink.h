// SPDX-License-Identifier: Apache-2.0
/*
 * Tables to files and back: Parquet, CSV and JSON lines by DuckDB. A part is written under a temporary name
 * and published whole by pomi_part_commit; rows stream through, memory does not grow with the part.
 */
#ifndef POMONA_SINK_SINK_H
#define POMONA_SINK_SINK_H

#include <stdbool.h>

#include "base/bytes.h"
#include "features/table.h"

/* One DuckDB instance in memory. One thread at a time may begin, write and commit parts on it. */
struct pomi_sink;
enum pom_status pomi_sink_new(struct pomi_sink **sink, struct pom_error *err);
void pomi_sink_free(struct pomi_sink *sink);

enum pomi_table_kind { POMI_TABLE_FEATURES, POMI_TABLE_PCA, POMI_TABLE_FAILURES };
enum pomi_table_format { POMI_FORMAT_PARQUET = 1, POMI_FORMAT_CSV = 2, POMI_FORMAT_JSON = 4 }; /* a bit set */

struct pomi_part_options {
    enum pomi_table_kind kind;
    unsigned
        formats; /* bit set; every format gets its own file and all appear before the Parquet file does */
    const char *folder; /* e.g. "out/features" */
    int part_index;     /* part-00000 */
    const char *run_id; /* part-00000-RUN.parquet */
    int n_features;     /* width of the list columns: CSV headers need them */
    int n_components;
    bool with_scaled;
    const char *network_name, *network_identity; /* written into the Parquet file's key-value metadata */
};

/* A part being written. */
struct pomi_part;
enum pom_status pomi_part_begin(struct pomi_part **part, struct pomi_sink *sink,
                                const struct pomi_part_options *options, struct pom_error *err);
/* Rows are copied before this returns; it blocks while the writer is behind. */
enum pom_status pomi_part_rows(struct pomi_part *part, const struct pomi_rows *rows, struct pom_error *err);
enum pom_status pomi_part_failures(struct pomi_part *part, const struct pomi_failure *failures,
                                   size_t n_failures, struct pom_error *err);
/* Ends the part: on success its files are published under their final names. The part is freed either way. */
enum pom_status pomi_part_commit(struct pomi_part *part, struct pom_error *err);
/* Gives up: temporary files are removed. NULL is fine. */
void pomi_part_abandon(struct pomi_part *part);

/* Reads tables back, one file at a time, in order of file name. */
struct pomi_table_reader;
struct pomi_table_info {
    int n_files;
    int64_t n_rows;
    int n_features;        /* width of the list column read */
    char network_name[64]; /* "" when the files do not say, as those Spark rewrote */
    char network_identity[65];
};
/* `path`: a folder with Parquet files (or an output folder: its subfolder `kind`), or one file. `column`:
 * "features", "features_pca". Hidden files and files that begin with _ or . are passed over. Errors:
 * NOT_FOUND, FORMAT (not Parquet, no such column, rows of mixed width, NULL rows; with the file's name),
 * MISMATCH (files of two networks). */
enum pom_status pomi_table_open(struct pomi_table_reader **reader, struct pomi_sink *sink, const char *path,
                                enum pomi_table_kind kind, const char *column, struct pom_error *err);
const struct pomi_table_info *pomi_table_info(const struct pomi_table_reader *reader);
/* The next rows (some hundreds to thousands, never across files), owned by the reader until the next call;
 * rows->n_rows is 0 at the end. `file_index` (may be NULL) tells which file they come from. The list column
 * is always in rows->features. */
enum pom_status pomi_table_next(struct pomi_table_reader *reader, struct pomi_rows *rows, int *file_index,
                                struct pom_error *err);
void pomi_table_close(struct pomi_table_reader *reader);

/* The failures of an output folder: all rows, sorted by path, in one allocation owned by *failures. */
struct pomi_failure_list {
    struct pomi_failure *failures;
    size_t n_failures;
    void *memory;
};
enum pom_status pomi_failures_read(struct pomi_failure_list *list, struct pomi_sink *sink, const char *folder,
                                   struct pom_error *err);
void pomi_failure_list_release(struct pomi_failure_list *list);

#endif
