// SPDX-License-Identifier: Apache-2.0
/*
 * Reading tables back, one file after the other. Of the open file DuckDB holds a chunk of 2048 rows, of which the caller
 * gets slices. A file that is somewhere else is on the local disk while it is read, one at a time.
 */
#include "sink/table_reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum pom_status pomi_table_print_from(struct pomi_bytes *sql, const struct pomi_table_reader *reader,
                                      struct pom_error *err)
{
    POMI_TRY(pomi_bytes_print(sql, err, " FROM read_parquet("));
    POMI_TRY(pomi_sql_file(sql, reader->local.path, err));
    return pomi_bytes_print(sql, err, ", hive_partitioning = false)");
}

/* Streams the rows of the next file. The function for that is marked as deprecated, and has no successor yet:
 * everything else in the C API holds the whole result in memory. */
static enum pom_status open_file(struct pomi_table_reader *reader, struct pom_error *err)
{
    const struct table_file *file = &reader->files[reader->file_index];
    struct pomi_bytes sql = {0};
    POMI_TRY(pomi_store_fetch(reader->store, file->path, 0, &reader->local, err));
    enum pom_status status =
        pomi_bytes_print(&sql, err, "SELECT path::VARCHAR, %.*s, \"%s\"", (int)file->label_sql.size_bytes,
                         (const char *)file->label_sql.data, reader->column);
    if (status == POM_OK) status = pomi_table_print_from(&sql, reader, err);
    if (status == POM_OK) status = pomi_bytes_append(&sql, "", 1, err);
    if (status == POM_OK) {
        duckdb_prepared_statement statement = NULL;
        duckdb_pending_result pending = NULL;
        if (duckdb_prepare(reader->connection, (const char *)sql.data, &statement) != DuckDBSuccess) {
            status = pomi_database_fail(err, DUCKDB_ERROR_INVALID, duckdb_prepare_error(statement),
                                        POMI_READING, file->path);
        } else if (duckdb_pending_prepared_streaming(statement, &pending) != DuckDBSuccess) {
            status = pomi_database_fail(err, DUCKDB_ERROR_INVALID, duckdb_pending_error(pending),
                                        POMI_READING, file->path);
        } else if (duckdb_execute_pending(pending, &reader->result) != DuckDBSuccess) {
            status = pomi_database_fail(err, duckdb_result_error_type(&reader->result),
                                        duckdb_result_error(&reader->result), POMI_READING, file->path);
            duckdb_destroy_result(&reader->result);
        } else {
            reader->is_file_open = true;
            reader->file_row = 0;
        }
        duckdb_destroy_pending(&pending);
        duckdb_destroy_prepare(&statement);
    }
    pomi_bytes_release(&sql);
    return status;
}

static void close_file(struct pomi_table_reader *reader)
{
    duckdb_destroy_data_chunk(&reader->chunk);
    if (reader->is_file_open) duckdb_destroy_result(&reader->result);
    reader->is_file_open = false;
    pomi_local_file_release(&reader->local);
}

/* Makes reader->chunk hold rows not given yet; NULL at the end of the last file. */
static enum pom_status fetch_chunk(struct pomi_table_reader *reader, struct pom_error *err)
{
    while (reader->chunk == NULL && reader->file_index < reader->info.n_files) {
        const struct table_file *file = &reader->files[reader->file_index];
        if (!reader->is_file_open) POMI_TRY(open_file(reader, err));
        reader->chunk = duckdb_fetch_chunk(reader->result);
        reader->chunk_row = 0;
        if (reader->chunk != NULL && duckdb_data_chunk_get_size(reader->chunk) == 0)
            duckdb_destroy_data_chunk(&reader->chunk);
        if (reader->chunk != NULL) return POM_OK;
        const char *message = duckdb_result_error(&reader->result);
        if (message != NULL)
            return pomi_database_fail(err, duckdb_result_error_type(&reader->result), message, POMI_READING,
                                      file->path);
        if (reader->file_row != file->n_rows)
            return pomi_fail(err, POM_ERROR_IO, "changed",
                             "%s changed while it was read: %lld rows became %lld", file->path,
                             (long long)file->n_rows, (long long)reader->file_row);
        close_file(reader);
        reader->file_index++;
    }
    return POM_OK;
}

static enum pom_status fail_row(const struct pomi_table_reader *reader, struct pom_error *err,
                                const char *what, const char *problem)
{
    return pomi_fail(err, POM_ERROR_FORMAT, "bad_row", "%s: row %lld: %s %s",
                     reader->files[reader->file_index].path, (long long)reader->file_row + 1, what, problem);
}

static enum pom_status copy_list(struct pomi_table_reader *reader, duckdb_vector lists, size_t chunk_row,
                                 float *to, struct pom_error *err)
{
    if (!duckdb_validity_row_is_valid(duckdb_vector_get_validity(lists), chunk_row))
        return fail_row(reader, err, reader->column, "is NULL");
    duckdb_list_entry entry = ((duckdb_list_entry *)duckdb_vector_get_data(lists))[chunk_row];
    size_t width = (size_t)reader->info.n_features;
    if (entry.length != width)
        return pomi_fail(err, POM_ERROR_FORMAT, "mixed_width",
                         "%s: row %lld: %s has %llu numbers, the first row of the table has %zu",
                         reader->files[reader->file_index].path, (long long)reader->file_row + 1,
                         reader->column, (unsigned long long)entry.length, width);
    duckdb_vector child = duckdb_list_vector_get_child(lists);
    uint64_t *validity = duckdb_vector_get_validity(child);
    for (size_t k = 0; validity != NULL && k < width; k++)
        if (!duckdb_validity_row_is_valid(validity, entry.offset + k))
            return fail_row(reader, err, reader->column, "has a NULL among its numbers");
    duckdb_logical_type type = duckdb_vector_get_column_type(child);
    bool is_double = duckdb_get_type_id(type) == DUCKDB_TYPE_DOUBLE;
    duckdb_destroy_logical_type(&type);
    if (!is_double) {
        memcpy(to, (const float *)duckdb_vector_get_data(child) + entry.offset, width * sizeof(float));
        return POM_OK;
    }
    const double *from = (const double *)duckdb_vector_get_data(child) + entry.offset;
    for (size_t k = 0; k < width; k++) {
        to[k] = (float)from[k];
        if (isinf(to[k]) && !isinf(from[k]))
            return fail_row(reader, err, reader->column, "has a number too large for float32");
    }
    return POM_OK;
}

static enum pom_status copy_text(struct pomi_table_reader *reader, duckdb_vector strings, size_t chunk_row,
                                 size_t *at, struct pom_error *err)
{
    duckdb_string_t *string = (duckdb_string_t *)duckdb_vector_get_data(strings) + chunk_row;
    const char *text = duckdb_string_t_data(string);
    size_t text_bytes = duckdb_string_t_length(*string);
    if (memchr(text, '\0', text_bytes) != NULL)
        return fail_row(reader, err, "its path or label", "has a zero byte in it");
    *at = reader->texts.size_bytes;
    POMI_TRY(pomi_bytes_append(&reader->texts, text, text_bytes, err));
    return pomi_bytes_append(&reader->texts, "", 1, err);
}

enum pom_status pomi_table_next(struct pomi_table_reader *reader, struct pomi_rows *rows, int *file_index,
                                struct pom_error *err)
{
    *rows = (struct pomi_rows){.n_features = reader->info.n_features};
    POMI_TRY(fetch_chunk(reader, err));
    if (reader->chunk == NULL) return POM_OK;

    size_t n_rows = duckdb_data_chunk_get_size(reader->chunk) - reader->chunk_row;
    if (n_rows > POMI_SLICE_ROWS) n_rows = POMI_SLICE_ROWS;
    duckdb_vector paths = duckdb_data_chunk_get_vector(reader->chunk, 0);
    duckdb_vector labels = duckdb_data_chunk_get_vector(reader->chunk, 1);
    duckdb_vector lists = duckdb_data_chunk_get_vector(reader->chunk, 2);
    reader->texts.size_bytes = 0;
    for (size_t i = 0; i < n_rows; i++, reader->file_row++) {
        size_t chunk_row = reader->chunk_row + i;
        if (!duckdb_validity_row_is_valid(duckdb_vector_get_validity(paths), chunk_row))
            return fail_row(reader, err, "path", "is NULL");
        POMI_TRY(copy_text(reader, paths, chunk_row, &reader->text_at[i][0], err));
        POMI_TRY(copy_text(reader, labels, chunk_row, &reader->text_at[i][1], err));
        POMI_TRY(
            copy_list(reader, lists, chunk_row, reader->numbers + i * (size_t)reader->info.n_features, err));
    }
    for (size_t i = 0; i < n_rows; i++) {
        reader->paths[i] = (const char *)reader->texts.data + reader->text_at[i][0];
        reader->labels[i] = (const char *)reader->texts.data + reader->text_at[i][1];
    }
    rows->n_rows = n_rows;
    rows->paths = reader->paths;
    rows->labels = reader->labels;
    rows->features = reader->numbers;
    if (file_index != NULL) *file_index = reader->file_index;
    reader->chunk_row += n_rows;
    if (reader->chunk_row == duckdb_data_chunk_get_size(reader->chunk))
        duckdb_destroy_data_chunk(&reader->chunk);
    return POM_OK;
}

enum pom_status pomi_table_open(struct pomi_table_reader **reader_out, struct pomi_sink *sink,
                                const char *path, enum pomi_table_kind kind, const char *column,
                                struct pom_error *err)
{
    *reader_out = NULL;
    struct pomi_table_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) return pomi_fail_memory(err, sizeof *reader, "a table reader");
    reader->store = sink->store;
    reader->column = strdup(column);
    enum pom_status status = reader->column == NULL ? pomi_fail_memory(err, strlen(column), "a column's name")
                                                    : pomi_database_connect(sink, &reader->connection, err);
    if (status == POM_OK) status = pomi_table_look(reader, path, kind, err);
    if (status == POM_OK && reader->info.n_features > 0) {
        size_t size_bytes = (size_t)reader->info.n_features * POMI_SLICE_ROWS * sizeof(float);
        reader->numbers = malloc(size_bytes);
        if (reader->numbers == NULL) status = pomi_fail_memory(err, size_bytes, "rows to read");
    }
    if (status != POM_OK) {
        pomi_table_close(reader);
        return status;
    }
    *reader_out = reader;
    return POM_OK;
}

const struct pomi_table_info *pomi_table_info(const struct pomi_table_reader *reader)
{
    return &reader->info;
}

const char *pomi_table_file(const struct pomi_table_reader *reader, int file_index)
{
    return reader->files[file_index].path;
}

void pomi_table_close(struct pomi_table_reader *reader)
{
    if (reader == NULL) return;
    close_file(reader);
    duckdb_disconnect(&reader->connection);
    for (size_t i = 0; reader->files != NULL && i < reader->listing.n_entries; i++)
        pomi_bytes_release(&reader->files[i].label_sql);
    pomi_store_listing_release(&reader->listing);
    pomi_bytes_release(&reader->texts);
    free(reader->files);
    free(reader->column);
    free(reader->numbers);
    free(reader);
}
