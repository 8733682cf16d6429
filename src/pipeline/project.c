// SPDX-License-Identifier: Apache-2.0
/*
 * The fit and transform stages: feature tables to a PCA file, and through it to PCA tables. Both read the tables back
 * from disk, one block of rows at a time, so that `run` and `extract`, `fit`, `transform` by hand are the same thing.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "pca/model.h"
#include "pipeline/extractor.h"
#include "pipeline/session.h"
#include "sink/sink.h"

static enum pom_status interrupted(struct pomi_session *session, struct pom_error *err)
{
    if (!pomi_progress_should_stop(&session->progress)) return POM_OK;
    return pomi_fail(err, POM_ERROR_INTERRUPTED, "interrupted", "interrupted; go on with --resume");
}

static void warn_about_unknown_network(struct pomi_session *session, const struct pomi_table_info *info,
                                       const char *source)
{
    if (info->network_identity[0] != '\0') return;
    pomi_progress_message(
        &session->progress, POM_EVENT_WARNING,
        "%s does not say which network made its features, so nothing can be checked about that", source);
}

/* --- fit --- */

static enum pom_status gather_moments(struct pomi_session *session, struct pomi_table_reader *reader,
                                      struct pom_moments *moments, struct pom_error *err)
{
    struct pomi_rows rows;
    do {
        POMI_TRY(interrupted(session, err));
        POMI_TRY(pomi_table_next(reader, &rows, NULL, err));
        enum pom_status status = pom_moments_add(moments, rows.features, rows.n_rows, err);
        if (status != POM_OK) return status;
        pomi_progress_update(&session->progress, pom_moments_count(moments), 0);
    } while (rows.n_rows > 0);
    return POM_OK;
}

static enum pom_status fit_and_save(struct pomi_session *session, const struct pom_moments *moments,
                                    const struct pomi_table_info *table, const char *pca_path,
                                    struct pom_error *err)
{
    struct pom_pca_options options = session->options->pca;
    options.network_identity = table->network_identity;
    options.network_name = table->network_name;
    struct pom_pca *pca = NULL;
    POMI_TRY(pom_pca_fit(&pca, moments, &options, err));
    enum pom_status status = pomi_session_save_pca(session, pca, pca_path, err);
    const struct pom_pca_info *info = pom_pca_info(pca);
    double explained = 0;
    for (int i = 0; i < info->n_components; i++) explained += info->ratios[i];
    session->result.n_components = info->n_components;
    if (session->manifest != NULL)
        json_object_set_new(session->manifest, "pca",
                            json_pack("{s:i, s:s, s:I, s:f}", "n_components", info->n_components, "scale",
                                      pomi_scale_name(info->scale), "n_rows", (json_int_t)info->n_rows,
                                      "explained_variance_ratio", explained));
    pomi_progress_message(&session->progress, POM_EVENT_MESSAGE,
                          "pca: %d components explain %.2f %% of the variance", info->n_components,
                          100 * explained);
    pom_pca_free(pca);
    return status;
}

enum pom_status pomi_fit_stage(struct pomi_session *session, const char *source, const char *pca_path,
                               struct pom_error *err)
{
    struct pomi_sink *sink = NULL;
    struct pomi_table_reader *reader = NULL;
    struct pom_moments *moments = NULL;
    enum pom_status status = pomi_sink_new(&sink, session->store, err);
    if (status == POM_OK)
        status = pomi_table_open(&reader, sink, source, POMI_TABLE_FEATURES, "features", err);
    if (status == POM_OK) {
        const struct pomi_table_info *table = pomi_table_info(reader);
        warn_about_unknown_network(session, table, source);
        pomi_progress_stage(&session->progress, "fit", table->n_rows, 0, 0);
        double began_seconds = pomi_clock_seconds();
        status = pom_moments_new(&moments, table->n_features, err);
        if (status == POM_OK) status = gather_moments(session, reader, moments, err);
        pomi_progress_stage_end(
            &session->progress); /* the rows are read; how fast is not a matter of what follows */
        if (status == POM_OK) status = fit_and_save(session, moments, table, pca_path, err);
        pomi_session_record(session, "seconds", "fit", json_real(pomi_clock_seconds() - began_seconds));
    }
    pom_moments_free(moments);
    pomi_table_close(reader);
    pomi_sink_free(sink);
    session->has_changed = true;
    return status;
}

/* --- transform --- */

struct projection {
    struct pomi_session *session;
    const struct pom_pca *pca;
    const struct pom_pca_info *info;
    struct pomi_sink *sink;
    struct pomi_part_options part_options;
    struct pomi_part *part; /* of the file being read; NULL between files */
    float *projected, *scaled;
    size_t capacity_rows;
    int64_t n_done;
};

static enum pom_status make_room(struct projection *projection, size_t n_rows, struct pom_error *err)
{
    if (n_rows <= projection->capacity_rows) return POM_OK;
    size_t projected_bytes = n_rows * (size_t)projection->info->n_components * sizeof(float);
    size_t scaled_bytes = n_rows * (size_t)projection->info->width * sizeof(float);
    free(projection->projected);
    free(projection->scaled);
    projection->capacity_rows = n_rows;
    projection->projected = malloc(projected_bytes);
    projection->scaled = projection->part_options.with_scaled ? malloc(scaled_bytes) : NULL;
    if (projection->projected == NULL ||
        (projection->part_options.with_scaled && projection->scaled == NULL)) {
        projection->capacity_rows = 0;
        return pomi_fail_memory(err, projected_bytes + scaled_bytes, "projected rows");
    }
    return POM_OK;
}

static enum pom_status end_part(struct projection *projection, struct pom_error *err)
{
    struct pomi_part *part = projection->part;
    projection->part = NULL;
    return part != NULL ? pomi_part_commit(part, err) : POM_OK;
}

static enum pom_status project_rows(struct projection *projection, const struct pomi_rows *rows,
                                    struct pom_error *err)
{
    POMI_TRY(make_room(projection, rows->n_rows, err));
    POMI_TRY(pom_pca_apply(projection->pca, rows->features, rows->n_rows,
                           projection->session->options->pca_apply_flags, projection->projected,
                           projection->scaled, err));
    struct pomi_rows out = {
        .n_rows = rows->n_rows,
        .paths = rows->paths,
        .labels = rows->labels,
        .n_components = projection->info->n_components,
        .features_pca = projection->projected,
        .n_features = projection->info->width,
        .features_scaled = projection->scaled,
    };
    return pomi_part_rows(projection->part, &out, err);
}

/* Part i of the PCA table is file i of the features table. */
static enum pom_status project_table(struct projection *projection, struct pomi_table_reader *reader,
                                     struct pom_error *err)
{
    struct pomi_session *session = projection->session;
    int n_files = pomi_table_info(reader)->n_files, open_file = -1;
    for (;;) {
        struct pomi_rows rows;
        int file = 0;
        POMI_TRY(interrupted(session, err));
        POMI_TRY(pomi_table_next(reader, &rows, &file, err));
        int next_file = rows.n_rows > 0 ? file : n_files;
        while (open_file < next_file) { /* also past files without rows, which become parts without rows */
            POMI_TRY(end_part(projection, err));
            if (++open_file == n_files) break;
            projection->part_options.part_index = open_file;
            POMI_TRY(pomi_part_begin(&projection->part, projection->sink, &projection->part_options, err));
        }
        if (rows.n_rows == 0) return POM_OK;
        POMI_TRY(project_rows(projection, &rows, err));
        projection->n_done += (int64_t)rows.n_rows;
        pomi_progress_update(&session->progress, projection->n_done, 0);
    }
}

static enum pom_status check_belongs(const struct pom_pca_info *pca, const struct pomi_table_info *table,
                                     const char *source, const char *pca_path, struct pom_error *err)
{
    if (table->n_rows > 0 && pca->width != table->n_features)
        return pomi_fail(err, POM_ERROR_MISMATCH, "other_network",
                         "%s is for features of %d numbers, the rows of %s have %d", pca_path, pca->width,
                         source, table->n_features);
    if (pca->network_identity[0] == '\0' || table->network_identity[0] == '\0' ||
        strcmp(pca->network_identity, table->network_identity) == 0)
        return POM_OK;
    return pomi_fail(err, POM_ERROR_MISMATCH, "other_network",
                     "%s was fitted on features of %s (%.12s), and %s has features of %s (%.12s): they do "
                     "not mix; fit again "
                     "on these features",
                     pca_path, pca->network_name, pca->network_identity, source, table->network_name,
                     table->network_identity);
}

static enum pom_status transform_into(struct projection *projection, struct pomi_table_reader *reader,
                                      const char *folder, struct pom_error *err)
{
    struct pomi_session *session = projection->session;
    const struct pomi_table_info *table = pomi_table_info(reader);
    const char *run_id = json_string_value(json_object_get(session->manifest, "run_id"));
    json_t *extracted = json_object_get(json_object_get(session->manifest, "settings"), "formats");
    unsigned formats;
    POMI_TRY(pomi_formats_parse(session->options->formats, &formats, err));
    if (session->options->formats == NULL && extracted != NULL)
        formats = (unsigned)json_integer_value(extracted);
    projection->part_options = (struct pomi_part_options){
        .kind = POMI_TABLE_PCA,
        .formats = formats,
        .folder = folder,
        .run_id = run_id != NULL ? run_id : "pca",
        .n_features = projection->info->width,
        .n_components = projection->info->n_components,
        .with_scaled = session->options->with_scaled != 0,
        .network_name = table->network_name,
        .network_identity = table->network_identity,
    };
    POMI_TRY(pomi_session_mark(session, "pca", false, err));
    POMI_TRY(pomi_table_remove_others(session->store, folder, table->n_files, projection->part_options.run_id,
                                      projection->part_options.formats, err));
    POMI_TRY(pomi_store_make_folder(session->store, folder, err));
    pomi_progress_stage(&session->progress, "transform", table->n_rows, 0, 0);
    enum pom_status status = project_table(projection, reader, err);
    pomi_part_abandon(projection->part);
    pomi_session_record(session, "seconds", "transform",
                        json_real(pomi_progress_stage_end(&session->progress)));
    POMI_TRY(status);
    if (projection->n_done != table->n_rows)
        return pomi_fail(err, POM_ERROR_IO, "not_reconciled", "%" PRId64 " rows were read of %" PRId64,
                         projection->n_done, table->n_rows);
    session->has_changed = true;
    return pomi_session_mark(session, "pca", true, err);
}

enum pom_status pomi_check_later_stages(struct pomi_session *session, const struct pomi_table_info *table,
                                        struct pom_error *err)
{
    const struct pom_run_options *options = session->options;
    int k = options->pca.n_components;
    if (options->pca_path != NULL) {
        struct pom_pca *pca;
        POMI_TRY(pomi_session_open_pca(session, &pca, options->pca_path, err));
        enum pom_status status =
            check_belongs(pom_pca_info(pca), table, options->source, options->pca_path, err);
        pom_pca_free(pca);
        return status;
    }
    if (table->n_rows < 2)
        return pomi_fail(
            err, POM_ERROR_ARGUMENT, "too_few_rows",
            "a PCA needs at least 2 photos and %s has %lld: use extract, or --pca with a fitted one",
            options->source, (long long)table->n_rows);
    if (k > table->n_features)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument",
                         "%d components of features of %d numbers: there are only %d", k, table->n_features,
                         table->n_features);
    if (k > table->n_rows)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "too_few_rows",
                         "%d components need at least %d photos and %s has %lld: ask for fewer components", k,
                         k, options->source, (long long)table->n_rows);
    return POM_OK;
}

enum pom_status pomi_transform_stage(struct pomi_session *session, const char *source, const char *pca_path,
                                     struct pom_error *err)
{
    struct projection projection = {.session = session};
    struct pom_pca *pca = NULL;
    struct pomi_sink *read_sink = NULL;
    struct pomi_table_reader *reader = NULL;
    char *folder = pomi_store_join(session->options->output, "pca");
    enum pom_status status = folder == NULL ? pomi_fail_memory(err, 0, "a file name")
                                            : pomi_session_open_pca(session, &pca, pca_path, err);
    if (status == POM_OK) status = pomi_sink_new(&projection.sink, session->store, err);
    if (status == POM_OK) status = pomi_sink_new(&read_sink, session->store, err);
    if (status == POM_OK)
        status = pomi_table_open(&reader, read_sink, source, POMI_TABLE_FEATURES, "features", err);
    if (status == POM_OK) {
        projection.pca = pca;
        projection.info = pom_pca_info(pca);
        session->result.n_components = projection.info->n_components;
        session->result.n_written = pomi_table_info(reader)->n_rows;
        status = check_belongs(projection.info, pomi_table_info(reader), source, pca_path, err);
    }
    if (status == POM_OK) status = transform_into(&projection, reader, folder, err);
    pomi_table_close(reader);
    pomi_sink_free(read_sink);
    pomi_sink_free(projection.sink);
    pom_pca_free(pca);
    free(projection.projected);
    free(projection.scaled);
    free(folder);
    return status;
}
