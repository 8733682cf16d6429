// SPDX-License-Identifier: Apache-2.0
/*
 * The run's side of parts that other processes make: what they are told, and what they told. Whether all is there is not taken
 * from their reports: the tables are counted, as after any extraction.
 *
 * A task is a JSON object, a zero byte, and the photos of the part as in a listing file.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/extraction.h"
#include "pipeline/listing_file.h"
#include "pipeline/part_task.h"
#include "store/usage.h"

struct pom_parts {
    struct pomi_extraction *extraction;
    size_t *parts; /* [n_parts] of extraction->parts: those that have work */
    size_t n_parts;
    bool *is_made;   /* [extraction->n_parts] */
    double *seconds; /* [POMI_N_PHOTO_STAGES] */
    json_t *usage;   /* what each maker did on S3 in all, by its name */
};

/* --- what they are told --- */

size_t pom_parts_count(const struct pom_parts *parts)
{
    return parts->n_parts;
}

static json_t *describe_part(const struct pomi_extraction *extraction, const struct pomi_part_plan *part)
{
    json_t *sizes = json_array(), *failed = json_array();
    for (size_t i = part->begin; i < part->end; i++) {
        json_array_append_new(sizes, json_integer((json_int_t)extraction->plan.photos[i].size_bytes));
        if (extraction->is_failed[i])
            json_array_append_new(failed, json_integer((json_int_t)(i - part->begin)));
    }
    return json_pack("{s:s, s:O, s:s, s:i, s:b, s:o, s:o}", "format", POMI_TASK_FORMAT, "settings",
                     json_object_get(extraction->session->manifest, "settings"), "run_id", extraction->run_id,
                     "part", part->index, "is_done", part->is_done, "failed", failed, "sizes", sizes);
}

enum pom_status pom_parts_task(const struct pom_parts *parts, size_t index, void **task, size_t *size_bytes,
                               struct pom_error *err)
{
    if (index >= parts->n_parts)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument", "part %zu of %zu", index, parts->n_parts);
    const struct pomi_extraction *extraction = parts->extraction;
    const struct pomi_part_plan *part = &extraction->parts[parts->parts[index]];
    json_t *header = describe_part(extraction, part);
    char *text = header != NULL ? json_dumps(header, JSON_COMPACT) : NULL;
    json_decref(header);
    struct pomi_bytes bytes = {0};
    enum pom_status status = text == NULL ? pomi_fail_memory(err, 0, "a part's task")
                                          : pomi_bytes_append(&bytes, text, strlen(text) + 1, err);
    free(text);
    for (size_t i = part->begin; status == POM_OK && i < part->end; i++)
        status = pomi_listing_add_text(&bytes, &extraction->plan.photos[i], err);
    if (status != POM_OK) {
        pomi_bytes_release(&bytes);
        return status;
    }
    *task = bytes.data;
    *size_bytes = bytes.size_bytes;
    return POM_OK;
}

/* --- what they told --- */

static enum pom_status take_report(struct pom_parts *parts, const char *text, struct pom_error *err)
{
    struct pomi_extraction *extraction = parts->extraction;
    json_t *report = json_loads(text, 0, NULL), *part = json_object_get(report, "part");
    json_int_t index = json_integer_value(part);
    if (!json_is_integer(part) || index < 0 || (uintmax_t)index >= extraction->n_parts) {
        json_decref(report);
        return pomi_fail(err, POM_ERROR_FORMAT, "bad_report", "this is not what a part maker reports: %.60s",
                         text);
    }
    if (!parts->is_made[index]) {
        parts->is_made[index] = true;
        json_t *seconds = json_object_get(report, "seconds");
        for (int stage = 0; stage < POMI_N_PHOTO_STAGES; stage++)
            parts->seconds[stage] += json_number_value(
                json_object_get(seconds, pomi_photo_stage_name((enum pomi_photo_stage)stage)));
        extraction->write_seconds += json_number_value(json_object_get(seconds, "write"));
        extraction->n_done += json_integer_value(json_object_get(report, "photos"));
        extraction->n_failed += json_integer_value(json_object_get(report, "failed"));
        const char *maker = json_string_value(json_object_get(report, "maker"));
        json_t *usage = json_object_get(report, "s3");
        if (maker != NULL && usage != NULL) json_object_set(parts->usage, maker, usage);
    }
    json_decref(report);
    return POM_OK;
}

enum pom_status pom_parts_made(struct pom_parts *parts, const char *report, struct pom_error *err)
{
    struct pomi_extraction *extraction = parts->extraction;
    int64_t max_failures = extraction->options->max_failures;
    if (report != NULL) POMI_TRY(take_report(parts, report, err));
    pomi_progress_update(extraction->progress, extraction->n_done, extraction->n_failed);
    if (pomi_progress_should_stop(extraction->progress))
        return pomi_fail(err, POM_ERROR_INTERRUPTED, "interrupted",
                         "interrupted after %" PRId64 " of %zu photos; go on with --resume",
                         extraction->n_done, extraction->plan.n_photos);
    if (max_failures >= 0 && extraction->n_failed > max_failures)
        return pomi_fail(err, POM_ERROR_LIMIT, "too_many_failures",
                         "%" PRId64 " photos failed and --max-failures is %" PRId64 ": see %s/failures",
                         extraction->n_failed, max_failures, extraction->options->output);
    return POM_OK;
}

static json_t *sum_of_usage(const json_t *by_maker)
{
    json_t *sum = NULL, *usage;
    const char *maker;
    json_object_foreach((json_t *)by_maker, maker, usage)
    {
        if (sum == NULL)
            sum = json_deep_copy(usage);
        else
            pomi_usage_add(sum, usage);
    }
    return sum;
}

enum pom_status pomi_parts_by_others(struct pomi_extraction *extraction, double seconds[POMI_N_PHOTO_STAGES],
                                     struct pom_error *err)
{
    struct pomi_session *session = extraction->session;
    struct pom_parts parts = {
        .extraction = extraction,
        .parts = calloc(extraction->n_parts, sizeof *parts.parts),
        .is_made = calloc(extraction->n_parts, sizeof *parts.is_made),
        .seconds = seconds,
        .usage = json_object(),
    };
    enum pom_status status = POM_OK;
    if (parts.parts == NULL || parts.is_made == NULL || parts.usage == NULL) {
        status = pomi_fail_memory(err, extraction->n_parts * sizeof *parts.parts, "the parts");
    } else {
        for (size_t p = 0; p < extraction->n_parts; p++)
            if (pomi_part_has_work(extraction, &extraction->parts[p])) parts.parts[parts.n_parts++] = p;
        status = extraction->options->make_parts(extraction->options->user, &parts, err);
    }
    session->others_usage = sum_of_usage(parts.usage);
    json_decref(parts.usage);
    free(parts.parts);
    free(parts.is_made);
    /* What processes that were killed, or were slower than another, left half-written. */
    if (status == POM_OK) status = pomi_store_lock_check(session->lock, err);
    if (status == POM_OK)
        status = pomi_store_remove_unfinished(session->store, extraction->options->output, err);
    return status;
}
