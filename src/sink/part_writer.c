// SPDX-License-Identifier: Apache-2.0
/*
 * Writing a part. The caller's thread fills blocks of rows; for each format a thread of its own runs a COPY
 * that takes them, through a table function, in the same order:
 *
 *     pomi_part_rows -> blocks[N_BLOCKS], a ring -> pomona_rows(1) -> COPY -> .part-00000-RUN.parquet.tmp-123
 *                                                -> pomona_rows(2) -> COPY -> .part-00000-RUN.csv.tmp-123
 *
 * A block is free again when every format took it, so memory is bounded by the ring and by what DuckDB needs
 * for one row group. Blocks are always filled up, however few rows a caller brings at a time: where row
 * groups begin, and with that every byte, depends on the rows alone.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"
#include "base/text.h"
#include "sink/database.h"
#include "sink/text_lines.h"
#include "store/store.h"

#define N_BLOCKS       4
#define BLOCK_BYTES    ((size_t)512 << 10)
#define MAX_BLOCK_ROWS 1024
#define MAX_COLUMNS    5
#define MAX_WIDTH      (1 << 20)

/* Rows per Parquet row group, a multiple of every block's rows. */
#define ROW_GROUP_ROWS 2048

/* A text, or a list of `width` floats. In CSV the list becomes columns PREFIX0, PREFIX1... or PREFIX1... */
struct column {
    const char *name;
    int width; /* 0: text */
    const char *csv_prefix;
    int csv_first;
};

struct block {
    size_t n_rows;
    float *numbers[MAX_COLUMNS]; /* per list column: [block_rows][width] */
    size_t *text_at;             /* [block_rows][n_texts], offsets into `texts` */
    struct pomi_bytes texts;     /* with their terminators */
};

/* One file of the part, and the thread that writes it. */
struct pomi_stream {
    struct pomi_stream *next; /* in the sink's list */
    int64_t number;
    struct pomi_part *part;
    enum pomi_table_format format;
    char *path;
    char *temporary;
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
    struct column columns[MAX_COLUMNS]; /* texts first, then lists */
    int n_columns;
    int n_texts;
    size_t block_rows;
    int64_t n_rows;
    struct pomi_stream streams[3]; /* Parquet last: its name tells that the part is complete */
    int n_streams;

    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct block blocks[N_BLOCKS];
    struct block *open_block; /* being filled; NULL: the next row opens one */
    size_t n_filled;          /* blocks given to the streams; that block of the ring is filled next */
    bool is_finished;
    bool is_abandoned;
};

/* --- columns ----------------------------------------------------------------------------------------------
 */

static void add_column(struct pomi_part *part, struct column column)
{
    part->columns[part->n_columns++] = column;
    if (column.width == 0) part->n_texts++;
}

static enum pom_status describe_columns(struct pomi_part *part, const struct pomi_part_options *options,
                                        struct pom_error *err)
{
    add_column(part, (struct column){.name = "path"});
    add_column(part, (struct column){.name = "label"});
    if (options->kind == POMI_TABLE_FAILURES) {
        add_column(part, (struct column){.name = "stage"});
        add_column(part, (struct column){.name = "reason"});
        add_column(part, (struct column){.name = "message"});
        return POM_OK;
    }
    if (options->kind == POMI_TABLE_FEATURES)
        add_column(part, (struct column){"features", options->n_features, "f", 0});
    if (options->kind == POMI_TABLE_PCA)
        add_column(part, (struct column){"features_pca", options->n_components, "pc", 1});
    if (options->kind == POMI_TABLE_PCA && options->with_scaled)
        add_column(part, (struct column){"features_scaled", options->n_features, "scaled", 0});
    for (int i = part->n_texts; i < part->n_columns; i++)
        if (part->columns[i].width < 1 || part->columns[i].width > MAX_WIDTH)
            return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_width",
                             "a table with %s of %d numbers; 1 to %d work", part->columns[i].name,
                             part->columns[i].width, MAX_WIDTH);
    if (part->n_texts == part->n_columns)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_width",
                         "a table without a list column: lists have no width");
    return POM_OK;
}

/* A power of two, so that blocks fill row groups exactly. */
static size_t choose_block_rows(const struct pomi_part *part)
{
    size_t row_bytes = 1, rows = MAX_BLOCK_ROWS;
    for (int i = part->n_texts; i < part->n_columns; i++)
        row_bytes += (size_t)part->columns[i].width * sizeof(float);
    while (rows > 1 && rows * row_bytes > BLOCK_BYTES) rows /= 2;
    return rows;
}

static enum pom_status allocate_blocks(struct pomi_part *part, struct pom_error *err)
{
    part->block_rows = choose_block_rows(part);
    for (int b = 0; b < N_BLOCKS; b++) {
        struct block *block = &part->blocks[b];
        block->text_at = calloc(part->block_rows * (size_t)part->n_texts, sizeof *block->text_at);
        if (block->text_at == NULL) return pomi_fail_memory(err, part->block_rows, "rows to write");
        for (int i = part->n_texts; i < part->n_columns; i++) {
            block->numbers[i] = calloc(part->block_rows * (size_t)part->columns[i].width, sizeof(float));
            if (block->numbers[i] == NULL) return pomi_fail_memory(err, BLOCK_BYTES, "rows to write");
        }
    }
    return POM_OK;
}

static const char *text_of(const struct pomi_part *part, const struct block *block, size_t row, int column)
{
    return (const char *)block->texts.data + block->text_at[row * (size_t)part->n_texts + (size_t)column];
}

/* --- the table function that COPY takes rows from ---------------------------------------------------------
 */

static struct pomi_stream *find_stream(struct pomi_sink *sink, int64_t number)
{
    pthread_mutex_lock(&sink->mutex);
    struct pomi_stream *stream = sink->streams;
    while (stream != NULL && stream->number != number) stream = stream->next;
    pthread_mutex_unlock(&sink->mutex);
    return stream;
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
static const struct block *wait_for_block(struct pomi_stream *stream, bool *is_abandoned)
{
    struct pomi_part *part = stream->part;
    pthread_mutex_lock(&part->mutex);
    while (part->n_filled == stream->n_taken && !part->is_finished && !part->is_abandoned)
        pthread_cond_wait(&part->changed, &part->mutex);
    *is_abandoned = part->is_abandoned;
    const struct block *block =
        part->n_filled > stream->n_taken ? &part->blocks[stream->n_taken % N_BLOCKS] : NULL;
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

static enum pom_status copy_texts(struct pomi_stream *stream, const struct block *block,
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

static enum pom_status copy_list(const struct block *block, int column, size_t width, duckdb_vector vector,
                                 struct pom_error *err)
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
    const struct block *block = wait_for_block(stream, &is_abandoned);
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

/* --- the SQL of one file ----------------------------------------------------------------------------------
 */

/* "path,label,f0,f1...": the name of the one column of a CSV's lines is the header. */
static enum pom_status print_csv_header(struct pomi_bytes *sql, const struct pomi_part *part,
                                        struct pom_error *err)
{
    for (int i = 0; i < part->n_columns; i++) {
        const struct column *column = &part->columns[i];
        if (column->width == 0) POMI_TRY(pomi_bytes_print(sql, err, "%s%s", i > 0 ? "," : "", column->name));
        for (int k = 0; k < column->width; k++)
            POMI_TRY(pomi_bytes_print(sql, err, ",%s%d", column->csv_prefix, column->csv_first + k));
    }
    return POM_OK;
}

/* A row of a text format is one string: with a column per feature DuckDB takes half as long again and twice
 * the memory, and its JSON is an extension that may not be there. DuckDB prints a float such that it reads
 * back as the same float. */
static enum pom_status print_text_select(struct pomi_bytes *sql, const struct pomi_stream *stream,
                                         struct pom_error *err)
{
    const struct pomi_part *part = stream->part;
    bool is_json = stream->format == POMI_FORMAT_JSON;
    POMI_TRY(pomi_bytes_print(sql, err, "SELECT concat(line"));
    for (int i = part->n_texts; i < part->n_columns; i++) {
        const char *name = part->columns[i].name;
        POMI_TRY(is_json
                     ? pomi_bytes_print(sql, err, ", ',\"%s\":[', array_to_string(%s, ','), ']'", name, name)
                     : pomi_bytes_print(sql, err, ", ',', array_to_string(%s, ',')", name));
    }
    POMI_TRY(pomi_bytes_print(sql, err, "%s) AS \"", is_json ? ", '}'" : ""));
    if (!is_json) POMI_TRY(print_csv_header(sql, part, err));
    if (is_json) POMI_TRY(pomi_bytes_print(sql, err, "line"));
    return pomi_bytes_print(sql, err, "\"");
}

/* Snappy because every reader has it. A dictionary of floats would be built and thrown away, they hardly
 * repeat: DuckDB finds that out by itself, and keeps the dictionary for labels, where it pays. Bloom filters
 * speed up searches that nobody does here. */
static enum pom_status print_parquet_options(struct pomi_bytes *sql, const struct pomi_part_options *options,
                                             struct pom_error *err)
{
    POMI_TRY(pomi_bytes_print(
        sql, err, "FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE %d, WRITE_BLOOM_FILTER false",
        ROW_GROUP_ROWS));
    const char *pairs[2][2] = {{"network_name", options->network_name},
                               {"network_identity", options->network_identity}};
    const char *separator = ", KV_METADATA {";
    for (int i = 0; i < 2; i++) {
        if (pairs[i][1] == NULL) continue;
        POMI_TRY(pomi_bytes_print(sql, err, "%s%s: ", separator, pairs[i][0]));
        POMI_TRY(pomi_sql_text(sql, pairs[i][1], err));
        separator = ", ";
    }
    return separator[2] == '\0' ? pomi_bytes_print(sql, err, "}") : POM_OK;
}

static enum pom_status print_copy(struct pomi_stream *stream, const struct pomi_part_options *options,
                                  struct pom_error *err)
{
    struct pomi_bytes *sql = &stream->sql;
    bool is_parquet = stream->format == POMI_FORMAT_PARQUET;
    POMI_TRY(pomi_bytes_print(sql, err, "COPY ("));
    POMI_TRY(is_parquet ? pomi_bytes_print(sql, err, "SELECT *") : print_text_select(sql, stream, err));
    POMI_TRY(pomi_bytes_print(sql, err, " FROM pomona_rows(%lld)) TO ", (long long)stream->number));
    POMI_TRY(pomi_sql_file(sql, stream->temporary, err));
    POMI_TRY(pomi_bytes_print(sql, err, " (USE_TMP_FILE false, "));
    /* A CSV without quotes and escapes: the lines go to the file as they are. */
    POMI_TRY(is_parquet
                 ? print_parquet_options(sql, options, err)
                 : pomi_bytes_print(sql, err,
                                    "FORMAT csv, COMPRESSION none, QUOTE '', ESCAPE '', DELIMITER ',', "
                                    "HEADER %s",
                                    stream->format == POMI_FORMAT_CSV ? "true" : "false"));
    return pomi_bytes_print(sql, err, ")");
}

/* --- the threads ------------------------------------------------------------------------------------------
 */

static void *write_file(void *argument)
{
    struct pomi_stream *stream = argument;
    struct pom_error told = {0};
    duckdb_result result;
    enum pom_status status =
        pomi_database_query(stream->connection, &stream->sql, &result, POMI_WRITING, stream->path, &told);
    if (status == POM_OK) {
        duckdb_data_chunk chunk = duckdb_fetch_chunk(result); /* one row, one column: the number of rows */
        if (chunk != NULL)
            stream->n_rows_written =
                *(int64_t *)duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
        duckdb_destroy_data_chunk(&chunk);
        duckdb_destroy_result(&result);
    } else if (stream->error.status == POM_OK) { /* else the table function knew better what happened */
        stream->error = told;
    }
    pthread_mutex_lock(&stream->part->mutex);
    stream->status = status == POM_OK ? POM_OK : stream->error.status;
    stream->is_over = true;
    pthread_cond_broadcast(&stream->part->changed);
    pthread_mutex_unlock(&stream->part->mutex);
    return NULL;
}

static enum pom_status start_thread(struct pomi_stream *stream, struct pom_error *err)
{
    /* Signals belong to the program's own threads: one that arrives here could cut a write short. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    stream->is_running = pthread_create(&stream->thread, NULL, write_file, stream) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return stream->is_running ? POM_OK : pomi_fail_memory(err, 0, "a thread to write with");
}

static enum pom_status start_stream(struct pomi_part *part, const struct pomi_part_options *options,
                                    enum pomi_table_format format, struct pom_error *err)
{
    struct pomi_stream *stream = &part->streams[part->n_streams++];
    stream->part = part;
    stream->format = format;
    stream->path = pomi_part_file(options->folder, options->part_index, options->run_id, format);
    if (stream->path == NULL) return pomi_fail_memory(err, strlen(options->folder), "a file name");
    char *folder = pomi_table_format_folder(options->folder, format);
    enum pom_status status = folder != NULL ? pomi_store_make_folder(folder, err)
                                            : pomi_fail_memory(err, strlen(options->folder), "a file name");
    free(folder);
    POMI_TRY(status);
    POMI_TRY(pomi_store_temporary(stream->path, &stream->temporary, err));
    POMI_TRY(pomi_database_connect(part->sink, &stream->connection, err));
    pthread_mutex_lock(&part->sink->mutex);
    stream->number = ++part->sink->last_stream_number;
    stream->next = part->sink->streams;
    part->sink->streams = stream;
    pthread_mutex_unlock(&part->sink->mutex);
    POMI_TRY(print_copy(stream, options, err));
    return start_thread(stream, err);
}

static void end_streams(struct pomi_part *part, bool is_abandoned)
{
    pthread_mutex_lock(&part->mutex);
    part->is_finished = true;
    part->is_abandoned = is_abandoned;
    pthread_cond_broadcast(&part->changed);
    pthread_mutex_unlock(&part->mutex);
    for (int i = 0; i < part->n_streams; i++) {
        if (part->streams[i].is_running) pthread_join(part->streams[i].thread, NULL);
        part->streams[i].is_running = false;
        duckdb_disconnect(&part->streams[i].connection);
    }
}

static void forget_stream(struct pomi_sink *sink, struct pomi_stream *stream)
{
    pthread_mutex_lock(&sink->mutex);
    for (struct pomi_stream **link = &sink->streams; *link != NULL; link = &(*link)->next) {
        if (*link != stream) continue;
        *link = stream->next;
        break;
    }
    pthread_mutex_unlock(&sink->mutex);
}

/* After end_streams. */
static void free_part(struct pomi_part *part)
{
    for (int i = 0; i < part->n_streams; i++) {
        struct pomi_stream *stream = &part->streams[i];
        forget_stream(part->sink, stream);
        if (!stream->is_published && stream->temporary != NULL) pomi_store_remove(stream->temporary, NULL);
        pomi_bytes_release(&stream->sql);
        pomi_bytes_release(&stream->line);
        free(stream->temporary);
        free(stream->path);
    }
    for (int b = 0; b < N_BLOCKS; b++) {
        for (int i = 0; i < part->n_columns; i++) free(part->blocks[b].numbers[i]);
        free(part->blocks[b].text_at);
        pomi_bytes_release(&part->blocks[b].texts);
    }
    pthread_cond_destroy(&part->changed);
    pthread_mutex_destroy(&part->mutex);
    free(part);
}

/* --- what callers see -------------------------------------------------------------------------------------
 */

enum pom_status pomi_part_begin(struct pomi_part **part_out, struct pomi_sink *sink,
                                const struct pomi_part_options *options, struct pom_error *err)
{
    *part_out = NULL;
    struct pomi_part *part = calloc(1, sizeof *part);
    if (part == NULL) return pomi_fail_memory(err, sizeof *part, "a part");
    part->sink = sink;
    pthread_mutex_init(&part->mutex, NULL);
    pthread_cond_init(&part->changed, NULL);
    enum pom_status status = describe_columns(part, options, err);
    if (status == POM_OK) status = allocate_blocks(part, err);
    static const enum pomi_table_format order[] = {POMI_FORMAT_CSV, POMI_FORMAT_JSON, POMI_FORMAT_PARQUET};
    for (int i = 0; status == POM_OK && i < 3; i++)
        if (options->formats & order[i]) status = start_stream(part, options, order[i], err);
    if (status == POM_OK && part->n_streams == 0)
        status = pomi_fail(err, POM_ERROR_ARGUMENT, "no_format", "a part without a format to write it in");
    if (status != POM_OK) {
        pomi_part_abandon(part);
        return status;
    }
    *part_out = part;
    return POM_OK;
}

/* Opens the next block of the ring, once every stream gave it back. */
static enum pom_status open_block(struct pomi_part *part, struct pom_error *err)
{
    enum pom_status status = POM_OK;
    pthread_mutex_lock(&part->mutex);
    for (int i = 0; i < part->n_streams && status == POM_OK; i++) {
        struct pomi_stream *stream = &part->streams[i];
        while (!stream->is_over && part->n_filled - stream->n_taken == N_BLOCKS)
            pthread_cond_wait(&part->changed, &part->mutex);
        if (!stream->is_over) continue;
        status = stream->status; /* over before its rows are: it failed */
        if (err != NULL) *err = stream->error;
    }
    pthread_mutex_unlock(&part->mutex);
    if (status != POM_OK) return status;
    part->open_block = &part->blocks[part->n_filled % N_BLOCKS];
    part->open_block->n_rows = 0;
    part->open_block->texts.size_bytes = 0;
    return POM_OK;
}

static void pass_block_on(struct pomi_part *part)
{
    if (part->open_block == NULL) return;
    part->open_block = NULL;
    pthread_mutex_lock(&part->mutex);
    part->n_filled++;
    pthread_cond_broadcast(&part->changed);
    pthread_mutex_unlock(&part->mutex);
}

/* Copies one row; `numbers` are those of the list columns, in their order. */
static enum pom_status add_row(struct pomi_part *part, const char *const *texts, const float *const *numbers,
                               struct pom_error *err)
{
    if (part->open_block == NULL) POMI_TRY(open_block(part, err));
    struct block *block = part->open_block;
    for (int i = 0; i < part->n_texts; i++) {
        block->text_at[block->n_rows * (size_t)part->n_texts + (size_t)i] = block->texts.size_bytes;
        POMI_TRY(pomi_bytes_append(&block->texts, texts[i], strlen(texts[i]) + 1, err));
    }
    for (int i = part->n_texts; i < part->n_columns; i++) {
        size_t width = (size_t)part->columns[i].width;
        memcpy(block->numbers[i] + block->n_rows * width, numbers[i - part->n_texts], width * sizeof(float));
    }
    part->n_rows++;
    if (++block->n_rows == part->block_rows) pass_block_on(part);
    return POM_OK;
}

static enum pom_status check_row(const struct pomi_part *part, const char *const *texts,
                                 const float *const *numbers, struct pom_error *err)
{
    for (int i = 0; i < part->n_texts; i++)
        if (!pomi_utf8_valid(texts[i], strlen(texts[i])))
            return pomi_fail(err, POM_ERROR_ARGUMENT, "path_not_utf8", "row %lld of %s: the %s is not UTF-8",
                             (long long)part->n_rows + 1, part->streams[0].path, part->columns[i].name);
    for (int i = part->n_texts; i < part->n_columns; i++)
        if (!pomi_all_finite(numbers[i - part->n_texts], (size_t)part->columns[i].width))
            return pomi_fail(err, POM_ERROR_NUMERIC, "not_finite", "%s: %s has a number that is not finite",
                             texts[0], part->columns[i].name);
    return POM_OK;
}

enum pom_status pomi_part_rows(struct pomi_part *part, const struct pomi_rows *rows, struct pom_error *err)
{
    const float *lists[MAX_COLUMNS];
    int n_lists = 0;
    for (int i = part->n_texts; i < part->n_columns; i++) {
        const char *name = part->columns[i].name;
        bool is_pca = strcmp(name, "features_pca") == 0;
        int width = is_pca ? rows->n_components : rows->n_features;
        const float *numbers = is_pca                                 ? rows->features_pca
                               : strcmp(name, "features_scaled") == 0 ? rows->features_scaled
                                                                      : rows->features;
        if (numbers == NULL || width != part->columns[i].width)
            return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_width",
                             "rows with %d numbers of %s for a table of %d", numbers == NULL ? 0 : width,
                             name, part->columns[i].width);
        lists[n_lists++] = numbers;
    }
    if (n_lists == 0)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_rows", "rows of features for a table of failures");
    for (size_t row = 0; row < rows->n_rows; row++) {
        const char *texts[] = {rows->paths[row], rows->labels[row]};
        const float *numbers[MAX_COLUMNS];
        for (int i = 0; i < n_lists; i++)
            numbers[i] = lists[i] + row * (size_t)part->columns[part->n_texts + i].width;
        POMI_TRY(check_row(part, texts, numbers, err));
        POMI_TRY(add_row(part, texts, numbers, err));
    }
    return POM_OK;
}

enum pom_status pomi_part_failures(struct pomi_part *part, const struct pomi_failure *failures,
                                   size_t n_failures, struct pom_error *err)
{
    if (part->n_texts != part->n_columns)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_rows", "failures for a table of features");
    for (size_t row = 0; row < n_failures; row++) {
        const struct pomi_failure *failure = &failures[row];
        const char *texts[] = {failure->path, failure->label, failure->stage, failure->reason,
                               failure->message};
        char *escaped[MAX_COLUMNS];
        bool is_complete = true;
        for (int i = 0; i < part->n_texts; i++)
            is_complete &= (escaped[i] = pomi_utf8_escaped(texts[i])) != NULL;
        enum pom_status status = is_complete ? add_row(part, (const char *const *)escaped, NULL, err)
                                             : pomi_fail_memory(err, strlen(failure->path), "a failure");
        for (int i = 0; i < part->n_texts; i++) free(escaped[i]);
        POMI_TRY(status);
    }
    return POM_OK;
}

static enum pom_status check_streams(const struct pomi_part *part, struct pom_error *err)
{
    for (int i = 0; i < part->n_streams; i++) {
        const struct pomi_stream *stream = &part->streams[i];
        if (stream->status != POM_OK) {
            if (err != NULL) *err = stream->error;
            return stream->status;
        }
        if (stream->n_rows_written != part->n_rows)
            return pomi_fail(err, POM_ERROR_IO, "lost_rows", "%s: %lld of %lld rows were written",
                             stream->path, (long long)stream->n_rows_written, (long long)part->n_rows);
    }
    return POM_OK;
}

enum pom_status pomi_part_commit(struct pomi_part *part, struct pom_error *err)
{
    pass_block_on(part);
    end_streams(part, false);
    enum pom_status status = check_streams(part, err);
    for (int i = 0; status == POM_OK && i < part->n_streams; i++) {
        struct pomi_stream *stream = &part->streams[i];
        status = pomi_store_publish(stream->temporary, stream->path, err);
        stream->is_published = status == POM_OK;
    }
    for (int i = 0; status != POM_OK && i < part->n_streams; i++)
        if (part->streams[i].is_published) pomi_store_remove(part->streams[i].path, NULL);
    free_part(part);
    return status;
}

void pomi_part_abandon(struct pomi_part *part)
{
    if (part == NULL) return;
    end_streams(part, true);
    free_part(part);
}
