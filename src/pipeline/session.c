// SPDX-License-Identifier: Apache-2.0
#include "pipeline/session.h"

#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "pipeline/extractor.h"
#include "pipeline/listing_file.h"
#include "pomona/version.h"
#include "sink/sink.h"
#include "store/usage.h"

void pom_run_options_init(struct pom_run_options *options)
{
    *options = (struct pom_run_options){.max_failures = -1};
    pom_decode_options_init(&options->decode);
    pom_resize_options_init(&options->resize);
    pom_pca_options_init(&options->pca);
}

int pomi_session_n_threads(const struct pom_run_options *options)
{
    cpu_set_t cores;
    if (options->n_threads > 0) return options->n_threads;
    if (sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
    return CPU_COUNT(&cores) > 0 ? CPU_COUNT(&cores) : 1;
}

enum pom_status pomi_session_begin(struct pomi_session *session, const struct pom_run_options *options,
                                   struct pom_error *err)
{
    *session = (struct pomi_session){.options = options, .began_seconds = pomi_clock_seconds()};
    pomi_progress_init(&session->progress, options);
    POMI_TRY(pomi_store_new(&session->store, &options->s3, err));
    enum pom_status status = pomi_store_check_prices(session->store, err);
    if (status != POM_OK) pomi_store_free(session->store);
    return status;
}

/* What was done on S3 goes into the manifest, but for its own writing, and to the caller. */
static void report_usage(struct pomi_session *session)
{
    struct pomi_bytes text = {0};
    json_t *usage = pomi_store_usage(session->store);
    if (usage != NULL) pomi_usage_add(usage, session->others_usage);
    if (usage != NULL && session->manifest != NULL) json_object_set(session->manifest, "s3", usage);
    if (usage != NULL && pomi_store_usage_text(session->store, &text, NULL) == POM_OK)
        pomi_progress_message(&session->progress, POM_EVENT_MESSAGE, "%s%s", (const char *)text.data,
                              session->others_usage != NULL ? " (this process; run.json has the sum over all)"
                                                            : "");
    json_decref(usage);
    pomi_bytes_release(&text);
}

static int64_t peak_memory_bytes(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (int64_t)usage.ru_maxrss * 1024 : 0;
}

void pomi_session_record(struct pomi_session *session, const char *section, const char *name, json_t *value)
{
    if (session->manifest == NULL) {
        json_decref(value);
        return;
    }
    json_t *object = json_object_get(session->manifest, section);
    if (object == NULL) {
        object = json_object();
        json_object_set_new(session->manifest, section, object);
    }
    json_object_set_new(object, name, value);
}

void pomi_session_record_cost(struct pomi_session *session)
{
    session->result.seconds = pomi_clock_seconds() - session->began_seconds;
    session->result.peak_memory_bytes = peak_memory_bytes();
    if (session->manifest == NULL || session->keeps_state) return;
    json_object_set_new(session->manifest, "peak_memory_bytes",
                        json_integer(session->result.peak_memory_bytes));
    pomi_session_record(session, "seconds", "total", json_real(session->result.seconds));
}

enum pom_status pomi_session_save(struct pomi_session *session, struct pom_error *err)
{
    POMI_TRY(pomi_store_lock_check(session->lock, err));
    return pomi_manifest_write(session->manifest, session->store, session->options->output, err);
}

static const char *state_after(enum pom_status status)
{
    if (status == POM_OK) return "complete";
    return status == POM_ERROR_INTERRUPTED ? "interrupted" : "failed";
}

enum pom_status pomi_session_end(struct pomi_session *session, enum pom_status status,
                                 struct pom_run_result *result, struct pom_error *err)
{
    pomi_session_record_cost(session);
    report_usage(session);
    if (session->manifest != NULL && session->lock != NULL) {
        if (!session->keeps_state)
            json_object_set_new(session->manifest, "state", json_string(state_after(status)));
        json_object_set_new(session->manifest, "finished", pomi_manifest_now());
        /* After a failure that failure is what the caller must hear of, not this one. */
        enum pom_status saved = pomi_session_save(session, status == POM_OK ? err : NULL);
        if (status == POM_OK) status = saved;
    }
    struct pom_error why = {0};
    if (pomi_store_unlock(session->lock, &why) != POM_OK)
        pomi_progress_message(&session->progress, POM_EVENT_WARNING,
                              "the lock stays, and from another machine the next run needs --take-over: %s",
                              why.message);
    if (status == POM_OK) pomi_progress_done(&session->progress, &session->result);
    json_decref(session->manifest);
    json_decref(session->others_usage);
    pomi_store_free(session->store);
    if (result != NULL) *result = session->result;
    return status;
}

enum pom_status pomi_session_mark(struct pomi_session *session, const char *table, bool is_complete,
                                  struct pom_error *err)
{
    char *path = pomi_store_join(session->options->output, "%s/_SUCCESS", table);
    if (path == NULL) return pomi_fail_memory(err, 0, "a file name");
    enum pom_status status = pomi_store_lock_check(session->lock, err);
    if (status == POM_OK)
        status = is_complete ? pomi_store_write(session->store, path, (struct pomi_view){0}, err)
                             : pomi_store_remove(session->store, path, err);
    free(path);
    return status;
}

/* --- opening an output --- */

enum output_state { OUTPUT_NEW, OUTPUT_OURS, OUTPUT_FOREIGN };

static bool is_visible(void *user, const char *path)
{
    const char *below = path + *(const size_t *)user;
    while (*below == '/') below++;
    return *below != '_' && *below != '.';
}

/* A folder with nothing but hidden files in it is new: a run that was killed before its manifest was written. */
static enum pom_status look_at_output(struct pomi_session *session, enum output_state *state,
                                      struct pom_error *err)
{
    const char *output = session->options->output;
    bool is_there;
    *state = OUTPUT_NEW;
    POMI_TRY(pomi_store_is_folder(session->store, output, &is_there, err));
    if (!is_there) return POM_OK;
    enum pom_status status = pomi_manifest_read(&session->manifest, session->store, output, err);
    if (status == POM_OK) *state = OUTPUT_OURS;
    if (status != POM_ERROR_NOT_FOUND) return status;
    struct pomi_store_listing inside;
    size_t output_bytes = strlen(output);
    POMI_TRY(pomi_store_list(session->store, output, is_visible, &output_bytes, &inside, err));
    if (inside.n_entries > 0) *state = OUTPUT_FOREIGN;
    pomi_store_listing_release(&inside);
    return POM_OK;
}

static enum pom_status refuse_foreign(const char *output, struct pom_error *err)
{
    return pomi_fail(
        err, POM_ERROR_EXISTS, "not_an_output",
        "%s has files in it and no run.json, so pomona did not make it: choose another output folder",
        output);
}

static enum pom_status remove_earlier_run(struct pomi_store *store, const char *output, struct pom_error *err)
{
    static const char *const tables[] = {"features", "failures", "pca"};
    /* The listing last: without run.json it is nothing, and run.json without it could not be gone on with. */
    static const char *const files[] = {"report.html", "pca.safetensors", "run.json", "_listing"};
    enum pom_status status = POM_OK;
    for (size_t i = 0; status == POM_OK && i < sizeof tables / sizeof tables[0]; i++) {
        char *path = pomi_store_join(output, "%s", tables[i]);
        status = path == NULL ? pomi_fail_memory(err, 0, "a file name") : pomi_table_remove(store, path, err);
        free(path);
    }
    char *plots = pomi_store_join(output, "plots");
    if (status == POM_OK)
        status = plots == NULL ? pomi_fail_memory(err, 0, "a file name")
                               : pomi_store_remove_tree(store, plots, err);
    free(plots);
    for (size_t i = 0; status == POM_OK && i < sizeof files / sizeof files[0]; i++) {
        char *path = pomi_store_join(output, "%s", files[i]);
        status = path == NULL ? pomi_fail_memory(err, 0, "a file name") : pomi_store_remove(store, path, err);
        free(path);
    }
    return status;
}

static enum pom_status lock_output(struct pomi_session *session, struct pom_error *err)
{
    POMI_TRY(pomi_store_make_folder(session->store, session->options->output, err));
    return pomi_store_lock(session->store, &session->lock, session->options->output, err);
}

static json_t *new_manifest(const struct pom_run_options *options)
{
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:{s:[]}}", "format", POMI_MANIFEST_FORMAT,
                     "version", pom_version(), "state", "running", "started", pomi_manifest_now(),
                     "command_line", pomi_manifest_text(options->command_line), "source",
                     pomi_manifest_text(options->source), "output", pomi_manifest_text(options->output),
                     "listing", "generations");
}

/* How many photos each generation of the plan has: the first listing, then what each update added. */
static enum pom_status record_generations(struct pomi_session *session, size_t n_photos,
                                          struct pom_error *err)
{
    json_t *generations = json_object_get(json_object_get(session->manifest, "listing"), "generations");
    size_t n_known = 0, index;
    bool is_sound = json_is_array(generations);
    json_t *count;
    json_array_foreach(generations, index, count)
    {
        json_int_t n = json_integer_value(count);
        is_sound = is_sound && n > 0 && (uintmax_t)n <= n_photos - n_known;
        if (is_sound) n_known += (size_t)n;
    }
    if (!is_sound)
        return pomi_fail(err, POM_ERROR_FORMAT, "bad_manifest",
                         "%s/run.json is damaged: its listing.generations are not those of %zu photos; start "
                         "again with --overwrite",
                         session->options->output, n_photos);
    if (n_photos > n_known &&
        json_array_append_new(generations, json_integer((json_int_t)(n_photos - n_known))) != 0)
        return pomi_fail_memory(err, 0, "the manifest");
    return POM_OK;
}

/* The earlier plan takes the place of today's listing in *listing, with what is new at its end. */
static enum pom_status join_listings(struct pomi_session *session, struct pomi_listing *listing,
                                     struct pom_error *err)
{
    const struct pom_run_options *options = session->options;
    struct pomi_listing plan;
    POMI_TRY(pomi_listing_file_read(&plan, session->store, options->output, err));
    size_t n_new, n_gone;
    const char *example;
    enum pom_status status = pomi_listing_add_new(&plan, listing, &n_new, &n_gone, &example, err);
    if (status == POM_OK && !options->update && n_new + n_gone > 0)
        status = pomi_fail(
            err, POM_ERROR_MISMATCH, "other_listing",
            "the source has changed since %s was begun: new photos: %zu, gone: %zu (e.g. %s); use --update to add "
            "the new ones, or another output",
            options->output, n_new, n_gone, example);
    if (status != POM_OK) {
        pomi_listing_release(&plan);
        return status;
    }
    if (options->update)
        pomi_progress_message(&session->progress, POM_EVENT_MESSAGE, "update: new photos: %zu", n_new);
    if (n_gone > 0)
        pomi_progress_message(
            &session->progress, POM_EVENT_WARNING,
            "photos of the earlier run that are no longer in the source: %zu (e.g. %s); their rows stay",
            n_gone, example);
    pomi_listing_release(listing);
    *listing = plan;
    return POM_OK;
}

/* Clears what is in the way and publishes the plan: the listing first, since a manifest without one is no use. */
static enum pom_status begin_output(struct pomi_session *session, const struct pomi_listing *listing,
                                    bool starts_new, struct pom_error *err)
{
    const char *output = session->options->output;
    POMI_TRY(pomi_store_remove_unfinished(session->store, output, err));
    if (starts_new) POMI_TRY(remove_earlier_run(session->store, output, err));
    POMI_TRY(pomi_listing_file_write(listing, session->store, output, err));
    return pomi_session_save(session, err);
}

/* The manifest on the disk is not this session's to write. */
static void forget_manifest(struct pomi_session *session)
{
    json_decref(session->manifest);
    session->manifest = NULL;
}

/* Parts that are there were cut in some size, and --resume need not be told which. */
static void keep_part_rows(const struct pomi_session *session, json_t *settings)
{
    json_t *earlier = json_object_get(json_object_get(session->manifest, "settings"), "part_rows");
    json_int_t n_rows = json_integer_value(earlier);
    if (session->options->part_rows == 0 && n_rows > 0 && n_rows <= INT_MAX)
        json_object_set(settings, "part_rows", earlier);
}

enum pom_status pomi_session_open_extraction(struct pomi_session *session, json_t *settings,
                                             struct pomi_listing *listing, struct pom_error *err)
{
    const struct pom_run_options *options = session->options;
    bool goes_on = options->resume || options->retry_failed || options->update;
    enum output_state state;
    if (!options->dry_run) POMI_TRY(lock_output(session, err));
    POMI_TRY(look_at_output(session, &state, err));
    if (state == OUTPUT_FOREIGN) return refuse_foreign(options->output, err);
    if (state == OUTPUT_OURS && !goes_on && !options->overwrite) {
        const char *earlier = json_string_value(json_object_get(session->manifest, "state"));
        pomi_fail(err, POM_ERROR_EXISTS, "output_exists",
                  "%s holds a run already (%s): use --resume to go on, --update to add new photos, "
                  "--retry-failed to redo "
                  "failed ones, --overwrite to replace it, or another output",
                  options->output, earlier != NULL ? earlier : "state unknown");
        forget_manifest(session);
        return POM_ERROR_EXISTS;
    }
    bool starts_new = state == OUTPUT_NEW || options->overwrite;
    if (!starts_new) {
        keep_part_rows(session, settings);
        enum pom_status status =
            pomi_manifest_same_settings(session->manifest, settings, options->output, err);
        if (status == POM_OK) status = join_listings(session, listing, err);
        if (status == POM_OK) status = record_generations(session, listing->n_photos, err);
        if (status != POM_OK) {
            forget_manifest(session);
            return status;
        }
    } else {
        json_decref(session->manifest);
        session->manifest = new_manifest(options);
        if (session->manifest == NULL) return pomi_fail_memory(err, 0, "the manifest");
        json_object_set(session->manifest, "settings", settings);
        POMI_TRY(record_generations(session, listing->n_photos, err));
    }
    json_object_set_new(session->manifest, "state", json_string("running"));
    if (options->command_line != NULL)
        json_object_set_new(session->manifest, "command_line", pomi_manifest_text(options->command_line));
    pomi_session_record(session, "listing", "hash", json_string(listing->hash));
    if (options->dry_run) return POM_OK;
    enum pom_status status = begin_output(session, listing, starts_new, err);
    if (status != POM_OK) forget_manifest(session);
    return status;
}

enum pom_status pomi_session_open_output(struct pomi_session *session, struct pom_error *err)
{
    enum output_state state;
    POMI_TRY(lock_output(session, err));
    POMI_TRY(look_at_output(session, &state, err));
    if (state == OUTPUT_FOREIGN) return refuse_foreign(session->options->output, err);
    session->keeps_state = state == OUTPUT_OURS;
    if (session->manifest == NULL) session->manifest = new_manifest(session->options);
    if (session->manifest == NULL) return pomi_fail_memory(err, 0, "the manifest");
    return POM_OK;
}
