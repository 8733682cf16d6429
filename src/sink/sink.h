// SPDX-License-Identifier: Apache-2.0
/*
 * Tables to files and back: Parquet, CSV and JSON lines by DuckDB. A part is written under a temporary name
 * and published whole by pomi_part_commit; rows stream through, memory does not grow with the part.
 *
 * Columns and file names are described in docs/formats.md. The same rows give the same bytes, in whatever
 * portions they arrive. A build without DuckDB has these functions too; they return UNSUPPORTED.
 */
#ifndef POMONA_SINK_SINK_H
#define POMONA_SINK_SINK_H

#include <stdbool.h>

#include "base/bytes.h"
#include "features/table.h"

/* One DuckDB instance in memory. Any thread may begin parts and open readers on it, and several parts and
 * readers may be open at once; each part and each reader belongs to one thread at a time. */
struct pomi_sink;
struct pomi_store;
/* Files are written to and read from `store`, which is borrowed; NULL: the local disk. */
enum pom_status pomi_sink_new(struct pomi_sink **sink, struct pomi_store *store, struct pom_error *err);
/* After all its parts and readers are gone. NULL is fine. */
void pomi_sink_free(struct pomi_sink *sink);

/* What a process takes at most, itself included, that does this to tables of this width, of any number of rows: the program
 * and DuckDB at rest, and a row group in its stages of encoding. Measured; tests/unit/sink/test_sink_memory.c holds it to
 * that. */
enum pomi_file_access { POMI_READING, POMI_WRITING };
size_t pomi_sink_memory_bytes(enum pomi_file_access access, int n_features);

enum pomi_table_kind { POMI_TABLE_FEATURES, POMI_TABLE_PCA, POMI_TABLE_FAILURES };
enum pomi_table_format { POMI_FORMAT_PARQUET = 1, POMI_FORMAT_CSV = 2, POMI_FORMAT_JSON = 4 }; /* a bit set */

/* The formats that `text` names, separated by commas; NULL names none. Parquet is always one: it is what later stages and
 * --resume read. Errors: ARGUMENT. */
enum pom_status pomi_formats_parse(const char *text, unsigned *chosen, struct pom_error *err);

/* The folder of a table inside an output folder. */
static inline const char *pomi_table_folder(enum pomi_table_kind kind)
{
    return kind == POMI_TABLE_FEATURES ? "features" : kind == POMI_TABLE_PCA ? "pca" : "failures";
}

/* Where the files of a table are. Parquet files are in the table's own folder, the text formats beside it, in
 * FOLDER_csv and FOLDER_json: Spark and pyarrow take every file in a folder for one of the same format. All
 * return a path that the caller frees, NULL when memory is out. */
char *pomi_table_format_folder(const char *folder, enum pomi_table_format format);
/* "FOLDER/part-00000-RUN.parquet" */
char *pomi_part_file(const char *folder, int part_index, const char *run_id, enum pomi_table_format format);

/* Removes one part, or a whole table, in every format; absent is fine. */
enum pom_status pomi_part_remove(struct pomi_store *store, const char *folder, int part_index,
                                 const char *run_id, struct pom_error *err);
enum pom_status pomi_table_remove(struct pomi_store *store, const char *folder, struct pom_error *err);

/* Removes every file of a table that is not one of its parts 0 to n_parts-1 in one of `formats`: those will be replaced,
 * each whole, and what nobody will replace must not be taken for theirs. Absent is fine. */
enum pom_status pomi_table_remove_others(struct pomi_store *store, const char *folder, int n_parts,
                                         const char *run_id, unsigned formats, struct pom_error *err);

struct pomi_part_options {
    enum pomi_table_kind kind;
    unsigned formats;   /* bit set; each format gets its own file, and the Parquet file appears last */
    const char *folder; /* of the table, e.g. "out/features"; made when it is not there */
    int part_index;     /* part-00000 */
    const char *run_id; /* part-00000-RUN.parquet */
    int n_features;     /* width of features and of features_scaled */
    int n_components;   /* width of features_pca */
    bool with_scaled;   /* the PCA table also has features_scaled */
    /* In the Parquet file's key-value metadata; NULL: not there. Features of other precisions than fp32 have an identity
     * of their own: pipeline/extract.c says which. */
    const char *network_name, *network_identity;
};

/* A part being written: one thread and one temporary file per format, and a few blocks of rows in between. */
struct pomi_part;
/* Errors: ARGUMENT, MEMORY, IO. */
enum pom_status pomi_part_begin(struct pomi_part **part, struct pomi_sink *sink,
                                const struct pomi_part_options *options, struct pom_error *err);
/* Appends rows to a part of features (paths, labels, features) or of PCA (paths, labels, features_pca and,
 * with_scaled, features_scaled). They are copied before this returns; it blocks while the writer is behind.
 * Errors: ARGUMENT (other widths than the part has; a path or label that is not UTF-8), NUMERIC (a number
 * that is not finite), and whatever befell the writer since, such as IO. After an error: abandon the part. */
enum pom_status pomi_part_rows(struct pomi_part *part, const struct pomi_rows *rows, struct pom_error *err);
/* The same for failures. Bytes that are not UTF-8 are written as \xNN here, so that any failure can be
 * recorded. */
enum pom_status pomi_part_failures(struct pomi_part *part, const struct pomi_failure *failures,
                                   size_t n_failures, struct pom_error *err);
/* Ends the part: its files are complete, flushed and under their final names, or gone. The part is freed
 * either way. A part without rows is a valid file too. */
enum pom_status pomi_part_commit(struct pomi_part *part, struct pom_error *err);
/* Gives up: temporary files are removed. NULL is fine. */
void pomi_part_abandon(struct pomi_part *part);

/* Reads tables back, one file at a time, in order of file name. */
struct pomi_table_reader;
struct pomi_table_info {
    int n_files;
    int64_t n_rows;
    int n_features;         /* width of the list column read; 0 when there are no rows */
    char network_name[128]; /* "" when the files do not say, as those Spark rewrote */
    char network_identity[128];
};
/* `path`: a folder with Parquet files, itself or in subfolders (or an output folder: its subfolder `kind`),
 * or one file. `column`: "features", "features_pca". Files and folders whose names begin with _ or . are
 * passed over. What Spark, pandas, pyarrow or DuckDB wrote is fine: columns in any order, further columns,
 * any compression; a list of double is rounded to float32; without a label column the label is that of a
 * `label=...` folder, else "".
 * Errors: NOT_FOUND, IO, FORMAT (not Parquet, no such column; with the file's name), MISMATCH (files of two
 * networks). */
enum pom_status pomi_table_open(struct pomi_table_reader **reader, struct pomi_sink *sink, const char *path,
                                enum pomi_table_kind kind, const char *column, struct pom_error *err);
const struct pomi_table_info *pomi_table_info(const struct pomi_table_reader *reader);
/* Path of the file with the index that pomi_table_next gives. */
const char *pomi_table_file(const struct pomi_table_reader *reader, int file_index);
/* The next rows in file order (at most some hundreds, never across files), owned by the reader until the next
 * call; rows->n_rows is 0 at the end. `file_index` (may be NULL) tells which file they come from. The list
 * column is always in rows->features.
 * Errors: FORMAT (a NULL path, list or number, another width than the first row's, a double beyond float32;
 * with file and row), IO, MEMORY. */
enum pom_status pomi_table_next(struct pomi_table_reader *reader, struct pomi_rows *rows, int *file_index,
                                struct pom_error *err);
/* NULL is fine. */
void pomi_table_close(struct pomi_table_reader *reader);

/* The failures of an output folder: all rows, sorted by path bytes; none when there is no such table. */
struct pomi_failure_list {
    struct pomi_failure *failures;
    size_t n_failures;
    void *memory; /* owns the strings */
};
enum pom_status pomi_failures_read(struct pomi_failure_list *list, struct pomi_sink *sink, const char *folder,
                                   struct pom_error *err);
void pomi_failure_list_release(struct pomi_failure_list *list);

#endif
