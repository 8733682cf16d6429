// SPDX-License-Identifier: Apache-2.0
/* The extract stage: photos to parts of the features and failures tables. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "kernels/kernels.h"
#include "pipeline/extraction.h"

static json_t *describe_network(const struct pom_network_info *network)
{
    return json_pack("{s:o, s:s, s:o, s:s, s:s, s:i, s:i, s:o, s:o}", "name",
                     pomi_manifest_text(network->name), "identity", network->identity, "selection",
                     pomi_manifest_text(network->selection), "preprocessing", network->preprocessing,
                     "padding", network->padding, "input_px", network->input_px, "n_features",
                     network->n_features, "origin", pomi_manifest_text(network->origin), "licence",
                     pomi_manifest_text(network->licence));
}

/* --- the stage --- */

static enum pom_status make_parts_here(struct pomi_extraction *extraction,
                                       double seconds[POMI_N_PHOTO_STAGES], struct pom_error *err)
{
    struct pomi_workers *workers = NULL;
    enum pom_status status =
        pomi_workers_new(&workers, extraction->prototype, extraction->session->store, extraction->n_threads,
                         &extraction->plan, extraction->order, extraction->n_order, err);
    if (status == POM_OK) status = pomi_make_parts(extraction, workers, err);
    pomi_workers_free(workers, seconds);
    return status;
}

static enum pom_status extract_photos(struct pomi_extraction *extraction, struct pom_error *err)
{
    struct pomi_session *session = extraction->session;
    double seconds[POMI_N_PHOTO_STAGES] = {0};
    POMI_TRY(pomi_session_mark(session, "features", false, err));
    POMI_TRY(pomi_session_mark(session, "pca", false, err)); /* made from features that are changing now */
    POMI_TRY(pomi_store_make_folder(session->store, extraction->features_folder, err));
    session->has_changed = true;
    int64_t n_before = extraction->n_done;
    pomi_progress_stage(extraction->progress, "extract", (int64_t)extraction->plan.n_photos,
                        extraction->n_done, extraction->n_failed);
    enum pom_status status = extraction->options->make_parts != NULL
                                 ? pomi_parts_by_others(extraction, seconds, err)
                                 : make_parts_here(extraction, seconds, err);
    pomi_progress_update(extraction->progress, extraction->n_done, extraction->n_failed);
    double wall_seconds = pomi_progress_stage_end(extraction->progress);

    json_t *per_stage = json_object();
    for (int stage = 0; stage < POMI_N_PHOTO_STAGES; stage++)
        json_object_set_new(per_stage, pomi_photo_stage_name(stage), json_real(seconds[stage]));
    json_object_set_new(per_stage, "write", json_real(extraction->write_seconds));
    pomi_session_record(session, "seconds", "extract", json_real(wall_seconds));
    pomi_session_record(session, "seconds", "per_stage", per_stage);
    session->result.photos_per_second =
        wall_seconds > 0 ? (double)(extraction->n_done - n_before) / wall_seconds : 0;
    json_object_set_new(session->manifest, "photos_per_second", json_real(session->result.photos_per_second));
    return status;
}

/* What is in the tables now is counted in the tables, not remembered: listed = written + failed must hold there. */
static enum pom_status reconcile(struct pomi_extraction *extraction, struct pom_error *err)
{
    struct pomi_session *session = extraction->session;
    struct pomi_table_reader *reader = NULL;
    struct pomi_failure_list failures;
    POMI_TRY(pomi_table_open(&reader, extraction->read_sink, extraction->features_folder, POMI_TABLE_FEATURES,
                             "features", err));
    session->result.n_listed = (int64_t)extraction->plan.n_photos;
    session->result.n_written = pomi_table_info(reader)->n_rows;
    pomi_table_close(reader);
    POMI_TRY(pomi_read_failures(extraction, &failures, err));
    session->result.n_failed = (int64_t)failures.n_failures;
    json_t *by_reason = json_object();
    for (size_t i = 0; i < failures.n_failures; i++) {
        const char *reason = failures.failures[i].reason;
        json_int_t count = json_integer_value(json_object_get(by_reason, reason));
        json_object_set_new(by_reason, reason, json_integer(count + 1));
    }
    pomi_failure_list_release(&failures);
    json_object_set_new(session->manifest, "counts",
                        json_pack("{s:I, s:I, s:I, s:o}", "listed", (json_int_t)session->result.n_listed,
                                  "written", (json_int_t)session->result.n_written, "failed",
                                  (json_int_t)session->result.n_failed, "by_reason", by_reason));
    if (session->result.n_listed != session->result.n_written + session->result.n_failed)
        return pomi_fail(err, POM_ERROR_IO, "not_reconciled",
                         "%" PRId64 " photos were listed, but the tables hold %" PRId64 " rows and %" PRId64
                         " failures: the output was changed by somebody else; run with --overwrite",
                         session->result.n_listed, session->result.n_written, session->result.n_failed);
    POMI_TRY(pomi_session_mark(session, "features", true, err));
    if (session->result.n_failed == 0)
        return pomi_table_remove(session->store, extraction->failures_folder, err);
    return pomi_session_mark(session, "failures", true, err);
}

static void say_what_is_used(struct pomi_extraction *extraction)
{
    pomi_progress_message(
        extraction->progress, POM_EVENT_MESSAGE,
        "memory: at most about %.0f MB%s; the largest photo that --max-pixels allows would take %.0f MB more "
        "while a thread reads it",
        pomi_extraction_memory_bytes(extraction) * 1e-6,
        extraction->options->make_parts != NULL ? " in each process" : "",
        (double)pomi_extractor_photo_bytes(extraction->prototype) * 1e-6);
}

static void say_what_would_be_done(const struct pomi_extraction *extraction)
{
    pomi_progress_message(
        extraction->progress, POM_EVENT_MESSAGE,
        "dry run: %zu photos listed, %zu to extract with %d threads into %zu parts in %s; nothing was "
        "written",
        extraction->plan.n_photos, extraction->n_order, extraction->n_threads, extraction->n_parts,
        extraction->options->output);
}

/* Before anything is made: what fit or transform would refuse when all photos are through. */
static enum pom_status check_later_stages(const struct pomi_extraction *extraction, struct pom_error *err)
{
    struct pomi_table_info planned = {
        .n_rows = (int64_t)extraction->plan.n_photos,
        .n_features = pom_network_info(extraction->network)->n_features,
    };
    if (extraction->options->update) planned.n_rows = INT64_MAX; /* those of an earlier listing come on top */
    memcpy(planned.network_name, extraction->features_name, sizeof planned.network_name);
    memcpy(planned.network_identity, extraction->features_identity, sizeof planned.network_identity);
    return pomi_check_later_stages(extraction->session, &planned, err);
}

static size_t divided_up(size_t n, size_t divisor)
{
    return n / divisor + (n % divisor > 0);
}

/* Others take parts as they become free: some dozens, a few for each of them and as many for all, so that none waits long for
 * the last part, but none of a few photos. */
static int part_rows_of(const struct pomi_extraction *extraction)
{
    enum { PARTS_TO_SHARE = 64, PARTS_EACH = 3, LEAST_ROWS = 64 };
    const struct pom_run_options *options = extraction->options;
    if (options->part_rows > 0) return options->part_rows;
    if (options->make_parts == NULL) return POMI_DEFAULT_PART_ROWS;
    size_t n_photos = extraction->plan.n_photos;
    size_t n_makers = options->n_part_makers > 0 ? (size_t)options->n_part_makers : 1;
    size_t n_parts = n_makers * PARTS_EACH < PARTS_TO_SHARE ? PARTS_TO_SHARE : n_makers * PARTS_EACH;
    size_t most = divided_up(n_photos, LEAST_ROWS), least = divided_up(n_photos, POMI_DEFAULT_PART_ROWS);
    if (n_parts > most) n_parts = most;
    if (n_parts < least) n_parts = least;
    if (n_parts > n_makers) n_parts = divided_up(n_parts, n_makers) * n_makers;
    return n_parts > 0 ? (int)divided_up(n_photos, n_parts) : LEAST_ROWS;
}

static enum pom_status list_and_plan(struct pomi_extraction *extraction, struct pom_error *err)
{
    const struct pom_run_options *options = extraction->options;
    struct pomi_session *session = extraction->session;
    pomi_progress_stage(extraction->progress, "list", 0, 0, 0);
    struct pomi_source_options source = {session->store, options->source, options->glob, options->label_from};
    POMI_TRY(pomi_source_list(&extraction->plan, &source, err));
    double list_seconds = pomi_progress_stage_end(extraction->progress);
    if (extraction->plan.n_left_out > 0)
        pomi_progress_message(extraction->progress, POM_EVENT_MESSAGE,
                              "%zu images in the outputs of runs below %s are left out",
                              extraction->plan.n_left_out, options->source);

    if (session->goes_on) POMI_TRY(check_later_stages(extraction, err));
    extraction->part_rows = part_rows_of(extraction);
    json_t *settings = pomi_extraction_settings(extraction);
    if (settings == NULL) return pomi_fail_memory(err, 0, "the manifest");
    enum pom_status status = pomi_session_open_extraction(session, settings, &extraction->plan, err);
    extraction->part_rows = (int)json_integer_value(json_object_get(settings, "part_rows"));
    char *text = json_dumps(settings, JSON_COMPACT | JSON_SORT_KEYS), hash[POMI_SHA256_TEXT_BYTES];
    json_decref(settings);
    if (status == POM_OK && text == NULL) status = pomi_fail_memory(err, 0, "the manifest");
    if (status != POM_OK) {
        free(text);
        return status;
    }
    /* The same settings give the same file names, so that a part that is redone takes its old place. */
    pomi_sha256_text(text, strlen(text), hash);
    snprintf(extraction->run_id, sizeof extraction->run_id, "%.8s", hash);
    free(text);
    json_object_set_new(session->manifest, "run_id", json_string(extraction->run_id));
    json_object_set_new(session->manifest, "network",
                        describe_network(pom_network_info(extraction->network)));
    json_object_set_new(session->manifest, "threads", json_integer(extraction->n_threads));
    json_object_set_new(session->manifest, "cpu", json_string(pomk_choose(options->cpu)->name));
    pomi_session_record(session, "seconds", "list", json_real(list_seconds));
    return pomi_plan_parts(extraction, err);
}

static enum pom_status run_extraction(struct pomi_extraction *extraction, struct pom_error *err)
{
    const struct pom_run_options *options = extraction->options;
    POMI_TRY(pomi_session_open_network(extraction->session, &extraction->network, err));
    POMI_TRY(pomi_extraction_prepare(extraction, err));
    pomi_progress_message(extraction->progress, POM_EVENT_MESSAGE, "network: %s (%s)",
                          pom_network_info(extraction->network)->name,
                          pom_network_info(extraction->network)->selection);
    POMI_TRY(list_and_plan(extraction, err));
    say_what_is_used(extraction);
    POMI_TRY(pomi_sink_new(&extraction->sink, extraction->session->store, err));
    POMI_TRY(pomi_sink_new(&extraction->read_sink, extraction->session->store, err));
    POMI_TRY(pomi_find_work(extraction, err));
    if (options->dry_run) {
        say_what_would_be_done(extraction);
        return POM_OK;
    }
    if (extraction->n_order > 0)
        POMI_TRY(extract_photos(extraction, err));
    else
        pomi_progress_message(extraction->progress, POM_EVENT_MESSAGE, "all %zu photos are there already",
                              extraction->plan.n_photos);
    return reconcile(extraction, err);
}

enum pom_status pomi_extract_stage(struct pomi_session *session, struct pom_error *err)
{
    struct pomi_extraction extraction = {
        .session = session,
        .progress = &session->progress,
        .options = session->options,
        .n_threads = pomi_session_n_threads(session->options),
    };
    enum pom_status status = run_extraction(&extraction, err);
    pomi_extraction_release(&extraction);
    pom_network_free(extraction.network);
    return status;
}
