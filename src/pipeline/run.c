// SPDX-License-Identifier: Apache-2.0
/* The public run functions: each is a session and its stages in order. */
#include <stdlib.h>
#include <string.h>

#include "pipeline/session.h"
#include "sink/sink.h"

static enum pom_status require(const char *value, const char *what, struct pom_error *err)
{
    if (value != NULL && value[0] != '\0') return POM_OK;
    return pomi_fail(err, POM_ERROR_ARGUMENT, "missing", "%s is missing", what);
}

enum pom_status pom_extract_run(const struct pom_run_options *options, struct pom_run_result *result,
                                struct pom_error *err)
{
    struct pomi_session session;
    POMI_TRY(require(options->source, "the source of the photos", err));
    POMI_TRY(require(options->output, "the output folder", err));
    POMI_TRY(pomi_session_begin(&session, options, err));
    return pomi_session_end(&session, pomi_extract_stage(&session, err), result, err);
}

/* What the stages after extract were asked for: another answer than an earlier session's means doing them again. */
static json_t *later_stages(const struct pom_run_options *options)
{
    return json_pack("{s:i, s:i, s:f, s:i, s:b, s:o}", "scale", (int)options->pca.scale, "components",
                     options->pca.n_components, "variance", options->pca.variance, "apply_flags",
                     (int)options->pca_apply_flags, "with_scaled", options->with_scaled != 0, "pca",
                     pomi_manifest_text(options->pca_path));
}

/* Whether OUTPUT/NAME is there. */
static enum pom_status look_for(struct pomi_session *session, const char *name, bool *is_there,
                                struct pom_error *err)
{
    char *path = pomi_store_join(session->options->output, "%s", name);
    enum pom_status status = path == NULL ? pomi_fail_memory(err, 0, "a file name")
                                          : pomi_store_is_file(session->store, path, is_there, err);
    free(path);
    return status;
}

/* When nothing changed and an earlier session finished all that is asked for, there is nothing to do again. */
static enum pom_status is_finished(struct pomi_session *session, const json_t *asked, bool *finished,
                                   struct pom_error *err)
{
    *finished =
        !session->has_changed && json_equal(json_object_get(session->manifest, "later_stages"), asked);
    if (*finished) POMI_TRY(look_for(session, "pca/_SUCCESS", finished, err));
    if (*finished && !session->options->no_report) POMI_TRY(look_for(session, "report.html", finished, err));
    return POM_OK;
}

static enum pom_status run_later_stages(struct pomi_session *session, struct pom_error *err)
{
    const struct pom_run_options *options = session->options;
    char *fitted = pomi_store_join(options->output, "pca.safetensors");
    if (fitted == NULL) return pomi_fail_memory(err, 0, "a file name");
    enum pom_status status = POM_OK;
    if (options->pca_path == NULL) status = pomi_fit_stage(session, options->output, fitted, err);
    if (status == POM_OK)
        status = pomi_transform_stage(session, options->output,
                                      options->pca_path != NULL ? options->pca_path : fitted, err);
    pomi_session_record_cost(session); /* for the report: it shows what it knows */
    if (status == POM_OK && !options->no_report) status = pomi_report_stage(session, err);
    free(fitted);
    return status;
}

static enum pom_status run_stages(struct pomi_session *session, struct pom_error *err)
{
    POMI_TRY(pomi_extract_stage(session, err));
    if (session->options->dry_run) return POM_OK;
    if (session->result.n_written == 0)
        return pomi_fail(err, POM_ERROR_NUMERIC, "no_rows",
                         "none of the %lld photos could be read: see %s/failures",
                         (long long)session->result.n_listed, session->options->output);
    json_t *asked = later_stages(session->options);
    bool finished;
    enum pom_status status = is_finished(session, asked, &finished, err);
    if (status == POM_OK && !finished) {
        json_object_set(session->manifest, "later_stages", asked);
        status = run_later_stages(session, err);
    }
    json_decref(asked);
    return status;
}

enum pom_status pom_run(const struct pom_run_options *options, struct pom_run_result *result,
                        struct pom_error *err)
{
    struct pomi_session session;
    POMI_TRY(require(options->source, "the source of the photos", err));
    POMI_TRY(require(options->output, "the output folder", err));
    POMI_TRY(pomi_session_begin(&session, options, err));
    session.goes_on = true;
    return pomi_session_end(&session, run_stages(&session, err), result, err);
}

/* A name that cannot be written to is told before the work, not after it. */
static enum pom_status require_folder_of(struct pomi_session *session, const char *path,
                                         struct pom_error *err)
{
    const char *slash = strrchr(path, '/');
    if (pomi_store_is_remote(path) || slash == NULL || slash == path) return POM_OK;
    char *folder = strndup(path, (size_t)(slash - path));
    if (folder == NULL) return pomi_fail_memory(err, strlen(path), "a file name");
    bool is_there;
    enum pom_status status = pomi_store_is_folder(session->store, folder, &is_there, err);
    if (status == POM_OK && !is_there)
        status = pomi_fail(err, POM_ERROR_NOT_FOUND, "not_found", "cannot write %s: there is no folder %s",
                           path, folder);
    free(folder);
    return status;
}

static enum pom_status fit_stages(struct pomi_session *session, struct pom_error *err)
{
    const struct pom_run_options *options = session->options;
    bool is_there;
    POMI_TRY(pomi_store_is_file(session->store, options->pca_path, &is_there, err));
    if (is_there && !options->overwrite)
        return pomi_fail(err, POM_ERROR_EXISTS, "output_exists",
                         "%s is there already: use --overwrite or another name", options->pca_path);
    POMI_TRY(require_folder_of(session, options->pca_path, err));
    return pomi_fit_stage(session, options->source, options->pca_path, err);
}

enum pom_status pom_fit_run(const struct pom_run_options *options, struct pom_run_result *result,
                            struct pom_error *err)
{
    struct pomi_session session;
    POMI_TRY(require(options->source, "the folder of the features", err));
    POMI_TRY(require(options->pca_path, "the name of the PCA file (--out)", err));
    POMI_TRY(pomi_session_begin(&session, options, err));
    return pomi_session_end(&session, fit_stages(&session, err), result, err);
}

static enum pom_status transform_stages(struct pomi_session *session, struct pom_error *err)
{
    const struct pom_run_options *options = session->options;
    unsigned formats; /* a wrong name is told before anything is made */
    POMI_TRY(pomi_formats_parse(options->formats, &formats, err));
    POMI_TRY(pomi_session_open_output(session, err));
    bool is_there;
    POMI_TRY(look_for(session, "pca/_SUCCESS", &is_there, err));
    if (is_there && !options->overwrite)
        return pomi_fail(err, POM_ERROR_EXISTS, "output_exists",
                         "%s/pca is there already: use --overwrite or another output", options->output);
    return pomi_transform_stage(session, options->source, options->pca_path, err);
}

enum pom_status pom_transform_run(const struct pom_run_options *options, struct pom_run_result *result,
                                  struct pom_error *err)
{
    struct pomi_session session;
    POMI_TRY(require(options->source, "the folder of the features", err));
    POMI_TRY(require(options->pca_path, "the PCA file (--pca)", err));
    POMI_TRY(require(options->output, "the output folder", err));
    POMI_TRY(pomi_session_begin(&session, options, err));
    return pomi_session_end(&session, transform_stages(&session, err), result, err);
}

static enum pom_status report_stages(struct pomi_session *session, struct pom_error *err)
{
    bool is_there;
    POMI_TRY(look_for(session, "run.json", &is_there, err));
    if (!is_there)
        return pomi_fail(err, POM_ERROR_NOT_FOUND, "not_found",
                         "%s is not the output of a run: it has no run.json", session->options->output);
    POMI_TRY(pomi_session_open_output(session, err));
    return pomi_report_stage(session, err);
}

enum pom_status pom_report_run(const struct pom_run_options *options, struct pom_error *err)
{
    struct pomi_session session;
    POMI_TRY(require(options->output, "the output folder", err));
    POMI_TRY(pomi_session_begin(&session, options, err));
    return pomi_session_end(&session, report_stages(&session, err), NULL, err);
}
