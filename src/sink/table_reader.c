// SPDX-License-Identifier: Apache-2.0
/*
 * Reading tables back. Files are looked at one after the other when a reader is opened (columns, rows,
 * network), and read one after the other as rows are asked for; of the open file DuckDB holds a chunk of 2048
 * rows, of which the caller gets slices. One file at a time is on the local disk: of what is somewhere else its
 * footer while it is looked at, which is at its end, and all of it while it is read.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "sink/database.h"
#include "sink/table_files.h"

#define SLICE_ROWS 256

/* A Parquet file ends with its footer, the footer's length in 4 bytes, and "PAR1". */
#define LOOKED_AT_BYTES   ((size_t)64 << 10)
#define FOOTER_TAIL_BYTES 8

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

    float *numbers; /* [SLICE_ROWS][n_features] */
    size_t text_at[SLICE_ROWS][2];
    const char *paths[SLICE_ROWS], *labels[SLICE_ROWS];
    struct pomi_bytes texts;
};

/* --- which files --- */

/* `path` itself, or its subfolder of that kind, when it is an output folder; the caller frees *folder. */
static enum pom_status choose_folder(char **folder, struct pomi_store *store, const char *path,
                                     enum pomi_table_kind kind, struct pom_error *err)
{
    bool is_output = false;
    *folder = pomi_store_join(path, "%s", pomi_table_folder(kind));
    if (*folder == NULL) return pomi_fail_memory(err, strlen(path), "a file name");
    enum pom_status status = pomi_store_is_folder(store, *folder, &is_output, err);
    if (status == POM_OK && is_output) return POM_OK;
    free(*folder);
    *folder = status == POM_OK ? strdup(path) : NULL;
    if (status == POM_OK && *folder == NULL) status = pomi_fail_memory(err, strlen(path), "a file name");
    return status;
}

static enum pom_status list_one(struct pomi_store_listing *listing, const char *path, struct pom_error *err)
{
    listing->entries = calloc(1, sizeof *listing->entries);
    if (listing->entries == NULL || (listing->entries[0].path = strdup(path)) == NULL)
        return pomi_fail_memory(err, strlen(path), "a file name");
    listing->n_entries = 1;
    return POM_OK;
}

static enum pom_status list_files(struct pomi_store_listing *listing, struct pomi_store *store,
                                  const char *path, enum pomi_table_kind kind, size_t *folder_bytes,
                                  struct pom_error *err)
{
    bool is_file, is_folder;
    char *folder = NULL;
    *folder_bytes = strlen(path);
    POMI_TRY(pomi_store_is_folder(store, path, &is_folder, err));
    if (!is_folder) {
        POMI_TRY(pomi_store_is_file(store, path, &is_file, err));
        if (is_file) return list_one(listing, path, err);
        return pomi_fail(err, POM_ERROR_NOT_FOUND, "not_found", "cannot read %s: no such file or folder",
                         path);
    }
    POMI_TRY(choose_folder(&folder, store, path, kind, err));
    *folder_bytes = strlen(folder);
    enum pom_status status = pomi_table_list(store, listing, folder, err);
    if (status == POM_OK && listing->n_entries == 0)
        status = pomi_fail(err, POM_ERROR_NOT_FOUND, "no_tables", "%s has no Parquet files", folder);
    free(folder);
    return status;
}

/* --- what is in them --- */

/* Appends `FROM read_parquet('...')`, the file that is on the local disk. */
static enum pom_status print_from(struct pomi_bytes *sql, const struct pomi_table_reader *reader,
                                  struct pom_error *err)
{
    POMI_TRY(pomi_bytes_print(sql, err, " FROM read_parquet("));
    POMI_TRY(pomi_sql_file(sql, reader->local.path, err));
    return pomi_bytes_print(sql, err, ", hive_partitioning = false)");
}

static int hex_digit(char digit)
{
    const char *digits = "0123456789abcdef",
               *at = strchr(digits, digit >= 'A' && digit <= 'F' ? digit + 32 : digit);
    return digit != '\0' && at != NULL ? (int)(at - digits) : -1;
}

static bool is_word(const char *begin, const char *end, const char *word)
{
    return strlen(word) == (size_t)(end - begin) && strncmp(begin, word, (size_t)(end - begin)) == 0;
}

/* The label in the last folder label=VALUE of `below`, a file's path below the folder that was asked for, with %XX as Hive
 * escapes it; "" when there is none, or one of the words by which Spark and DuckDB write that there is none. A folder of
 * that name above is somebody's own. The caller frees it. */
static char *label_from_folder(const char *below)
{
    const char *begin = NULL, *end = NULL;
    for (const char *at = below, *slash; (slash = strchr(at, '/')) != NULL; at = slash + 1)
        if (strncmp(at, "label=", 6) == 0) begin = at + 6, end = slash;
    if (begin == NULL || is_word(begin, end, "__HIVE_DEFAULT_PARTITION__") || is_word(begin, end, "NULL"))
        return strdup("");
    char *label = malloc((size_t)(end - begin) + 1), *to = label;
    for (const char *at = begin; label != NULL && at < end; at++) {
        int high = *at == '%' && end - at > 2 ? hex_digit(at[1]) : -1,
            low = high >= 0 ? hex_digit(at[2]) : -1;
        if (low >= 0) at += 2;
        *to++ = low >= 0 ? (char)(high * 16 + low) : *at;
    }
    if (label != NULL) *to = '\0';
    return label;
}

static enum pom_status choose_label(struct table_file *file, bool has_column, const char *below,
                                    struct pom_error *err)
{
    if (has_column) return pomi_bytes_print(&file->label_sql, err, "coalesce(label::VARCHAR, '')");
    char *label = label_from_folder(below);
    enum pom_status status = POM_OK;
    if (label == NULL)
        status = pomi_fail_memory(err, strlen(below), "a label");
    else if (!pomi_utf8_valid(label, strlen(label)))
        status = pomi_fail(err, POM_ERROR_FORMAT, "bad_label", "%s: the label in its path is not UTF-8",
                           file->path);
    else
        status = pomi_sql_text(&file->label_sql, label, err);
    free(label);
    return status;
}

static enum pom_status check_list_column(duckdb_result *result, idx_t column, const char *name,
                                         const char *path, struct pom_error *err)
{
    duckdb_logical_type type = duckdb_column_logical_type(result, column);
    duckdb_type child_id = DUCKDB_TYPE_INVALID;
    if (duckdb_get_type_id(type) == DUCKDB_TYPE_LIST) {
        duckdb_logical_type child = duckdb_list_type_child_type(type);
        child_id = duckdb_get_type_id(child);
        duckdb_destroy_logical_type(&child);
    }
    bool is_struct = duckdb_get_type_id(type) == DUCKDB_TYPE_STRUCT;
    duckdb_destroy_logical_type(&type);
    if (child_id == DUCKDB_TYPE_FLOAT || child_id == DUCKDB_TYPE_DOUBLE) return POM_OK;
    return pomi_fail(
        err, POM_ERROR_FORMAT, "bad_column", "%s: column %s is not a list of float or double%s", path, name,
        is_struct ? "; if it is a Spark vector, write vector_to_array(column, 'float32') instead" : "");
}

/* Finds the columns by name and decides where labels come from. */
static enum pom_status look_at_columns(struct pomi_table_reader *reader, struct table_file *file,
                                       const char *below, struct pomi_bytes *sql, struct pom_error *err)
{
    sql->size_bytes = 0;
    POMI_TRY(pomi_bytes_print(sql, err, "SELECT *"));
    POMI_TRY(print_from(sql, reader, err));
    POMI_TRY(pomi_bytes_print(sql, err, " LIMIT 0"));
    duckdb_result result;
    POMI_TRY(pomi_database_query(reader->connection, sql, &result, POMI_READING, file->path, err));
    bool has_path = false, has_label = false, has_list = false;
    enum pom_status status = POM_OK;
    for (idx_t i = 0; status == POM_OK && i < duckdb_column_count(&result); i++) {
        const char *name = duckdb_column_name(&result, i);
        if (strcasecmp(name, "path") == 0) has_path = true;
        if (strcasecmp(name, "label") == 0) has_label = true;
        if (strcasecmp(name, reader->column) != 0) continue;
        has_list = true;
        status = check_list_column(&result, i, reader->column, file->path, err);
    }
    duckdb_destroy_result(&result);
    if (status == POM_OK && (!has_path || !has_list))
        status = pomi_fail(err, POM_ERROR_FORMAT, "missing_column", "%s has no column %s", file->path,
                           has_path ? reader->column : "path");
    return status == POM_OK ? choose_label(file, has_label, below, err) : status;
}

/* The first column of the first row of a result, as a number; -1 when there is no row or it is NULL. */
static int64_t first_number(duckdb_result *result)
{
    int64_t number = -1;
    duckdb_data_chunk chunk = duckdb_fetch_chunk(*result);
    if (chunk != NULL && duckdb_data_chunk_get_size(chunk) > 0) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, 0);
        if (duckdb_validity_row_is_valid(duckdb_vector_get_validity(vector), 0))
            number = *(int64_t *)duckdb_vector_get_data(vector);
    }
    duckdb_destroy_data_chunk(&chunk);
    return number;
}

static enum pom_status count_rows(struct pomi_table_reader *reader, struct table_file *file,
                                  struct pomi_bytes *sql, struct pom_error *err)
{
    duckdb_result result;
    sql->size_bytes = 0;
    POMI_TRY(pomi_bytes_print(sql, err, "SELECT count(*)"));
    POMI_TRY(print_from(sql, reader, err));
    POMI_TRY(pomi_database_query(reader->connection, sql, &result, POMI_READING, file->path, err));
    file->n_rows = first_number(&result);
    duckdb_destroy_result(&result);
    reader->info.n_rows += file->n_rows;
    return POM_OK;
}

/* The first row of the table says how wide all have to be. */
static enum pom_status read_width(struct pomi_table_reader *reader, struct table_file *file,
                                  struct pomi_bytes *sql, struct pom_error *err)
{
    duckdb_result result;
    if (file->n_rows == 0 || reader->info.n_features > 0) return POM_OK;
    pomi_local_file_release(&reader->local);
    POMI_TRY(pomi_store_fetch(reader->store, file->path, 0, &reader->local, err));
    sql->size_bytes = 0;
    POMI_TRY(pomi_bytes_print(sql, err, "SELECT len(\"%s\")", reader->column));
    POMI_TRY(print_from(sql, reader, err));
    POMI_TRY(pomi_bytes_print(sql, err, " LIMIT 1"));
    POMI_TRY(pomi_database_query(reader->connection, sql, &result, POMI_READING, file->path, err));
    int64_t width = first_number(&result);
    duckdb_destroy_result(&result);
    if (width < 1 || width > INT32_MAX / (int64_t)sizeof(float) / SLICE_ROWS)
        return pomi_fail(err, POM_ERROR_FORMAT, "bad_width", "%s: row 1: %s is %s", file->path,
                         reader->column,
                         width < 0    ? "NULL"
                         : width == 0 ? "empty"
                                      : "too long");
    reader->info.n_features = (int)width;
    return POM_OK;
}

static void copy_string(char *to, size_t capacity, duckdb_vector vector, idx_t row)
{
    duckdb_string_t *string = (duckdb_string_t *)duckdb_vector_get_data(vector) + row;
    size_t length = duckdb_string_t_length(*string);
    if (length >= capacity) length = capacity - 1;
    memcpy(to, duckdb_string_t_data(string), length);
    to[length] = '\0';
}

/* Reads the network's name and identity, which must be the same in every file that states them. */
static enum pom_status read_network(struct pomi_table_reader *reader, const struct table_file *file,
                                    struct pomi_bytes *sql, struct pom_error *err)
{
    duckdb_result result;
    sql->size_bytes = 0;
    POMI_TRY(pomi_bytes_print(sql, err, "SELECT decode(key), decode(value) FROM parquet_kv_metadata("));
    POMI_TRY(pomi_sql_file(sql, reader->local.path, err));
    POMI_TRY(pomi_bytes_print(sql, err, ") WHERE key IN ('network_name'::BLOB, 'network_identity'::BLOB)"));
    POMI_TRY(pomi_database_query(reader->connection, sql, &result, POMI_READING, file->path, err));
    char name[sizeof reader->info.network_name] = "", identity[sizeof reader->info.network_identity] = "";
    for (duckdb_data_chunk chunk; (chunk = duckdb_fetch_chunk(result)) != NULL;) {
        for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk); row++) {
            char key[32];
            duckdb_vector values = duckdb_data_chunk_get_vector(chunk, 1);
            copy_string(key, sizeof key, duckdb_data_chunk_get_vector(chunk, 0), row);
            if (strcmp(key, "network_name") == 0) copy_string(name, sizeof name, values, row);
            if (strcmp(key, "network_identity") == 0) copy_string(identity, sizeof identity, values, row);
        }
        duckdb_destroy_data_chunk(&chunk);
    }
    duckdb_destroy_result(&result);
    struct pomi_table_info *info = &reader->info;
    if (identity[0] != '\0' && info->network_identity[0] != '\0' &&
        strcmp(identity, info->network_identity) != 0)
        return pomi_fail(
            err, POM_ERROR_MISMATCH, "other_network",
            "%s has features of network %s (%.12s), the files before it of %s (%.12s): features of "
            "two networks cannot be mixed",
            file->path, name, identity, info->network_name, info->network_identity);
    if (info->network_identity[0] == '\0') {
        memcpy(info->network_name, name, sizeof name);
        memcpy(info->network_identity, identity, sizeof identity);
    }
    return POM_OK;
}

/* Puts as much of the file on the local disk as its footer needs. */
static enum pom_status fetch_footer(struct pomi_table_reader *reader, const struct table_file *file,
                                    struct pom_error *err)
{
    unsigned char tail[FOOTER_TAIL_BYTES];
    POMI_TRY(pomi_store_fetch(reader->store, file->path, LOOKED_AT_BYTES, &reader->local, err));
    FILE *local = fopen(reader->local.path, "rb");
    bool is_read = local != NULL && fseek(local, -FOOTER_TAIL_BYTES, SEEK_END) == 0 &&
                   fread(tail, 1, sizeof tail, local) == sizeof tail;
    if (local != NULL) fclose(local);
    if (!is_read) return POM_OK; /* shorter than any Parquet file: DuckDB says so in its own words */
    uint32_t footer_bytes =
        tail[0] | (uint32_t)tail[1] << 8 | (uint32_t)tail[2] << 16 | (uint32_t)tail[3] << 24;
    if (footer_bytes <= LOOKED_AT_BYTES - FOOTER_TAIL_BYTES) return POM_OK;
    pomi_local_file_release(&reader->local);
    return pomi_store_fetch(reader->store, file->path, 0, &reader->local, err);
}

static enum pom_status look_at_files(struct pomi_table_reader *reader, size_t folder_bytes,
                                     struct pom_error *err)
{
    struct pomi_bytes sql = {0};
    enum pom_status status = POM_OK;
    for (int i = 0; status == POM_OK && i < reader->info.n_files; i++) {
        struct table_file *file = &reader->files[i];
        file->path = reader->listing.entries[i].path;
        status = fetch_footer(reader, file, err);
        if (status == POM_OK) status = look_at_columns(reader, file, file->path + folder_bytes, &sql, err);
        if (status == POM_OK) status = count_rows(reader, file, &sql, err);
        if (status == POM_OK) status = read_network(reader, file, &sql, err);
        if (status == POM_OK) status = read_width(reader, file, &sql, err);
        pomi_local_file_release(&reader->local);
    }
    pomi_bytes_release(&sql);
    return status;
}

/* --- rows --- */

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
    if (status == POM_OK) status = print_from(&sql, reader, err);
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
    if (n_rows > SLICE_ROWS) n_rows = SLICE_ROWS;
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
    size_t folder_bytes = 0;
    reader->store = sink->store;
    enum pom_status status = list_files(&reader->listing, sink->store, path, kind, &folder_bytes, err);
    if (status == POM_OK) {
        reader->info.n_files = (int)reader->listing.n_entries;
        reader->files = calloc(reader->listing.n_entries, sizeof *reader->files);
        reader->column = strdup(column);
        if (reader->files == NULL || reader->column == NULL)
            status =
                pomi_fail_memory(err, reader->listing.n_entries * sizeof *reader->files, "the list of files");
    }
    if (status == POM_OK) status = pomi_database_connect(sink, &reader->connection, err);
    if (status == POM_OK) status = look_at_files(reader, folder_bytes, err);
    if (status == POM_OK && reader->info.n_features > 0) {
        size_t size_bytes = (size_t)reader->info.n_features * SLICE_ROWS * sizeof(float);
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
