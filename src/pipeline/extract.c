// SPDX-License-Identifier: Apache-2.0
/* The extract stage: photos to parts of the features and failures tables. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "kernels/kernels.h"
#include "pipeline/extraction.h"
#include "store/read_ahead.h"

/* What DuckDB takes while it writes Parquet, measured by tests/unit/sink/test_sink_memory.c. */
#define DUCKDB_BYTES 100e6

/* --- settings: what must stay the same for a part made today to fit beside one made yesterday --- */

static const char *const precision_names[] = {"fp32", "int16", "int8"};

static json_t *settings_of(const struct pomi_extraction *extraction)
{
    static const char *const filters[] = {"nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"};
    static const char *const fits[] = {"stretch", "crop", "pad"};
    const struct pom_run_options *options = extraction->options;
    const struct pom_network_info *network = pom_network_info(extraction->network);
    return json_pack("{s:o, s:o, s:s, s:s, s:s, s:s, s:b, s:I, s:i, s:I, s:i, s:o, s:i}", "network",
                     pomi_manifest_text(network->name), "network_identity", json_string(network->identity),
                     "precision", precision_names[options->precision], "calibration",
                     options->precision == POM_PRECISION_FP32 ? "" : network->calibration, "filter",
                     filters[options->resize.filter], "fit", fits[options->resize.fit], "exif_rotation",
                     options->decode.ignore_exif_rotation == 0, "max_pixels",
                     (json_int_t)options->decode.max_pixels, "max_progressive_scans",
                     options->decode.max_progressive_scans, "max_file_bytes",
                     (json_int_t)options->max_file_bytes, "part_rows",
                     options->part_rows > 0 ? options->part_rows : POMI_DEFAULT_PART_ROWS, "label_from",
                     pomi_manifest_text(options->label_from != NULL ? options->label_from : "parent"),
                     "formats", (int)extraction->formats);
}

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

static enum pom_status extract_photos(struct pomi_extraction *extraction, struct pom_error *err)
{
    struct pomi_session *session = extraction->session;
    double seconds[POMI_N_PHOTO_STAGES] = {0};
    struct pomi_workers *workers = NULL;
    POMI_TRY(pomi_session_mark(session, "features", false, err));
    POMI_TRY(pomi_session_mark(session, "pca", false, err)); /* made from features that are changing now */
    POMI_TRY(pomi_store_make_folder(session->store, extraction->features_folder, err));
    session->has_changed = true;
    int64_t n_before = extraction->n_done;
    pomi_progress_stage(extraction->progress, "extract", (int64_t)extraction->plan.n_photos,
                        extraction->n_done, extraction->n_failed);
    enum pom_status status =
        pomi_workers_new(&workers, extraction->prototype, session->store, extraction->n_threads,
                         &extraction->plan, extraction->order, extraction->n_order, err);
    if (status == POM_OK) status = pomi_make_parts(extraction, workers, err);
    pomi_workers_free(workers, seconds);
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

static bool reads_ahead(const struct pomi_listing *plan)
{
    for (size_t i = 0; i < plan->n_photos; i++)
        if (pomi_store_is_remote(plan->photos[i].path)) return true;
    return false;
}

static void say_what_is_used(struct pomi_extraction *extraction)
{
    const struct pom_network_info *network = pom_network_info(extraction->network);
    double fixed =
        (double)(pomi_plan_weights_bytes(extraction->prototype->plan) +
                 (size_t)extraction->n_threads * pomi_extractor_fixed_bytes(extraction->prototype) +
                 pomi_workers_waiting_bytes(extraction->n_threads, network->n_features) +
                 (reads_ahead(&extraction->plan) ? POMI_STORE_AHEAD_BYTES : 0));
    pomi_progress_message(
        extraction->progress, POM_EVENT_MESSAGE,
        "memory: about %.0f MB for any number of photos; the largest photo that --max-pixels allows would "
        "take %.0f MB more while a thread reads it",
        (DUCKDB_BYTES + fixed) * 1e-6, (double)pomi_extractor_photo_bytes(extraction->prototype) * 1e-6);
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
    json_t *settings = settings_of(extraction);
    if (settings == NULL) return pomi_fail_memory(err, 0, "the manifest");
    enum pom_status status = pomi_session_open_extraction(session, settings, &extraction->plan, err);
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

/*
 * What made the features, for the tables and for whoever must not mix them: the network, and in integers the precision
 * and the calibration too.
 */
static void name_features(struct pomi_extraction *extraction)
{
    const struct pom_network_info *network = pom_network_info(extraction->network);
    const char *precision = precision_names[extraction->options->precision];
    const bool is_exact = extraction->options->precision == POM_PRECISION_FP32;
    snprintf(extraction->features_name, sizeof extraction->features_name, is_exact ? "%s" : "%s %s",
             network->name, precision);
    snprintf(extraction->features_identity, sizeof extraction->features_identity,
             is_exact ? "%s" : "%s+%s+%.12s", network->identity, precision, network->calibration);
}

static enum pom_status run_extraction(struct pomi_extraction *extraction, struct pom_error *err)
{
    const struct pom_run_options *options = extraction->options;
    struct pom_extractor_options extractor_options;
    pom_extractor_options_init(&extractor_options);
    extractor_options.decode = options->decode;
    extractor_options.resize = options->resize;
    extractor_options.max_file_bytes = options->max_file_bytes;
    extractor_options.cpu = options->cpu;
    extractor_options.precision = (enum pom_precision)options->precision;

    POMI_TRY(pomi_formats_parse(options->formats, &extraction->formats, err));
    POMI_TRY(pomi_session_open_network(extraction->session, &extraction->network, err));
    POMI_TRY(pom_extractor_new(&extraction->prototype, extraction->network, &extractor_options, err));
    name_features(extraction);
    extraction->features_folder = pomi_store_join(options->output, "features");
    extraction->failures_folder = pomi_store_join(options->output, "failures");
    if (extraction->features_folder == NULL || extraction->failures_folder == NULL)
        return pomi_fail_memory(err, 0, "a file name");
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
    pomi_sink_free(extraction.sink);
    pomi_sink_free(extraction.read_sink);
    pom_extractor_free(extraction.prototype);
    pom_network_free(extraction.network);
    pomi_listing_release(&extraction.plan);
    free(extraction.parts);
    free(extraction.is_failed);
    free(extraction.order);
    free(extraction.features_folder);
    free(extraction.failures_folder);
    return status;
}
