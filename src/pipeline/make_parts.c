// SPDX-License-Identifier: Apache-2.0
/*
 * Failures of a part are published before its features, so that the features file is the sign that the part is complete.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "pipeline/extraction.h"

#define ROWS_PER_HAND_OVER 256
#define POLL_SECONDS       0.1

static struct pomi_part_options part_options(const struct pomi_extraction *extraction,
                                             enum pomi_table_kind kind, const struct pomi_part_plan *plan)
{
    const struct pom_network_info *network = pom_network_info(extraction->network);
    return (struct pomi_part_options){
        .kind = kind,
        .formats = extraction->formats,
        .folder = kind == POMI_TABLE_FAILURES ? extraction->failures_folder : extraction->features_folder,
        .part_index = plan->index,
        .run_id = extraction->run_id,
        .n_features = network->n_features,
        .network_name = extraction->features_name,
        .network_identity = extraction->features_identity,
    };
}

/* Failures of the current part; the strings are owned. */
struct failure_rows {
    struct pomi_failure *rows;
    size_t n_rows, capacity;
};

static void failure_rows_clear(struct failure_rows *failures)
{
    for (size_t i = 0; i < failures->n_rows; i++) {
        free((char *)failures->rows[i].path);
        free((char *)failures->rows[i].label);
        free((char *)failures->rows[i].reason);
        free((char *)failures->rows[i].message);
    }
    failures->n_rows = 0;
}

static enum pom_status failure_rows_add(struct failure_rows *failures, const struct pom_photo *photo,
                                        const struct pomi_photo_result *result, struct pom_error *err)
{
    if (failures->n_rows == failures->capacity) {
        size_t capacity = failures->capacity > 0 ? failures->capacity * 2 : 64;
        struct pomi_failure *grown = realloc(failures->rows, capacity * sizeof *grown);
        if (grown == NULL) return pomi_fail_memory(err, capacity * sizeof *grown, "failures");
        failures->rows = grown;
        failures->capacity = capacity;
    }
    struct pomi_failure *row = &failures->rows[failures->n_rows++];
    *row = (struct pomi_failure){
        .path = pomi_utf8_escaped(photo->path),
        .label = pomi_utf8_escaped(photo->label),
        .stage = pomi_failure_stage_name(result->stage),
        .reason = pomi_utf8_escaped(result->error->reason),
        .message = pomi_utf8_escaped(result->error->message),
    };
    if (row->path == NULL || row->label == NULL || row->reason == NULL || row->message == NULL)
        return pomi_fail_memory(err, 0, "failures");
    return POM_OK;
}

/* Rows on their way to the sink, handed over some hundreds at a time. */
struct row_buffer {
    const char *paths[ROWS_PER_HAND_OVER];
    const char *labels[ROWS_PER_HAND_OVER];
    float *features; /* [ROWS_PER_HAND_OVER][n_features] */
    size_t n_rows;
    int n_features;
};

static enum pom_status hand_over(struct pomi_extraction *extraction, struct row_buffer *buffer,
                                 struct pomi_part *part, struct pom_error *err)
{
    if (buffer->n_rows == 0) return POM_OK;
    double began = pomi_clock_seconds();
    struct pomi_rows rows = {
        .n_rows = buffer->n_rows,
        .paths = buffer->paths,
        .labels = buffer->labels,
        .n_features = buffer->n_features,
        .features = buffer->features,
    };
    enum pom_status status = pomi_part_rows(part, &rows, err);
    buffer->n_rows = 0;
    extraction->write_seconds += pomi_clock_seconds() - began;
    return status;
}

static enum pom_status add_row(struct pomi_extraction *extraction, struct row_buffer *buffer,
                               struct pomi_part *part, const struct pom_photo *photo, const float *features,
                               struct pom_error *err)
{
    size_t n_features = (size_t)buffer->n_features;
    buffer->paths[buffer->n_rows] = photo->path;
    buffer->labels[buffer->n_rows] = photo->label;
    memcpy(buffer->features + buffer->n_rows * n_features, features, n_features * sizeof(float));
    buffer->n_rows++;
    return buffer->n_rows == ROWS_PER_HAND_OVER ? hand_over(extraction, buffer, part, err) : POM_OK;
}

/* The rows that a part already has, while its failed photos are tried again. */
struct earlier_rows {
    struct pomi_table_reader *reader; /* NULL: there are none */
    struct pomi_rows rows;
    size_t at;
};

static enum pom_status earlier_row(struct earlier_rows *earlier, const char *path, const float **features,
                                   struct pom_error *err)
{
    if (earlier->at == earlier->rows.n_rows) {
        POMI_TRY(pomi_table_next(earlier->reader, &earlier->rows, NULL, err));
        earlier->at = 0;
    }
    bool is_that_photo = earlier->rows.n_rows > 0 && strcmp(earlier->rows.paths[earlier->at], path) == 0;
    if (!is_that_photo)
        return pomi_fail(
            err, POM_ERROR_FORMAT, "bad_part",
            "a features part does not have the rows that it should (%s): run with --resume once, "
            "then --retry-failed",
            path);
    *features = earlier->rows.features + earlier->at++ * (size_t)earlier->rows.n_features;
    return POM_OK;
}

/* The next result from the workers. */
static enum pom_status next_result(struct pomi_extraction *extraction, struct pomi_workers *workers,
                                   struct pomi_photo_result *result, struct pom_error *err)
{
    do {
        pomi_progress_update(extraction->progress, extraction->n_done, extraction->n_failed);
        if (pomi_progress_should_stop(extraction->progress))
            return pomi_fail(err, POM_ERROR_INTERRUPTED, "interrupted",
                             "interrupted after %" PRId64 " of %zu photos; go on with --resume",
                             extraction->n_done, extraction->plan.n_photos);
        if (!pomi_workers_next(workers, POLL_SECONDS, result))
            return pomi_fail(err, POM_ERROR_INTERRUPTED, "interrupted",
                             "the run was stopped; go on with --resume");
    } while (result->photo == SIZE_MAX);
    return POM_OK;
}

static enum pom_status fill_part(struct pomi_extraction *extraction, struct pomi_workers *workers,
                                 const struct pomi_part_plan *plan, struct earlier_rows *earlier,
                                 struct pomi_part *part, struct row_buffer *buffer,
                                 struct failure_rows *failures, struct pom_error *err)
{
    int64_t max_failures = extraction->options->max_failures;
    for (size_t i = plan->begin; i < plan->end; i++) {
        const struct pom_photo *photo = &extraction->plan.photos[i];
        const float *features = NULL;
        if (earlier->reader != NULL && !extraction->is_failed[i]) {
            POMI_TRY(earlier_row(earlier, photo->path, &features, err));
            POMI_TRY(add_row(extraction, buffer, part, photo, features, err));
            continue;
        }
        struct pomi_photo_result result;
        POMI_TRY(next_result(extraction, workers, &result, err));
        if (result.ends_run) {
            if (err == NULL) return result.error->status;
            *err = *result.error;
            size_t length = strlen(err->message);
            snprintf(err->message + length, sizeof err->message - length,
                     "; what is done is kept: go on with --resume");
            return err->status;
        }
        extraction->n_done++;
        if (result.features != NULL) {
            POMI_TRY(add_row(extraction, buffer, part, photo, result.features, err));
            continue;
        }
        POMI_TRY(failure_rows_add(failures, photo, &result, err));
        extraction->n_failed++;
        const char *path = failures->rows[failures->n_rows - 1].path;
        const bool says_path = strncmp(result.error->message, path, strlen(path)) == 0;
        if (max_failures >= 0 && extraction->n_failed > max_failures)
            return pomi_fail(err, POM_ERROR_LIMIT, "too_many_failures",
                             "%" PRId64 " photos failed and --max-failures is %" PRId64
                             "; the last one: %s%s%s",
                             extraction->n_failed, max_failures, says_path ? "" : path, says_path ? "" : ": ",
                             result.error->message);
    }
    return hand_over(extraction, buffer, part, err);
}

static enum pom_status commit_failures(struct pomi_extraction *extraction, const struct pomi_part_plan *plan,
                                       const struct failure_rows *failures, struct pom_error *err)
{
    if (failures->n_rows == 0) /* an earlier try may have left some */
        return plan->n_failed == 0 ? POM_OK
                                   : pomi_part_remove(extraction->session->store, extraction->failures_folder,
                                                      plan->index, extraction->run_id, err);
    struct pomi_part_options options = part_options(extraction, POMI_TABLE_FAILURES, plan);
    struct pomi_part *part = NULL;
    POMI_TRY(pomi_part_begin(&part, extraction->sink, &options, err));
    enum pom_status status = pomi_part_failures(part, failures->rows, failures->n_rows, err);
    if (status == POM_OK) return pomi_part_commit(part, err);
    pomi_part_abandon(part);
    return status;
}

/*
 * A part that had rows keeps them while its failed photos are tried again. The order of publishing is such that a kill
 * in between leaves a part whose rows and failures do not add up, which the next --resume does again.
 */
static enum pom_status make_part(struct pomi_extraction *extraction, struct pomi_workers *workers,
                                 const struct pomi_part_plan *plan, struct row_buffer *buffer,
                                 struct failure_rows *failures, struct pom_error *err)
{
    struct pomi_part_options options = part_options(extraction, POMI_TABLE_FEATURES, plan);
    struct pomi_part *part = NULL;
    struct earlier_rows earlier = {0};
    enum pom_status status = POM_OK;
    if (plan->is_done) {
        char *path =
            pomi_part_file(extraction->features_folder, plan->index, extraction->run_id, POMI_FORMAT_PARQUET);
        status = path == NULL ? pomi_fail_memory(err, 0, "a file name")
                              : pomi_table_open(&earlier.reader, extraction->read_sink, path,
                                                POMI_TABLE_FEATURES, "features", err);
        free(path);
    }
    if (status == POM_OK) status = pomi_part_begin(&part, extraction->sink, &options, err);
    if (status == POM_OK)
        status = fill_part(extraction, workers, plan, &earlier, part, buffer, failures, err);
    pomi_table_close(earlier.reader);
    double began = pomi_clock_seconds();
    if (status == POM_OK) status = pomi_store_lock_check(extraction->session->lock, err);
    if (status == POM_OK) status = commit_failures(extraction, plan, failures, err);
    if (status == POM_OK)
        status = pomi_part_commit(part, err);
    else
        pomi_part_abandon(part);
    extraction->write_seconds += pomi_clock_seconds() - began;
    failure_rows_clear(failures);
    buffer->n_rows = 0;
    return status;
}

enum pom_status pomi_make_parts(struct pomi_extraction *extraction, struct pomi_workers *workers,
                                struct pom_error *err)
{
    int n_features = extraction->prototype->n_features;
    struct failure_rows failures = {0};
    struct row_buffer *buffer = calloc(1, sizeof *buffer);
    size_t size_bytes = ROWS_PER_HAND_OVER * (size_t)n_features * sizeof(float);
    enum pom_status status = POM_OK;
    if (buffer == NULL || (buffer->features = malloc(size_bytes)) == NULL)
        status = pomi_fail_memory(err, size_bytes, "rows on their way to the table");
    else
        buffer->n_features = n_features;
    for (size_t p = 0; status == POM_OK && p < extraction->n_parts; p++)
        if (pomi_part_has_work(extraction, &extraction->parts[p]))
            status = make_part(extraction, workers, &extraction->parts[p], buffer, &failures, err);
    free(failures.rows);
    if (buffer != NULL) free(buffer->features);
    free(buffer);
    return status;
}
