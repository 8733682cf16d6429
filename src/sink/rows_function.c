// SPDX-License-Identifier: Apache-2.0
/*
 * pomona_rows(NUMBER): the table function through which a COPY takes the blocks of a part, on the COPY's thread.
 */
#include <string.h>

#include "sink/part.h"
#include "sink/text_lines.h"

static struct pomi_stream *find_stream(struct pomi_sink *sink, int64_t number)
{
    pthread_mutex_lock(&sink->mutex);
    struct pomi_stream *stream = sink->streams;
    while (stream != NULL && stream->number != number) stream = stream->next;
    pthread_mutex_unlock(&sink->mutex);
    return stream;
}

static const char *text_of(const struct pomi_part *part, const struct pomi_part_block *block, size_t row,
                           int column)
{
    return (const char *)block->texts.data + block->text_at[row * (size_t)part->n_texts + (size_t)column];
}

/* Parquet gets the columns as they are; the text formats get all texts of a row as one, `line`, already
 * quoted, followed by the lists, which DuckDB turns into text. */
static void bind_rows(duckdb_bind_info info)
{
    duckdb_value number = duckdb_bind_get_parameter(info, 0);
    struct pomi_stream *stream = find_stream(duckdb_bind_get_extra_info(info), duckdb_get_int64(number));
    duckdb_destroy_value(&number);
    if (stream == NULL) {
        duckdb_bind_set_error(info, "no such stream of rows");
        return;
    }
    const struct pomi_part *part = stream->part;
    duckdb_logical_type text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    duckdb_logical_type number_type = duckdb_create_logical_type(DUCKDB_TYPE_FLOAT);
    duckdb_logical_type list = duckdb_create_list_type(number_type);
    if (stream->format != POMI_FORMAT_PARQUET) duckdb_bind_add_result_column(info, "line", text);
    for (int i = stream->format == POMI_FORMAT_PARQUET ? 0 : part->n_texts; i < part->n_columns; i++)
        duckdb_bind_add_result_column(info, part->columns[i].name, part->columns[i].width == 0 ? text : list);
    duckdb_destroy_logical_type(&list);
    duckdb_destroy_logical_type(&number_type);
    duckdb_destroy_logical_type(&text);
    duckdb_bind_set_bind_data(info, stream, NULL);
}

static void init_rows(duckdb_init_info info)
{
    duckdb_init_set_max_threads(info, 1);
}

/* The next block, or NULL when the rows are at their end. */
static const struct pomi_part_block *wait_for_block(struct pomi_stream *stream, bool *is_abandoned)
{
    struct pomi_part *part = stream->part;
    pthread_mutex_lock(&part->mutex);
    while (part->n_filled == stream->n_taken && !part->is_finished && !part->is_abandoned)
        pthread_cond_wait(&part->changed, &part->mutex);
    *is_abandoned = part->is_abandoned;
    const struct pomi_part_block *block =
        part->n_filled > stream->n_taken ? &part->blocks[stream->n_taken % POMI_PART_BLOCKS] : NULL;
    pthread_mutex_unlock(&part->mutex);
    return block;
}

static void give_block_back(struct pomi_stream *stream)
{
    pthread_mutex_lock(&stream->part->mutex);
    stream->n_taken++;
    pthread_cond_broadcast(&stream->part->changed);
    pthread_mutex_unlock(&stream->part->mutex);
}

static enum pom_status copy_texts(struct pomi_stream *stream, const struct pomi_part_block *block,
                                  duckdb_data_chunk chunk)
{
    const struct pomi_part *part = stream->part;
    bool is_json = stream->format == POMI_FORMAT_JSON;
    for (size_t row = 0; row < block->n_rows; row++) {
        stream->line.size_bytes = 0;
        for (int i = 0; i < part->n_texts; i++) {
            const char *text = text_of(part, block, row, i);
            if (stream->format == POMI_FORMAT_PARQUET) {
                duckdb_vector_assign_string_element(duckdb_data_chunk_get_vector(chunk, (idx_t)i), row, text);
            } else if (is_json) {
                POMI_TRY(pomi_bytes_print(&stream->line, &stream->error, "%s\"%s\":", i == 0 ? "{" : ",",
                                          part->columns[i].name));
                POMI_TRY(pomi_json_append(&stream->line, text, &stream->error));
            } else {
                if (i > 0) POMI_TRY(pomi_bytes_append(&stream->line, ",", 1, &stream->error));
                POMI_TRY(pomi_csv_append(&stream->line, text, &stream->error));
            }
        }
        if (stream->format != POMI_FORMAT_PARQUET)
            duckdb_vector_assign_string_element_len(duckdb_data_chunk_get_vector(chunk, 0), row,
                                                    (const char *)stream->line.data, stream->line.size_bytes);
    }
    return POM_OK;
}

static enum pom_status copy_list(const struct pomi_part_block *block, int column, size_t width,
                                 duckdb_vector vector, struct pom_error *err)
{
    size_t n_numbers = block->n_rows * width;
    if (duckdb_list_vector_reserve(vector, n_numbers) != DuckDBSuccess ||
        duckdb_list_vector_set_size(vector, n_numbers) != DuckDBSuccess)
        return pomi_fail_memory(err, n_numbers * sizeof(float), "rows to write");
    duckdb_list_entry *entries = duckdb_vector_get_data(vector);
    for (size_t row = 0; row < block->n_rows; row++) entries[row] = (duckdb_list_entry){row * width, width};
    memcpy(duckdb_vector_get_data(duckdb_list_vector_get_child(vector)), block->numbers[column],
           n_numbers * sizeof(float));
    return POM_OK;
}

static void next_rows(duckdb_function_info info, duckdb_data_chunk chunk)
{
    struct pomi_stream *stream = duckdb_function_get_bind_data(info);
    const struct pomi_part *part = stream->part;
    bool is_abandoned;
    const struct pomi_part_block *block = wait_for_block(stream, &is_abandoned);
    if (is_abandoned) {
        duckdb_function_set_error(info, "abandoned");
        return;
    }
    if (block == NULL) {
        duckdb_data_chunk_set_size(chunk, 0);
        return;
    }
    enum pom_status status = copy_texts(stream, block, chunk);
    int first_list = stream->format == POMI_FORMAT_PARQUET ? part->n_texts : 1;
    for (int i = part->n_texts; status == POM_OK && i < part->n_columns; i++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, (idx_t)(first_list + i - part->n_texts));
        status = copy_list(block, i, (size_t)part->columns[i].width, vector, &stream->error);
    }
    if (status != POM_OK) {
        duckdb_function_set_error(info, stream->error.message);
        return;
    }
    duckdb_data_chunk_set_size(chunk, block->n_rows);
    give_block_back(stream);
}

enum pom_status pomi_rows_function_register(struct pomi_sink *sink, duckdb_connection connection,
                                            struct pom_error *err)
{
    duckdb_table_function function = duckdb_create_table_function();
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    duckdb_table_function_set_name(function, "pomona_rows");
    duckdb_table_function_add_parameter(function, number);
    duckdb_table_function_set_extra_info(function, sink, NULL);
    duckdb_table_function_set_bind(function, bind_rows);
    duckdb_table_function_set_init(function, init_rows);
    duckdb_table_function_set_function(function, next_rows);
    duckdb_state state = duckdb_register_table_function(connection, function);
    duckdb_destroy_logical_type(&number);
    duckdb_destroy_table_function(&function);
    if (state != DuckDBSuccess)
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "duckdb", "DuckDB %s takes no table function",
                         duckdb_library_version());
    return POM_OK;
}
