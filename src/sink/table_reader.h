// SPDX-License-Identifier: Apache-2.0
/*
 * A table being read back, as the files of the reader share it. When it is opened, table_look.c finds its files and looks
 * at each (columns, rows, network); table_reader.c then reads them one after the other as rows are asked for.
 */
#ifndef POMONA_SINK_TABLE_READER_H
#define POMONA_SINK_TABLE_READER_H

#include "sink/database.h"
#include "store/store.h"

#define POMI_SLICE_ROWS 256 /* the most that pomi_table_next gives */

struct table_file {
    const char *path;            /* owned by the listing */
    struct pomi_bytes label_sql; /* what its label is, as an SQL expression */
    int64_t n_rows;
};

struct pomi_table_reader {
    struct pomi_store *store;
    duckdb_connection connection;
    char *column;
    struct pomi_store_listing listing;
    struct table_file *files;
    struct pomi_table_info info;

    int file_index;   /* of the open file, or of the one to open next */
    int64_t file_row; /* rows of it already given */
    bool is_file_open;
    struct pomi_local_file local; /* of the file that is open or looked at: what DuckDB reads it by */
    duckdb_result result;
    duckdb_data_chunk chunk; /* NULL: fetch one */
    size_t chunk_row;        /* rows of it already given */

    float *numbers; /* [POMI_SLICE_ROWS][n_features] */
    size_t text_at[POMI_SLICE_ROWS][2];
    const char *paths[POMI_SLICE_ROWS], *labels[POMI_SLICE_ROWS];
    struct pomi_bytes texts;
};

/* Appends `FROM read_parquet('...')`, the file that is on the local disk. */
enum pom_status pomi_table_print_from(struct pomi_bytes *sql, const struct pomi_table_reader *reader,
                                      struct pom_error *err);

/* Fills reader->listing, reader->files and reader->info with what is at `path`; before, the store, the connection and the
 * column must be there. */
enum pom_status pomi_table_look(struct pomi_table_reader *reader, const char *path, enum pomi_table_kind kind,
                                struct pom_error *err);

#endif
