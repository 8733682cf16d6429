// SPDX-License-Identifier: Apache-2.0
#include "sink/database.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "sink/duckdb.h"
#include "sink/part.h"

/* A photo takes longer to look at than its row to write, so DuckDB gets no threads of its own: everything
 * runs on the thread that asked for it, and the order of rows, row groups and bytes is fixed.
 *
 * The memory limit is a ceiling against foreign files with huge row groups, not what a run takes: writing
 * rows of 1280 features takes about 70 MB, nearly all of it one row group in its stages of encoding. There is
 * no folder to spill to, because nothing here sorts or joins more than fits. */
static const char *const settings[][2] = {
    {"threads", "1"},
    {"memory_limit", "1GB"},
    {"temp_directory", ""},
    {"preserve_insertion_order", "true"},
    /* Nothing is fetched from the network behind the user's back. */
    {"autoinstall_known_extensions", "false"},
    {"autoload_known_extensions", "false"},
};

/* Settings that not every version of DuckDB has; without them it takes more memory and works as well. */
static const char *const optional_settings[][2] = {
    /* Files are read once: what is kept of them is memory wasted. */
    {"enable_external_file_cache", "false"},
    /* Give memory back after large buffers, not only after those of 128 MB and more. */
    {"allocator_flush_threshold", "8MB"},
    {"allocator_bulk_deallocation_flush_threshold", "8MB"},
};

static enum pom_status open_database(struct pomi_sink *sink, struct pom_error *err)
{
    duckdb_config config;
    POMI_TRY(pomi_duckdb_ready(err));
    if (duckdb_create_config(&config) != DuckDBSuccess) return pomi_fail_memory(err, 0, "DuckDB's settings");
    enum pom_status status = POM_OK;
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (duckdb_set_config(config, settings[i][0], settings[i][1]) == DuckDBSuccess) continue;
        status = pomi_fail(err, POM_ERROR_UNSUPPORTED, "duckdb", "DuckDB %s does not know its setting %s",
                           duckdb_library_version(), settings[i][0]);
        break;
    }
    for (size_t i = 0; i < sizeof optional_settings / sizeof optional_settings[0]; i++)
        duckdb_set_config(config, optional_settings[i][0], optional_settings[i][1]);
    if (status == POM_OK) {
        char *message = NULL;
        if (duckdb_open_ext(NULL, &sink->database, config, &message) != DuckDBSuccess)
            status = pomi_fail(err, POM_ERROR_MEMORY, "duckdb", "DuckDB does not start: %s",
                               message != NULL ? message : "no reason given");
        duckdb_free(message);
    }
    duckdb_destroy_config(&config);
    return status;
}

size_t pomi_sink_memory_bytes(enum pomi_file_access access, int n_features)
{
    const size_t at_rest_bytes = (size_t)80 << 20, row_groups = access == POMI_WRITING ? 7 : 3;
    return at_rest_bytes + row_groups * POMI_ROW_GROUP_ROWS * (size_t)n_features * sizeof(float);
}

enum pom_status pomi_sink_new(struct pomi_sink **sink, struct pomi_store *store, struct pom_error *err)
{
    *sink = calloc(1, sizeof **sink);
    if (*sink == NULL) return pomi_fail_memory(err, sizeof **sink, "the table writer");
    (*sink)->store = store;
    pthread_mutex_init(&(*sink)->mutex, NULL);
    duckdb_connection connection = NULL;
    enum pom_status status = open_database(*sink, err);
    if (status == POM_OK) status = pomi_database_connect(*sink, &connection, err);
    if (status == POM_OK) status = pomi_rows_function_register(*sink, connection, err);
    if (connection != NULL) duckdb_disconnect(&connection);
    if (status != POM_OK) {
        pomi_sink_free(*sink);
        *sink = NULL;
    }
    return status;
}

void pomi_sink_free(struct pomi_sink *sink)
{
    if (sink == NULL) return;
    if (sink->database != NULL) duckdb_close(&sink->database);
    pthread_mutex_destroy(&sink->mutex);
    free(sink);
}

enum pom_status pomi_database_connect(struct pomi_sink *sink, duckdb_connection *connection,
                                      struct pom_error *err)
{
    if (duckdb_connect(sink->database, connection) != DuckDBSuccess)
        return pomi_fail_memory(err, 0, "a connection to DuckDB");
    return POM_OK;
}

/* Appends `text` with its quotes doubled. */
static enum pom_status append_escaped(struct pomi_bytes *sql, const char *text, struct pom_error *err)
{
    for (const char *quote; (quote = strchr(text, '\'')) != NULL; text = quote + 1) {
        POMI_TRY(pomi_bytes_append(sql, text, (size_t)(quote - text), err));
        POMI_TRY(pomi_bytes_append(sql, "''", 2, err));
    }
    return pomi_bytes_append(sql, text, strlen(text), err);
}

enum pom_status pomi_sql_text(struct pomi_bytes *sql, const char *text, struct pom_error *err)
{
    POMI_TRY(pomi_bytes_append(sql, "'", 1, err));
    POMI_TRY(append_escaped(sql, text, err));
    return pomi_bytes_append(sql, "'", 1, err);
}

enum pom_status pomi_sql_file(struct pomi_bytes *sql, const char *path, struct pom_error *err)
{
    if (!pomi_utf8_valid(path, strlen(path)))
        return pomi_fail(err, POM_ERROR_ARGUMENT, "path_not_utf8",
                         "tables cannot be in a folder whose name is not UTF-8: choose another folder");
    /* DuckDB would look for "~/x" in the home folder and for "s3://x" on the network. */
    POMI_TRY(pomi_bytes_print(sql, err, "'%s", path[0] == '/' ? "" : "./"));
    POMI_TRY(append_escaped(sql, path, err));
    return pomi_bytes_append(sql, "'", 1, err);
}

enum pom_status pomi_database_fail(struct pom_error *err, duckdb_error_type type, const char *message,
                                   enum pomi_file_access access, const char *path)
{
    const char *doing = access == POMI_READING ? "read" : "write";
    if (message == NULL) message = "no reason given";
    /* DuckDB says which errno it met only in words, and after the first line only which SQL it was doing. */
    if (strstr(message, strerror(ENOSPC)) != NULL || strstr(message, strerror(EDQUOT)) != NULL)
        return pomi_fail(err, POM_ERROR_IO, "disk_full",
                         "cannot %s %s: no space left on the device; free some and run again with --resume",
                         doing, path);
    int line_bytes = (int)strcspn(message, "\n");
    if (type == DUCKDB_ERROR_OUT_OF_MEMORY)
        return pomi_fail(err, POM_ERROR_MEMORY, "out_of_memory", "cannot %s %s: %.*s", doing, path,
                         line_bytes, message);
    if (type == DUCKDB_ERROR_IO || type == DUCKDB_ERROR_PERMISSION || access == POMI_WRITING)
        return pomi_fail(err, POM_ERROR_IO, "io", "cannot %s %s: %.*s", doing, path, line_bytes, message);
    return pomi_fail(err, POM_ERROR_FORMAT, "corrupt", "cannot %s %s: %.*s", doing, path, line_bytes,
                     message);
}

enum pom_status pomi_database_query(duckdb_connection connection, struct pomi_bytes *sql,
                                    duckdb_result *result, enum pomi_file_access access, const char *path,
                                    struct pom_error *err)
{
    POMI_TRY(pomi_bytes_append(sql, "", 1, err));
    if (duckdb_query(connection, (const char *)sql->data, result) == DuckDBSuccess) return POM_OK;
    enum pom_status status =
        pomi_database_fail(err, duckdb_result_error_type(result), duckdb_result_error(result), access, path);
    duckdb_destroy_result(result);
    return status;
}
