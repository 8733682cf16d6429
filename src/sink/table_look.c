// SPDX-License-Identifier: Apache-2.0
/*
 * Finding a table's files and looking at them, before any row is read. Of files that are not on the local disk only the
 * footers are fetched for that, which are at their ends, many at a time.
 */
#include "sink/table_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "sink/table_files.h"
#include "store/read_ahead.h"

/* A Parquet file ends with its footer, the footer's length in 4 bytes, and "PAR1". */
#define LOOKED_AT_BYTES   ((size_t)64 << 10)
#define FOOTER_TAIL_BYTES 8

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
    POMI_TRY(pomi_table_print_from(sql, reader, err));
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
    POMI_TRY(pomi_table_print_from(sql, reader, err));
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
    POMI_TRY(pomi_table_print_from(sql, reader, err));
    POMI_TRY(pomi_bytes_print(sql, err, " LIMIT 1"));
    POMI_TRY(pomi_database_query(reader->connection, sql, &result, POMI_READING, file->path, err));
    int64_t width = first_number(&result);
    duckdb_destroy_result(&result);
    if (width < 1 || width > INT32_MAX / (int64_t)sizeof(float) / POMI_SLICE_ROWS)
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
                                    struct pomi_read_ahead *tails, size_t index, struct pom_error *err)
{
    unsigned char tail[FOOTER_TAIL_BYTES];
    POMI_TRY(pomi_read_tails_take(tails, index, &reader->local, err));
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

static struct pomi_wanted_file file_at(const void *user, size_t index)
{
    const struct pomi_table_reader *reader = user;
    const struct pomi_store_entry *entry = &reader->listing.entries[index];
    return (struct pomi_wanted_file){entry->path, entry->size_bytes};
}

static enum pom_status look_at_files(struct pomi_table_reader *reader, size_t folder_bytes,
                                     struct pom_error *err)
{
    struct pomi_bytes sql = {0};
    struct pomi_read_ahead *tails;
    POMI_TRY(pomi_read_tails_new(&tails, reader->store, file_at, reader, reader->listing.n_entries,
                                 LOOKED_AT_BYTES, err));
    enum pom_status status = POM_OK;
    for (int i = 0; status == POM_OK && i < reader->info.n_files; i++) {
        struct table_file *file = &reader->files[i];
        file->path = reader->listing.entries[i].path;
        status = fetch_footer(reader, file, tails, (size_t)i, err);
        if (status == POM_OK) status = look_at_columns(reader, file, file->path + folder_bytes, &sql, err);
        if (status == POM_OK) status = count_rows(reader, file, &sql, err);
        if (status == POM_OK) status = read_network(reader, file, &sql, err);
        if (status == POM_OK) status = read_width(reader, file, &sql, err);
        pomi_local_file_release(&reader->local);
    }
    pomi_read_ahead_free(tails);
    pomi_bytes_release(&sql);
    return status;
}

enum pom_status pomi_table_look(struct pomi_table_reader *reader, const char *path, enum pomi_table_kind kind,
                                struct pom_error *err)
{
    size_t folder_bytes = 0;
    POMI_TRY(list_files(&reader->listing, reader->store, path, kind, &folder_bytes, err));
    reader->info.n_files = (int)reader->listing.n_entries;
    reader->files = calloc(reader->listing.n_entries, sizeof *reader->files);
    if (reader->files == NULL)
        return pomi_fail_memory(err, reader->listing.n_entries * sizeof *reader->files, "the list of files");
    return look_at_files(reader, folder_bytes, err);
}
