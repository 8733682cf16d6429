// SPDX-License-Identifier: Apache-2.0
/*
 * The other side of parts_by_others.c: one process that makes parts of a run which another one planned. It holds no lock: the
 * run does, and what is published here is whole and the same whoever publishes it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "pipeline/extraction.h"
#include "pipeline/listing_file.h"
#include "pipeline/part_task.h"
#include "store/usage.h"

struct pom_part_maker {
    struct pom_run_options options;
    struct pomi_session session;
    struct pomi_extraction extraction; /* what stays between parts */
    char name[17];                     /* tells its reports from other makers' */
};

enum pom_status pom_part_maker_new(struct pom_part_maker **maker, const struct pom_run_options *options,
                                   const struct pom_network *network, struct pom_error *err)
{
    if (maker == NULL || options == NULL || options->output == NULL || network == NULL)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument",
                         "a part maker needs an output and a network");
    *maker = NULL;
    struct pom_part_maker *made = calloc(1, sizeof *made);
    if (made == NULL) return pomi_fail_memory(err, sizeof *made, "a part maker");
    snprintf(made->name, sizeof made->name, "%016" PRIx64, pomi_random_number());
    made->options = *options;
    made->options.on_event = NULL;
    made->options.should_stop = NULL;
    made->options.make_parts = NULL;
    made->options.max_failures = -1; /* of the whole run, which counts them */
    enum pom_status status = pomi_session_begin(&made->session, &made->options, err);
    if (status != POM_OK) {
        free(made);
        return status;
    }
    made->extraction = (struct pomi_extraction){
        .session = &made->session,
        .progress = &made->session.progress,
        .options = &made->options,
        .network = (struct pom_network *)network,
        .n_threads = pomi_session_n_threads(&made->options),
    };
    status = pomi_extraction_prepare(&made->extraction, err);
    if (status == POM_OK) status = pomi_sink_new(&made->extraction.sink, made->session.store, err);
    if (status == POM_OK) status = pomi_sink_new(&made->extraction.read_sink, made->session.store, err);
    if (status == POM_OK)
        *maker = made;
    else
        pom_part_maker_free(made);
    return status;
}

void pom_part_maker_free(struct pom_part_maker *maker)
{
    if (maker == NULL) return;
    pomi_extraction_release(&maker->extraction);
    pomi_store_free(maker->session.store);
    free(maker);
}

/* --- a task --- */

static enum pom_status refuse_task(struct pom_error *err)
{
    return pomi_fail(err, POM_ERROR_FORMAT, "bad_task",
                     "these bytes are not a part's task of this version of pomona (" POMI_TASK_FORMAT ")");
}

/* The photos of the part, which is the whole plan here. */
static enum pom_status read_photos(struct pomi_extraction *extraction, struct pomi_part_plan *part,
                                   const json_t *header, struct pomi_view photos, struct pom_error *err)
{
    struct pomi_bytes text = {0};
    POMI_TRY(pomi_bytes_append(&text, photos.data, photos.size_bytes, err));
    POMI_TRY(pomi_listing_from_text(&extraction->plan, &text, "a part's task", err));
    size_t n_photos = extraction->plan.n_photos, index;
    json_t *sizes = json_object_get(header, "sizes"), *failed = json_object_get(header, "failed"), *value;
    if (json_array_size(sizes) != n_photos) return refuse_task(err);
    json_array_foreach(sizes, index, value) extraction->plan.photos[index].size_bytes =
        json_integer_value(value);
    extraction->is_failed = calloc(n_photos, sizeof *extraction->is_failed);
    extraction->order = calloc(n_photos, sizeof *extraction->order);
    if (extraction->is_failed == NULL || extraction->order == NULL)
        return pomi_fail_memory(err, n_photos * sizeof *extraction->order, "a part's photos");
    json_array_foreach(failed, index, value)
    {
        json_int_t at = json_integer_value(value);
        if (!json_is_integer(value) || at < 0 || (uintmax_t)at >= n_photos) return refuse_task(err);
        part->n_failed += !extraction->is_failed[at];
        extraction->is_failed[at] = true;
    }
    part->end = n_photos;
    return POM_OK;
}

static enum pom_status check_settings(struct pomi_extraction *extraction, const json_t *settings,
                                      struct pom_error *err)
{
    extraction->part_rows = (int)json_integer_value(json_object_get(settings, "part_rows"));
    json_t *here = pomi_extraction_settings(extraction);
    if (here == NULL) return pomi_fail_memory(err, 0, "the settings");
    bool is_same = json_equal(here, settings);
    json_decref(here);
    if (is_same) return POM_OK;
    return pomi_fail(
        err, POM_ERROR_MISMATCH, "other_settings",
        "this process would make a part with other settings than the run's: it needs the same version, "
        "options and network");
}

static enum pom_status read_task(struct pomi_extraction *extraction, struct pomi_part_plan *part,
                                 struct pomi_view task, struct pom_error *err)
{
    const uint8_t *end = memchr(task.data, '\0', task.size_bytes);
    if (end == NULL) return refuse_task(err);
    json_t *header = json_loadb((const char *)task.data, (size_t)(end - task.data), 0, NULL);
    const char *format = json_string_value(json_object_get(header, "format"));
    const char *run_id = json_string_value(json_object_get(header, "run_id"));
    json_t *index = json_object_get(header, "part");
    enum pom_status status = POM_OK;
    if (format == NULL || strcmp(format, POMI_TASK_FORMAT) != 0 || run_id == NULL ||
        strlen(run_id) >= sizeof extraction->run_id || strchr(run_id, '/') != NULL ||
        !json_is_integer(index) || json_integer_value(index) < 0 || json_integer_value(index) > 99999)
        status = refuse_task(err);
    if (status == POM_OK) status = check_settings(extraction, json_object_get(header, "settings"), err);
    if (status == POM_OK) {
        strcpy(extraction->run_id, run_id);
        *part = (struct pomi_part_plan){.index = (int)json_integer_value(index),
                                        .is_done = json_is_true(json_object_get(header, "is_done"))};
        struct pomi_view photos = {end + 1, task.size_bytes - (size_t)(end + 1 - task.data)};
        status = read_photos(extraction, part, header, photos, err);
    }
    json_decref(header);
    return status;
}

/* --- making it --- */

/*
 * A part that has rows, and whose failed photos are tried again, may have been made since the run looked: by an earlier try of
 * this task, or by one beside it. Then it has more rows than it had.
 */
static enum pom_status is_made_already(struct pomi_extraction *extraction, const struct pomi_part_plan *part,
                                       bool *is_made, size_t *n_rows, struct pom_error *err)
{
    *is_made = false;
    *n_rows = 0;
    if (!part->is_done) return POM_OK;
    struct pomi_table_reader *reader = NULL;
    char *path =
        pomi_part_file(extraction->features_folder, part->index, extraction->run_id, POMI_FORMAT_PARQUET);
    enum pom_status status = path == NULL ? pomi_fail_memory(err, 0, "a file name")
                                          : pomi_table_open(&reader, extraction->read_sink, path,
                                                            POMI_TABLE_FEATURES, "features", err);
    if (status == POM_OK) *n_rows = (size_t)pomi_table_info(reader)->n_rows;
    *is_made = status == POM_OK && *n_rows > part->end - part->n_failed;
    pomi_table_close(reader);
    free(path);
    return status;
}

/* Where a folder means another one on each machine, parts would be lost. */
static enum pom_status check_output(struct pomi_extraction *extraction, struct pom_error *err)
{
    bool is_there;
    char *path = pomi_store_join(extraction->options->output, "run.json");
    if (path == NULL) return pomi_fail_memory(err, 0, "a file name");
    enum pom_status status = pomi_store_is_file(extraction->session->store, path, &is_there, err);
    if (status == POM_OK && !is_there)
        status = pomi_fail(
            err, POM_ERROR_NOT_FOUND, "other_output",
            "there is no %s here, where a part of its run is to be made: the output must be on s3:// or in "
            "a folder that all machines share",
            path);
    free(path);
    return status;
}

static enum pom_status make(struct pomi_extraction *extraction, const struct pomi_part_plan *part,
                            double seconds[POMI_N_PHOTO_STAGES], struct pom_error *err)
{
    bool is_made;
    size_t n_rows;
    POMI_TRY(check_output(extraction, err));
    POMI_TRY(is_made_already(extraction, part, &is_made, &n_rows, err));
    for (size_t i = 0; i < part->end; i++)
        if (!part->is_done || extraction->is_failed[i]) extraction->order[extraction->n_order++] = i;
    if (is_made) {
        extraction->n_failed = (int64_t)(part->end - n_rows);
        return POM_OK;
    }
    POMI_TRY(pomi_store_make_folder(extraction->session->store, extraction->features_folder, err));
    struct pomi_workers *workers = NULL;
    enum pom_status status =
        pomi_workers_new(&workers, extraction->prototype, extraction->session->store, extraction->n_threads,
                         &extraction->plan, extraction->order, extraction->n_order, err);
    if (status == POM_OK) status = pomi_make_parts(extraction, workers, err);
    pomi_workers_free(workers, seconds);
    return status;
}

static enum pom_status write_report(char **report, const struct pom_part_maker *maker,
                                    const struct pomi_extraction *extraction,
                                    const double seconds[POMI_N_PHOTO_STAGES], struct pom_error *err)
{
    json_t *per_stage = json_object(), *usage = pomi_store_usage(maker->session.store);
    for (int stage = 0; stage < POMI_N_PHOTO_STAGES; stage++)
        json_object_set_new(per_stage, pomi_photo_stage_name((enum pomi_photo_stage)stage),
                            json_real(seconds[stage]));
    json_object_set_new(per_stage, "write", json_real(extraction->write_seconds));
    json_t *object = json_pack("{s:i, s:s, s:I, s:I, s:o}", "part", extraction->parts[0].index, "maker",
                               maker->name, "photos", (json_int_t)extraction->n_order, "failed",
                               (json_int_t)extraction->n_failed, "seconds", per_stage);
    if (usage != NULL) json_object_set_new(object, "s3", usage);
    *report = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    return *report != NULL ? POM_OK : pomi_fail_memory(err, 0, "a part's report");
}

enum pom_status pom_part_maker_make(struct pom_part_maker *maker, const void *task, size_t size_bytes,
                                    char **report, struct pom_error *err)
{
    struct pomi_extraction extraction = maker->extraction;
    struct pomi_part_plan part = {0};
    double seconds[POMI_N_PHOTO_STAGES] = {0};
    extraction.parts = &part;
    extraction.n_parts = 1;
    enum pom_status status = read_task(&extraction, &part, (struct pomi_view){task, size_bytes}, err);
    if (status == POM_OK) status = make(&extraction, &part, seconds, err);
    if (status == POM_OK) status = write_report(report, maker, &extraction, seconds, err);
    pomi_listing_release(&extraction.plan);
    free(extraction.is_failed);
    free(extraction.order);
    return status;
}
