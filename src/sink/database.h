// SPDX-License-Identifier: Apache-2.0
/*
 * What the writer and the reader share of DuckDB: the instance with its settings, SQL text, and the way its
 * errors become ours.
 */
#ifndef POMONA_SINK_DATABASE_H
#define POMONA_SINK_DATABASE_H

#include <duckdb.h>
#include <pthread.h>

#include "sink/sink.h"

struct pomi_stream; /* one file being written: part.h */

struct pomi_sink {
    duckdb_database database;
    struct pomi_store *store; /* where its files are; NULL: the local disk */
    pthread_mutex_t mutex;    /* guards the list of streams, which SQL names by their numbers */
    struct pomi_stream *streams;
    int64_t last_stream_number;
};

/* The table function through which COPY takes its rows: SELECT * FROM pomona_rows(STREAM NUMBER). */
enum pom_status pomi_rows_function_register(struct pomi_sink *sink, duckdb_connection connection,
                                            struct pom_error *err);

enum pom_status pomi_database_connect(struct pomi_sink *sink, duckdb_connection *connection,
                                      struct pom_error *err);

/* Appends 'text' as an SQL string literal. */
enum pom_status pomi_sql_text(struct pomi_bytes *sql, const char *text, struct pom_error *err);

/* Appends the path of a local file as an SQL string literal that DuckDB takes for nothing else. */
enum pom_status pomi_sql_file(struct pomi_bytes *sql, const char *path, struct pom_error *err);

/* Runs the SQL text in `sql` to its end; `access` is what is done to the file that an error names. The caller destroys *result on success only. */
enum pom_status pomi_database_query(duckdb_connection connection, struct pomi_bytes *sql,
                                    duckdb_result *result, enum pomi_file_access access, const char *path,
                                    struct pom_error *err);

/* The failure of which DuckDB says `type` and `message`, in our words: IO, MEMORY, or, reading, FORMAT. */
enum pom_status pomi_database_fail(struct pom_error *err, duckdb_error_type type, const char *message,
                                   enum pomi_file_access access, const char *path);

#endif
