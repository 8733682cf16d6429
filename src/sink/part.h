// SPDX-License-Identifier: Apache-2.0
/*
 * A part being written, as the files of the writer share it. The caller's thread fills blocks of rows; for each
 * format a thread of its own runs a COPY that takes them, through a table function, in the same order:
 *
 *     pomi_part_rows -> blocks[], a ring -> pomona_rows(1) -> COPY -> .part-00000-RUN.parquet.tmp-123
 *                                        -> pomona_rows(2) -> COPY -> .part-00000-RUN.csv.tmp-123
 *
 * A block is free again when every format took it, so memory is bounded by the ring and by what DuckDB needs
 * for one row group. Blocks are always filled up, however few rows a caller brings at a time: where row groups
 * begin, and with that every byte, depends on the rows alone.
 */
#ifndef POMONA_SINK_PART_H
#define POMONA_SINK_PART_H

#include "sink/database.h"
#include "store/store.h"

#define POMI_PART_BLOCKS      4
#define POMI_PART_MAX_COLUMNS 5

/* Rows per Parquet row group, a multiple of every block's rows. */
#define POMI_ROW_GROUP_ROWS 2048

/* A text, or a list of `width` floats. In CSV the list becomes columns PREFIX0, PREFIX1... or PREFIX1... */
struct pomi_part_column {
    const char *name;
    int width; /* 0: text */
    const char *csv_prefix;
    int csv_first;
};

struct pomi_part_block {
    size_t n_rows;
    float *numbers[POMI_PART_MAX_COLUMNS]; /* per list column: [block_rows][width] */
    size_t *text_at;                       /* [block_rows][n_texts], offsets into `texts` */
    struct pomi_bytes texts;               /* with their terminators */
};

/* One file of the part, and the thread that writes it. */
struct pomi_stream {
    struct pomi_stream *next; /* in the sink's list */
    int64_t number;
    struct pomi_part *part;
    enum pomi_table_format format;
    char *path;
    struct pomi_local_file temporary;
    struct pomi_bytes sql;
    duckdb_connection connection;
    pthread_t thread;
    bool is_running;
    bool is_published;
    size_t n_taken; /* blocks; guarded by part->mutex, as is `is_over` */
    bool is_over;
    struct pomi_bytes line; /* of the text formats: a row up to its first list */
    enum pom_status status;
    struct pom_error error;
    int64_t n_rows_written;
};

struct pomi_part {
    struct pomi_sink *sink;
    struct pomi_part_column columns[POMI_PART_MAX_COLUMNS]; /* texts first, then lists */
    int n_columns;
    int n_texts;
    size_t block_rows;
    int64_t n_rows;
    struct pomi_stream streams[3]; /* Parquet last: its name tells that the part is complete */
    int n_streams;

    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct pomi_part_block blocks[POMI_PART_BLOCKS];
    struct pomi_part_block *open_block; /* being filled; NULL: the next row opens one */
    size_t n_filled; /* blocks given to the streams; that block of the ring is filled next */
    bool is_finished;
    bool is_abandoned;
};

/* Prints the COPY that writes the stream's file into stream->sql. */
enum pom_status pomi_part_print_copy(struct pomi_stream *stream, const struct pomi_part_options *options,
                                     struct pom_error *err);

#endif
