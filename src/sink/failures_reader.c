// SPDX-License-Identifier: Apache-2.0
/*
 * Reading the failures table. It is small, so it is read whole and sorted.
 */
#include <stdlib.h>
#include <string.h>

#include "sink/database.h"
#include "sink/table_files.h"

#define N_FAILURE_COLUMNS 5

/* Appends every text of the result to `texts`, row by row, each with its terminator; NULL becomes "". */
static enum pom_status take_failures(duckdb_result *result, struct pomi_bytes *texts, size_t *n_failures,
                                     struct pom_error *err)
{
    enum pom_status status = POM_OK;
    for (duckdb_data_chunk chunk; (chunk = duckdb_fetch_chunk(*result)) != NULL;) {
        idx_t n_rows = duckdb_data_chunk_get_size(chunk);
        for (idx_t row = 0; row < n_rows; row++) {
            for (idx_t i = 0; status == POM_OK && i < N_FAILURE_COLUMNS; i++) {
                duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, i);
                duckdb_string_t *string = (duckdb_string_t *)duckdb_vector_get_data(vector) + row;
                if (duckdb_validity_row_is_valid(duckdb_vector_get_validity(vector), row))
                    status = pomi_bytes_append(texts, duckdb_string_t_data(string),
                                               duckdb_string_t_length(*string), err);
                if (status == POM_OK) status = pomi_bytes_append(texts, "", 1, err);
            }
        }
        *n_failures += n_rows;
        duckdb_destroy_data_chunk(&chunk);
    }
    return status;
}

static enum pom_status read_file(struct pomi_sink *sink, const char *path, struct pomi_bytes *texts,
                                 size_t *n_failures, struct pom_error *err)
{
    struct pomi_local_file file = {0};
    struct pomi_bytes sql = {0};
    duckdb_connection connection = NULL;
    duckdb_result result;
    enum pom_status status = pomi_database_connect(sink, &connection, err);
    if (status == POM_OK) status = pomi_store_fetch(sink->store, path, 0, &file, err);
    if (status == POM_OK)
        status = pomi_bytes_print(&sql, err, "SELECT path, label, stage, reason, message FROM read_parquet(");
    if (status == POM_OK) status = pomi_sql_file(&sql, file.path, err);
    if (status == POM_OK) status = pomi_bytes_print(&sql, err, ", hive_partitioning = false)");
    if (status == POM_OK) status = pomi_database_query(connection, &sql, &result, POMI_READING, path, err);
    if (status == POM_OK) {
        status = take_failures(&result, texts, n_failures, err);
        duckdb_destroy_result(&result);
    }
    duckdb_disconnect(&connection);
    pomi_bytes_release(&sql);
    pomi_local_file_release(&file);
    return status;
}

static int by_text(const void *a, const void *b)
{
    const struct pomi_failure *left = a, *right = b;
    int order = strcmp(left->path, right->path);
    if (order == 0) order = strcmp(left->stage, right->stage);
    if (order == 0) order = strcmp(left->reason, right->reason);
    return order != 0 ? order : strcmp(left->message, right->message);
}

static enum pom_status point_at_failures(struct pomi_failure_list *list, struct pomi_bytes *texts,
                                         size_t n_failures, struct pom_error *err)
{
    list->failures = calloc(n_failures > 0 ? n_failures : 1, sizeof *list->failures);
    if (list->failures == NULL) return pomi_fail_memory(err, n_failures * sizeof *list->failures, "failures");
    const char *text = (const char *)texts->data;
    for (size_t row = 0; row < n_failures; row++) {
        struct pomi_failure *failure = &list->failures[row];
        const char **fields[N_FAILURE_COLUMNS] = {&failure->path, &failure->label, &failure->stage,
                                                  &failure->reason, &failure->message};
        for (int i = 0; i < N_FAILURE_COLUMNS; i++) {
            *fields[i] = text;
            text += strlen(text) + 1;
        }
    }
    qsort(list->failures, n_failures, sizeof *list->failures, by_text);
    list->n_failures = n_failures;
    list->memory = texts->data;
    *texts = (struct pomi_bytes){0};
    return POM_OK;
}

enum pom_status pomi_failures_read(struct pomi_failure_list *list, struct pomi_sink *sink, const char *folder,
                                   struct pom_error *err)
{
    *list = (struct pomi_failure_list){0};
    char *inside = pomi_store_join(folder, "%s", pomi_table_folder(POMI_TABLE_FAILURES));
    if (inside == NULL) return pomi_fail_memory(err, strlen(folder), "a file name");
    size_t n_failures = 0;
    bool is_there;
    struct pomi_store_listing listing = {0};
    struct pomi_bytes texts = {0};
    enum pom_status status = pomi_store_is_folder(sink->store, inside, &is_there, err);
    if (status == POM_OK && is_there) status = pomi_table_list(sink->store, &listing, inside, err);
    for (size_t i = 0; status == POM_OK && i < listing.n_entries; i++)
        status = read_file(sink, listing.entries[i].path, &texts, &n_failures, err);
    if (status == POM_OK && n_failures > 0) status = point_at_failures(list, &texts, n_failures, err);
    pomi_bytes_release(&texts);
    pomi_store_listing_release(&listing);
    free(inside);
    return status;
}

void pomi_failure_list_release(struct pomi_failure_list *list)
{
    free(list->failures);
    free(list->memory);
    *list = (struct pomi_failure_list){0};
}
