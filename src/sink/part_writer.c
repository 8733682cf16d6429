// SPDX-License-Identifier: Apache-2.0
/*
 * Writing a part: its columns, its blocks, one thread per format, and how it ends. part.h shows the flow.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/finite.h"
#include "base/text.h"
#include "sink/part.h"
#include "store/store.h"

#define BLOCK_BYTES    ((size_t)512 << 10)
#define MAX_BLOCK_ROWS 1024
#define MAX_WIDTH      (1 << 20)

static void add_text(struct pomi_part *part, const char *name)
{
    part->columns[part->n_columns++].name = name;
    part->n_texts = part->n_columns;
}

static enum pom_status add_list(struct pomi_part *part, struct pomi_part_column column, struct pom_error *err)
{
    if (column.width < 1 || column.width > MAX_WIDTH)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_width", "a table with %s of %d numbers; 1 to %d work",
                         column.name, column.width, MAX_WIDTH);
    part->columns[part->n_columns++] = column;
    return POM_OK;
}

static enum pom_status describe_columns(struct pomi_part *part, const struct pomi_part_options *options,
                                        struct pom_error *err)
{
    add_text(part, "path");
    add_text(part, "label");
    if (options->kind == POMI_TABLE_FEATURES)
        return add_list(part, (struct pomi_part_column){"features", options->n_features, "f", 0}, err);
    if (options->kind == POMI_TABLE_PCA) {
        POMI_TRY(
            add_list(part, (struct pomi_part_column){"features_pca", options->n_components, "pc", 1}, err));
        if (!options->with_scaled) return POM_OK;
        return add_list(part, (struct pomi_part_column){"features_scaled", options->n_features, "scaled", 0},
                        err);
    }
    add_text(part, "stage");
    add_text(part, "reason");
    add_text(part, "message");
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
    for (int b = 0; b < POMI_PART_BLOCKS; b++) {
        struct pomi_part_block *block = &part->blocks[b];
        block->text_at = calloc(part->block_rows * (size_t)part->n_texts, sizeof *block->text_at);
        if (block->text_at == NULL) return pomi_fail_memory(err, part->block_rows, "rows to write");
        for (int i = part->n_texts; i < part->n_columns; i++) {
            block->numbers[i] = calloc(part->block_rows * (size_t)part->columns[i].width, sizeof(float));
            if (block->numbers[i] == NULL) return pomi_fail_memory(err, BLOCK_BYTES, "rows to write");
        }
    }
    return POM_OK;
}

/* --- threads --- */

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
    enum pom_status status = folder != NULL ? pomi_store_make_folder(part->sink->store, folder, err)
                                            : pomi_fail_memory(err, strlen(options->folder), "a file name");
    free(folder);
    POMI_TRY(status);
    POMI_TRY(pomi_store_create(part->sink->store, stream->path, &stream->temporary, err));
    POMI_TRY(pomi_database_connect(part->sink, &stream->connection, err));
    pthread_mutex_lock(&part->sink->mutex);
    stream->number = ++part->sink->last_stream_number;
    stream->next = part->sink->streams;
    part->sink->streams = stream;
    pthread_mutex_unlock(&part->sink->mutex);
    POMI_TRY(pomi_part_print_copy(stream, options, err));
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
        pomi_local_file_release(&stream->temporary);
        pomi_bytes_release(&stream->sql);
        pomi_bytes_release(&stream->line);
        free(stream->path);
    }
    for (int b = 0; b < POMI_PART_BLOCKS; b++) {
        for (int i = 0; i < part->n_columns; i++) free(part->blocks[b].numbers[i]);
        free(part->blocks[b].text_at);
        pomi_bytes_release(&part->blocks[b].texts);
    }
    pthread_cond_destroy(&part->changed);
    pthread_mutex_destroy(&part->mutex);
    free(part);
}

/* --- what callers see --- */

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
        while (!stream->is_over && part->n_filled - stream->n_taken == POMI_PART_BLOCKS)
            pthread_cond_wait(&part->changed, &part->mutex);
        if (!stream->is_over) continue;
        status = stream->status; /* over before its rows are: it failed */
        if (err != NULL) *err = stream->error;
    }
    pthread_mutex_unlock(&part->mutex);
    if (status != POM_OK) return status;
    part->open_block = &part->blocks[part->n_filled % POMI_PART_BLOCKS];
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
    struct pomi_part_block *block = part->open_block;
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
    const float *lists[POMI_PART_MAX_COLUMNS];
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
        const float *numbers[POMI_PART_MAX_COLUMNS];
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
        char *escaped[POMI_PART_MAX_COLUMNS];
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
        status = pomi_store_publish(part->sink->store, &stream->temporary, stream->path, err);
        stream->is_published = status == POM_OK;
    }
    for (int i = 0; status != POM_OK && i < part->n_streams; i++)
        if (part->streams[i].is_published) pomi_store_remove(part->sink->store, part->streams[i].path, NULL);
    free_part(part);
    return status;
}

void pomi_part_abandon(struct pomi_part *part)
{
    if (part == NULL) return;
    end_streams(part, true);
    free_part(part);
}
